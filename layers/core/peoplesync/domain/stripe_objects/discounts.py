"""Stripe discounts: coupons applied to a customer, a subscription or one of its items.

Where things were: one `discount` until 2025-03-31.basil (for some years beside the list that names it again),
a list of `discounts` since, which events fill with ids only; the coupon whole in `discount.coupon` until
clover, in `discount.source.coupon` since, which in events is its id. A customer still has one `discount`.
"""

from __future__ import annotations

from typing import Any, TypedDict

from peoplesync.domain.stripe_objects.coupons import Terms, terms_of
from peoplesync.domain.stripe_objects.reading import Node


class Discount(TypedDict):
    """A discount, as far as Stripe showed it: `coupon`, `start` and `end` are None where only its id was
    named, `terms` where the coupon was not shown whole. `id` is empty in shapes from before discounts had
    one. It runs from `start` until before `end`; None for `end` is for good."""

    id: str
    coupon: str | None
    start: int | None
    end: int | None
    terms: Terms | None


def read_discount(value: Any) -> Discount:
    """A discount in any API version, as an event shows it by itself."""
    return _read(Node.top(value, "discount"))


def discounts_of(holder: Node) -> list[Discount]:
    """The discounts of a customer, a subscription or an item, in the order in which they apply."""
    listed = [_named(one) if isinstance(one, str) else _read(one) for one in holder.elements("discounts")]
    single = holder.node("discount")
    if single is None:
        return listed
    whole = _read(single)
    if not listed:
        return [whole]
    return [whole if one["id"] == whole["id"] else one for one in listed]


def _named(discount_id: str) -> Discount:
    return Discount(id=discount_id, coupon=None, start=None, end=None, terms=None)


def _read(discount: Node) -> Discount:
    holder = discount.node("source") or discount
    coupon = holder.expanded("coupon")
    return Discount(
        id=discount.text("id") or "",
        coupon=holder.reference("coupon"),
        start=discount.integer("start"),
        end=discount.integer("end"),
        # A coupon that was deleted meanwhile is shown as no more than its id.
        terms=terms_of(coupon) if coupon is not None and "duration" in coupon else None,
    )
