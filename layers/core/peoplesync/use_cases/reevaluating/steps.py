"""The steps of a re-evaluation, as the state machine takes them.

Each answers with a `status`, by which the state machine chooses the next; expected failures are a status, not
an exception. An interrupted step is simply taken again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.people.person import EVERYONE
from peoplesync.use_cases.jobs.job import (
    Answer,
    Job,
    Place,
    Unacceptable,
    place_of,
    read_names,
    refused,
    step,
    timer,
)
from peoplesync.use_cases.jobs.members import IndexEnqueuer, Members
from peoplesync.use_cases.jobs.pages import BulkQueue, missing_pages
from peoplesync.use_cases.jobs.progress import Progress
from peoplesync.use_cases.jobs.runs import connection_of
from peoplesync.use_cases.messages.message import BulkBatch
from peoplesync.use_cases.reevaluating.runs import LIST, Reevaluation, progress_of

SUPERSEDED: Final[Answer] = {"status": "superseded"}

MOST_AHEAD: Final = 120
"""Messages on the queue, for 3,000 people, above which the worker must catch up first. More would not make it
faster, but what else is put on the queue would wait for all of them."""

PAUSE: Final = 0.5
"""Seconds between two looks at a queue that is full. They are spent here: were the state machine to wait,
each look would count against the length of its history."""


class CountedMembers(Members, Protocol):
    def count(self, epoch: Epoch, index: str) -> int: ...


@dataclass(frozen=True)
class Reevaluator:
    """The use case with what it needs. A step ends when it has taken `slice_seconds`, and goes on with the
    next."""

    job: Job[Reevaluation]
    queue: BulkQueue
    members: CountedMembers
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
    slice_seconds: float

    def start(self, given: Mapping[str, Any], name: str, execution: str) -> Answer:
        """Begins a run, or goes on with one that stopped: running or refused. `given` is the execution's
        input; `name` names a new run."""
        try:
            asked_for, to_resume = read_names(given, ("connection", "resume"))
            connection = self.job.connection(asked_for)
            if to_resume:
                run = self._resumed(connection, to_resume, execution)
            else:
                run = self._new(connection, name, execution)
        except Unacceptable as problem:
            return refused(problem, "shards")
        place = place_of(run)
        shards = [{**place, "shard": shard} for shard in range(self.members.shards)]
        return {**place, "status": "running", "shards": shards}

    def _new(self, connection: Connection, name: str, execution: str) -> Reevaluation:
        epoch, version = connection.epoch, connection.definitions_version

        def refusal(other: Reevaluation) -> str:
            # What an older run still does ends by itself.
            is_rival = other.version == version
            return f"re-evaluation {other.id} of the same segments and fields is running" if is_rival else ""

        def new() -> Reevaluation:
            people, now = self.members.count(epoch, EVERYONE), self.job.clock()
            return Reevaluation(name, epoch, now, execution=execution, version=version, people=people)

        return self.job.begin(name, epoch, refusal, new)

    def _resumed(self, connection: Connection, run_id: str, execution: str) -> Reevaluation:
        run = self.job.resumable(run_id, connection.epoch, execution)
        if run.version != connection.definitions_version:
            raise Unacceptable(f"segments or fields have changed since {run.id} began; start a new one")
        return self.job.resume(run, execution)

    @step
    def enqueue(self, place: Place) -> Answer:
        """Enqueues one shard for as long as a step may take: done, more, superseded or failed."""
        run = self.job.run(place)
        done = self._everybody(run).shard(int(place["shard"]))
        return SUPERSEDED if self._overtaken(run) else {**place, "status": "done" if done else "more"}

    @step
    def look(self, place: Place) -> Answer:
        """Whether all that was enqueued is applied: applied, waiting (for `seconds`), missing, superseded or
        failed."""
        run = self.job.run(place)
        if self._overtaken(run):
            return SUPERSEDED
        return self.job.look(run, self._progress(run), self.queue, place)

    @step
    def enqueue_again(self, place: Place) -> Answer:
        """Enqueues again what is missing, once: done, more, superseded or failed."""
        run = self.job.run(place)
        people = self._everybody(run)
        for page in missing_pages(run, self.job.runs):
            if not people.again(page):
                return SUPERSEDED if self._overtaken(run) else {**place, "status": "more"}
        self.job.runs.save(replace(run, enqueued_again=True))
        return {**place, "status": "done"}

    @step
    def finish(self, place: Place) -> Answer:
        """The run's end: succeeded only if everybody is evaluated; superseded or failed otherwise."""
        run = self.job.run(place)
        if self._overtaken(run):
            ended = self.job.end(run, "segments or fields have changed again since", "superseded")
        else:
            ended = self.job.end(run, _shortcoming(self._progress(run)))
        counts = {"people": ended.people, "evaluated": ended.evaluated, "failed": ended.failed}
        return {**place, **counts, "status": ended.status, "reason": ended.failure}

    def _overtaken(self, run: Reevaluation) -> bool:
        """Whether the definitions have outrun the run; raises `Superseded` where its epoch is over."""
        # From now on people are evaluated with the newer ones; for all the others there is another run.
        return connection_of(run, self.job.connections).definitions_version > run.version

    def _progress(self, run: Reevaluation) -> Progress:
        return progress_of(run, self.job.runs, self.members.shards)

    def _everybody(self, run: Reevaluation) -> IndexEnqueuer[Reevaluation]:
        """Has everybody looked at, never far ahead of the worker."""
        out_of_time = timer(self.slice_seconds, self.monotonic)

        def has_room() -> bool:
            while not out_of_time() and not self._overtaken(run):
                if self.queue.depth() < MOST_AHEAD:
                    return True
                self.sleep(PAUSE)
            return False

        return IndexEnqueuer(
            run,
            self.job.runs,
            self.members,
            self.queue,
            LIST,
            EVERYONE,
            lambda people: BulkBatch(people=people),
            has_room,
        )


def _shortcoming(progress: Progress) -> str:
    if progress.failed:
        people = "1 person" if progress.failed == 1 else f"{progress.failed:,} people"
        return f"{people} could not be evaluated; `peoplesync dead list` says why"
    return "" if progress.complete else progress.never_applied
