"""Apply: changes from a queue are folded into people. Only this writes people.

A batch is read once, folded, and written one transaction per household. Only poison dies; what cannot be done
now is sent again with a delay and loses nothing:

- A message that cannot be read, or that breaks a limit, is buried in the dead-letter queue with its reason.
- A tie that Stripe cannot settle now, throttling, or the fifth lost race: the message waits.
- Anything else is a crash: the queue delivers the message again, and five crashes bury it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from peoplesync.domain.billing_events import BillingEvent
from peoplesync.domain.changes import EVENT_TYPES, Answer, Change, ObjectKey, read_change
from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.fold import Household, Known, Outcome, fold
from peoplesync.domain.people import customer_identity, email_identity, normal_email
from peoplesync.domain.segments import Definitions
from peoplesync.domain.stripe_objects import UnreadableStripeObject, read_event
from peoplesync.sync.messages import Message, Unreadable, decode

MAX_RACES: Final = 5
"""How often a household is folded again because someone else wrote it first."""

SHORTEST_DELAY, LONGEST_DELAY = 30, 900


class LostRace(Exception):
    """Somebody else wrote one of these people, identities or entries since they were read."""


class TooLarge(Exception):
    """A household that no transaction takes: too many items, or a person over the size limit."""


class Unavailable(Exception):
    """Something outside cannot be asked now: Stripe, or a throttled table. Later it can."""


class People(Protocol):
    def read(
        self, epoch: Epoch, identities: Collection[str], entries: Mapping[str, Collection[BillingEvent]]
    ) -> Known: ...

    def write(self, epoch: Epoch, household: Household, cause: str, now: int) -> None:
        """Raises LostRace, TooLarge or Unavailable."""


class Stripe(Protocol):
    def fetch(self, connection: str, key: ObjectKey) -> Answer:
        """Raises Unavailable."""


class Connections(Protocol):
    def get(self, name: str) -> Connection | None: ...

    def definitions(self, connection: Connection) -> Definitions: ...

    def note_event(self, epoch: Epoch, at: int) -> None: ...


class Queue(Protocol):
    def send(self, body: str, delay: int = 0) -> None: ...

    def bury(self, body: str, reason: str) -> None: ...


@dataclass(frozen=True)
class Delivery:
    """A message as a queue delivered it, with the queue to which it returns when it must wait."""

    id: str
    body: str
    queue: Queue


@dataclass
class Report:
    """What became of a batch: how many messages were `applied`, `stale` (they told nothing new), `dropped`
    (another epoch, or no such connection), `waiting` or `dead`; and how many `ties` were fetched (of which
    `not_found`), `races` lost and feed `entries` added. `crashed` names messages to be delivered again."""

    counts: Counter[str] = field(default_factory=Counter)
    buried: list[str] = field(default_factory=list)
    crashed: dict[str, Exception] = field(default_factory=dict)


@dataclass(frozen=True)
class _Work:
    """One message's change, until it is done."""

    delivery: Delivery
    message: Message
    change: Change


@dataclass
class Applier:
    """The use case with what it needs. `jitter` draws from [0, 1); `new_id` names new people."""

    people: People
    stripe: Stripe
    connections: Connections
    clock: Callable[[], int]
    new_id: Callable[[], str]
    jitter: Callable[[], float]

    def apply(self, deliveries: Sequence[Delivery]) -> Report:
        """Folds a batch; every message has been dealt with when it returns, but for those that crashed."""
        batch = _Batch(self, Report())
        by_epoch: dict[Epoch, list[_Work]] = {}
        for delivery in deliveries:
            work = batch.read(delivery)
            if work is not None:
                by_epoch.setdefault(work.message.epoch, []).append(work)
        for epoch, works in by_epoch.items():
            batch.apply_epoch(epoch, works)
        return batch.report


