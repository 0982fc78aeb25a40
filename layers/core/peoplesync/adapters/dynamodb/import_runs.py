"""Import runs in DynamoDB."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from pynamodb.exceptions import PutError

from peoplesync.adapters.dynamodb.errors import busy_as_unavailable
from peoplesync.adapters.dynamodb.run_rows import CONFLICT, RunRows, get_row, of, rows
from peoplesync.adapters.dynamodb.tables import ImportRow
from peoplesync.domain.connections import Epoch
from peoplesync.use_cases.importing.runs import ListState, Run


class ImportRuns(RunRows[Run]):
    """The imports of a stack; see `use_cases.importing.runs.ImportRuns` and `ports.Runs`."""

    kind = Run

    def list_state(self, run: Run, list_name: str) -> ListState:
        row = get_row(of(run), f"list#{list_name}")
        return ListState() if row is None else ListState(**row.content_json)

    def save_list_state(self, run: Run, list_name: str, state: ListState) -> None:
        with busy_as_unavailable():
            ImportRow(of(run), f"list#{list_name}", content_json=asdict(state)).save()

    def list_states(self, run: Run) -> Mapping[str, ListState]:
        return {row.sk.removeprefix("list#"): ListState(**row.content_json) for row in rows(run, "list#")}

    def failures(self, run: Run) -> Iterator[str]:
        for row in rows(run, "chunk#"):
            yield from row.content_json.get("reasons", ())

    def listed(self, run: Run) -> Mapping[str, tuple[int, int]]:
        objects: Counter[str] = Counter()
        pages: Counter[str] = Counter()
        for row in rows(run, "window#"):
            name = row.sk.split("#")[1]
            objects[name] += row.content_json["listed"]
            pages[name] += row.content_json["pages"]
        return {name: (objects[name], pages[name]) for name in pages}

    def applied(self, epoch: Epoch, run: str, chunk: str, failed: int, reasons: Sequence[str] = ()) -> None:
        """See `ports.Runs`."""
        content = {"failed": failed} | ({"reasons": list(reasons)} if reasons else {})
        row = ImportRow(f"{epoch}#{run}", f"chunk#{chunk}", content_json=content)
        try:
            with busy_as_unavailable():
                row.save(condition=ImportRow.pk.does_not_exist())
        except PutError as error:
            if error.cause_response_code != CONFLICT:
                raise
