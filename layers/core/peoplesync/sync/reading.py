"""Reading: what each message of a batch asks to be done.

What cannot be read is buried here, and what is of no use is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from peoplesync.domain.activity import UnreadableActivity, read_activity
from peoplesync.domain.catalogue import EVENT_TYPES as CATALOGUE_EVENT_TYPES
from peoplesync.domain.catalogue import CatalogueChange, CatalogueKey, read_catalogue_change, shown_prices
from peoplesync.domain.changes import EVENT_TYPES, Change, ObjectKey, change_of, read_change
from peoplesync.domain.listed import read_listed
from peoplesync.domain.stripe_objects import UnreadableStripeObject, read_event
from peoplesync.domain.stripe_objects.reading import Json
from peoplesync.sync.fates import BatchResults, Delivery, Task, Tasks
from peoplesync.sync.messages import Ask, Chunk, Message, Purge, Unreadable, Walk, decode
from peoplesync.sync.ports import Connections, OldRows, People, Unavailable

PEOPLE_A_STEP: Final = 25
"""How many people a walk through an index takes at a time."""


@dataclass
class MessageParser:
    """Reads deliveries into tasks. `chunks` are those of them that hold part of a list."""

    people: People
    connections: Connections
    old_rows: OldRows
    fates: BatchResults
    chunks: list[tuple[Delivery, Message]] = field(default_factory=list)

    def read(self, delivery: Delivery) -> Tasks:
        """What a message asks for; nothing where it is poison, or of no use."""
        try:
            message = decode(delivery.body)
            if message.purge:
                self._purge(delivery, message, message.purge)
                return {}
            if message.erase:
                return {f"erase:{message.erase.person}": Task(delivery, message, person=message.erase.person)}
            if message.chunk:
                self.chunks.append((delivery, message))
                return self._parts(delivery, message, message.chunk)
            if message.ask:
                return {delivery.id: _asking(delivery, message, message.ask)}
            if message.event is None:
                people = self._next_people(delivery, message) if message.walk else message.review
                return {person: Task(delivery, message, person=person) for person in people}
            return dict(self._told(delivery, message, message.event, 0, delivery.id))
        except (Unreadable, UnreadableStripeObject) as poison:
            self.fates.dead_letter(delivery, str(poison))
        except Exception as crash:
            self.fates.report.crashed[delivery.id] = crash
        return {}

    def _told(
        self, delivery: Delivery, message: Message, value: Any, part: int, name: str
    ) -> Iterator[tuple[str, Task]]:
        """The task of an event, or none where the event is of no use."""
        event = read_event(value)
        if event.type in EVENT_TYPES:
            change = replace(read_change(event), message=name)
            yield name, Task(delivery, message, change, part=part, heard_at=event.created)
            if change.object.kind == "subscription":
                for number, entry in enumerate(shown_prices(event.object, event.created, event.id)):
                    yield f"{name}.{number}", Task(delivery, message, entry=entry, part=part)
        elif event.type in CATALOGUE_EVENT_TYPES:
            entry = read_catalogue_change(event)
            yield name, Task(delivery, message, entry=entry, part=part, heard_at=event.created)
        else:
            self.fates.report.counts["dropped"] += 1

    def _parts(self, delivery: Delivery, message: Message, chunk: Chunk) -> Tasks:
        """The tasks of a chunk: only what cannot be read of it is buried."""
        tasks: dict[str, Task] = {}
        for part, kind, value in chunk.parts:
            name = f"{delivery.id}/{part}"
            try:
                match kind:
                    case "objects":
                        tasks.update(self._shown(delivery, message, value, part, name, chunk.as_of))
                    case "events":
                        tasks.update(self._told(delivery, message, value, part, name))
                    case "unseen":
                        ask = _ask_if_unseen(str(value), chunk.as_of, name)
                        tasks[name] = Task(delivery, message, ask, part=part)
                    case "activities":
                        change = replace(change_of(read_activity(value)), message=name)
                        tasks[name] = Task(delivery, message, change, part=part)
                    case "people":
                        tasks[name] = Task(delivery, message, person=str(value), part=part)
            except (UnreadableStripeObject, UnreadableActivity) as poison:
                self.fates.bury_part(delivery, message, part, str(poison))
        return tasks

    def _shown(
        self, delivery: Delivery, message: Message, value: Json, part: int, name: str, as_of: int
    ) -> Iterator[tuple[str, Task]]:
        """A task for each change that a listed object is worth."""
        for number, change in enumerate(read_listed(value, as_of)):
            one = f"{name}.{number}"
            if isinstance(change, CatalogueChange):
                yield one, Task(delivery, message, entry=change, part=part)
            else:
                yield one, Task(delivery, message, replace(change, message=one), part=part)

    def _next_people(self, delivery: Delivery, message: Message) -> Sequence[str]:
        """The next people on a walk, the rest of which is put back on the queue."""
        walk = message.walk or Walk("")
        try:
            people = self.people.members_page(
                message.epoch, walk.index, walk.shard, walk.after, PEOPLE_A_STEP
            )
        except Unavailable:
            self.fates.wait({delivery.id: Task(delivery, message)})
            return ()
        if len(people) == PEOPLE_A_STEP:
            rest = replace(walk, after=people[-1])
        elif walk.shard + 1 < self.people.shards:
            rest = replace(walk, shard=walk.shard + 1, after="")
        else:
            return people
        delivery.queue.send(replace(message, walk=rest, attempt=0).encode())
        return people

    def _purge(self, delivery: Delivery, message: Message, purge: Purge) -> None:
        """Deletes some rows of an epoch, if it is over, and puts the rest back on the queue."""
        try:
            connection = self.connections.get_even_disconnected(message.epoch.connection)
            if connection is not None and connection.epoch.number <= message.epoch.number:
                self.fates.report.counts["dropped"] += 1
                return
            place = self.old_rows.purge(message.epoch, purge.table, purge.after)
        except Unavailable:
            self.fates.wait({delivery.id: Task(delivery, message)})
            return
        if place is not None:
            table, after = place
            rest = replace(message, purge=Purge(table, after), attempt=0)
            delivery.queue.send(rest.encode())
        self.fates.report.counts["purged"] += 1


def _asking(delivery: Delivery, message: Message, ask: Ask) -> Task:
    if ask.kind != "subscription":
        return Task(delivery, message, asked=CatalogueKey(ask.kind, ask.id))
    key = ObjectKey("subscription", ask.id)
    return Task(delivery, message, Change(ask.record, key, ask.after, ask=True, message=delivery.id))


def _ask_if_unseen(customer: str, since: int, name: str) -> Change:
    key = ObjectKey("customer", customer)
    return Change(customer, key, since, ask=True, unseen_since=since, message=name)