@dataclass
class _Batch:
    world: Applier
    report: Report
    done: set[str] = field(default_factory=set)

    def read(self, delivery: Delivery) -> _Work | None:
        try:
            message = decode(delivery.body)
            event = read_event(message.event)
            if event.type in EVENT_TYPES:
                return _Work(delivery, message, replace(read_change(event), message=delivery.id))
            self._finish("dropped", [delivery])
        except (Unreadable, UnreadableStripeObject) as poison:
            self._bury(delivery, str(poison))
        return None

    def apply_epoch(self, epoch: Epoch, works: list[_Work]) -> None:
        """Applies the work as one batch; where that crashes, each alone, so that one does not fail ten."""
        try:
            self._apply_together(epoch, works)
        except Exception:
            for work in works:
                if work.delivery.id in self.done:
                    continue
                try:
                    self._apply_together(epoch, [work])
                except Exception as crash:
                    self.report.crashed[work.delivery.id] = crash

    def _apply_together(self, epoch: Epoch, works: list[_Work]) -> None:
        try:
            connection = self.world.connections.get(epoch.connection)
            if connection is None or connection.epoch != epoch:
                self._finish("dropped", [work.delivery for work in works])
                return
            definitions = self.world.connections.definitions(connection)
        except Unavailable:
            self._wait(works)
            return
        self._apply(epoch, definitions, {work.delivery.id: work for work in works})
        self.world.connections.note_event(epoch, max(work.change.occurred_at for work in works))

    def _apply(self, epoch: Epoch, definitions: Definitions, works: dict[str, _Work]) -> None:
        for _ in range(1 + MAX_RACES):
            if not works:
                return
            works = self._attempt(epoch, definitions, works)
            self.report.counts["races"] += len(works)
        self._wait(works.values())

    def _attempt(self, epoch: Epoch, definitions: Definitions, works: dict[str, _Work]) -> dict[str, _Work]:
        """Folds and writes once; returns the work whose household lost its race."""
        try:
            households = self._fold(epoch, definitions, works)
        except Unavailable:
            self._wait(works.values())
            return {}
        lost: dict[str, _Work] = {}
        untouched = dict(works)
        for household in households:
            theirs = {change.message: untouched.pop(change.message) for change in household.changes}
            cause = next(iter(theirs.values())).message.cause
            try:
                self.world.people.write(epoch, household, cause, self.world.clock())
            except LostRace:
                lost |= theirs
            except Unavailable:
                self._wait(theirs.values())
            except TooLarge as limit:
                self._divide(epoch, definitions, theirs, limit)
            else:
                self._finish("applied", [work.delivery for work in theirs.values()])
                self.report.counts["entries"] += len(household.entries)
        self._finish("stale", [work.delivery for work in untouched.values()])
        return lost

    def _fold(self, epoch: Epoch, definitions: Definitions, works: dict[str, _Work]) -> Sequence[Household]:
        """Folds until nothing is lacking. Work whose ties cannot be settled now is taken out of `works`."""
        changes = [work.change for work in works.values()]
        known = self.world.people.read(epoch, _identities(changes), _entries(changes))
        answers: dict[ObjectKey, Answer] = {}
        while True:
            now = self.world.clock()
            outcome = fold(known, changes, definitions, now, answers, self.world.new_id)
            if not outcome.unknown and not outcome.ties:
                return outcome.households
            if outcome.unknown:
                more = self.world.people.read(epoch, outcome.unknown, {})
                known = replace(
                    known,
                    identities={**known.identities, **more.identities},
                    people={**more.people, **known.people},
                )
            unsettled = self._ask_stripe(epoch, outcome, answers)
            if unsettled:
                waiting = [works.pop(change.message) for change in changes if change.object in unsettled]
                self._wait(waiting)
                changes = [work.change for work in works.values()]

    def _ask_stripe(
        self, epoch: Epoch, outcome: Outcome, answers: dict[ObjectKey, Answer]
    ) -> frozenset[ObjectKey]:
        """Fetches what is tied, once each; returns the objects that Stripe could not be asked for."""
        unsettled = set()
        for key in sorted(outcome.ties, key=lambda key: (key.kind, key.id)):
            try:
                answers[key] = self.world.stripe.fetch(epoch.connection, key)
            except Unavailable:
                unsettled.add(key)
            else:
                self.report.counts["ties"] += 1
                self.report.counts["not_found"] += answers[key].missing
        return frozenset(unsettled)

    def _divide(
        self, epoch: Epoch, definitions: Definitions, works: dict[str, _Work], limit: TooLarge
    ) -> None:
        """Too much for one transaction is written in two halves; what alone is too much is poison."""
        if len(works) == 1:
            self._bury(next(iter(works.values())).delivery, str(limit))
            return
        ids = list(works)
        for half in (ids[: len(ids) // 2], ids[len(ids) // 2 :]):
            self._apply(epoch, definitions, {one: works[one] for one in half})

    def _wait(self, works: Iterable[_Work]) -> None:
        for work in works:
            longest = min(LONGEST_DELAY, SHORTEST_DELAY * 2**work.message.attempt)
            delay = max(1, int(longest * self.world.jitter()))
            work.delivery.queue.send(work.message.next_attempt().encode(), delay)
            self._finish("waiting", [work.delivery])

    def _bury(self, delivery: Delivery, reason: str) -> None:
        delivery.queue.bury(delivery.body, reason)
        self._finish("dead", [delivery])
        self.report.buried.append(reason)

    def _finish(self, fate: str, deliveries: Collection[Delivery]) -> None:
        self.report.counts[fate] += len(deliveries)
        self.done.update(delivery.id for delivery in deliveries)


def _identities(changes: Iterable[Change]) -> frozenset[str]:
    """Who the changes are about: their customers, and the e-mails that they may bring them home to."""
    found = set()
    for change in changes:
        found.add(customer_identity(change.record))
        if change.object.kind == "customer" and change.snapshot is not None:
            email = normal_email(change.snapshot.content["email"])
            found |= {email_identity(email)} if email else set()
    return frozenset(found)


def _entries(changes: Iterable[Change]) -> Mapping[str, Collection[BillingEvent]]:
    """The billing events of the changes, by the record whose feed they may be in already."""
    found: dict[str, list[BillingEvent]] = {}
    for change in changes:
        found.setdefault(change.record, []).extend(change.events)
    return found
