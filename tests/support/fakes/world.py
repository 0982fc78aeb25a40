"""The world in memory: stands in for tables, queues and Stripe in tests of the use cases.

Faithful where it matters: a write is all or nothing, fails when somebody else wrote first, and never takes
an entry twice.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from peoplesync.adapters.aws.erasure_keys import ErasureKeys, is_personal, marker_of
from peoplesync.adapters.dynamodb.people.stored_people import from_row, to_row
from peoplesync.domain.billing_events import BillingEvent
from peoplesync.domain.catalogue import (
    Catalogue,
    CatalogueChange,
    CatalogueKey,
    Entry,
    answered_entry,
)
from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.people.person import ERASED, SHARED, Person
from peoplesync.domain.people.write_set import LoadedState, WriteSet
from peoplesync.domain.records.changes import Answer, ObjectKey, read_answer
from peoplesync.domain.records.charges import is_paid, newest_of
from peoplesync.domain.records.snapshots import GONE, Snapshot
from peoplesync.domain.segments.definitions import PREDEFINED, Definitions
from peoplesync.domain.stripe_objects import UnreadableStripeObject
from peoplesync.use_cases.erasing.receipt import ErasureReceipt, removed_with
from peoplesync.use_cases.messages.message import Message, decode
from peoplesync.use_cases.ports import TooLarge, Unavailable, VersionConflict
from peoplesync.use_cases.worker.apply import Applier
from peoplesync.use_cases.worker.outcome.report import Delivery, Report

TEST = Epoch("main", 1)
MOST_DELIVERIES: Final = 5_000


def remembered_as(identity: str) -> str:
    """The identity under which an erased one is remembered in memory."""
    return marker_of("00", identity) if is_personal(identity) else identity


def after_a_step(receipt: ErasureReceipt, step: ErasureReceipt) -> ErasureReceipt:
    """What DynamoDB's own additions make of a receipt."""
    return replace(
        receipt,
        erased_at=step.erased_at or receipt.erased_at,
        feed_deleted_at=receipt.feed_deleted_at or step.feed_deleted_at,
        # What the stream's function notes a moment later.
        unindexed_at=receipt.unindexed_at or step.erased_at,
        customers=tuple(sorted({*receipt.customers, *step.customers})),
        users=receipt.users + step.users,
        identities=receipt.identities + step.identities,
        memberships=receipt.memberships + step.memberships,
        fields=receipt.fields + step.fields,
        entries=receipt.entries + step.entries,
    )


class NoConnections:
    """A stack without connections."""

    def get_even_disconnected(self, name: str) -> Connection | None:
        return None


def nobody_erased() -> ErasureKeys:
    """What tells the erased from others, where nobody ever was erased."""
    return ErasureKeys(NoConnections(), lambda _: None)


