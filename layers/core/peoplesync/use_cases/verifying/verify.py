"""Verify: whether the records are what Stripe says, in both directions.

What differs at first sight is looked at again, one by one, until it agrees or has had the time to: an event
may just be on its way. Only what still differs then has drifted.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, Protocol

from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.records.changes import ObjectKey, customer_of
from peoplesync.domain.records.snapshots import Rank, Snapshot
from peoplesync.domain.stripe_objects import UnreadableStripeObject
from peoplesync.domain.stripe_objects.reading import id_of, last_id
from peoplesync.use_cases.importing.request import CHARGE_DAYS
from peoplesync.use_cases.messages.message import BulkBatch, Message
from peoplesync.use_cases.messages.packing import CUSTOMERS_A_CHUNK, chunks_of_objects
from peoplesync.use_cases.ports import Lists, Page, Stripe, Unavailable
from peoplesync.use_cases.stripe_reads.event_lists import NO_CURSOR
from peoplesync.use_cases.verifying.differences import (
    Difference,
    Json,
    Shown,
    Stored,
    charge_difference,
    content_of,
    customer_differences,
    differences,
    subscription_difference,
)

PAGE: Final = 100
LOOKS: Final = (5.0, 15.0, 40.0, 60.0)
"""Seconds to wait before each further look at what differs."""

MORE_LOOKS: Final = 20
PAUSE_FOR_QUEUES: Final = 30.0
"""While changes are on the queues: how many more looks, and seconds between them."""


class Records(Protocol):
    def customers(self, epoch: Epoch) -> Iterable[str]:
        """Ids of all Stripe customers that are in sync."""

    def some_customers(self, epoch: Epoch, number: int, rng: random.Random) -> Iterable[str]:
        """So many random ones of them, or all where there are not so many."""

    def records(self, epoch: Epoch, customers: Collection[str]) -> Mapping[str, Stored]:
        """The records of those customers that have one."""

    def charges(
        self, epoch: Epoch, charges: Mapping[str, Collection[Snapshot]]
    ) -> Mapping[str, Mapping[str, Snapshot]]:
        """What the stored ones of these charges count for, by record."""

    def erased(self, epoch: Epoch, customers: Collection[str]) -> Collection[str]:
        """The customers who were erased, and so have no record."""


class Queue(Protocol):
    def send(self, body: str, delay: int = 0) -> None: ...


@dataclass
class VerificationReport:
    """How many objects of each of Stripe's lists were `compared`, and where they differ. `listed` holds
    Stripe's objects of customers that differ, as they were at `as_of`. Not compared are customers at Stripe
    that were `erased` here, charges of before `charges_since`, and what is `unreadable`, by its message;
    `passed_over` are the ids of that."""

    compared: Counter[str] = field(default_factory=Counter)
    differences: dict[str, list[Difference]] = field(default_factory=dict)
    listed: dict[str, dict[str, Json]] = field(default_factory=dict)
    as_of: int | None = None
    erased: set[str] = field(default_factory=set)
    unreadable: dict[str, UnreadableStripeObject] = field(default_factory=dict)
    charges_since: int = 0
    passed_over: set[str] = field(default_factory=set)

    @property
    def agrees(self) -> bool:
        """Whether all could be compared, and nothing differs."""
        return not self.differences and not self.unreadable

    def note_unreadable(self, problem: UnreadableStripeObject, object_id: str | None) -> None:
        """Remembers an object that cannot be read."""
        self.unreadable[str(problem)] = problem
        self.passed_over |= {object_id} if object_id is not None else set()

    def keep(self, customer: str, one: Json, as_of: int) -> None:
        """Remembers an object for a repair."""
        self.listed.setdefault(customer, {})[str(one["id"])] = one
        self.as_of = as_of if self.as_of is None else min(self.as_of, as_of)


@dataclass(frozen=True)
class Listed:
    """An object of a list that could be read: whose it is, and what of its `content` is kept."""

    id: str
    customer: str
    content: Json | None
    whole: Json
    as_of: int


@dataclass(frozen=True)
class Verifier:
    """The use case with what it needs. `waiting` counts changes on the queues; `sleep` waits so many seconds;
    `say` gets what it is waiting for."""

    lists: Lists
    stripe: Stripe
    records: Records
    waiting: Callable[[], int]
    sleep: Callable[[float], None]
    say: Callable[[str], None]
    rng: random.Random

    def verify(self, connection: Connection, sample: int | None = None) -> VerificationReport:
        """Compares everything, or so many random customers of ours and as many of Stripe's newest ones.
        Raises `Unavailable` or `NotPermitted`."""
        verdict = VerificationReport()
        if sample is None:
            suspects = list(dict.fromkeys(self._compare_all(connection, verdict)))
        else:
            suspects = self._sampled(connection, sample, verdict)
        found = self.look(connection, suspects, verdict, count=sample is not None)
        for pause in self._pauses():
            if not found:
                break
            self.say(f"{len(found)} of Stripe's customers differ; looking again in {pause:.0f} s")
            self.sleep(pause)
            found = self.look(connection, list(found), verdict)
        verdict.differences = found
        return verdict

    def repair(self, connection: Connection, verdict: VerificationReport, bulk: Queue, now: int) -> int:
        """Has what differs folded again, as Stripe shows it; how many messages that took."""
        epoch, chunks = connection.epoch, []
        drifted = list(verdict.differences)
        objects = [one for customer in drifted for one in verdict.listed.get(customer, {}).values()]
        for packed in chunks_of_objects(objects):
            chunks.append(BulkBatch(as_of=verdict.as_of or 0, objects=packed))
        for start in range(0, len(drifted), CUSTOMERS_A_CHUNK):
            unseen = tuple(drifted[start : start + CUSTOMERS_A_CHUNK])
            # Whatever was heard of them until now: Stripe is to be asked.
            chunks.append(BulkBatch(as_of=now + 1, unseen=unseen))
        for chunk in chunks:
            bulk.send(Message(epoch, chunk=chunk, cause="reconcile").encode())
        return len(chunks)

    def _pauses(self) -> Iterator[float]:
        yield from LOOKS
        for _ in range(MORE_LOOKS):
            if not self.waiting():
                return
            yield PAUSE_FOR_QUEUES

    def _sampled(self, connection: Connection, sample: int, verdict: VerificationReport) -> list[str]:
        chosen = list(self.records.some_customers(connection.epoch, sample, self.rng))
        for one in islice(self._readable(connection, "customers", verdict), sample):
            verdict.keep(one.id, one.whole, one.as_of)
            chosen.append(one.id)
        return list(dict.fromkeys(chosen))

    def _compare_all(self, connection: Connection, verdict: VerificationReport) -> Iterator[str]:
        """Customers that differ at first sight; maybe more than once."""
        customers: set[str] = set()
        subscriptions: set[str] = set()
        for page in _batches(self._readable(connection, "customers", verdict)):
            stored = self._stored(connection, {one.id for one in page}, verdict)
            for one in page:
                if one.id in verdict.erased:
                    continue
                customers.add(one.id)
                if any(customer_differences(one.id, stored.get(one.id), Shown(one.content))):
                    verdict.keep(one.id, one.whole, one.as_of)
                    yield one.id
        for page in _batches(self._readable(connection, "subscriptions", verdict, {"status": "all"})):
            stored = self._stored(connection, {one.customer for one in page}, verdict)
            for one in page:
                if one.customer in verdict.erased:
                    continue
                subscriptions.add(one.id)
                of = stored.get(one.customer)
                if of is not None and of.record.deleted:
                    continue
                if any(subscription_difference(one.id, of, one.content)):
                    yield one.customer
        verdict.compared.update(customers=len(customers), subscriptions=len(subscriptions))
        for page in _batches(self._readable(connection, "charges", verdict, _since(verdict))):
            stored = self._stored(connection, {one.customer for one in page}, verdict)
            for customer, different in self._charges_differ(connection, page, stored, verdict):
                if different:
                    yield customer
        customers, subscriptions = customers | verdict.passed_over, subscriptions | verdict.passed_over
        for batch in _batches(self.records.customers(connection.epoch)):
            for customer, of in self.records.records(connection.epoch, batch).items():
                if customer not in customers or of.record.subscriptions.keys() - subscriptions:
                    yield customer

    def look(
        self,
        connection: Connection,
        customers: Sequence[str],
        verdict: VerificationReport,
        *,
        count: bool = False,
    ) -> dict[str, list[Difference]]:
        """Asks Stripe for each of the customers now; what differs of theirs, by customer. Only what is to
        `count` is added to what the report says was compared. Raises `Unavailable` or `NotPermitted`."""
        found: dict[str, list[Difference]] = {}
        for batch in _batches(customers):
            shown = {customer: self._shown(connection, customer, verdict) for customer in batch}
            stored = self._stored(connection, set(batch), verdict)
            compared = [customer for customer in batch if customer not in verdict.erased]
            for customer in compared:
                here = differences(customer, stored.get(customer), shown[customer])
                if not shown[customer].gone:
                    here += self._differences_of_charges(connection, customer, stored, verdict, count=count)
                if here:
                    found[customer] = here
            if count:
                verdict.compared["customers"] += sum(one not in shown[one].unreadable for one in compared)
                verdict.compared["subscriptions"] += sum(len(shown[one].subscriptions) for one in compared)
        return found

    def _differences_of_charges(
        self,
        connection: Connection,
        customer: str,
        stored: Mapping[str, Stored],
        verdict: VerificationReport,
        *,
        count: bool,
    ) -> list[Difference]:
        theirs = {"customer": customer, **_since(verdict)}
        found: list[Difference] = []
        for page in _batches(self._readable(connection, "charges", verdict, theirs)):
            for _, different in self._charges_differ(connection, page, stored, verdict, count=count):
                found += different
        return found

    def _charges_differ(
        self,
        connection: Connection,
        page: Sequence[Listed],
        stored: Mapping[str, Stored],
        verdict: VerificationReport,
        *,
        count: bool = True,
    ) -> Iterator[tuple[str, list[Difference]]]:
        """Where each of the charges differs, with whose it is."""
        theirs: dict[str, list[Snapshot]] = {}
        for one in page:
            if one.content is not None and one.customer not in verdict.erased:
                theirs.setdefault(one.customer, []).append(Snapshot(one.as_of, "", Rank.STATE, one.content))
        rows = self.records.charges(connection.epoch, theirs)
        verdict.compared["charges"] += sum(map(len, theirs.values())) if count else 0
        for one in page:
            if one.content is None or one.customer in verdict.erased:
                continue
            row = rows[one.customer].get(one.id)
            different = list(charge_difference(one.id, stored.get(one.customer), row, one.content))
            if different:
                verdict.keep(one.customer, one.whole, one.as_of)
            yield one.customer, different

    def _stored(
        self, connection: Connection, customers: Collection[str], verdict: VerificationReport
    ) -> Mapping[str, Stored]:
        """The records of the customers; erased ones are noted."""
        stored = self.records.records(connection.epoch, customers)
        if missing := [customer for customer in sorted(customers) if customer not in stored]:
            verdict.erased |= set(self.records.erased(connection.epoch, missing))
        return stored

    def _shown(self, connection: Connection, customer: str, verdict: VerificationReport) -> Shown:
        answer = self.stripe.fetch(connection.name, ObjectKey("customer", customer))
        content = answer.snapshot.content if isinstance(answer.snapshot, Snapshot) else None
        if answer.unreadable is not None:
            verdict.note_unreadable(answer.unreadable, customer)
        elif answer.deleted or content is None:
            verdict.listed.pop(customer, None)
            return Shown(gone=True)
        subscriptions = {}
        of_customer = {"customer": customer, "status": "all"}
        for one in self._readable(connection, "subscriptions", verdict, of_customer):
            verdict.keep(customer, one.whole, one.as_of)
            if one.content is not None:
                subscriptions[one.id] = one.content
        return Shown(content, subscriptions=subscriptions, unreadable=frozenset(verdict.passed_over))

    def _readable(
        self,
        connection: Connection,
        resource: str,
        verdict: VerificationReport,
        params: Mapping[str, Any] | None = None,
    ) -> Iterator[Listed]:
        """All objects of a list that can be read; the others are named in the verdict."""
        for one, as_of in self._listed(connection, resource, params):
            verdict.charges_since = verdict.charges_since or as_of - CHARGE_DAYS * 86_400
            try:
                content = content_of(one, as_of)
            except UnreadableStripeObject as problem:
                verdict.note_unreadable(problem, id_of(one))
                continue
            object_id, customer = id_of(one), customer_of(one)
            if object_id is not None and customer is not None:
                yield Listed(object_id, customer, content, one, as_of)

    def _listed(
        self, connection: Connection, resource: str, params: Mapping[str, Any] | None = None
    ) -> Iterator[tuple[Json, int]]:
        """All objects of a list, each with the instant at which it was so."""
        asked: dict[str, Any] = {"limit": PAGE, **(params or {})}
        while True:
            page: Page = self.lists.page(connection.name, resource, asked)
            yield from ((one, page.as_of) for one in page.objects)
            if not page.has_more or not page.objects:
                return
            last = last_id(page.objects)
            if last is None:
                raise Unavailable(NO_CURSOR.format(resource))
            asked = {**asked, "starting_after": last}


def _since(verdict: VerificationReport) -> Mapping[str, Any]:
    return {"created": {"gte": verdict.charges_since}}


def _batches(every: Iterable[Any]) -> Iterator[list[Any]]:
    rest = iter(every)
    while batch := list(islice(rest, PAGE)):
        yield batch
