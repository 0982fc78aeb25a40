"""Re-evaluations as public JSON, for watching them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from peoplesync.domain.connections import Epoch
from peoplesync.use_cases.importing.overview import Executions
from peoplesync.use_cases.public_json import iso
from peoplesync.use_cases.reevaluating.runs import Reevaluation, ReevaluationRuns, progress_of

STOPPED: Final = "the execution was stopped; peoplesync reevaluate start goes on where it was"

_TELLING: Final = {"running": 0, "succeeded": 1}


@dataclass(frozen=True)
class Reevaluations:
    """The re-evaluations of a connection; `shards` are those of an index."""

    epoch: Epoch
    runs: ReevaluationRuns
    executions: Executions
    clock: Callable[[], int]
    shards: int

    def all(self) -> list[dict[str, Any]]:
        """Each run as public JSON, that with the newest definitions first: `id`, `status` (running,
        succeeded, superseded or failed), the definitions' `version`, of how many `people` how many are
        `evaluated` and `failed`, when it started and ended, and why it did not succeed."""
        return [self._shown(run) for run in self._all()]

    def one(self, run_id: str) -> dict[str, Any] | None:
        """One run; None where there is none of that id."""
        run = self.runs.get(self.epoch, run_id)
        return None if run is None else self._shown(run)

    def latest(self) -> dict[str, Any] | None:
        """The last run with the newest definitions that there was one for."""
        return next((self._shown(run) for run in self._all()), None)

    def current(self) -> dict[str, Any] | None:
        """The run to show: of those with the newest definitions the one that is running,
        else one that succeeded, else the last."""
        every = self._all()
        shown = [self._shown(run) for run in every if run.version == every[0].version]
        return min(shown, key=lambda one: _TELLING.get(one["status"], len(_TELLING)), default=None)

    def _all(self) -> list[Reevaluation]:
        return sorted(self.runs.all(self.epoch), key=lambda run: run.version, reverse=True)

    def _shown(self, run: Reevaluation) -> dict[str, Any]:
        run = self._if_stopped(run)
        if run.status == "running":
            progress = progress_of(run, self.runs, self.shards)
            counts = progress.people(run), progress.evaluated, progress.failed
        else:
            counts = run.people, run.evaluated, run.failed
        return {
            "id": run.id,
            "status": run.status,
            "version": run.version,
            **dict(zip(("people", "evaluated", "failed"), counts, strict=True)),
            "started_at": iso(run.started_at),
            "finished_at": None if run.finished_at is None else iso(run.finished_at),
            "reason": run.failure,
        }

    def _if_stopped(self, run: Reevaluation) -> Reevaluation:
        """A run is not notified when its execution is stopped from outside; that is noticed here."""
        if run.status != "running" or self.executions.is_running(run.execution):
            return run
        current = self.runs.get(run.epoch, run.id) or run  # it may just have ended by itself
        if current.status != "running" or current.execution != run.execution:
            return current
        stopped = current.ended("failed", STOPPED, progress_of(current, self.runs, self.shards), self.clock())
        self.runs.save(stopped)
        return stopped
