"""Stripe coupons: the terms that a discount applies.

`percent_off` is the one amount that Stripe writes as a JSON number with decimals (33.5), and `applies_to` is
there only where somebody asked Stripe to expand it, so never in an event.
"""

from __future__ import annotations

from typing import Any, TypedDict

from peoplesync.domain.stripe_objects.reading import Node, digits


class Terms(TypedDict):
    """A coupon's terms: either `percent_off`, an exact decimal, or `amount_off` in the minor unit of
    `currency`, off each invoice. `duration` is forever, once or repeating; `products` are the only ones it
    applies to, in order of id; none means all."""

    percent_off: str | None
    amount_off: int | None
    currency: str | None
    duration: str
    products: list[str]


class Coupon(TypedDict):
    """A coupon. Its terms never change, but its id can be given to another one once it is deleted: `created`
    tells them apart."""

    id: str
    created: int
    terms: Terms


def read_coupon(value: Any) -> Coupon:
    """A coupon in any API version."""
    coupon = Node.top(value, "coupon")
    return Coupon(
        id=coupon.required_text("id"), created=coupon.required_integer("created"), terms=terms_of(coupon)
    )


def terms_of(coupon: Node) -> Terms:
    """The terms of a coupon that Stripe shows whole."""
    percent_off = coupon.percentage("percent_off")
    applies_to = coupon.node("applies_to")
    return Terms(
        percent_off=None if percent_off is None else digits(percent_off),
        amount_off=coupon.integer("amount_off"),
        currency=coupon.text("currency"),
        duration=coupon.required_text("duration"),
        products=sorted(applies_to.references("products")) if applies_to else [],
    )
