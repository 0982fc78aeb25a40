"""Imports as public JSON, for watching them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from peoplesync.domain.connections import Epoch
from peoplesync.use_cases.importing.progress import progress_of
from peoplesync.use_cases.importing.runs import ImportRuns, Run
from peoplesync.use_cases.public_json import iso

STOPPED = "the execution was stopped; peoplesync import resume goes on where it was"


class Executions(Protocol):
    def is_running(self, execution: str) -> bool: ...


@dataclass(frozen=True)
class Imports:
    """The imports of a connection, the latest first."""

    epoch: Epoch
    runs: ImportRuns
    executions: Executions
    clock: Callable[[], int]

    def all(self) -> list[dict[str, Any]]:
        """Each import as public JSON: `id`, `status` (running, succeeded or failed), how many Stripe objects
        are `listed`, `enqueued`, `applied` and `failed`, when it started and ended, and why it failed;
        `waiting` are the lists with which a running one waits for Stripe, each with `since` when and the
        `reason`."""
        return [self._shown(run) for run in self.runs.all(self.epoch)]

    def one(self, run_id: str) -> dict[str, Any] | None:
        """One import; None where there is none of that id."""
        run = self.runs.get(self.epoch, run_id)
        return None if run is None else self._shown(run)

    def latest(self) -> dict[str, Any] | None:
        """The last one that was started."""
        return next((self._shown(run) for run in self.runs.all(self.epoch)), None)

    def _shown(self, run: Run) -> dict[str, Any]:
        run = self._if_stopped(run)
        progress = progress_of(run, self.runs)
        return {
            "id": run.id,
            "status": run.status,
            **progress.public(),
            "lists": dict(progress.lists),
            "started_at": iso(run.started_at),
            "finished_at": None if run.finished_at is None else iso(run.finished_at),
            "reason": run.failure,
            "waiting": self._waiting(run) if run.status == "running" else [],
        }

    def _waiting(self, run: Run) -> list[dict[str, str]]:
        return [
            {"list": name, "since": iso(state.idle_since), "reason": state.reason}
            for name, state in sorted(self.runs.list_states(run).items())
            if state.idle_since is not None
        ]

    def _if_stopped(self, run: Run) -> Run:
        """A run is not notified when its execution is stopped from outside; that is noticed here."""
        if run.status != "running" or self.executions.is_running(run.execution):
            return run
        current = self.runs.get(run.epoch, run.id) or run  # it may just have ended by itself
        if current.status != "running" or current.execution != run.execution:
            return current
        stopped = replace(current, status="failed", failure=STOPPED, finished_at=self.clock())
        self.runs.save(stopped)
        return stopped