@dataclass
class FakePeople:
    """People, identities, memberships and feeds in dictionaries."""

    people: dict[str, Person] = field(default_factory=dict)
    identities: dict[str, str] = field(default_factory=dict)
    members: dict[tuple[str, str], int] = field(default_factory=dict)
    feeds: dict[str, dict[str, BillingEvent]] = field(default_factory=dict)
    charges: dict[str, dict[str, Snapshot]] = field(default_factory=dict)
    receipts: dict[str, ErasureReceipt] = field(default_factory=dict)
    writes: int = 0
    max_entries: int = 100
    before_write: Callable[[], None] = lambda: None
    connections: FakeConnections = field(default_factory=lambda: FakeConnections())
    catalogue: FakeCatalogue = field(default_factory=lambda: FakeCatalogue())

    def read(
        self,
        epoch: Epoch,
        identities: Collection[str],
        entries: Mapping[str, Collection[BillingEvent]],
        people: Collection[str] = (),
        charges: Mapping[str, Collection[Snapshot]] | None = None,
        *,
        again: bool = False,
    ) -> LoadedState:
        owners = {
            one: self.identities.get(one, self.identities.get(remembered_as(one))) for one in identities
        }
        wanted = {*people, *(owner for owner in owners.values() if owner not in (None, SHARED, ERASED))}
        found = {person: self.people[person] for person in wanted if person in self.people}
        known = {
            record: {one for event in events for one in event.memories if one in self.feeds.get(record, {})}
            for record, events in entries.items()
        }
        rows = {
            record: {
                one.content["id"]: self.charges[record][one.content["id"]]
                for one in theirs
                if one.content["id"] in self.charges.get(record, {})
            }
            for record, theirs in (charges or {}).items()
        }
        return LoadedState(
            owners,
            found,
            known,
            charges=rows,
            connection=self.connections.get_even_disconnected(epoch.connection),
            catalogue_revision=self.catalogue.revision,
        )

    def versions(self, epoch: Epoch) -> tuple[int, int]:
        connection = self.connections.get(epoch.connection)
        return connection.definitions_version if connection else 0, self.catalogue.revision

    def newest_payment(self, epoch: Epoch, record: str, apart_from: Collection[str]) -> Sequence[Snapshot]:
        theirs = self.charges.get(record, {})
        newest = newest_of(one for name, one in theirs.items() if is_paid(one) and name not in apart_from)
        return [newest] if newest else []

    def write(
        self, epoch: Epoch, writes: Sequence[tuple[WriteSet, str]], now: int
    ) -> Sequence[Exception | None]:
        return [self._refusal(epoch, write_set, cause, now) for write_set, cause in writes]

    def _refusal(self, epoch: Epoch, write_set: WriteSet, cause: str, now: int) -> Exception | None:
        try:
            self.write_one(epoch, write_set, cause, now)
        except Exception as refusal:
            return refusal
        return None

    def write_one(self, epoch: Epoch, write_set: WriteSet, cause: str, now: int) -> None:
        self.before_write()
        if len(write_set.entries) > self.max_entries:
            raise TooLarge("too many entries")
        self._check(epoch, write_set)
        self.writes += 1
        for person_id, before in write_set.before.items():
            if before:
                for identity in before.identities:
                    self.identities.pop(identity, None)
                for key in before.indexed_in:
                    self.members.pop(key, None)
                self.people.pop(person_id)
        for person_id, after in write_set.after.items():
            if after:
                self.people[person_id] = from_row(to_row(epoch, after, cause))
                self.identities |= dict.fromkeys(after.identities, person_id)
                self.members |= after.indexed_in
        for identity in write_set.shared:
            self.identities[identity] = SHARED
        for identity in write_set.erased:
            self.identities.pop(identity, None)
            self.identities[remembered_as(identity)] = ERASED
        for person in write_set.erasing:
            removed = removed_with(write_set, person, now)
            self.receipts[person] = after_a_step(self.receipts.get(person, ErasureReceipt(person)), removed)
        for record, event in write_set.entries:
            self.feeds.setdefault(record, {})[event.memory] = event
        for record, charge in write_set.charges:
            self.charges.setdefault(record, {})[charge.content["id"]] = charge

    def forget(self, epoch: Epoch, record: str, most: int) -> tuple[int, int]:
        self.charges.pop(record, None)
        feed = self.feeds.get(record, {})
        gone = list(feed)[:most]
        for memory in gone:
            del feed[memory]
        if not feed:
            self.feeds.pop(record, None)
        return len(gone), len(gone)

    def note_forgotten(self, epoch: Epoch, person: str, entries: int, now: int, *, all_gone: bool) -> None:
        if receipt := self.receipts.get(person):
            gone = ErasureReceipt(person, entries=entries, feed_deleted_at=now if all_gone else None)
            self.receipts[person] = after_a_step(receipt, gone)

    shards = 1

    def members_page(self, epoch: Epoch, index: str, shard: int, after: str, most: int) -> list[str]:
        return sorted(one for (name, one) in self.members if name == index and one > after)[:most]

    def _check(self, epoch: Epoch, write_set: WriteSet) -> None:
        version = write_set.only_with_definitions
        if version is not None and self.versions(epoch)[0] > version:
            raise VersionConflict
        for person_id, before in write_set.before.items():
            stored = self.people.get(person_id)
            if (stored.version if stored else None) != (before.version if before else None):
                raise VersionConflict
        ours = set(write_set.after)
        for after in write_set.after.values():
            for identity in after.identities if after else ():
                if self.identities.get(identity) not in ours | {None}:
                    raise VersionConflict
                if self.identities.get(remembered_as(identity)) == ERASED:
                    raise VersionConflict
        for identity in write_set.erased:
            if self.identities.get(identity) not in ours | {None}:
                raise VersionConflict
        if any(event.memory in self.feeds.get(record, {}) for record, event in write_set.entries):
            raise VersionConflict


