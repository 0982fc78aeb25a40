"""A re-evaluation in memory: people and their index, beside what each job has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from itertools import count
from typing import Any

from peoplesync.adapters.dynamodb.tables import SHARDS, shard_of
from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.people.person import EVERYONE, Person
from peoplesync.domain.segments.definitions import PREDEFINED, Definitions, Segment
from peoplesync.use_cases.jobs.job import Job
from peoplesync.use_cases.reevaluating.runs import final_counts
from peoplesync.use_cases.reevaluating.steps import Reevaluator
from tests.support.builders.stripe import DAY, NOW, customer, event, subscription
from tests.support.fakes.world import FakeCatalogue, FakeConnections, FakeQueue, World
from tests.support.worlds.job_world import FakeBulk, FakeExecutions, FakeRuns, Hazards, JobWorld, Json, Step

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


@dataclass(kw_only=True)
class ReevaluationWorld(JobWorld):
    """All of it together; `slept` are the queue's depths whenever a step waited."""

    members: ShardedMembers
    slept: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, people: int) -> ReevaluationWorld:
        """So many people, half of them with a subscription of $19, evaluated with the predefined segments."""
        hazards, connections = Hazards(), ChangingConnections()
        runs = FakeRuns(hazards)
        world = with_people(people, connections=connections, runs=runs)
        queue, members = FakeBulk(world, hazards), ShardedMembers(world, hazards)
        executions = FakeExecutions()
        slept: list[int] = []

        def sleep(_seconds: float) -> None:
            slept.append(queue.depth())
            world.settle()

        counts: Any = partial(final_counts, runs=runs, shards=SHARDS)
        names, now = ("re-evaluation", "reevaluate"), lambda: world.now
        reevaluator = Reevaluator(
            job=Job(*names, connections, runs, executions, now, counts),
            queue=queue,
            members=members,
            monotonic=lambda: 0.0,
            sleep=sleep,
            slice_seconds=60,
        )
        return cls(
            world, runs, queue, connections, executions, hazards, reevaluator, members=members, slept=slept
        )

    def phases(self, begun: Json) -> list[list[tuple[Step, Json]]]:
        return [[(self.steps.enqueue, shard) for shard in begun["shards"]]]

    @property
    def again(self) -> Step:
        return self.steps.enqueue_again  # type: ignore[no-any-return]

    def people(self) -> dict[str, Any]:
        """Everybody with what their evaluation came to, and the index of the segments."""
        kept: dict[str, Any] = {one.id: told(one) for one in self.world.people.people.values()}
        return kept | {"index": sorted(one for one in self.world.people.members if one[0] != EVERYONE)}


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
    return person.email, sorted(person.segments)
