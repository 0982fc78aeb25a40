"""Differences: where a stored record is not what Stripe says now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from peoplesync.domain.listed import read_listed
from peoplesync.domain.records.changes import Change
from peoplesync.domain.records.record import Record
from peoplesync.domain.records.snapshots import Snapshot
from peoplesync.domain.stripe_objects.subscriptions import TERMINAL_STATUSES, alike

Json = Mapping[str, Any]

IMPERSONAL: Final = frozenset({"created", "delinquent", "discounts"})
"""The only fields of a customer whose values may be shown."""


COUNTED: Final = ("status", "amount", "refunded", "currency")
"""The parts of a charge that decide what it counts for."""


@dataclass(frozen=True)
class Stored:
    """A record, and the person it belongs to."""

    person: str
    record: Record


@dataclass(frozen=True)
class Shown:
    """A customer at Stripe: its content (None where only the id is known to be there), whether it is `gone`,
    and the contents of its subscriptions by id. Objects that are there and `unreadable` are not compared."""

    customer: Json | None = None
    gone: bool = False
    subscriptions: Mapping[str, Json] = field(default_factory=dict)
    unreadable: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Difference:
    """A field of a Stripe object that is not what it should be; of a personal one without the values."""

    person: str | None
    object: str
    field: str
    ours: Any
    stripes: Any
    personal: bool = False

    def public(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "person": self.person,
            "object": self.object,
            "field": self.field,
            "ours": self.ours,
            "stripe": self.stripes,
            "personal": self.personal,
        }


def content_of(listed: Json, as_of: int) -> Json | None:
    """What is kept of a listed customer or subscription. Raises `UnreadableStripeObject`."""
    for change in read_listed(listed, as_of):
        if isinstance(change, Change) and change.object.kind == listed.get("object") and change.snapshot:
            return change.snapshot.content
    return None


def customer_differences(customer: str, stored: Stored | None, shown: Shown) -> Iterator[Difference]:
    """Where a customer itself differs."""
    record = stored.record if stored else None
    person = stored.person if stored else None
    if record is None or record.unidentified:
        if not shown.gone:
            yield Difference(person, customer, "customer", None, "exists")
    elif record.deleted is not shown.gone:
        yield Difference(person, customer, "deleted", record.deleted, shown.gone)
    elif not shown.gone and shown.customer is not None:
        for name, ours, stripes in _unequal(record.facts or {}, shown.customer):
            if name in IMPERSONAL:
                yield Difference(person, customer, name, ours, stripes)
            else:
                yield Difference(person, customer, name, None, None, personal=True)


def subscription_difference(
    subscription: str, stored: Stored | None, content: Json | None
) -> Iterator[Difference]:
    """Where one subscription differs; `content` is None where Stripe does not list it."""
    kept = stored.record.subscriptions.get(subscription) if stored else None
    person = stored.person if stored else None
    if content is None:
        if kept is not None:
            yield Difference(person, subscription, "subscription", kept.content["status"], None)
    elif kept is None:
        if not _may_be_dropped(stored, content):
            yield Difference(person, subscription, "subscription", None, content["status"])
    elif not alike(kept.content, content):
        for name, ours, stripes in _unequal(kept.content, content):
            yield Difference(person, subscription, name, ours, stripes)


def charge_difference(
    charge: str, stored: Stored | None, row: Snapshot | None, content: Json
) -> Iterator[Difference]:
    """Where what a charge counts for differs; `row` is what is remembered of it, beside the newest payment
    that the record itself keeps."""
    if stored is None or stored.record.deleted:
        return
    newest = stored.record.last_charge
    kept = row or (newest if newest is not None and newest.content["id"] == charge else None)
    if kept is None:
        if content["amount"] > 0:
            yield Difference(stored.person, charge, "charge", None, content["status"])
        return
    for name in COUNTED:
        if name in kept.content and kept.content[name] != content[name]:
            yield Difference(stored.person, charge, name, kept.content[name], content[name])


def differences(customer: str, stored: Stored | None, shown: Shown) -> list[Difference]:
    """All that differs of a customer and their subscriptions."""
    found = [] if customer in shown.unreadable else list(customer_differences(customer, stored, shown))
    if shown.gone or (stored is not None and stored.record.deleted):
        return found
    kept = stored.record.subscriptions if stored else {}
    for subscription in sorted({*kept, *shown.subscriptions} - shown.unreadable):
        found += subscription_difference(subscription, stored, shown.subscriptions.get(subscription))
    return found


def _may_be_dropped(stored: Stored | None, content: Json) -> bool:
    return stored is not None and stored.record.dropped and content["status"] in TERMINAL_STATUSES


def _unequal(ours: Json, stripes: Json) -> Iterator[tuple[str, Any, Any]]:
    for name in sorted({*ours, *stripes}):
        if ours.get(name) != stripes.get(name):
            yield name, ours.get(name), stripes.get(name)
