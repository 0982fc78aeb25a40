"""The turns of a run, as the state machine has it take them.

Each answers with a `status`, by which the state machine goes on; expected failures are a status, not an
exception. An interrupted turn is simply taken again, from the progress that was stored last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from peoplesync.domain.connections import Connection
from peoplesync.use_cases.jobs.job import Answer, Job, Place, failed, timer
from peoplesync.use_cases.jobs.runs import Superseded, connection_of, taken_over
from peoplesync.use_cases.tasks.runs import Kind, TaskRun, TaskRuns, Turn, stored

MORE: Final[Answer] = {"status": "more"}
DONE: Final[Answer] = {"status": "done"}
STOPPED: Final[Answer] = {"status": "stopped"}

Work = Callable[[Connection, Turn], Answer]
"""What a turn does: `MORE`, `waiting`, `DONE` or `failed`. Raises `Superseded`."""


def waiting(seconds: int) -> Answer:
    """The answer where there is nothing to do for so many seconds."""
    return {"status": "wait", "seconds": seconds}


@dataclass(frozen=True)
class TaskRunner:
    """The use case with what it needs: of each kind the runs and the work. A turn ends soon after
    `slice_seconds`."""

    jobs: Mapping[Kind, Job[TaskRun]]
    runs: Mapping[Kind, TaskRuns]
    work: Mapping[Kind, Work]
    monotonic: Callable[[], float]
    slice_seconds: float

    def turn(self, place: Place) -> Answer:
        """Takes a turn: more, wait (for `seconds`), done, stopped or failed. `place` is the execution's
        input, with the `execution` itself."""
        kind: Kind = place["kind"]
        job, runs = self.jobs[kind], self.runs[kind]
        try:
            connection = connection_of(_running(job, place), job.connections)
            # An earlier turn may still be at work here, if only until its next write.
            (run,) = taken_over(lambda: [_running(job, place)], lambda one: stored(runs, one))
            turn = Turn(run, runs, timer(self.slice_seconds, self.monotonic))
            answer = self.work[kind](connection, turn)
            if answer["status"] in ("done", "failed"):
                job.end(turn.run, str(answer.get("reason", "")))
            return answer
        except Superseded:
            return self._where_it_stands(place)

    def fail(self, place: Place, reason: str) -> Answer:
        """Notes that the run has failed; it can be resumed."""
        return self.jobs[place["kind"]].fail(place, reason)

    def _where_it_stands(self, place: Place) -> Answer:
        """After somebody else has written the run, or its epoch is over."""
        job = self.jobs[place["kind"]]
        try:
            run = job.run(place)
        except Superseded:  # another execution goes on with it, or nobody remembers it
            return STOPPED
        if run.status != "running":
            return _as_it_ended(run)
        try:
            connection_of(run, job.connections)
        except Superseded as over:
            with suppress(Superseded):
                job.end(run, str(over))
                return failed(str(over))
        return MORE


def _running(job: Job[TaskRun], place: Place) -> TaskRun:
    """The run; raises `Superseded` where this execution is not to go on with it."""
    run = job.run(place)
    if run.status != "running":
        raise Superseded(f"the {run.kind} {run.id} has ended")
    return run


def _as_it_ended(run: TaskRun) -> Answer:
    if run.status == "succeeded":
        return DONE
    return failed(run.failure) if run.status == "failed" else STOPPED
