"""Stripe discounts: coupons applied to a customer, a subscription or one of its items.

Where things were: one `discount` until 2025-03-31.basil (for some years beside the list that names it again),
a list of `discounts` since, which events fill with ids only; the coupon whole in `discount.coupon` until
clover, in `discount.source.coupon` since, which in events is its id. A customer still has one `discount`.

So a holder's snapshot keeps the ids only, which every shape shows; what a shape shows of the discount itself
is kept beside it, and what one shape has shown the next one does not take back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypedDict

from peoplesync.domain.stripe_objects.coupons import Terms, terms_of
from peoplesync.domain.stripe_objects.reading import Node

NAMELESS = "coupon:"
"""How the id begins that we give to a discount of before 2020-08-27, which had none."""


class Discount(TypedDict):
    """A discount. `terms` are None where Stripe did not show the coupon. It runs from `start` until before
    `end`; None for `end` is for good. `subscription` and `item` say what it was given to, as far as shown:
    None for both is the customer; `once` that it is one invoice's alone."""

    id: str
    coupon: str | None
    start: int | None
    end: int | None
    terms: Terms | None
    subscription: str | None
    item: str | None
    once: bool


def read_discount(value: Any) -> Discount:
    """A discount in any API version, as an event shows it by itself; the oldest have no id."""
    name = value.get("id") if isinstance(value, dict) else None
    return _read(Node(value, "discount", name if isinstance(name, str) and name else "(no id)"))


def discount_ids(holder: Node) -> list[str]:
    """The ids of the discounts of a customer, a subscription or an item, in the order in which they apply."""
    return [one if isinstance(one, str) else one["id"] for one in _listed(holder)]


def shown_discounts(
    holder: Node, *, subscription: str | None = None, item: str | None = None
) -> dict[str, Discount]:
    """What a customer, a `subscription` or an `item` of one shows of its discounts themselves, by id."""
    return {
        one["id"]: Discount(**{**one, "subscription": subscription, "item": item})
        for one in _listed(holder)
        if not isinstance(one, str)
    }


def _listed(holder: Node) -> Iterator[str | Discount]:
    listed = [one if isinstance(one, str) else _read(one) for one in holder.elements("discounts")]
    single = holder.node("discount")
    if single is None:
        yield from listed
        return
    whole = _read(single)
    yield from (whole if one == whole["id"] else one for one in listed or [whole])


def _read(discount: Node) -> Discount:
    holder = discount.node("source") or discount
    coupon = holder.expanded("coupon")
    name, start = holder.reference("coupon"), discount.integer("start")
    return Discount(
        id=discount.text("id") or f"{NAMELESS}{name}:{start}",
        coupon=name,
        start=start,
        end=discount.integer("end"),
        # A coupon that was deleted meanwhile is shown as no more than its id.
        terms=terms_of(coupon) if coupon is not None and "duration" in coupon else None,
        subscription=discount.reference("subscription"),
        item=discount.reference("subscription_item"),
        once=discount.reference("invoice") is not None or discount.reference("invoice_item") is not None,
    )
