"""What an app tells of its users, as it travels on the queue, for tests of the fold and of the worker."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from peoplesync.domain.connections import Connection
from peoplesync.domain.fields.built_in import FIELDS, Field
from peoplesync.domain.people.person import Person
from peoplesync.domain.records.activity import read_activity
from peoplesync.domain.records.changes import Change, change_of
from peoplesync.domain.segments.definitions import PREDEFINED, Definitions, Segment
from peoplesync.use_cases.messages.message import BulkBatch, Message
from peoplesync.use_cases.worker.outcome.report import Report
from tests.support.builders.stripe import NOW
from tests.support.fakes.world import CONNECTED, TEST, FakeConnections, World

Activity = dict[str, Any]


def tracked(
    user: str = "42",
    name: str = "Report Exported",
    at: int = NOW - 60,
    *,
    message: str = "",
    traits: dict[str, Any] | None = None,
    **properties: Any,
) -> Activity:
    """A user did something; unless it is given, the message's id follows from who did what when."""
    return {
        "type": "track",
        "user": user,
        "at": at,
        "at_ms": 1_000 * at,
        "message": message or f"{user}-{name}-{at}",
        "event": name,
        "properties": properties,
        "traits": traits or {},
    }


def identified(user: str = "42", at: int = NOW - 60, *, ms: int = 0, **traits: Any) -> Activity:
    """The app tells a user's traits, so many milliseconds into that second."""
    message = f"{user}-identify-{at}-{ms}-{sorted(traits)}"
    return {
        "type": "identify",
        "user": user,
        "at": at,
        "at_ms": 1_000 * at + ms,
        "message": message,
        "traits": traits,
    }


def change(activity: Activity) -> Change:
    """The change that it is."""
    return change_of(read_activity(activity))


def message(*activities: Activity, **more: Any) -> str:
    """A message of the live queue that carries them."""
    return Message(TEST, chunk=BulkBatch(activities=activities, **more)).encode()


def told_by_app(world: World, *activities: Activity) -> Report:
    """Applies activities as one message."""
    return world.deliver([message(*activities)])


def only(world: World) -> Person:
    """Whoever lives in a world of one."""
    (person,) = world.people.people.values()
    return person


@dataclass
class Defining(FakeConnections):
    """A connection whose segments and fields tests define."""

    current: Definitions = field(default_factory=lambda: Definitions(1, PREDEFINED))
    epoch_number: int = TEST.number

    def get(self, name: str) -> Connection | None:
        now = replace(CONNECTED, definitions_version=self.current.version)
        return replace(now, epoch_number=self.epoch_number)

    def get_even_disconnected(self, name: str) -> Connection | None:
        return self.get(name)

    def definitions(self, connection: Connection) -> Definitions:
        # Like rows that are read after their version.
        return replace(self.current, version=connection.definitions_version)

    def define(self, *added: Segment | Field) -> None:
        """Adds segments and fields, and raises the version."""
        segments = tuple(one for one in added if isinstance(one, Segment))
        fields = tuple(one for one in added if isinstance(one, Field))
        now = self.current
        self.current = Definitions(now.version + 1, (*now.segments, *segments), (*now.fields, *fields))


def defining(*added: Segment | Field) -> World:
    """A world with such segments and fields from the start."""
    segments = tuple(one for one in added if isinstance(one, Segment))
    fields = tuple(one for one in added if isinstance(one, Field))
    connections = Defining(current=Definitions(1, (*PREDEFINED, *segments), (*FIELDS, *fields)))
    return World(NOW, connections=connections)


def definitions(world: World) -> Defining:
    assert isinstance(world.connections, Defining)
    return world.connections


def person_of(world: World, identity: str) -> Person:
    person = world.person(identity)
    assert person is not None
    return person


def looked_at(*people: str, run: str = "ree_1", chunk: str = "c1", failed: int = 0) -> str:
    """A message of a re-evaluation."""
    some = BulkBatch(chunk, run, people=people, failed=failed)
    return Message(TEST, chunk=some, cause="definition_changed").encode()