@dataclass
class FakeCatalogue:
    """Products and coupons in a dictionary; what was read at a revision is never read again."""

    entries: dict[CatalogueKey, Entry] = field(default_factory=dict)
    before_write: Callable[[], None] = lambda: None
    revision: int = 0
    kept: dict[int, dict[CatalogueKey, Entry]] = field(default_factory=dict)

    def read(self, epoch: Epoch, keys: Collection[CatalogueKey], revision: int | None = None) -> Catalogue:
        kept = {} if revision is None else self.kept.setdefault(revision, {})
        return {key: kept.setdefault(key, self.entries.get(key, Entry(key))) for key in keys}

    def refused(self, epoch: Epoch, before: int, most: int) -> Sequence[tuple[CatalogueKey, int]]:
        asked = [(one.key, one.asked_at) for one in self.entries.values() if one.refusal]
        return [(key, at) for key, at in asked if at is not None and at < before][:most]

    def write(self, epoch: Epoch, entry: Entry) -> None:
        self.before_write()
        stored = self.entries.get(entry.key, Entry(entry.key))
        if stored.version != entry.version - 1:
            raise VersionConflict
        self.entries[entry.key] = entry

    def raise_revision(self, epoch: Epoch) -> None:
        self.revision += 1


@dataclass
class FakeStripe:
    """Stripe's API: answers with the objects it holds, or cannot be asked while `down`."""

    objects: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    now: int = 0
    down: bool = False
    asked: list[str] = field(default_factory=list)
    forbidden: set[str] = field(default_factory=set)

    def fetch(self, connection: str, key: ObjectKey) -> Answer:
        if self.down:
            raise Unavailable("down")
        self.asked.append(key.id)
        try:
            return read_answer(key, self.objects.get(key.id), self.now)
        except UnreadableStripeObject as problem:
            return Answer(GONE, unreadable=problem, as_of=self.now)

    def terms(self, connection: str, key: CatalogueKey) -> CatalogueChange:
        if self.down:
            raise Unavailable("down")
        self.asked.append(key.id)
        if key.kind in self.forbidden:
            return CatalogueChange(key, asked_at=self.now, refusal="not_permitted")
        if key.id not in self.objects:
            return CatalogueChange(key, asked_at=self.now, refusal="not_found")
        try:
            return answered_entry(key, self.objects[key.id], self.now)
        except UnreadableStripeObject:
            return CatalogueChange(key, asked_at=self.now, refusal="unreadable")


@dataclass
class FakeRuns:
    """Imports' chunks that are applied, with how many of their parts failed."""

    chunks: dict[tuple[str, str], int] = field(default_factory=dict)

    def applied(self, epoch: Epoch, run: str, chunk: str, failed: int, reasons: Sequence[str] = ()) -> None:
        self.chunks.setdefault((run, chunk), failed)


@dataclass
class FakeOldRows:
    """Tables with some looks' worth of rows each; remembers what was deleted."""

    looks: int = 2
    purged: list[tuple[str, str, str]] = field(default_factory=list)

    def purge(self, epoch: Epoch, table: str, after: str) -> tuple[str, str] | None:
        self.purged.append((str(epoch), table, after))
        look = int(json.loads(after)["look"] if after else 0) + 1
        if look < self.looks:
            return table or "people", json.dumps({"look": look})
        return None if table == "feed" else ("feed", "")


