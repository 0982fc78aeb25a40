"""A person's profile: the many objects of their records reduced to one value each, at one moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from peoplesync.domain.catalogue import EMPTY, Catalogue, CatalogueKey
from peoplesync.domain.fields.terms import completed, mrrs_of
from peoplesync.domain.records.activity import Trait
from peoplesync.domain.records.record import Occurrences, Record, as_one_customer
from peoplesync.domain.records.snapshots import Snapshot
from peoplesync.domain.revenue.mrr import Mrr, rounded, total
from peoplesync.domain.revenue.primary import primary_item, primary_subscription, status_rank
from peoplesync.domain.stripe_objects import Customer, Item, Subscription

DAY = 86_400
ACTIVATED_STATUSES = frozenset({"active", "past_due", "unpaid"})


@dataclass(frozen=True)
class Origin:
    """Where a value comes from: the record, its Stripe object, and the event that showed it ("" where Stripe
    was asked), as of an instant."""

    record: str
    object: str
    event: str
    as_of: int


@dataclass(frozen=True)
class Profile:
    """What a person's fields are projected from.

    `payment` has `created`, `amount` (minor unit), `currency` and `description`. `mrr` is by currency, in the
    major unit, None where it cannot be known; it is not exact where a discount's terms are not known;
    `mrr_of` is each customer's.
    `product_metadata` is the item's product's, `traits` are the latest of all users of the app. `until`
    is the next moment at which something here changes without any event, None where nothing will.
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
    mrr_exact: bool
    mrr_of: Mapping[str, Mrr]
    last_sync_at: int | None
    until: int | None
    product_metadata: Mapping[str, str] = field(default_factory=dict)
    traits: Mapping[str, Any] = field(default_factory=dict)


def profile_of(
    records: Mapping[str, Record], last_sync_at: int | None, now: int, catalogue: Catalogue = EMPTY
) -> Profile:
    """The profile of the person whose records these are, as it stands at `now`."""
    everyone = as_one_customer(records.values())
    subscriptions = tuple(one for record in everyone for one in record.current_subscriptions)
    subscription = primary_subscription(subscriptions)
    customers = [record.facts for record in _speaking(everyone) if record.facts is not None]
    trial_ends = (one["trial_end"] for one in subscriptions if one["status"] in ACTIVATED_STATUSES)
    mrr_of = {record.id: total(mrrs_of(record, now, catalogue)) for record in everyone}
    mrr = total(mrr_of.values())
    item = _primary_item(everyone, subscription, catalogue)
    return Profile(
        customer=_leading_customer(everyone),
        delinquent=any(one["delinquent"] for one in customers) if customers else None,
        subscriptions=subscriptions,
        subscription=subscription,
        item=item,
        product_name=_product_name(everyone, item, catalogue),
        payment=_last_payment(everyone),
        last_payment_failed_at=_latest(record.last_payment_failed_at for record in everyone),
        last_activity_at=_latest(_activity(everyone, now)),
        mrr=rounded(mrr),
        mrr_exact=mrr.exact,
        mrr_of=mrr_of,
        last_sync_at=last_sync_at,
        until=min((one for one in (*trial_ends, mrr.until) if one is not None and one > now), default=None),
        product_metadata=_product_metadata(item, catalogue),
        traits=_traits(everyone),
    )


def _primary_item(
    records: Iterable[Record], subscription: Subscription | None, catalogue: Catalogue
) -> Item | None:
    if subscription is None:
        return None
    holder = next(one for one in records if subscription["id"] in one.subscriptions)
    return primary_item(completed(holder, subscription, catalogue))


def _speaking(records: Iterable[Record]) -> list[Record]:
    """The customers whose facts a person shows: deleted ones only while there is no live one, since at Stripe
    nothing of it can change."""
    customers = [record for record in records if record.facts is not None]
    return [record for record in customers if not record.deleted] or customers


def _leading_customer(records: Iterable[Record]) -> Customer | None:
    """Of these customers the one with the primary subscription; else the newest, then by id."""

    def rank(record: Record) -> tuple[Any, ...]:
        best = primary_subscription(record.current_subscriptions)
        facts = record.facts
        return (
            (0, status_rank(best["status"]), -best["created"], best["id"]) if best else (1, 0, 0, ""),
            -facts["created"] if facts else 0,
            record.id,
        )

    best = min(_speaking(records), key=rank, default=None)
    return best.facts if best else None


def _product_name(records: Iterable[Record], item: Item | None, catalogue: Catalogue) -> str | None:
    """The product's own name; while that is not known, what invoices called it."""
    if item is None or item["product"] is None:
        return None
    entry = catalogue.get(CatalogueKey("product", item["product"]))
    if entry is not None and entry.name is not None:
        return entry.name
    names = (record.product_names.get(item["product"]) for record in records)
    latest = max((name for name in names if name is not None), default=None)
    return latest.name if latest else None


def _product_metadata(item: Item | None, catalogue: Catalogue) -> Mapping[str, str]:
    entry = catalogue.get(CatalogueKey("product", item["product"])) if item and item["product"] else None
    return entry.metadata if entry else {}


def _traits(records: Iterable[Record]) -> Mapping[str, Any]:
    latest: dict[str, Trait] = {}
    for record in records:
        for name, trait in record.traits.items():
            if name not in latest or trait.order > latest[name].order:
                latest[name] = trait
    return {name: trait.value for name, trait in latest.items()}


def _activity(records: Iterable[Record], now: int) -> Iterable[int | None]:
    """What the person did: a renewal that happens by itself is not activity."""
    for record in records:
        yield record.tracked_at
        yield record.last_checkout_at
        yield record.dropped_activity_at
        yield _latest(record.events.get("cancellation_unscheduled", Occurrences()).newest)
        for subscription in record.current_subscriptions:
            yield subscription["trial_start"]
            yield subscription["canceled_at"]
            if subscription["status"] in ACTIVATED_STATUSES:
                yield _activated_at(subscription, now)


def _activated_at(subscription: Subscription, now: int) -> int:
    """When it was first paid for, as far as its state shows. One that is made today may say that it began
    long ago (backdated): nobody did anything then."""
    trial_end = subscription["trial_end"]
    if trial_end is not None and trial_end <= now:
        return trial_end
    return max(subscription["start_date"], subscription["created"])


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


def origins_of(records: Mapping[str, Record]) -> Mapping[str, Origin]:
    """Where the values of `customer`, `subscription` and `payment` of a profile come from."""
    everyone = as_one_customer(records.values())
    customer = _leading_customer(everyone)
    subscription = primary_subscription(one for record in everyone for one in record.current_subscriptions)
    payment = _last_payment(everyone)
    found: dict[str, Origin] = {}
    for record in everyone:
        if customer and record.customer and record.id == customer["id"]:
            found["customer"] = _origin(record, record.customer)
        if subscription and subscription["id"] in record.subscriptions:
            found["subscription"] = _origin(record, record.subscriptions[subscription["id"]])
        for slot in (record.last_charge, record.last_paid_invoice):
            if payment and slot and slot.content["id"] == payment["id"]:
                found["payment"] = _origin(record, slot)
    return found


def _origin(record: Record, snapshot: Snapshot) -> Origin:
    return Origin(record.id, str(snapshot.content["id"]), snapshot.event, snapshot.as_of)
