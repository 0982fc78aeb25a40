"""A person's profile: the many objects of their records brought to one value each, at one moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from peoplesync.domain.mrr import total_mrr
from peoplesync.domain.primary import primary_item, primary_subscription, status_rank
from peoplesync.domain.records import Record
from peoplesync.domain.stripe_objects import Customer, Item, Subscription

DAY = 86_400
ACTIVATED_STATUSES = frozenset({"active", "past_due", "unpaid"})


@dataclass(frozen=True)
class Profile:
    """What a person's fields are projected from.

    `payment` has `created`, `amount` (minor unit), `currency` and `description`. `mrr` is by currency, in
    the major unit; None where it cannot be known. `until` is the next moment at which something here
    changes without any event, None where nothing will.
    """

    customer: Customer | None
    delinquent: bool | None
    subscriptions: tuple[Subscription, ...]
    subscription: Subscription | None
    item: Item | None
    product_name: str | None
    payment: Mapping[str, Any] | None
    last_payment_failed_at: int | None
    last_activity_at: int | None
    mrr: Mapping[str, str] | None
    last_sync_at: int | None
    until: int | None


def profile_of(records: Mapping[str, Record], last_sync_at: int | None, now: int) -> Profile:
    """The profile of the person whose records these are, as it stands at `now`."""
    everyone = list(records.values())
    subscriptions = tuple(one for record in everyone for one in record.current_subscriptions)
    subscription = primary_subscription(subscriptions)
    customers = [record.facts for record in everyone if record.facts is not None]
    trial_ends = (one["trial_end"] for one in subscriptions if one["status"] in ACTIVATED_STATUSES)
    return Profile(
        customer=_speaking_customer(everyone),
        delinquent=any(one["delinquent"] for one in customers) if customers else None,
        subscriptions=subscriptions,
        subscription=subscription,
        item=primary_item(subscription),
        product_name=_product_name(everyone, primary_item(subscription)),
        payment=_last_payment(everyone),
        last_payment_failed_at=_latest(record.last_payment_failed_at for record in everyone),
        last_activity_at=_latest(_activity(everyone, now)),
        mrr=total_mrr(subscriptions),
        last_sync_at=last_sync_at,
        until=min((end for end in trial_ends if end is not None and end > now), default=None),
    )


def _speaking_customer(records: Iterable[Record]) -> Customer | None:
    """The customer who holds the primary subscription; else one not deleted, then the newest, then by id."""

    def rank(record: Record) -> tuple[Any, ...]:
        best = primary_subscription(record.current_subscriptions)
        facts = record.facts
        return (
            (0, status_rank(best["status"]), -best["created"], best["id"]) if best else (1, 0, 0, ""),
            record.deleted,
            -facts["created"] if facts else 0,
            record.id,
        )

    best = min((record for record in records if record.facts is not None), key=rank, default=None)
    return best.facts if best else None


def _product_name(records: Iterable[Record], item: Item | None) -> str | None:
    if item is None or item["product"] is None:
        return None
    names = (record.product_names.get(item["product"]) for record in records)
    latest = max((name for name in names if name is not None), default=None)
    return latest.name if latest else None


def _activity(records: Iterable[Record], now: int) -> Iterable[int | None]:
    """What the person did: a renewal that happens by itself is no activity."""
    for record in records:
        yield record.last_checkout_at
        for subscription in record.current_subscriptions:
            yield subscription["trial_start"]
            yield subscription["canceled_at"]
            if subscription["status"] in ACTIVATED_STATUSES:
                trial_end = subscription["trial_end"]
                yield trial_end if trial_end is not None and trial_end <= now else subscription["start_date"]


def _last_payment(records: Iterable[Record]) -> Mapping[str, Any] | None:
    """The newest captured charge. The newest paid invoice stands in only where no charge is known from its
    day on: since API version basil neither names the other, so they cannot be matched."""
    records = list(records)
    charge = _newest(record.last_charge.content for record in records if record.last_charge)
    invoice = _newest(record.last_paid_invoice.content for record in records if record.last_paid_invoice)
    if charge is None or invoice is None:
        return charge or invoice
    if charge["created"] < invoice["created"] // DAY * DAY:
        return invoice
    same = (charge["created"] // DAY, charge["amount"], charge["currency"]) == (
        invoice["created"] // DAY,
        invoice["amount"],
        invoice["currency"],
    )
    return {**charge, "description": charge["description"] or (invoice["description"] if same else None)}


def _newest(payments: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    return max(payments, key=lambda one: (one["created"], one["id"]), default=None)


def _latest(instants: Iterable[int | None]) -> int | None:
    return max((one for one in instants if one is not None), default=None)
