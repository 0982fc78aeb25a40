"""Starting a run, stopping it, and going on with it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final, Protocol

from peoplesync.domain.connections import Connection, Epoch
from peoplesync.use_cases.jobs.job import Job, Unacceptable, place_of
from peoplesync.use_cases.jobs.runs import TRIES, Superseded
from peoplesync.use_cases.queries.browse import NotFound
from peoplesync.use_cases.tasks.overview import STARTS_WITHIN, TaskOverview
from peoplesync.use_cases.tasks.runs import KEPT, Json, Kind, TaskRun, TaskRuns, stored

ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Conflict(Unacceptable):
    """What is asked for does not go with what there is already; the message says why, and what to do."""


class Machine(Protocol):
    """The state machine that has runs take their turns. Its executions have names that nothing else has."""

    def arn(self, name: str) -> str:
        """The ARN of the execution of that name, whether or not it has been started."""

    def start_once(self, given: Mapping[str, Any], name: str) -> None:
        """Starts the execution of that name; does nothing where it has been started already."""

    def is_running(self, execution: str) -> bool: ...

    def was_started(self, execution: str) -> bool: ...


@dataclass(frozen=True)
class Tasks:
    """The runs of a kind. `request` checks what one is given; `new_id` names those that their client does
    not."""

    kind: Kind
    job: Job[TaskRun]
    runs: TaskRuns
    machine: Machine
    request: Callable[[Connection, Json], Mapping[str, Any]]
    new_id: Callable[[], str]

    def start(self, name: str, given: Json, run_id: str = "") -> dict[str, Any]:
        """Starts a run for the connection of that name; the run, as JSON. With the id of one that was given
        the same it is that one, which is only started if it was not yet. Raises `Unacceptable` or
        `InvalidRule`; `Conflict` where the run of that id was given something else."""
        connection = self.job.connection(name)
        if run_id and not ID.fullmatch(run_id):
            raise Unacceptable(f"an id has 1 to 64 letters, digits, - and _; {run_id!r} is none")
        wanted = json.loads(json.dumps(self.request(connection, given)))
        run = self._begun(connection.epoch, run_id or self.new_id(), wanted)
        if run.given != wanted:
            raise Conflict(f"{self.kind} {run.id} was started with another request; take another id")
        try:
            return self._driven(run)
        except Superseded:  # somebody else has done so
            return self._shown(connection.epoch, run.id)

    def stop(self, epoch: Epoch, run_id: str) -> dict[str, Any]:
        """Stops a run, at its next write; one that has ended stays as it is. Raises `NotFound`."""
        for _ in range(TRIES):
            run = self._run(epoch, run_id)
            if run.status != "running":
                break
            with suppress(Superseded):  # its turn has just come further
                self.job.end(run, f"it was stopped; {TaskOverview.goes_on} goes on where it was", "stopped")
        return self._shown(epoch, run_id)

    def resume(self, epoch: Epoch, run_id: str) -> dict[str, Any]:
        """Goes on with a run that was stopped or failed, where it was; one that is running goes on running.
        Raises `NotFound`; `Conflict` where it has succeeded."""
        self._shown(epoch, run_id)  # notices that its execution was stopped from outside
        run = self._run(epoch, run_id)
        if run.status == "succeeded":
            raise Conflict(f"{self.kind} {run.id} has succeeded; start a new one")
        try:
            if run.status == "running":
                return self._driven(run)
            again = replace(run, status="running", failure="", finished_at=None, tries=0)
            again = self._to_be_driven(replace(again, attempt=run.attempt + 1, begun_at=self.job.clock()))
            return self._driven(stored(self.runs, again))
        except Superseded:  # somebody else goes on with it
            return self._shown(epoch, run_id)

    def _begun(self, epoch: Epoch, run_id: str, given: Json) -> TaskRun:
        """The run of that id, which may have begun before."""
        if run := self.runs.get(epoch, run_id):
            return run
        now = self.job.clock()
        fresh = TaskRun(
            run_id, epoch, now, kind=self.kind, given=given, begun_at=now, expires_at=now + KEPT[self.kind]
        )
        try:
            return stored(self.runs, self._to_be_driven(fresh))
        except Superseded:  # it has just begun
            return self._run(epoch, run_id)

    def _to_be_driven(self, run: TaskRun) -> TaskRun:
        """The run with the execution that will drive it. The name is made of what never comes again, so that
        it can be started again and again until it is."""
        what = f"{run.epoch} {self.kind} {run.id} {run.started_at} {run.attempt}"
        name = f"{run.id[:40]}-{sha256(what.encode()).hexdigest()[:24]}"
        return replace(run, execution=self.machine.arn(name))

    def _driven(self, run: TaskRun) -> dict[str, Any]:
        """The run as JSON, after its execution is started if it was not before. Raises `Superseded`."""
        if run.status == "running" and not self.machine.was_started(run.execution):
            if (now := self.job.clock()) - run.begun_at >= STARTS_WITHIN:
                run = stored(self.runs, replace(run, begun_at=now))
            place = {key: value for key, value in place_of(run).items() if key != "execution"}
            self.machine.start_once({**place, "kind": self.kind}, run.execution.rpartition(":")[2])
        return self._shown(run.epoch, run.id)

    def _run(self, epoch: Epoch, run_id: str) -> TaskRun:
        if run := self.runs.get(epoch, run_id):
            return run
        raise NotFound(f"there is no {self.kind} {run_id}, or no longer; these are kept for {self._days}")

    def _shown(self, epoch: Epoch, run_id: str) -> dict[str, Any]:
        shown = self.overview(epoch).one(run_id)
        if shown is None:
            self._run(epoch, run_id)
            raise NotFound(run_id)
        return shown

    def overview(self, epoch: Epoch) -> TaskOverview:
        """The runs of an epoch, for reading."""
        return TaskOverview(epoch, self.job, self.runs)

    @property
    def _days(self) -> str:
        hours = KEPT[self.kind] // 3_600
        return "24 hours" if hours == 24 else f"{hours // 24} days"
