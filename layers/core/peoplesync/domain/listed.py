"""What an object in one of Stripe's lists says: the changes that it is worth.

A list shows more at once than an event does: with a subscription its customer and latest invoice, with a
price its product. Each becomes a change of its own, so that the object that remains looks as it does in every
event.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from peoplesync.domain.catalogue import CatalogueChange, listed_entry, shown_prices
from peoplesync.domain.records.changes import (
    Change,
    ObjectKey,
    account_of,
    charge_snapshot,
    customer_of,
    customer_snapshot,
    invoice_snapshot,
    is_deleted,
    shown_discounts,
    subscription_snapshot,
)
from peoplesync.domain.stripe_objects import UnreadableStripeObject
from peoplesync.domain.stripe_objects.reading import (
    Json,
    id_of,
    kind_of,
    name_of,
    refuse_too_deep,
)

IN_CATALOGUE: Final = frozenset({"product", "price", "coupon"})


def read_listed(value: Any, as_of: int) -> Iterator[Change | CatalogueChange]:
    """The changes that an object is worth, as it was at `as_of`; none for what is not a customer's. Raises
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
    account = account_of(value)
    alias = account if account != record else None
    change = Change(record, ObjectKey("customer", record), as_of, alias=alias)
    match kind:
        case "customer":
            snapshot = customer_snapshot(value, as_of, "")
            discounts = shown_discounts(value, as_of, "") if snapshot else {}
            yield replace(change, snapshot=snapshot, discounts=discounts, deleted=is_deleted(value))
        case "subscription":
            if isinstance(value.get("customer"), dict):
                yield from read_listed(value["customer"], as_of)
            yield from shown_prices(value, as_of, "")
            invoice = value.get("latest_invoice")
            if isinstance(invoice, dict) and customer_of(invoice) == record:
                yield from read_listed(invoice, as_of)
            snapshot = subscription_snapshot(value, as_of, "")
            discounts = shown_discounts(value, as_of, "")
            key = ObjectKey("subscription", value_id)
            yield replace(change, object=key, snapshot=snapshot, discounts=discounts)
        case "charge":
            paid = charge_snapshot(value, as_of, "")
            yield replace(change, object=ObjectKey("charge", value_id), snapshot=paid)
        case "invoice":
            invoiced = invoice_snapshot(value, as_of, "")
            yield replace(change, object=ObjectKey("invoice", value_id), snapshot=invoiced)
        case _:
            raise _unreadable(value, "object", "is of a kind that lists do not show")


def _unreadable(value: Any, path: str, problem: str) -> UnreadableStripeObject:
    return UnreadableStripeObject(kind_of(value), name_of(value), path, problem)
