"""Message parsing: which tasks each message of a batch asks for.

What cannot be parsed is dead-lettered here, and events that change nothing are dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from peoplesync.domain.catalogue import EVENT_TYPES as CATALOGUE_EVENT_TYPES
from peoplesync.domain.catalogue import CatalogueChange, CatalogueKey, read_catalogue_change, shown_prices
from peoplesync.domain.listed import read_listed
from peoplesync.domain.records.activity import UnreadableActivity, read_activity
from peoplesync.domain.records.changes import EVENT_TYPES, Change, ObjectKey, change_of, read_change
from peoplesync.domain.stripe_objects import UnreadableStripeObject, read_event
from peoplesync.domain.stripe_objects.reading import Json
from peoplesync.use_cases.messages.message import Ask, BulkBatch, Message, Unreadable, decode
from peoplesync.use_cases.worker.long_running import LongRunning
from peoplesync.use_cases.worker.outcome.batch_results import BatchResults
from peoplesync.use_cases.worker.outcome.report import Delivery, Disposition
from peoplesync.use_cases.worker.tasks import (
    CatalogueQuestion,
    ChangeCatalogue,
    ErasePerson,
    FoldChange,
    Origin,
    ReviewPerson,
    Task,
    Tasks,
)


@dataclass
class MessageParser:
    """Parses deliveries into tasks. `chunks` are those deliveries that hold part of a list."""

    long_running: LongRunning
    results: BatchResults
    chunks: list[tuple[Delivery, Message]] = field(default_factory=list)

    def parse(self, delivery: Delivery) -> Tasks:
        """The tasks of a message, by name; none if it is dead-lettered or dropped, or parsing crashed."""
        try:
            return self._tasks(Origin(delivery, decode(delivery.body)))
        except (Unreadable, UnreadableStripeObject) as poison:
            self.results.dead_letter(delivery, str(poison))
        except Exception as crash:
            self.results.report.crashed[delivery.id] = crash
        return {}

    def _tasks(self, origin: Origin) -> Tasks:
        message, name = origin.message, origin.delivery.id
        if message.purge:
            self.long_running.purge(origin, message.purge)
            return {}
        if message.erase:
            return {name: ErasePerson(origin, message.erase)}
        if message.chunk:
            self.chunks.append((origin.delivery, message))
            return self._tasks_of_chunk(origin, message.chunk)
        if message.ask:
            return {name: _question(origin, message.ask)}
        if message.event is not None:
            return dict(self._tasks_of_event(origin, message.event, name))
        people = self.long_running.next_people(origin, message.walk) if message.walk else message.review
        return {person: ReviewPerson(origin, person) for person in people}

    def _tasks_of_event(self, origin: Origin, value: Any, name: str) -> Iterator[tuple[str, Task]]:
        """The tasks of a Stripe event; none if it changes nothing here."""
        event = read_event(value)
        heard = replace(origin, heard_at=event.created)
        if event.type in EVENT_TYPES:
            change = replace(read_change(event), message=name)
            yield name, FoldChange(heard, change)
            if change.object.kind == "subscription":
                for number, price in enumerate(shown_prices(event.object, event.created, event.id)):
                    yield f"{name}.{number}", ChangeCatalogue(origin, price)
        elif event.type in CATALOGUE_EVENT_TYPES:
            yield name, ChangeCatalogue(heard, read_catalogue_change(event))
        else:
            self.results.report.counts[Disposition.DROPPED.value] += 1

    def _tasks_of_chunk(self, whole: Origin, chunk: BulkBatch) -> Tasks:
        """The tasks of a chunk; only the parts that cannot be parsed are dead-lettered."""
        tasks: dict[str, Task] = {}
        for part, kind, value in chunk.parts:
            origin, name = replace(whole, part=part), f"{whole.delivery.id}/{part}"
            try:
                match kind:
                    case "objects":
                        tasks.update(_tasks_of_object(origin, value, name, chunk.as_of))
                    case "events":
                        tasks.update(self._tasks_of_event(origin, value, name))
                    case "unseen":
                        tasks[name] = FoldChange(origin, _ask_if_unseen(str(value), chunk.as_of, name))
                    case "activities":
                        change = change_of(read_activity(value))
                        tasks[name] = FoldChange(origin, replace(change, message=name))
                    case "people":
                        tasks[name] = ReviewPerson(origin, str(value))
            except (UnreadableStripeObject, UnreadableActivity) as poison:
                self.results.dead_letter_part(origin, str(poison))
        return tasks


def _tasks_of_object(origin: Origin, value: Json, name: str, as_of: int) -> Iterator[tuple[str, Task]]:
    """A task for each change that a listed object is worth."""
    for number, change in enumerate(read_listed(value, as_of)):
        one = f"{name}.{number}"
        if isinstance(change, CatalogueChange):
            yield one, ChangeCatalogue(origin, change)
        else:
            yield one, FoldChange(origin, replace(change, message=one))


def _question(origin: Origin, ask: Ask) -> Task:
    """A subscription is asked for by the fold, a price or coupon by the catalogue."""
    if ask.kind != "subscription":
        return ChangeCatalogue(origin, CatalogueQuestion(CatalogueKey(ask.kind, ask.id), ask.after))
    key = ObjectKey("subscription", ask.id)
    return FoldChange(origin, Change(ask.record, key, ask.after, ask=True, message=origin.delivery.id))


def _ask_if_unseen(customer: str, since: int, name: str) -> Change:
    key = ObjectKey("customer", customer)
    return Change(customer, key, since, ask=True, unseen_since=since, message=name)
