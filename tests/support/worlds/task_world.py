"""Tasks on tables in memory: their runs, and the state machine, which is played."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from peoplesync.adapters.dynamodb.connections import ConnectionsStore
from peoplesync.adapters.dynamodb.people.people_reader import PeopleReader
from peoplesync.adapters.dynamodb.task_runs import TaskRuns
from peoplesync.domain.connections import Connection, Epoch
from peoplesync.use_cases.jobs.job import Job
from peoplesync.use_cases.tasks.asking import Tasks
from peoplesync.use_cases.tasks.overview import TaskOverview
from peoplesync.use_cases.tasks.runs import COLLECTIONS, Kind, TaskRun
from peoplesync.use_cases.tasks.steps import TaskRunner, Work
from tests.support.builders.many_people import store_people
from tests.support.builders.stripe import NOW
from tests.support.fakes.played_machine import PlayedMachine
from tests.support.fakes.ready_connections import connect
from tests.support.stacks.moto_stack import MotoStack
from tests.support.worlds.job_world import Hazards

MAIN = Epoch("main", 1)
Json = Mapping[str, Any]


class DangerousRuns(TaskRuns):
    """Before each write the process may be killed, or something may happen (`before`, once)."""

    def __init__(self, of: Kind, world: TaskWorld) -> None:
        super().__init__(of, lambda: world.now)
        self.hazards = Hazards()
        self.before: Callable[[], None] | None = None

    def _put(self, row: Any, condition: Any) -> None:
        self._danger()
        super()._put(row, condition)

    def drop(self, run: TaskRun, name: str) -> None:
        self._danger()
        super().drop(run, name)

    def _danger(self) -> None:
        self.hazards.call()
        happens, self.before = self.before, None
        if happens is not None:
            happens()


@dataclass
class TaskWorld:
    """The runs of one kind, on a connection that is there; each turn is out of time at once where it asks."""

    kind: Kind
    request: Callable[[Connection, Json], Mapping[str, Any]]
    work: Work
    now: int = NOW
    machine: PlayedMachine = field(default_factory=PlayedMachine)
    connections: ConnectionsStore = field(default_factory=ConnectionsStore)

    def __post_init__(self) -> None:
        self.runs = DangerousRuns(self.kind, self)
        collection = COLLECTIONS[self.kind]
        self.job: Job[TaskRun] = Job(
            self.kind, collection, self.connections, self.runs, self.machine, lambda: self.now
        )
        named = iter(f"own-{number}" for number in range(100))
        self.tasks = Tasks(self.kind, self.job, self.runs, self.machine, self.request, lambda: next(named))
        self.runner = TaskRunner(
            jobs={self.kind: self.job},
            runs={self.kind: self.runs},
            work={self.kind: self.work},
            monotonic=lambda: 0.0,
            slice_seconds=0,
        )

    @property
    def overview(self) -> TaskOverview:
        return self.tasks.overview(MAIN)

    def place(self, number: int = -1) -> dict[str, Any]:
        """What the execution of that number gives its turns."""
        return {**self.machine.started[number], "execution": self.machine.names[number]}

    def turn(self, number: int = -1) -> dict[str, Any]:
        """A turn of the execution of that number."""
        return self.runner.turn(self.place(number))

    def drive(self, number: int = -1) -> dict[str, Any]:
        """Takes turns as infra/run_task.asl.json does; the last answer."""
        while (answer := self.turn(number))["status"] in ("more", "wait"):
            self.now += int(answer.get("seconds", 0))
        self.machine.running.discard(self.machine.names[number])
        return answer

    def shown(self, run_id: str) -> dict[str, Any]:
        found = self.overview.one(run_id)
        assert found is not None
        return found

    def ids(self, run_id: str, most: int = 4) -> Iterator[str]:
        """What a query has found, page by page."""
        page = self.overview.page(run_id, None, most)
        yield from page["ids"]
        while page["next"] is not None:
            page = self.overview.page(run_id, page["next"], most)
            assert len(page["ids"]) <= most
            yield from page["ids"]

    def new_epoch(self) -> None:
        """The connection goes live."""
        (found,) = self.connections.all()
        self.connections.begin_epoch(Connection("main", True, found.epoch_number + 1, 1, created_at=self.now))


def with_people(aws: MotoStack, people: int) -> PeopleReader:
    """The connection `main`, and so many people of all kinds of lives."""
    connections = ConnectionsStore()
    connection = connect("main", "rk_test_1", "whsec_1", connections, aws.secrets, NOW)
    if people:
        store_people(connection, connections.definitions(connection), people, NOW)
    return PeopleReader()
