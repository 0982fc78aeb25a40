"""Records: what one Stripe customer's objects say, folded from their changes.

Folding is the same whatever order the changes came in; see `snapshots` for what wins. Nothing here looks at
other records, segments or the clock.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, cast

from peoplesync.domain.billing_events import BillingEvent
from peoplesync.domain.changes import Answer, Change, ObjectKey, ProductName
from peoplesync.domain.snapshots import Gone, Snapshot, Tied, settle
from peoplesync.domain.stripe_objects import Customer, Subscription
from peoplesync.domain.stripe_objects.subscriptions import TERMINAL_STATUSES

REMEMBERED_INSTANTS: Final = 32
"""How many of the newest instants of each kind of event a record keeps, for rules that count."""


@dataclass(frozen=True)
class Occurrences:
    """How often a kind of event happened, and when last: the newest instants, newest first."""

    count: int = 0
    newest: tuple[int, ...] = ()

    def with_one_at(self, at: int) -> Occurrences:
        newest = sorted((*self.newest, at), reverse=True)[:REMEMBERED_INSTANTS]
        return Occurrences(self.count + 1, tuple(newest))


@dataclass(frozen=True)
class Record:
    """One Stripe customer. `id` is the customer's; `first_seen_at` is when we first heard of it.

    `last_charge` and `last_paid_invoice` hold the newest payment of each sort (`created`, `amount` in the
    minor unit, `currency`, `description`).
    """

    id: str
    first_seen_at: int
    customer: Snapshot | None = None
    deleted: bool = False
    subscriptions: Mapping[str, Snapshot] = field(default_factory=dict)
    last_charge: Snapshot | None = None
    last_paid_invoice: Snapshot | None = None
    last_payment_failed_at: int | None = None
    last_checkout_at: int | None = None
    product_names: Mapping[str, ProductName] = field(default_factory=dict)
    events: Mapping[str, Occurrences] = field(default_factory=dict)

    @property
    def pending(self) -> bool:
        """Nothing is known of the customer yet: something of theirs came first."""
        return self.customer is None and not self.deleted

    @property
    def in_sync(self) -> bool:
        """Counted as a customer in sync with Stripe."""
        return self.customer is not None and not self.deleted

    @property
    def facts(self) -> Customer | None:
        """The customer's own fields."""
        return cast(Customer, self.customer.content) if self.customer else None

    @property
    def current_subscriptions(self) -> list[Subscription]:
        """The subscriptions as they count: those of a deleted customer are canceled."""
        contents = [cast(Subscription, one.content) for one in self.subscriptions.values()]
        if not self.deleted:
            return contents
        return [
            one if one["status"] in TERMINAL_STATUSES else Subscription(**{**one, "status": "canceled"})
            for one in contents
        ]


@dataclass(frozen=True)
class FoldedRecord:
    """A record after its changes, the feed entries they add, and the objects only Stripe can settle."""

    record: Record
    entries: tuple[BillingEvent, ...]
    ties: frozenset[ObjectKey]


def fold_record(
    record: Record,
    changes: Sequence[Change],
    known_entries: Collection[str],
    answers: Mapping[ObjectKey, Answer],
) -> FoldedRecord:
    """The record after the changes. `known_entries` are keys of billing events already in its feed."""
    ties: set[ObjectKey] = set()
    for key in sorted({change.object for change in changes}, key=lambda key: (key.kind, key.id)):
        arriving = [one.snapshot for one in changes if one.object == key and one.snapshot is not None]
        answer = answers.get(key)
        try:
            record = _with_object(record, key, arriving, answer)
        except Tied:
            ties.add(key)
        if answer is not None and answer.deleted and key.kind == "customer":
            record = replace(record, deleted=True)
    entries = _new_entries(changes, known_entries)
    return FoldedRecord(
        replace(
            record,
            deleted=record.deleted or any(change.deleted for change in changes),
            last_payment_failed_at=_latest(record.last_payment_failed_at, (one.failed_at for one in changes)),
            last_checkout_at=_latest(record.last_checkout_at, (one.checkout_at for one in changes)),
            product_names=_named(record.product_names, changes),
            events=_counted(record.events, entries),
        ),
        entries,
        frozenset(ties),
    )


def _with_object(
    record: Record, key: ObjectKey, arriving: Sequence[Snapshot], answer: Answer | None
) -> Record:
    fetched = answer.snapshot if answer else None
    match key.kind:
        case "customer":
            return replace(record, customer=settle(record.customer, arriving, fetched))
        case "subscription":
            settled = settle(record.subscriptions.get(key.id), arriving, fetched)
            if settled is None or settled is record.subscriptions.get(key.id):
                return record
            return replace(record, subscriptions={**record.subscriptions, key.id: settled})
        case "charge":
            return replace(record, last_charge=_newest_payment(record.last_charge, arriving, fetched))
        case "invoice":
            invoice = _newest_payment(record.last_paid_invoice, arriving, fetched)
            return replace(record, last_paid_invoice=invoice)
    return record


def _newest_payment(
    stored: Snapshot | None, arriving: Sequence[Snapshot], fetched: Snapshot | Gone | None
) -> Snapshot | None:
    """The slot holds the newest payment; only snapshots of that one are folded on.

    A payment's `created` never changes, so which one is newest does not depend on the path taken.
    """
    if not arriving:
        return stored
    if stored is None or _payment(arriving[0]) > _payment(stored):
        return settle(None, arriving, fetched)
    return settle(stored, arriving, fetched) if _payment(arriving[0]) == _payment(stored) else stored


def _payment(snapshot: Snapshot) -> tuple[int, str]:
    return snapshot.content["created"], snapshot.content["id"]


def _new_entries(changes: Iterable[Change], known: Collection[str]) -> tuple[BillingEvent, ...]:
    new: dict[str, BillingEvent] = {}
    for change in changes:
        for event in change.events:
            if event.key not in known:
                new.setdefault(event.key, event)
    return tuple(new.values())


def _named(stored: Mapping[str, ProductName], changes: Iterable[Change]) -> Mapping[str, ProductName]:
    names = dict(stored)
    for name in (name for change in changes for name in change.product_names):
        known = names.get(name.product)
        if known is None or name > known:
            names[name.product] = name
    return names


def _counted(events: Mapping[str, Occurrences], entries: Sequence[BillingEvent]) -> Mapping[str, Occurrences]:
    counted = dict(events)
    for entry in entries:
        counted[entry.kind] = counted.get(entry.kind, Occurrences()).with_one_at(entry.at)
    return counted


def _latest(stored: int | None, arriving: Iterable[int | None]) -> int | None:
    return max((one for one in (stored, *arriving) if one is not None), default=None)
