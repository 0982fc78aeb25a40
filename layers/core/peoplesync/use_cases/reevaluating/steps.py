"""The steps of a re-evaluation, as the state machine takes them.

Each answers with a `status` on which the state machine chooses; none raises for what can happen. A step that
was interrupted is simply taken again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.people.person import EVERYONE
from peoplesync.use_cases.importing.progress import missing_pages
from peoplesync.use_cases.importing.reading_lists import BulkQueue
from peoplesync.use_cases.importing.request import Unacceptable
from peoplesync.use_cases.importing.runs import Superseded
from peoplesync.use_cases.reevaluating.enqueueing import HandingOut, Members
from peoplesync.use_cases.reevaluating.runs import (
    Reevaluation,
    ReevaluationProgress,
    ReevaluationRuns,
    progress_of,
)

Answer = dict[str, Any]

KNOWN: Final = ("connection", "resume")

QUIET_LOOKS: Final = 3
"""Looks at an empty queue after which what is not applied is missing."""

LONGEST_LOOK: Final = 20
"""Seconds between two looks at most."""

OVER: Final = "the connection has begun a new epoch, or no longer exists"

SUPERSEDED: Final[Answer] = {"status": "superseded"}

NOT_OURS: Final = "another execution goes on with this run"


class Connections(Protocol):
    def get(self, name: str) -> Connection | None: ...


class Executions(Protocol):
    def is_running(self, execution: str) -> bool: ...


@dataclass(frozen=True)
class Reevaluator:
    """The use case with what it needs. A step ends when it has taken `slice_seconds`, and goes on with the
    next."""

    connections: Connections
    runs: ReevaluationRuns
    queue: BulkQueue
    members: Members
    executions: Executions
    clock: Callable[[], int]
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
    slice_seconds: float

    def start(self, given: Mapping[str, Any], name: str, execution: str) -> Answer:
        """Begins a run, or goes on with one that stopped: running or refused. `given` is the execution's
        input; `name` names a new run."""
        try:
            connection, resume = self._asked_for(given)
            run = (
                self._resumed(connection, resume, execution)
                if resume
                else self._new(connection, name, execution)
            )
        except Unacceptable as problem:
            nowhere = {"connection": "", "epoch": 0, "run": "", "execution": "", "shards": []}
            return {**nowhere, "status": "refused", "reason": str(problem)}
        place = {
            "connection": run.epoch.connection,
            "epoch": run.epoch.number,
            "run": run.id,
            "execution": execution,
        }
        shards = [{**place, "shard": shard} for shard in range(self.members.shards)]
        return {**place, "status": "running", "shards": shards}

    def _asked_for(self, given: Mapping[str, Any]) -> tuple[Connection, str]:
        unknown = [name for name in given if name not in KNOWN]
        if unknown:
            raise Unacceptable(f"the input has {', '.join(unknown)}; known are {', '.join(KNOWN)}")
        name, resume = given.get("connection", "main"), given.get("resume", "")
        if not isinstance(name, str) or not isinstance(resume, str):
            raise Unacceptable("connection and resume are names, as text")
        connection = self.connections.get(name)
        if connection is None:
            raise Unacceptable(f"there is no connection {name}; peoplesync connect makes one")
        return connection, resume

    def _new(self, connection: Connection, name: str, execution: str) -> Reevaluation:
        version = connection.definitions_version
        for other in self.runs.all(connection.epoch):
            if other.id == name:
                return other  # this very execution has begun it, and was interrupted
            if other.status != "running" or other.version != version:
                continue  # what an older run still does ends by itself
            if self.executions.is_running(other.execution):
                raise Unacceptable(f"re-evaluation {other.id} of the same segments and fields is running")
        people = self.members.count(connection.epoch, EVERYONE)
        run = Reevaluation(
            name, connection.epoch, version, started_at=self.clock(), people=people, execution=execution
        )
        self.runs.create(run)
        return run

    def _resumed(self, connection: Connection, resume: str, execution: str) -> Reevaluation:
        run = self.runs.get(connection.epoch, resume)
        if run is None:
            raise Unacceptable(f"there is no re-evaluation {resume}; peoplesync reevaluate list shows them")
        if run.version != connection.definitions_version:
            raise Unacceptable(f"segments or fields have changed since {run.id} began; start a new one")
        if run.status == "succeeded":
            raise Unacceptable(f"re-evaluation {run.id} has succeeded; start a new one")
        if run.execution not in ("", execution) and self.executions.is_running(run.execution):
            raise Unacceptable(f"re-evaluation {run.id} is still running")
        again = replace(
            run,
            status="running",
            execution=execution,
            failure="",
            finished_at=None,
            handed_again=False,
            quiet_looks=0,
        )
        self.runs.save(again)
        return again

    def hand_out(self, place: Mapping[str, Any]) -> Answer:
        """Hands out one shard for as long as a step may take: done, more, superseded or failed."""
        run = self._run(place)
        if run is None:
            return _failed(NOT_OURS)
        try:
            done = self._handing_out(run).shard(int(place["shard"]))
        except Superseded as end:
            return _failed(str(end))
        return self._overtaken(run) or {**place, "status": "done" if done else "more"}

    def look(self, place: Mapping[str, Any]) -> Answer:
        """Whether all that was handed out is applied: applied, waiting (for `seconds`), missing, superseded
        or failed."""
        run = self._run(place)
        if run is None:
            return _failed(NOT_OURS)
        if overtaken := self._overtaken(run):
            return overtaken
        progress = self._progress(run)
        if progress.complete:
            return {**place, "status": "applied"}
        is_quiet = self.queue.depth() == 0 and progress.done == run.done_before
        run = replace(run, quiet_looks=run.quiet_looks + 1 if is_quiet else 0, done_before=progress.done)
        if run.quiet_looks >= QUIET_LOOKS:
            if run.handed_again:
                return _failed(_never_applied(progress))
            self.runs.save(replace(run, quiet_looks=0))
            return {**place, "status": "missing"}
        self.runs.save(run)
        seconds = min(LONGEST_LOOK, 1 + max(0, self.clock() - run.started_at) // 20)
        return {**place, "status": "waiting", "seconds": seconds}

    def hand_out_again(self, place: Mapping[str, Any]) -> Answer:
        """Hands out again what is missing, once: done, more, superseded or failed."""
        run = self._run(place)
        if run is None:
            return _failed(NOT_OURS)
        handing_out = self._handing_out(run)
        for page in missing_pages(self.runs.pages(run), self.runs.chunks_applied(run)):
            if not handing_out.again(page):
                return self._overtaken(run) or {**place, "status": "more"}
        self.runs.save(replace(run, handed_again=True))
        return {**place, "status": "done"}

    def finish(self, place: Mapping[str, Any]) -> Answer:
        """The run's end: succeeded only if everybody is evaluated; superseded or failed otherwise."""
        run = self._run(place)
        if run is None:
            return _failed(NOT_OURS)
        progress, overtaken = self._progress(run), self._overtaken(run)
        if overtaken == SUPERSEDED:
            return self._end(run, "superseded", "segments or fields have changed again since", progress)
        if overtaken is not None:
            return overtaken
        failure = _shortcoming(progress)
        return self._end(run, "failed" if failure else "succeeded", failure, progress)

    def fail(self, place: Mapping[str, Any], reason: str) -> Answer:
        """Notes that the run has failed; it can be resumed."""
        reason = reason or "the state machine was stopped"
        run = self._run(place)
        if run is None or run.status != "running":
            return {**place, "status": "failed", "reason": reason}
        return self._end(run, "failed", reason, self._progress(run))

    def _end(self, run: Reevaluation, status: Any, failure: str, progress: ReevaluationProgress) -> Answer:
        ended = run.ended(status, failure, progress, self.clock())
        self.runs.save(ended)
        return {
            "connection": run.epoch.connection,
            "epoch": run.epoch.number,
            "run": run.id,
            "people": ended.people,
            "evaluated": ended.evaluated,
            "failed": ended.failed,
            "status": status,
            "reason": failure,
        }

    def _run(self, place: Mapping[str, Any]) -> Reevaluation | None:
        """The run; None where another execution has resumed it meanwhile. To stop an execution does not stop
        the step that it is taking."""
        run = self.runs.get(_epoch(place), str(place["run"]))
        return run if run is not None and run.execution == place["execution"] else None

    def _overtaken(self, run: Reevaluation) -> Answer | None:
        """How a run ends that the connection no longer waits for; None where it does."""
        connection = self.connections.get(run.epoch.connection)
        if connection is None or connection.epoch != run.epoch:
            return _failed(OVER)
        # From now on people are evaluated with the newer ones; for all the others there is another run.
        return SUPERSEDED if connection.definitions_version > run.version else None

    def _progress(self, run: Reevaluation) -> ReevaluationProgress:
        return progress_of(run, self.runs, self.members.shards)

    def _handing_out(self, run: Reevaluation) -> HandingOut:
        ends_at = self.monotonic() + self.slice_seconds

        def goes_on() -> bool:
            return self.monotonic() < ends_at and self._overtaken(run) is None

        return HandingOut(run, self.runs, self.members, self.queue, self.sleep, goes_on)


def _epoch(place: Mapping[str, Any]) -> Epoch:
    return Epoch(str(place["connection"]), int(place["epoch"]))


def _failed(reason: str) -> Answer:
    return {"status": "failed", "reason": reason}


def _never_applied(progress: ReevaluationProgress) -> str:
    return f"these chunks were never applied: {', '.join(progress.missing)}"


def _shortcoming(progress: ReevaluationProgress) -> str:
    if progress.failed:
        people = "1 person" if progress.failed == 1 else f"{progress.failed:,} people"
        return f"{people} could not be evaluated; `peoplesync dead list` says why"
    if not progress.complete:
        return _never_applied(progress)
    return ""
