"""Stripe coupons: the terms that a discount applies.

`percent_off` is the one amount that Stripe writes as a JSON number with decimals (33.5). `applies_to` and
`currency_options` are there only where somebody asked Stripe to expand them, so never in an event: a coupon
without them may still have them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypedDict, cast

from peoplesync.domain.stripe_objects.reading import Node, digits


class Terms(TypedDict):
    """A coupon's terms: either `percent_off`, an exact decimal, or `amount_off` in the minor unit of
    `currency`, off each invoice. `duration` is forever, once or repeating. `products` are the only ones it
    applies to, in order of id; [] means all, None that Stripe did not show it. `options` are the amounts off
    in other currencies; None: not shown."""

    percent_off: str | None
    amount_off: int | None
    currency: str | None
    duration: str
    products: list[str] | None
    options: dict[str, int] | None


class Coupon(TypedDict):
    """A coupon. Its id can be given to another one once it is deleted: `created` distinguishes them."""

    id: str
    created: int
    terms: Terms


def read_coupon(value: Any, *, expanded: bool = False) -> Coupon:
    """A coupon in any API version. `expanded` says that Stripe was asked for all of its terms, so that what
    is not there does not exist."""
    coupon = Node.top(value, "coupon")
    return Coupon(
        id=coupon.required_text("id"),
        created=coupon.required_integer("created"),
        terms=terms_of(coupon, expanded=expanded),
    )


def terms_of(coupon: Node, *, expanded: bool = False) -> Terms:
    """The terms of a coupon, as far as Stripe showed them."""
    percent_off = coupon.percentage("percent_off")
    applies_to, options = coupon.node("applies_to"), coupon.node("currency_options")
    nothing: Any = expanded or None
    return Terms(
        percent_off=None if percent_off is None else digits(percent_off),
        amount_off=coupon.integer("amount_off"),
        currency=coupon.text("currency"),
        duration=coupon.required_text("duration"),
        products=sorted(applies_to.references("products")) if applies_to else nothing and [],
        options=_options(options) if options else nothing and {},
    )


def fullest(several: Iterable[Terms]) -> Terms | None:
    """All that is known of one coupon's terms; of what several show the last one counts."""
    known: dict[str, Any] = {}
    for terms in several:
        known |= {name: value for name, value in terms.items() if value is not None or name not in known}
    return cast(Terms, known) if known else None


def _options(options: Node) -> dict[str, int]:
    amounts = ((name, one.integer("amount_off")) for name, one in options.entries())
    return {name: amount for name, amount in amounts if amount is not None}
