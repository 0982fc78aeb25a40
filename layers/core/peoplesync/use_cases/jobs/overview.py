"""Runs as public JSON, for watching them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic

from peoplesync.domain.connections import Epoch
from peoplesync.use_cases.jobs.job import Job
from peoplesync.use_cases.jobs.runs import R
from peoplesync.use_cases.public_json import iso

Json = dict[str, Any]


@dataclass(frozen=True)
class Overview(Generic[R]):
    """The runs of a connection as public JSON, the latest first; a kind of runs says in `counts` how far one
    has come. `goes_on` is the command that goes on with one that was stopped."""

    goes_on: ClassVar[str]

    epoch: Epoch
    job: Job[R]

    def all(self) -> list[Json]:
        """Each run: `id`, `status`, its counts, when it started and ended, and why it did not succeed."""
        return [self.shown(run) for run in self.every()]

    def one(self, run_id: str) -> Json | None:
        """One run; None where there is none of that id."""
        run = self.job.runs.get(self.epoch, run_id)
        return None if run is None else self.shown(run)

    def latest(self) -> Json | None:
        """The first of all."""
        return next((self.shown(run) for run in self.every()), None)

    def every(self) -> Sequence[R]:
        return self.job.runs.all(self.epoch)

    def counts(self, run: R) -> Json:
        raise NotImplementedError

    def shown(self, run: R) -> Json:
        run = self._if_stopped(run)
        return {
            "id": run.id,
            "status": run.status,
            **self.counts(run),
            "started_at": iso(run.started_at),
            "finished_at": None if run.finished_at is None else iso(run.finished_at),
            "reason": run.failure,
        }

    def _if_stopped(self, run: R) -> R:
        """A run is not notified when its execution is stopped from outside; that is noticed here."""
        if run.status != "running" or self.job.executions.is_running(run.execution):
            return run
        current = self.job.runs.get(run.epoch, run.id) or run  # it may just have ended by itself
        if current.status != "running" or current.execution != run.execution:
            return current
        reason = f"the execution was stopped; {self.goes_on} goes on where it was"
        return self.job.end(current, reason)
