"""A job: its runs are begun or gone on with, looked at, and ended, by the steps of a state machine.

Each answers with a `status`, by which the state machine chooses the next; expected failures are a status, not
an exception. An interrupted step is simply taken again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, Final, Generic, TypeVar

from peoplesync.domain.connections import Connection, Epoch
from peoplesync.use_cases.jobs.pages import BulkQueue
from peoplesync.use_cases.jobs.progress import Progress
from peoplesync.use_cases.jobs.runs import Connections, Executions, R, Run, RunStore, Status, Superseded

Answer = dict[str, Any]
Place = Mapping[str, Any]
S = TypeVar("S")

QUIET_LOOKS: Final = 3
"""After so many looks at an empty queue, what is not applied counts as missing."""

LONGEST_LOOK: Final = 20
"""Seconds between two looks at most."""


class Unacceptable(ValueError):
    """A run that cannot be started; the message says why, and what to do."""


def read_names(given: Mapping[str, Any], known: Collection[str]) -> tuple[str, str]:
    """Of an execution's input the name of the connection, and the id of the run to resume ("": a new one);
    raises `Unacceptable`, also where there is more in it than is `known`."""
    unknown = [name for name in given if name not in known]
    if unknown:
        raise Unacceptable(f"the input has {', '.join(unknown)}; known are {', '.join(known)}")
    connection, resume = given.get("connection", "main"), given.get("resume", "")
    if not isinstance(connection, str) or not isinstance(resume, str):
        raise Unacceptable("connection and resume are names, as text")
    return connection, resume


def refused(problem: Unacceptable, *maps: str) -> Answer:
    """The answer to what cannot be started; `maps` are what a state machine goes through side by side."""
    nowhere = {"connection": "", "epoch": 0, "run": "", "execution": ""}
    return {**nowhere, **{name: [] for name in maps}, "status": "refused", "reason": str(problem)}


def failed(reason: str) -> Answer:
    return {"status": "failed", "reason": reason}


def step(take: Callable[[S, Place], Answer]) -> Callable[[S, Place], Answer]:
    """A step that fails, with the reason, where it is `Superseded`."""

    @wraps(take)
    def taken(job: S, place: Place) -> Answer:
        try:
            return take(job, place)
        except Superseded as end:
            return failed(str(end))

    return taken


def place_of(run: Run) -> Answer:
    """By what the steps find the run."""
    at = {"connection": run.epoch.connection, "epoch": run.epoch.number, "run": run.id}
    return {**at, "execution": run.execution}


def timer(seconds: float, monotonic: Callable[[], float]) -> Callable[[], bool]:
    """Whether so many seconds are over."""
    ends_at = monotonic() + seconds
    return lambda: monotonic() >= ends_at


@dataclass(frozen=True)
class Job(Generic[R]):
    """One kind of runs, and where they are kept. `what` each is called, `command` is what lists them;
    `final_counts` are the counts that a run of that kind keeps when it ends."""

    what: str
    command: str
    connections: Connections
    runs: RunStore[R]
    executions: Executions
    clock: Callable[[], int]
    final_counts: Callable[[R], Answer] = lambda _: {}

    def connection(self, name: str) -> Connection:
        """The connection of that name; raises `Unacceptable` where there is none."""
        connection = self.connections.get(name)
        if connection is None:
            raise Unacceptable(f"there is no connection {name}; peoplesync connect makes one")
        return connection

    def begin(self, name: str, epoch: Epoch, refusal: Callable[[R], str], new: Callable[[], R]) -> R:
        """The `new` run of that name, or the one that this very execution has begun before it was
        interrupted. Raises `Unacceptable` where another one is running and there is a `refusal` beside it."""
        every = self.runs.all(epoch)
        if own := next((run for run in every if run.id == name), None):
            return own
        for run in every:
            why = refusal(run) if run.status == "running" else ""
            if why and self.executions.is_running(run.execution):
                raise Unacceptable(why)
        begun = new()
        self.runs.save(begun)
        return begun

    def resumable(self, run_id: str, epoch: Epoch, execution: str) -> R:
        """The run that an execution may go on with; raises `Unacceptable`."""
        run = self.runs.get(epoch, run_id)
        if run is None:
            raise Unacceptable(f"there is no {self.what} {run_id}; peoplesync {self.command} list shows them")
        if run.status == "succeeded":
            raise Unacceptable(f"{self.what} {run.id} has succeeded; start a new one")
        if run.execution not in ("", execution) and self.executions.is_running(run.execution):
            raise Unacceptable(f"{self.what} {run.id} is still running")
        return run

    def resume(self, run: R, execution: str) -> R:
        """The run, with which this execution goes on."""
        again = replace(run, status="running", execution=execution, failure="", finished_at=None)
        again = replace(again, enqueued_again=False, quiet_looks=0)
        self.runs.save(again)
        return again

    def run(self, place: Place) -> R:
        """The run; raises `Superseded` where another execution has resumed it meanwhile. To stop an execution
        does not stop the step that it is taking."""
        run = self.runs.get(Epoch(str(place["connection"]), int(place["epoch"])), str(place["run"]))
        # Executions of imports that began with an earlier version do not say which they are.
        if run is None or run.execution != place.get("execution", run.execution):
            raise Superseded("another execution goes on with this run")
        return run

    def look(self, run: R, progress: Progress, queue: BulkQueue, place: Mapping[str, Any]) -> Answer:
        """Whether all that was enqueued is applied: applied, waiting (for `seconds`) or missing, each with
        what `place` holds; or failed."""
        if progress.complete:
            return {**place, "status": "applied"}
        is_quiet = queue.depth() == 0 and progress.done == run.done_before
        run = replace(run, quiet_looks=run.quiet_looks + 1 if is_quiet else 0, done_before=progress.done)
        if run.quiet_looks >= QUIET_LOOKS:
            if run.enqueued_again:
                return failed(progress.never_applied)
            self.runs.save(replace(run, quiet_looks=0))
            return {**place, "status": "missing"}
        self.runs.save(run)
        seconds = min(LONGEST_LOOK, 1 + max(0, self.clock() - run.started_at) // 20)
        return {**place, "status": "waiting", "seconds": seconds}

    def end(self, run: R, failure: str, status: Status | None = None, counts: Answer | None = None) -> R:
        """The run after its end, with what it came to, which is counted unless it is given; without a
        `status` it succeeded where there is no `failure`."""
        ended = replace(
            run,
            status=status or ("failed" if failure else "succeeded"),
            failure=failure,
            finished_at=self.clock(),
            **(self.final_counts(run) if counts is None else counts),
        )
        self.runs.save(ended)
        return ended

    def fail(self, place: Place, reason: str) -> Answer:
        """Notes that the run has failed; it can be resumed. Nothing is noted where it has ended already, or
        where another execution goes on with it."""
        answer = {**place, **failed(reason or "the state machine was stopped")}
        with suppress(Superseded):
            run = self.run(place)
            if run.status == "running":
                counts = self.final_counts(run)
                self.end(run, answer["reason"], counts=counts)
                answer |= counts
        return answer
