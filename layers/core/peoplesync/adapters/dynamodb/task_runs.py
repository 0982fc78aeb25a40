"""Runs of tasks in DynamoDB, beside the imports, with what they came to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from types import MappingProxyType
from typing import Any

from pynamodb.exceptions import PutError

from peoplesync.adapters.dynamodb.errors import busy_as_unavailable, condition_failed
from peoplesync.adapters.dynamodb.run_rows import RunRows
from peoplesync.adapters.dynamodb.tables import ImportRow
from peoplesync.domain.connections import Epoch
from peoplesync.use_cases.jobs.runs import Superseded
from peoplesync.use_cases.tasks.runs import COLLECTIONS, Kind, TaskRun


class TaskRuns(RunRows[TaskRun]):
    """The runs of a kind of tasks; see `use_cases.tasks.runs.TaskRuns`. DynamoDB deletes late what has
    expired, so that is passed over."""

    kind = TaskRun
    kept_as = MappingProxyType({"version": "stored"})

    def __init__(self, of: Kind, clock: Callable[[], int]) -> None:
        self.suffix = f"#{COLLECTIONS[of]}"
        self._clock = clock

    def save(self, run: TaskRun) -> None:
        content = asdict(run) | {"stored": run.version + 1}
        for name in ("id", "epoch", "version"):
            del content[name]
        row = ImportRow(
            f"{run.epoch}{self.suffix}",
            run.id,
            version=run.version + 1,
            content_json=content,
            expires_at=run.expires_at,
        )
        is_free = ImportRow.pk.does_not_exist() | (ImportRow.expires_at <= self._clock())
        self._put(row, ImportRow.version == run.version if run.version else is_free)

    def get(self, epoch: Epoch, run: str) -> TaskRun | None:
        found = super().get(epoch, run)
        return found if found is not None and found.expires_at > self._clock() else None

    def all(self, epoch: Epoch) -> list[TaskRun]:
        return [run for run in super().all(epoch) if run.expires_at > self._clock()]

    def put(self, run: TaskRun, name: str, number: int, content: Any) -> None:
        row = ImportRow(
            self._below(run),
            f"{name}#{number:06}",
            version=run.version,
            content=content,
            expires_at=run.expires_at,
        )
        of_this_run = (ImportRow.version <= run.version) & (ImportRow.expires_at == run.expires_at)
        is_free = ImportRow.pk.does_not_exist() | (ImportRow.expires_at <= self._clock())
        self._put(row, is_free | of_this_run)

    def results(self, run: TaskRun, name: str, first: int = 0) -> Iterator[tuple[int, Any]]:
        pages = ImportRow.sk.between(f"{name}#{first:06}", f"{name}#~")
        with busy_as_unavailable():
            for row in ImportRow.query(self._below(run), pages, consistent_read=True):
                if row.expires_at == run.expires_at:
                    yield int(row.sk.rpartition("#")[2]), row.content

    def drop(self, run: TaskRun, name: str) -> None:
        with busy_as_unavailable(), ImportRow.batch_write() as batch:
            for row in ImportRow.query(self._below(run), ImportRow.sk.startswith(f"{name}#")):
                batch.delete(row)

    def _below(self, run: TaskRun) -> str:
        """The key of what a run came to: apart from that of all other jobs, whose ids are not known here."""
        return f"{run.epoch}{self.suffix}#{run.id}"

    def _put(self, row: ImportRow, condition: Any) -> None:
        try:
            with busy_as_unavailable():
                row.save(condition=condition)
        except PutError as error:
            if condition_failed(error):
                raise Superseded("somebody else has written this run") from error
            raise
