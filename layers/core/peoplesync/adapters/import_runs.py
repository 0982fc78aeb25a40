"""Import runs in DynamoDB; see `tables.ImportRow` for the keys."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any

from pynamodb.exceptions import PutError

from peoplesync.adapters.busy import busy_as_unavailable
from peoplesync.adapters.tables import ImportRow
from peoplesync.domain.connections import Epoch
from peoplesync.domain.windows import Window
from peoplesync.sync.importing.runs import ListedPage, ListState, Run, Superseded

CONFLICT = "ConditionalCheckFailedException"


class ImportRuns:
    """The imports of a stack; see `sync.importing.runs.ImportRuns` and `ports.Runs`."""

    def create(self, run: Run) -> None:
        self.save(run)

    def save(self, run: Run) -> None:
        content = asdict(run)
        del content["id"], content["epoch"]
        with busy_as_unavailable():
            ImportRow(str(run.epoch), run.id, content_json=content).save()

    def get(self, epoch: Epoch, run: str) -> Run | None:
        row = _get(str(epoch), run)
        return None if row is None else _run(epoch, row)

    def all(self, epoch: Epoch) -> list[Run]:
        with busy_as_unavailable():
            rows = list(ImportRow.query(str(epoch), consistent_read=True))
        runs = (_run(epoch, row) for row in rows)
        return sorted(runs, key=lambda run: (run.started_at, run.id), reverse=True)

    def windows(self, run: Run, list_name: str) -> dict[str, Window]:
        rows = _rows(run, f"window#{list_name}#")
        windows = (Window(**row.content_json, version=int(row.version)) for row in rows)
        return {window.id: window for window in windows}

    def save_window(self, run: Run, list_name: str, window: Window) -> Window:
        content = asdict(window)
        del content["version"]
        row = ImportRow(
            _of(run),
            f"window#{list_name}#{window.id}",
            version=window.version + 1,
            content_json=content,
        )
        unchanged = (
            ImportRow.version == window.version if window.version else ImportRow.version.does_not_exist()
        )
        try:
            with busy_as_unavailable():
                row.save(condition=unchanged)
        except PutError as error:
            if error.cause_response_code == CONFLICT:
                raise Superseded("another task goes on with this import") from error
            raise
        return replace(window, version=window.version + 1)

    def list_state(self, run: Run, list_name: str) -> ListState:
        row = _get(_of(run), f"list#{list_name}")
        return ListState() if row is None else ListState(**row.content_json)

    def save_list_state(self, run: Run, list_name: str, state: ListState) -> None:
        with busy_as_unavailable():
            ImportRow(_of(run), f"list#{list_name}", content_json=asdict(state)).save()

    def add_page(self, run: Run, page: ListedPage) -> None:
        name = f"page#{page.list}#{page.window}#{page.number:06}"
        with busy_as_unavailable():
            ImportRow(_of(run), name, content_json=asdict(page)).save()

    def pages(self, run: Run) -> Iterator[ListedPage]:
        return (ListedPage(**row.content_json) for row in _rows(run, "page#"))

    def chunks_applied(self, run: Run) -> Iterator[tuple[str, int]]:
        return (
            (row.sk.removeprefix("chunk#"), int(row.content_json["failed"])) for row in _rows(run, "chunk#")
        )

    def listed(self, run: Run) -> Mapping[str, tuple[int, int]]:
        objects: Counter[str] = Counter()
        pages: Counter[str] = Counter()
        for row in _rows(run, "window#"):
            name = row.sk.split("#")[1]
            objects[name] += row.content_json["listed"]
            pages[name] += row.content_json["pages"]
        return {name: (objects[name], pages[name]) for name in pages}

    def applied(self, epoch: Epoch, run: str, chunk: str, failed: int) -> None:
        """See `ports.Runs`."""
        row = ImportRow(f"{epoch}#{run}", f"chunk#{chunk}", content_json={"failed": failed})
        try:
            with busy_as_unavailable():
                row.save(condition=ImportRow.pk.does_not_exist())
        except PutError as error:
            if error.cause_response_code != CONFLICT:
                raise


def _of(run: Run) -> str:
    return f"{run.epoch}#{run.id}"


def _get(pk: str, sk: str) -> ImportRow | None:
    try:
        with busy_as_unavailable():
            return ImportRow.get(pk, sk, consistent_read=True)
    except ImportRow.DoesNotExist:
        return None


def _rows(run: Run, prefix: str) -> Iterator[Any]:
    with busy_as_unavailable():
        yield from ImportRow.query(_of(run), ImportRow.sk.startswith(prefix), consistent_read=True)


def _run(epoch: Epoch, row: ImportRow) -> Run:
    return Run(id=row.sk, epoch=epoch, **row.content_json)
