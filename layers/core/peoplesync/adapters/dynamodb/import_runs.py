"""Import runs in DynamoDB."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from types import MappingProxyType

from peoplesync.adapters.dynamodb.applied_chunks import AppliedChunks, expiry
from peoplesync.adapters.dynamodb.errors import busy_as_unavailable
from peoplesync.adapters.dynamodb.run_rows import (
    RunRows,
    of,
    positions,
    rows,
    save_position,
)
from peoplesync.adapters.dynamodb.tables import ImportRow
from peoplesync.domain.windows import Window
from peoplesync.use_cases.importing.runs import ImportRun, ListState


class ImportRuns(AppliedChunks, RunRows[ImportRun]):
    """The imports of a stack; see `use_cases.importing.runs.ImportRuns` and `ports.Runs`."""

    kind = ImportRun
    kept_as = MappingProxyType({"enqueued_again": "relisted", "done_before": "applied_before"})

    def windows(self, run: ImportRun, list_name: str) -> dict[str, Window]:
        return positions(Window, run, list_name)

    def save_window(self, run: ImportRun, list_name: str, window: Window) -> Window:
        return save_position(run, list_name, window)

    def save_list_state(self, run: ImportRun, list_name: str, state: ListState) -> None:
        with busy_as_unavailable():
            row = ImportRow(of(run), f"list#{list_name}", content_json=asdict(state), expires_at=expiry())
            row.save()

    def list_states(self, run: ImportRun) -> Mapping[str, ListState]:
        return {row.sk.removeprefix("list#"): ListState(**row.content_json) for row in rows(run, "list#")}

    def failures(self, run: ImportRun) -> Iterator[str]:
        for row in rows(run, "chunk#"):
            yield from row.content_json.get("reasons", ())

    def listed(self, run: ImportRun) -> Mapping[str, int]:
        objects: Counter[str] = Counter()
        for row in rows(run, "window#"):
            objects[row.sk.split("#")[1]] += row.content_json["listed"]
        return objects
