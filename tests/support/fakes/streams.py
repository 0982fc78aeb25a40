"""What the tables' streams show of writes, and a bus that remembers what it was given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from peoplesync.domain.connections import Epoch
from peoplesync.domain.people.write_set import WriteSet
from peoplesync.domain.publishing import EntryWritten, PersonWritten, Written
from peoplesync.use_cases.publishing.publish import Announcement, Published, Publisher
from tests.support.fakes.world import FakeConnections, FakePeople, World

Row = Mapping[str, Any]


@dataclass
class StreamedPeople(FakePeople):
    """People in memory whose writes are kept, as a stream keeps them."""

    streamed: list[Written] = field(default_factory=list)

    def write_one(self, epoch: Epoch, write_set: WriteSet, cause: str, now: int) -> None:
        super().write_one(epoch, write_set, cause, now)
        for person, before in write_set.before.items():
            after = self.people.get(person)
            if before is not None or after is not None:
                self.streamed.append(PersonWritten(epoch, before, after, cause, now))
        for record, event in write_set.entries:
            self.streamed.append(EntryWritten(epoch, record, event, cause, now))

    @property
    def stream(self) -> dict[str, Written]:
        """The writes so far by their sequence numbers."""
        return {f"{number:08d}": one for number, one in enumerate(self.streamed)}


@dataclass
class FakeBus:
    """Takes what it is given, but for the places in `refuses` of the next call."""

    told: list[Announcement] = field(default_factory=list)
    refuses: Mapping[int, str] = field(default_factory=dict)

    def send(self, announcements: Sequence[Announcement]) -> Mapping[int, str]:
        refused, self.refuses = self.refuses, {}
        self.told += [one for place, one in enumerate(announcements) if place not in refused]
        return refused

    @property
    def ids(self) -> list[str]:
        return [str(one.detail["id"]) for one in self.told]

    @property
    def types(self) -> list[str]:
        return [one.type for one in self.told]

    def of(self, type_: str) -> list[Mapping[str, Any]]:
        """The details of the events of a type, in order."""
        return [one.detail for one in self.told if one.type == type_]


@dataclass
class Stage:
    """A world whose writes are published."""

    world: World
    people: StreamedPeople
    bus: FakeBus = field(default_factory=FakeBus)
    connections: FakeConnections = field(default_factory=FakeConnections)

    @property
    def publisher(self) -> Publisher:
        return Publisher(self.connections, self.people, self.bus)

    def publish(self) -> Published:
        """Publishes what was written since the last time."""
        stream = self.people.stream
        self.people.streamed.clear()
        return self.publisher.publish(stream)


def stage(now: int) -> Stage:
    """Nobody is there yet."""
    people = StreamedPeople()
    return Stage(World(now, people=people), people)


def stream_record(number: int, before: Row | None, after: Row | None, *, at: int) -> dict[str, Any]:
    """A record of a table's stream as Lambda gets it; `before` and `after` are items in DynamoDB's own
    notation."""
    one = after or before or {}
    images = {"OldImage": before, "NewImage": after}
    return {
        "eventID": f"{number:032x}",
        "eventName": "INSERT" if before is None else "REMOVE" if after is None else "MODIFY",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "eventSourceARN": "arn:aws:dynamodb:us-east-1:123456789012:table/Test/stream/2026-03-01T12:00:00.000",
        "dynamodb": {
            "ApproximateCreationDateTime": float(at),
            "Keys": {key: one[key] for key in ("pk", "sk") if key in one},
            "SequenceNumber": f"{number:021d}",
            "SizeBytes": 1,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
            **{name: image for name, image in images.items() if image is not None},
        },
    }