@dataclass
class FakeQueue:
    """A queue that remembers what was put back and what was dead-lettered."""

    sent: deque[tuple[str, int]] = field(default_factory=deque)
    dead_lettered: list[tuple[str, str]] = field(default_factory=list)

    def send(self, body: str, delay: int = 0) -> None:
        self.sent.append((body, delay))

    def dead_letter(self, body: str, reason: str) -> None:
        self.dead_lettered.append((body, reason))


CONNECTED: Final = Connection("main", False, 1, 1, 0, endpoint_id="we_1")


@dataclass
class FakeConnections:
    """One connection, with the predefined segments."""

    connection: Connection | None = field(default_factory=lambda: CONNECTED)
    noted: list[int] = field(default_factory=list)
    missed: int = 0
    missed_at: int = 0
    delivered: list[tuple[int, int]] = field(default_factory=list)

    def get(self, name: str) -> Connection | None:
        return self.connection

    def get_even_disconnected(self, name: str) -> Connection | None:
        return self.connection

    def definitions(self, connection: Connection) -> Definitions:
        return Definitions(1, PREDEFINED)

    def note_missed(self, epoch: Epoch, count: int, newest: int) -> None:
        self.missed += count
        self.missed_at = max(self.missed_at, newest)

    def note_refused_signature(self, connection: Connection, at: int) -> None:
        self.connection = replace(connection, webhook_refused_since=connection.webhook_refused_since or at)

    def note_heard(self, connection: Connection, newest: int, delivered_at: int | None, lag: int) -> None:
        self.noted.append(newest)
        if delivered_at is not None:
            self.delivered.append((delivered_at, lag))


@dataclass
class World:
    """All of it together, with a clock that tests move."""

    now: int
    people: FakePeople = field(default_factory=FakePeople)
    catalogue: FakeCatalogue = field(default_factory=FakeCatalogue)
    stripe: FakeStripe = field(default_factory=FakeStripe)
    connections: FakeConnections = field(default_factory=FakeConnections)
    queue: FakeQueue = field(default_factory=FakeQueue)
    runs: FakeRuns = field(default_factory=FakeRuns)
    old_rows: FakeOldRows = field(default_factory=FakeOldRows)
    _ids: Iterator[int] = field(default_factory=lambda: iter(range(1, 10**9)))

    def __post_init__(self) -> None:
        if isinstance(self.people, FakePeople):
            self.people.connections, self.people.catalogue = self.connections, self.catalogue
        self.applier = Applier(
            people=self.people,
            catalogue=self.catalogue,
            stripe=self.stripe,
            connections=self.connections,
            runs=self.runs,
            old_rows=self.old_rows,
            clock=lambda: self.now,
            new_id=lambda: f"per_{next(self._ids)}",
            jitter=lambda: 0.5,
            sleep=lambda _: None,
        )

    def apply(self, *events: Mapping[str, Any], epoch: Epoch = TEST) -> Report:
        """Applies Stripe events as one batch."""
        return self.deliver([Message(epoch, event).encode() for event in events])

    def deliver(self, bodies: Sequence[str]) -> Report:
        """Applies raw messages as one batch."""
        deliveries = [Delivery(f"m{index}", body, self.queue) for index, body in enumerate(bodies)]
        return self.applier.apply(deliveries)

    def settle(self) -> None:
        """Delivers what waits on the queue until nothing does, but for what is asked again and again of a
        Stripe whose clock stands still. Fails after `MOST_DELIVERIES`, since a message that sends itself
        again would be delivered for ever."""
        for _ in range(MOST_DELIVERIES):
            if not self.queue.sent:
                return
            body, _delay = self.queue.sent.popleft()
            if '"ask":' not in body or decode(body).attempt < 3:
                self.deliver([body])
        if self.queue.sent:
            raise AssertionError(f"after {MOST_DELIVERIES:,} deliveries there waits {self.queue.sent[0][0]}")

    def person(self, identity: str) -> Person | None:
        """The person found by `customer:...` or `email:...`."""
        owner = self.people.identities.get(identity)
        return self.people.people.get(owner) if owner else None


class AtWork:
    """A worker that nobody has paused: what is in memory has no mappings."""

    def paused_since(self) -> int | None:
        return None
