"""Runs of tasks: what is known of each, and where that is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, Protocol

from peoplesync.use_cases.jobs.runs import Run, RunStore

Kind = Literal["query", "verification", "reconciliation"]
Json = Mapping[str, Any]

COLLECTIONS: Final[Mapping[Kind, str]] = {
    "query": "queries",
    "verification": "verifications",
    "reconciliation": "reconciliations",
}
"""What several of a kind are called."""

DAY: Final = 86_400
KEPT: Final[Mapping[Kind, int]] = {"query": DAY, "verification": 30 * DAY, "reconciliation": 30 * DAY}
"""Seconds after its start for which a run is known, with its result."""

A_PAGE: Final = 1_000
"""How many ids, or differences, are stored together at most."""


@dataclass(frozen=True, kw_only=True)
class TaskRun(Run):
    """A run: what it was `given`, and its `progress`, both as JSON.

    An `attempt` is a start or a resumption, at `begun_at`. `tries` counts in a row what did not go well. The
    run and its result are kept until `expires_at`. `version` counts how often the run was stored.
    """

    kind: Kind
    given: Json
    begun_at: int
    expires_at: int
    progress: Json = field(default_factory=dict)
    attempt: int = 1
    tries: int = 0
    version: int = 0

    @property
    def cause(self) -> str:
        return "reconcile"


class TaskRuns(RunStore[TaskRun], Protocol):
    """Where runs of a kind are kept. What is past its time is not there. All may raise `Unavailable`."""

    def save(self, run: TaskRun) -> None:
        """Stores the next version of the run; raises `Superseded` where another than the run's is stored."""

    def put(self, run: TaskRun, name: str, number: int, content: Any) -> None:
        """Stores a page of a result, in place of an earlier one. Raises `Superseded` where a later version of
        the run has stored it."""

    def results(self, run: TaskRun, name: str, first: int = 0) -> Iterator[tuple[int, Any]]:
        """The pages from the number `first` on, in order, as they are asked for."""

    def drop(self, run: TaskRun, name: str) -> None:
        """Deletes all pages of that name."""


@dataclass
class Turn:
    """A run's turn: the run as it is stored now. It should end soon once it is `out_of_time`."""

    run: TaskRun
    runs: TaskRuns
    out_of_time: Callable[[], bool]

    @property
    def progress(self) -> Json:
        return self.run.progress

    def keep(self, *, tries: int = 0, **progress: Any) -> None:
        """Stores how far the run has come. Raises `Superseded`, where somebody else stopped it or goes on
        with it."""
        self.run = stored(self.runs, replace(self.run, tries=tries, progress={**self.progress, **progress}))

    def put(self, name: str, number: int, content: Any) -> None:
        """Stores a page of the result; raises `Superseded`."""
        self.runs.put(self.run, name, number, content)


def stored(runs: TaskRuns, run: TaskRun) -> TaskRun:
    """The run, after it is stored; raises `Superseded`."""
    runs.save(run)
    return replace(run, version=run.version + 1)
