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
from peoplesync.domain.stripe_objects.reading import (
    Json,
    id_of,
    kind_of,
    name_of,
    refuse_too_deep,
)

IN_CATALOGUE: Final = frozenset({"product", "price", "coupon"})


def read_listed(value: Any, as_of: int) -> Iterator[Change | CatalogueChange]:
    """The changes that an object is worth, as it was at `as_of`; none for what is no customer's. Raises
    `UnreadableStripeObject`."""
    refuse_too_deep(value)
    value_id = id_of(value)
    if value_id is None:
        raise _unreadable(value, "id", "is missing")
    if not isinstance(value.get("object"), str):
        raise _unreadable(value, "object", "is missing")
    yield from _changes(value, value_id, as_of)


def _changes(value: Json, value_id: str, as_of: int) -> Iterator[Change | CatalogueChange]:
    kind = kind_of(value)
    if kind in IN_CATALOGUE:
        product = value.get("product")
        if isinstance(product, dict):
            yield from read_listed(product, as_of)
        yield listed_entry(value, as_of)
        return
    record = customer_of(value)
    if record is None:
        if value.get("customer") is None:
            return
        raise _unreadable(value, "customer", "is neither an id nor an object that has one")
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
            raise _unreadable(value, "object", "is of a kind that lists do not show")


def _unreadable(value: Any, path: str, problem: str) -> UnreadableStripeObject:
    return UnreadableStripeObject(kind_of(value), name_of(value), path, problem)


def _shown_discounts(subscription: Json) -> Iterator[Json]:
    for holder in (subscription, *_items(subscription)):
        discounts = holder.get("discounts")
        if isinstance(discounts, list):
            yield from (one for one in discounts if id_of(one) is not None)


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
    ids = [id_of(one) or one for one in discounts]
    return {**holder, "discounts": ids}
