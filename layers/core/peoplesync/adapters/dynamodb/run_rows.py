"""Runs in DynamoDB, with what belongs to each; see `tables.ImportRow` for the keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from pynamodb.exceptions import PutError

from peoplesync.adapters.dynamodb.errors import busy_as_unavailable
from peoplesync.adapters.dynamodb.tables import ImportRow
from peoplesync.domain.connections import Epoch
from peoplesync.domain.windows import Window
from peoplesync.use_cases.importing.runs import ListedPage, Superseded

CONFLICT = "ConditionalCheckFailedException"


class OneRun(Protocol):
    """A dataclass; all but these two is kept as JSON."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def id(self) -> str: ...

    @property
    def epoch(self) -> Epoch: ...

    @property
    def started_at(self) -> int: ...


R = TypeVar("R", bound=OneRun)


class RunRows(Generic[R]):
    """Runs of one `kind`; those of an epoch are listed under the epoch with the `suffix`."""

    kind: Callable[..., R]
    suffix: str = ""

    def create(self, run: R) -> None:
        self.save(run)

    def save(self, run: R) -> None:
        content = asdict(run)
        del content["id"], content["epoch"]
        with busy_as_unavailable():
            ImportRow(f"{run.epoch}{self.suffix}", run.id, content_json=content).save()

    def get(self, epoch: Epoch, run: str) -> R | None:
        row = get_row(f"{epoch}{self.suffix}", run)
        return None if row is None else self._run(epoch, row)

    def all(self, epoch: Epoch) -> list[R]:
        with busy_as_unavailable():
            rows = list(ImportRow.query(f"{epoch}{self.suffix}", consistent_read=True))
        runs = (self._run(epoch, row) for row in rows)
        return sorted(runs, key=lambda run: (run.started_at, run.id), reverse=True)

    def windows(self, run: R, list_name: str) -> dict[str, Window]:
        found = rows(run, f"window#{list_name}#")
        windows = (Window(**row.content_json, version=int(row.version)) for row in found)
        return {window.id: window for window in windows}

    def save_window(self, run: R, list_name: str, window: Window) -> Window:
        content = asdict(window)
        del content["version"]
        row = ImportRow(
            of(run),
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
                raise Superseded("another task goes on with this run") from error
            raise
        return replace(window, version=window.version + 1)

    def add_page(self, run: R, page: ListedPage) -> None:
        name = f"page#{page.list}#{page.window}#{page.number:06}"
        with busy_as_unavailable():
            ImportRow(of(run), name, content_json=asdict(page)).save()

    def pages(self, run: R) -> Iterator[ListedPage]:
        return (ListedPage(**row.content_json) for row in rows(run, "page#"))

    def chunks_applied(self, run: R) -> Iterator[tuple[str, int]]:
        return (
            (row.sk.removeprefix("chunk#"), int(row.content_json["failed"])) for row in rows(run, "chunk#")
        )

    def _run(self, epoch: Epoch, row: ImportRow) -> R:
        return self.kind(id=row.sk, epoch=epoch, **row.content_json)


def of(run: OneRun) -> str:
    """The key of what belongs to a run."""
    return f"{run.epoch}#{run.id}"


def get_row(pk: str, sk: str) -> ImportRow | None:
    """One row; None where there is none."""
    try:
        with busy_as_unavailable():
            return ImportRow.get(pk, sk, consistent_read=True)
    except ImportRow.DoesNotExist:
        return None


def rows(run: OneRun, prefix: str) -> Iterator[Any]:
    """What belongs to a run and whose name begins like this, in order."""
    with busy_as_unavailable():
        yield from ImportRow.query(of(run), ImportRow.sk.startswith(prefix), consistent_read=True)
