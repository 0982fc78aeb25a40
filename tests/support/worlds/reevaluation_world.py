"""A re-evaluation in memory: people, their index, the worker behind the queue, and the state machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import count
from typing import Any

from peoplesync.adapters.dynamodb.tables import SHARDS, shard_of
from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.people.person import EVERYONE, Person
from peoplesync.domain.segments.definitions import PREDEFINED, Definitions, Segment
from peoplesync.use_cases.reevaluating.steps import Reevaluator
from tests.support.builders.stripe import DAY, NOW, customer, event, subscription
from tests.support.fakes.world import TEST, FakeCatalogue, FakeConnections, FakeQueue, World
from tests.support.worlds.import_world import FakeBulk, FakeExecutions, FakeImportRuns, Hazards

VIP = Segment("vip", "VIP", {"field": "customer_mrr", "at_least": 19})


@dataclass
class ChangingConnections(FakeConnections):
    """One connection whose segments are changed."""

    segments: tuple[Segment, ...] = PREDEFINED

    def get(self, name: str) -> Connection | None:
        return self.connection if name == "main" else None

    def definitions(self, connection: Connection) -> Definitions:
        return Definitions(connection.definitions_version, self.segments)

    def change(self, *segments: Segment) -> None:
        """The predefined segments and these, from now on."""
        assert self.connection is not None
        version = self.connection.definitions_version + 1
        self.segments = (*PREDEFINED, *segments)
        self.connection = replace(self.connection, definitions_version=version, definitions_changed_at=NOW)


@dataclass
class ShardedMembers:
    """The index of everybody, in shards as in the tables."""

    world: World
    hazards: Hazards
    shards = SHARDS

    def members_page(self, epoch: Epoch, index: str, shard: int, after: str, most: int) -> Sequence[str]:
        self.hazards.call()
        ids = sorted(one for name, one in self.world.people.members if name == index and one > after)
        return [one for one in ids if shard_of(one) == shard][:most]

    def count(self, epoch: Epoch, index: str) -> int:
        self.hazards.call()
        return sum(name == index for name, _ in self.world.people.members)


@dataclass
class ReevaluationWorld:
    """All of it together. `drive` is what the state machine does."""

    world: World
    connections: ChangingConnections
    runs: Any
    queue: FakeBulk
    members: ShardedMembers
    executions: FakeExecutions
    hazards: Hazards
    reevaluator: Reevaluator
    slept: list[int] = field(default_factory=list)
    between: Callable[[], None] = lambda: None

    @classmethod
    def of(cls, people: int) -> ReevaluationWorld:
        """So many people, half of them with a subscription of $19, evaluated with the predefined segments."""
        hazards, connections = Hazards(), ChangingConnections()
        # The tables keep both kinds of runs, and do not ask which it is.
        runs: Any = FakeImportRuns(hazards)
        world = with_people(people, connections=connections, runs=runs)
        queue, members = FakeBulk(world, hazards), ShardedMembers(world, hazards)
        executions = FakeExecutions()
        slept: list[int] = []

        def sleep(_seconds: float) -> None:
            slept.append(queue.depth())
            world.settle()

        reevaluator = Reevaluator(
            connections=connections,
            runs=runs,
            queue=queue,
            members=members,
            executions=executions,
            clock=lambda: world.now,
            monotonic=lambda: 0.0,
            sleep=sleep,
            slice_seconds=60,
        )
        return cls(world, connections, runs, queue, members, executions, hazards, reevaluator, slept)

    def drive(self, given: Mapping[str, Any] | None = None, name: str = "re_1") -> dict[str, Any]:
        """Takes the steps as infra/reevaluate.asl.json does, the worker working in between; the last
        answer."""
        steps = self.reevaluator
        begun = steps.start(given or {"connection": "main"}, name, f"arn:{name}")
        if begun["status"] != "running":
            return begun
        place = {key: begun[key] for key in ("connection", "epoch", "run", "execution")}
        for shard in begun["shards"]:
            answer = self._repeat(steps.hand_out, shard)
            if answer["status"] == "failed":
                return steps.fail(place, answer["reason"])
        while True:
            self.world.settle()
            answer = steps.look(place)
            if answer["status"] == "missing":
                answer = self._repeat(steps.hand_out_again, place)
            if answer["status"] == "failed":
                return steps.fail(place, answer["reason"])
            if answer["status"] in ("applied", "superseded"):
                return steps.finish(place)
            self.world.now += 5

    def _repeat(self, step: Callable[[Any], dict[str, Any]], place: Any) -> dict[str, Any]:
        while (answer := step(place))["status"] == "more":
            self.between()
        return answer

    def people(self) -> dict[str, Any]:
        """Everybody with what their evaluation came to, and the index of the segments."""
        kept: dict[str, Any] = {one.id: told(one) for one in self.world.people.people.values()}
        return kept | {"index": sorted(one for one in self.world.people.members if one[0] != EVERYONE)}

    def run(self, name: str = "re_1") -> Any:
        return self.runs.runs[TEST, name]


def with_people(people: int, **parts: Any) -> World:
    """A world with so many people, who are made once and copied."""
    made = _made(people)
    store = replace(
        made.people,
        people=dict(made.people.people),
        identities=dict(made.people.identities),
        members=dict(made.people.members),
        feeds={record: dict(feed) for record, feed in made.people.feeds.items()},
    )
    catalogue, queue = FakeCatalogue(dict(made.catalogue.entries)), FakeQueue(made.queue.sent.copy())
    return World(NOW, people=store, catalogue=catalogue, queue=queue, _ids=count(people + 1), **parts)


@cache
def _made(people: int) -> World:
    world = World(NOW, connections=ChangingConnections())
    for number in range(people):
        name = f"cus_{number}"
        told = [event("customer.created", customer(name, created=NOW - DAY), created=NOW - DAY)]
        if number % 2:
            bought = subscription(f"sub_{number}", customer=name, created=NOW - DAY)
            told.append(event("customer.subscription.created", bought, created=NOW - DAY))
        world.apply(*told)
    return world


def told(person: Person) -> tuple[Any, ...]:
    return person.email, person.definitions_version, sorted(person.segments)
