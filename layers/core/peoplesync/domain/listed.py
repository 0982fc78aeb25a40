"""What an object in one of Stripe's lists says: the changes that it is worth.

A list shows more at once than an event does: with a subscription its discounts and its latest invoice, with
a price its product. Each becomes a change of its own, so that the object that remains looks as it does in
every event.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from peoplesync.domain.catalogue import CatalogueChange, listed_entry
from peoplesync.domain.changes import (
    Change,
    ObjectKey,
    charge_snapshot,
    customer_of,
    customer_snapshot,
    invoice_snapshot,
    is_deleted,
    subscription_snapshot,
)
from peoplesync.domain.snapshots import Rank, Snapshot
from peoplesync.domain.stripe_objects import UnreadableStripeObject, read_discount
from peoplesync.domain.stripe_objects.reading import Json

IN_CATALOGUE: Final = frozenset({"product", "price", "coupon"})


def read_listed(value: Json, as_of: int) -> Iterator[Change | CatalogueChange]:
    """The changes that an object is worth, as it was at `as_of`; none for what is no customer's. Raises
    `UnreadableStripeObject`."""
    kind, value_id = value.get("object"), value.get("id")
    if not isinstance(value_id, str):
        raise UnreadableStripeObject(str(kind), "(no id)", "id", "is missing")
    if kind in IN_CATALOGUE:
        product = value.get("product")
        if isinstance(product, dict):
            yield from read_listed(product, as_of)
        yield listed_entry(value, as_of)
        return
    record = customer_of(value)
    if record is None:
        return
    told = Change(record, ObjectKey("customer", record), as_of)
    match kind:
        case "customer":
            snapshot = customer_snapshot(value, as_of, "")
            yield replace(told, snapshot=snapshot, deleted=is_deleted(value))
        case "subscription":
            yield from (_discount(told, one) for one in _shown_discounts(value))
            invoice = value.get("latest_invoice")
            if isinstance(invoice, dict) and customer_of(invoice) == record:
                yield from read_listed(invoice, as_of)
            snapshot = subscription_snapshot(_with_ids(value), as_of, "")
            yield replace(told, object=ObjectKey("subscription", value_id), snapshot=snapshot)
        case "charge":
            paid = charge_snapshot(value, as_of, "")
            yield replace(told, object=ObjectKey("charge", value_id), snapshot=paid)
        case "invoice":
            paid = invoice_snapshot(value, as_of, "")
            yield replace(told, object=ObjectKey("invoice", value_id), snapshot=paid)
        case _:
            raise UnreadableStripeObject(str(kind), value_id, "object", "is of a kind that lists do not show")


def _shown_discounts(subscription: Json) -> Iterator[Json]:
    for holder in (subscription, *_items(subscription)):
        yield from (one for one in holder.get("discounts") or () if isinstance(one, dict) and one.get("id"))


def _discount(told: Change, shown: Json) -> Change:
    snapshot = Snapshot(told.occurred_at, "", Rank.STATE, read_discount(shown))
    return replace(told, object=ObjectKey("discount", str(shown["id"])), snapshot=snapshot)


def _with_ids(subscription: Json) -> Json:
    """The subscription with its discounts named by their ids only, as events show them."""
    shown: dict[str, Any] = {**_without_shown_discounts(subscription)}
    if isinstance(shown.get("items"), dict):
        shown["items"] = {
            **shown["items"],
            "data": [_without_shown_discounts(item) for item in _items(subscription)],
        }
    return shown


def _items(subscription: Json) -> list[Json]:
    items = subscription.get("items")
    listed = items.get("data") if isinstance(items, dict) else None
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _without_shown_discounts(holder: Json) -> Json:
    discounts = holder.get("discounts")
    if not isinstance(discounts, list):
        return holder
    ids = [one["id"] if isinstance(one, dict) and one.get("id") else one for one in discounts]
    return {**holder, "discounts": ids}
