"""Runs in DynamoDB, with what belongs to each; see `tables.ImportRow` for the keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, fields, replace
from typing import Any, Final, Generic, TypeVar

from pynamodb.exceptions import PutError

from peoplesync.adapters.dynamodb.applied_chunks import expiry
from peoplesync.adapters.dynamodb.errors import busy_as_unavailable, condition_failed
from peoplesync.adapters.dynamodb.tables import ImportRow
from peoplesync.domain.connections import Epoch
from peoplesync.domain.windows import Window
from peoplesync.use_cases.jobs.cursor import Cursor
from peoplesync.use_cases.jobs.runs import ListedPage, R, Run, Superseded

_OF_EVERY_WINDOW: Final = {"gte": 0, "lt": 0}
"""Cursors are kept among the windows, and were windows themselves: a command of before reads them as such."""


class RunRows(Generic[R]):
    """Runs of one `kind`, whose fields are `kept_as` other names where these have changed; those of an epoch
    are listed under the epoch with the `suffix`."""

    kind: Callable[..., R]
    kept_as: Mapping[str, str]
    suffix: str = ""

    def save(self, run: R) -> None:
        content = {self.kept_as.get(name, name): value for name, value in asdict(run).items()}
        del content["id"], content["epoch"]
        with busy_as_unavailable():
            ImportRow(f"{run.epoch}{self.suffix}", run.id, content_json=content).save()

    def get(self, epoch: Epoch, run: str) -> R | None:
        try:
            with busy_as_unavailable():
                row = ImportRow.get(f"{epoch}{self.suffix}", run, consistent_read=True)
        except ImportRow.DoesNotExist:
            return None
        return self._run(epoch, row)

    def all(self, epoch: Epoch) -> list[R]:
        with busy_as_unavailable():
            rows = list(ImportRow.query(f"{epoch}{self.suffix}", consistent_read=True))
        runs = (self._run(epoch, row) for row in rows)
        return sorted(runs, key=lambda run: (run.started_at, run.id), reverse=True)

    def cursors(self, run: R, list_name: str) -> dict[str, Cursor]:
        return positions(Cursor, run, list_name)

    def save_cursor(self, run: R, list_name: str, cursor: Cursor) -> Cursor:
        return save_position(run, list_name, cursor, _OF_EVERY_WINDOW)

    def add_page(self, run: R, page: ListedPage) -> None:
        name = f"page#{page.list}#{page.window}#{page.number:06}"
        with busy_as_unavailable():
            ImportRow(of(run), name, content_json=asdict(page), expires_at=expiry()).save()

    def pages(self, run: R) -> Iterator[ListedPage]:
        return (ListedPage(**row.content_json) for row in rows(run, "page#"))

    def chunks_applied(self, run: R) -> Iterator[tuple[str, int]]:
        return (
            (row.sk.removeprefix("chunk#"), int(row.content_json["failed"])) for row in rows(run, "chunk#")
        )

    def _run(self, epoch: Epoch, row: ImportRow) -> R:
        named = {kept: name for name, kept in self.kept_as.items()}
        return self.kind(
            id=row.sk,
            epoch=epoch,
            **{named.get(kept, kept): value for kept, value in row.content_json.items()},
        )


P = TypeVar("P", Window, Cursor)


def positions(kind: type[P], run: Run, list_name: str) -> dict[str, P]:
    """The windows, or cursors, of a list by id."""
    known = {field.name for field in fields(kind)}
    found = (
        {name: value for name, value in row.content_json.items() if name in known}
        | {"version": int(row.version)}
        for row in rows(run, f"window#{list_name}#")
    )
    return {content["id"]: kind(**content) for content in found}


def save_position(run: Run, list_name: str, position: P, more: Mapping[str, Any] | None = None) -> P:
    """The position with its new version; raises `Superseded` where another version is stored."""
    content = {**asdict(position), **(more or {})}
    before, version = content.pop("version"), position.version + 1
    name = f"window#{list_name}#{position.id}"
    row = ImportRow(of(run), name, version=version, content_json=content, expires_at=expiry())
    unchanged = ImportRow.version == before if before else ImportRow.version.does_not_exist()
    try:
        with busy_as_unavailable():
            row.save(condition=unchanged)
    except PutError as error:
        if condition_failed(error):
            raise Superseded("another task goes on with this run") from error
        raise
    return replace(position, version=version)


def of(run: Run) -> str:
    """The key of what belongs to a run."""
    return f"{run.epoch}#{run.id}"


def rows(run: Run, prefix: str) -> Iterator[Any]:
    """What belongs to a run and whose name begins like this, in order."""
    with busy_as_unavailable():
        yield from ImportRow.query(of(run), ImportRow.sk.startswith(prefix), consistent_read=True)
