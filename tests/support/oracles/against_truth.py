"""What a stack made of a history, compared with the truth of that history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from peoplesync.adapters.dynamodb.people.people_reader import PeopleReader
from peoplesync.domain.connections import Epoch
from peoplesync.domain.people.person import (
    CUSTOMERS_IN_SYNC,
    EVERYONE,
    Person,
    customer_identity,
    email_identity,
    normal_email,
)
from peoplesync.domain.records.changes import charge_snapshot, invoice_snapshot
from peoplesync.domain.records.record import Record
from peoplesync.domain.records.snapshots import Snapshot
from peoplesync.domain.segments.definitions import PREDEFINED
from peoplesync.domain.stripe_objects import read_customer, read_subscription
from tests.support.oracles.true_customers import KINDS, Truth


def differences(reader: PeopleReader, epoch: Epoch, truth: Mapping[str, Truth]) -> list[str]:
    """Every object, count, grouping and index of an epoch that is not as it is in truth, in words."""
    people = {customer: reader.person_of(epoch, customer_identity(customer)) for customer in truth}
    found = []
    for customer, true in truth.items():
        person = people[customer]
        if person is None:
            found.append(f"{customer}: has no person")
            continue
        found += _in_record(person.records[customer], true)
        found += _in_feed(reader, epoch, person.records[customer], true)
    found += _in_grouping(reader, epoch, people, truth)
    found += _in_indexes(reader, epoch, people, truth)
    return found


def _in_record(record: Record, true: Truth) -> Iterator[str]:
    if record.deleted != true.deleted:
        yield f"{record.id}: deleted is {record.deleted}"
    if not record.customer or record.customer.content != read_customer(true.customer):
        yield f"{record.id}: wrong customer"
    if record.subscriptions.keys() != true.subscriptions.keys():
        yield f"{record.id}: wrong set of subscriptions"
    for key, subscription in true.subscriptions.items():
        stored = record.subscriptions.get(key)
        # That an old shape may hide discounts is no part of the state.
        content = {**stored.content} if stored else {}
        content.pop("more_discounts", None)
        if content != read_subscription(subscription):
            yield f"{key}: wrong subscription"
    charge = charge_snapshot(true.last_charge, 0, "") if true.last_charge else None
    invoice = invoice_snapshot(true.last_paid_invoice, 0, "") if true.last_paid_invoice else None
    if _content(record.last_charge) != _content(charge):
        yield f"{record.id}: wrong last charge"
    if _content(record.last_paid_invoice) != _content(invoice):
        yield f"{record.id}: wrong last paid invoice"


def _content(snapshot: Snapshot | None) -> Mapping[str, object] | None:
    return snapshot.content if snapshot else None


def _in_feed(reader: PeopleReader, epoch: Epoch, record: Record, true: Truth) -> Iterator[str]:
    entries = [(key, kind) for _, key, kind, _ in reader.feed(epoch, record.id)]
    kinds = Counter(kind for _, kind in entries)
    if len({key for key, _ in entries}) != len(entries):
        yield f"{record.id}: an entry is in the feed twice"
    for kind in KINDS:
        counted = record.events[kind].count if kind in record.events else 0
        if not kinds[kind] == counted == true.counts[kind]:
            yield f"{record.id}: {kind}: {kinds[kind]} in feed, {counted} counted, {true.counts[kind]} true"


def _in_grouping(
    reader: PeopleReader, epoch: Epoch, people: Mapping[str, Person | None], truth: Mapping[str, Truth]
) -> Iterator[str]:
    together: dict[str, set[str]] = {}
    for customer, true in truth.items():
        email = normal_email(true.customer["email"])
        together.setdefault(email or customer, set()).add(customer)
        if email and reader.person_of(epoch, email_identity(email)) != people[customer]:
            yield f"{customer}: is not who is found by their e-mail"
    for customers in together.values():
        for customer in customers:
            person = people[customer]
            if person is not None and person.records.keys() != customers:
                yield f"{customer}: is a person with {sorted(person.records)}, not {sorted(customers)}"


def _in_indexes(
    reader: PeopleReader, epoch: Epoch, people: Mapping[str, Person | None], truth: Mapping[str, Truth]
) -> Iterator[str]:
    by_id = {person.id: person for person in people.values() if person}
    for segment in PREDEFINED:
        indexed = {person.id for person in reader.members(epoch, segment.id)}
        holding = {person.id for person in by_id.values() if segment.id in person.segments}
        if indexed != holding or reader.count(epoch, segment.id) != len(holding):
            yield f"segment {segment.id}: its index differs from its people"
    if reader.count(epoch, EVERYONE) != len(by_id):
        yield f"{reader.count(epoch, EVERYONE)} people are indexed, {len(by_id)} are there"
    in_sync = sum(not true.deleted for true in truth.values())
    if reader.count(epoch, CUSTOMERS_IN_SYNC) != in_sync:
        yield f"{reader.count(epoch, CUSTOMERS_IN_SYNC)} customers in sync, {in_sync} in truth"
