"""People as they are stored: between the domain's values and plain JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from peoplesync.adapters.dynamodb.people.stored_records import as_stored_today
from peoplesync.adapters.dynamodb.tables import PersonRow, shard_of, whole
from peoplesync.domain.connections import Epoch
from peoplesync.domain.people.person import Person
from peoplesync.domain.records.activity import Trait
from peoplesync.domain.records.changes import ProductName
from peoplesync.domain.records.charges import Paid
from peoplesync.domain.records.record import Occurrences, Record
from peoplesync.domain.records.snapshots import Rank, Snapshot

_SLOTS = ("customer", "last_charge", "last_paid_invoice")
_COLLECTIONS = ("subscriptions", "discounts", "looks", "sightings")
_FLAGS = ("deleted", "asked", "dropped")
_INSTANTS = ("last_payment_failed_at", "last_checkout_at", "dropped_activity_at", "tracked_at")


def to_row(epoch: Epoch, person: Person, cause: str) -> PersonRow:
    """The row that holds a person."""
    return PersonRow(
        pk=PersonRow.key(epoch, person.id),
        version=person.version,
        email=person.email,
        created_at=person.created_at,
        last_sync_at=person.last_sync_at,
        evaluated_at=person.evaluated_at,
        definitions_version=person.definitions_version,
        terms_json=dict(person.terms),
        errors_json=dict(person.errors) or None,
        absorbed_json=list(person.absorbed) or None,
        mrr_json=None if person.mrr is None else dict(person.mrr),
        moved_in_json=dict(person.moved_in) or None,
        cause=cause,
        records={name: _record_to_json(record) for name, record in person.records.items()},
        fields_json={key: value for key, value in person.fields.items() if value is not None},
        segments_json=dict(person.segments),
        review_at=person.review_at,
        due_shard=f"{epoch}#{shard_of(person.id)}" if person.review_at is not None else None,
    )


def from_row(row: PersonRow) -> Person:
    """The person that a row holds."""
    records = row.records_json if row.records is None else row.records
    return Person(
        id=row.person_id,
        created_at=int(row.created_at),
        version=int(row.version),
        email=row.email,
        records={name: _record_from_json(name, value) for name, value in records.items()},
        fields=row.fields_json,
        segments=row.segments_json,
        last_sync_at=whole(row.last_sync_at),
        evaluated_at=int(row.evaluated_at),
        review_at=whole(row.review_at),
        definitions_version=int(row.definitions_version),
        terms=row.terms_json or {},
        errors=row.errors_json or {},
        absorbed=tuple(row.absorbed_json or ()),
        mrr=row.mrr_json,
        moved_in=row.moved_in_json or {},
    )


def _record_to_json(record: Record) -> dict[str, Any]:
    value: dict[str, Any] = {"first_seen_at": record.first_seen_at}
    value |= {flag: True for flag in _FLAGS if getattr(record, flag)}
    value |= {
        slot: snapshot_to_json(snapshot) for slot in _SLOTS if (snapshot := getattr(record, slot)) is not None
    }
    value |= {name: instant for name in _INSTANTS if (instant := getattr(record, name)) is not None}
    for name in _COLLECTIONS:
        if collection := getattr(record, name):
            value[name] = {key: snapshot_to_json(one) for key, one in collection.items()}
    if record.payments:
        value["payments"] = {
            currency: [one.count, one.amount, one.refunded] for currency, one in record.payments.items()
        }
    if record.alias:
        value["alias"] = record.alias
    if record.product_names:
        value["product_names"] = {
            product: [one.as_of, one.event, one.name] for product, one in record.product_names.items()
        }
    if record.events:
        value["events"] = {kind: [one.count, *one.newest] for kind, one in record.events.items()}
    if record.traits:
        value["traits"] = {name: [one.at, one.value] for name, one in record.traits.items()}
    return value


def _record_from_json(record_id: str, value: Mapping[str, Any]) -> Record:
    value = as_stored_today(value)
    return Record(
        id=record_id,
        first_seen_at=value["first_seen_at"],
        deleted=value.get("deleted", False),
        customer=_slot(value, "customer"),
        **{name: _collection(value, name) for name in _COLLECTIONS},
        payments={currency: Paid(*sums) for currency, sums in value.get("payments", {}).items()},
        alias=value.get("alias"),
        last_charge=_slot(value, "last_charge"),
        last_paid_invoice=_slot(value, "last_paid_invoice"),
        last_payment_failed_at=value.get("last_payment_failed_at"),
        last_checkout_at=value.get("last_checkout_at"),
        asked=value.get("asked", False),
        dropped=value.get("dropped", False),
        dropped_activity_at=value.get("dropped_activity_at"),
        tracked_at=value.get("tracked_at"),
        traits={name: Trait(at, one) for name, (at, one) in value.get("traits", {}).items()},
        product_names={
            product: ProductName(as_of, event, product, name)
            for product, (as_of, event, name) in value.get("product_names", {}).items()
        },
        events={
            kind: Occurrences(count, tuple(newest))
            for kind, (count, *newest) in value.get("events", {}).items()
        },
    )


def _collection(value: Mapping[str, Any], name: str) -> dict[str, Snapshot]:
    return {key: snapshot_from_json(one) for key, one in value.get(name, {}).items()}


def snapshot_to_json(snapshot: Snapshot) -> list[Any]:
    """A snapshot as `[as_of, event, rank, content]`."""
    return [snapshot.as_of, snapshot.event, int(snapshot.rank), snapshot.content]


def snapshot_from_json(value: list[Any]) -> Snapshot:
    """The snapshot that was stored."""
    as_of, event, rank, content = value
    return Snapshot(as_of, event, Rank(rank), content)


def _slot(value: Mapping[str, Any], name: str) -> Snapshot | None:
    return snapshot_from_json(value[name]) if name in value else None
