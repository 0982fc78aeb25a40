"""Re-evaluation runs: what is known of them, and how far they have come."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from peoplesync.use_cases.jobs.progress import Progress
from peoplesync.use_cases.jobs.progress import progress_of as progress_of_job
from peoplesync.use_cases.jobs.runs import Run, RunStore

LIST: Final = "everyone"
"""What the list of people to be enqueued is called; it has a cursor for each shard of their index."""


@dataclass(frozen=True, kw_only=True)
class Reevaluation(Run):
    """A re-evaluation with the definitions of `version`.

    `people` is how many there were when it began, and how many were enqueued once it has ended; of these
    `evaluated` were looked at, and `failed` could not be. A run that newer definitions have overtaken is
    `superseded`.
    """

    version: int
    people: int
    evaluated: int = 0
    failed: int = 0

    @property
    def cause(self) -> str:
        return "definition_changed"


ReevaluationRuns = RunStore[Reevaluation]


def progress_of(run: Reevaluation, runs: ReevaluationRuns, shards: int) -> Progress:
    """Where a run stands, of an index of so many shards."""
    cursors = runs.cursors(run, LIST).values()
    all_enqueued = sum(cursor.done for cursor in cursors) == shards
    return replace(progress_of_job(run, runs), all_enqueued=all_enqueued)


def final_counts(run: Reevaluation, runs: ReevaluationRuns, shards: int) -> dict[str, int]:
    """Of how many `people` how many are `evaluated`, and `failed` for good. How many there are is a guess
    until everybody is enqueued, since people come and go."""
    progress = progress_of(run, runs, shards)
    enqueued = progress.enqueued.total()
    return {
        "people": enqueued if progress.all_enqueued else max(run.people, enqueued),
        "evaluated": progress.applied.total(),
        "failed": progress.failed,
    }
