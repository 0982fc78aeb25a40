"""Starting a run: its execution is started, and waited for until the run has begun.

A run may be given its id, which is the execution's name too: asked for again, it is the same run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from peoplesync.use_cases.jobs.overview import Overview

LOOK: Final = 0.1
"""Seconds between two looks at whether a run has begun."""


class NotStarted(Exception):
    """No run has begun; the message says why."""


class Executions(Protocol):
    def start(self, given: Mapping[str, Any], name: str) -> str:
        """Starts an execution; its ARN. Raises NotStarted."""

    def is_running(self, execution: str) -> bool: ...

    def cause(self, execution: str) -> str:
        """Why an execution failed."""


@dataclass(frozen=True)
class Starter:
    """The use case with what it needs. `patience` are the seconds within which a run must have begun."""

    overview: Overview[Any]
    executions: Executions
    patience: float
    sleep: Callable[[float], None]
    stopwatch: Callable[[], float]

    def start(self, given: Mapping[str, Any], name: str) -> str:
        """Starts a run of that name, or goes on with the one that `given` says to resume; its id. Raises
        NotStarted."""
        job, run_id = self.overview.job, str(given.get("resume", name))
        execution = self.executions.start(given, name)
        gives_up_at = self.stopwatch() + self.patience
        while True:
            is_running = self.executions.is_running(execution)
            run = job.runs.get(self.overview.epoch, run_id)
            if run is not None and run.execution == execution:
                return run_id
            if not is_running:
                raise NotStarted(f"the {job.what} was not started: {self.executions.cause(execution)}")
            if self.stopwatch() > gives_up_at:
                raise NotStarted(f"the {job.what} has not begun within {self.patience:.0f} s")
            self.sleep(LOOK)
