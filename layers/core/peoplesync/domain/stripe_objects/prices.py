"""Stripe prices: what an item of a subscription costs.

Where things were: `item.plan` instead of `item.price` in the oldest shapes, with `amount` for `unit_amount`
and `transform_usage` for `transform_quantity`. Tiers came with every plan until 2020-08-27; since then they
are there only where somebody asked Stripe to expand them, so never in an event. The same holds for the
amounts in other currencies than the price's own (`currency_options`).
"""

from __future__ import annotations

from typing import Any, TypedDict

from peoplesync.domain.stripe_objects.reading import Node, digits


class Tier(TypedDict):
    """One step of a tiered price: `up_to` is the last quantity in it, None for the last tier. Amounts are
    exact decimals in the minor unit."""

    up_to: int | None
    unit_amount: str
    flat_amount: str


class Transform(TypedDict):
    """Packages: the quantity is divided by `divide_by` and rounded `up` or `down` before it is priced."""

    divide_by: int
    round: str


class CurrencyOption(TypedDict):
    """What a price costs in one currency. Where it has `tiers`, they are shown only where Stripe was asked
    for them by themselves."""

    unit_amount: str | None
    tiers: list[Tier] | None


class Price(TypedDict):
    """The terms of a price. `unit_amount` is an exact decimal in the minor unit, or None for tiers (and for
    prices that customers choose); `interval` is None for what does not recur; `tiers` is None where the price
    has none and where Stripe did not show them. `options` are the amounts by currency; None: not shown."""

    price: str
    nickname: str | None
    product: str | None
    currency: str
    unit_amount: str | None
    interval: str | None
    interval_count: int
    metered: bool
    tiered: bool
    tiers_mode: str | None
    tiers: list[Tier] | None
    transform: Transform | None
    options: dict[str, CurrencyOption] | None


def price_of(item: Node) -> Price:
    """The price of an item; the plan of one that has only that."""
    price = item.node("price")
    if price is not None:
        return _read_price(price)
    plan = item.node("plan")
    if plan is None:
        item.required_text("price")  # raises: neither price nor plan
        raise AssertionError("unreachable")
    return _read_plan(plan)


class Tiers(TypedDict):
    """A price's tiers on their own: an event of a subscription does not show them."""

    tiers: list[Tier] | None
    tiers_mode: str | None


def read_tiers(value: Any) -> Tiers:
    """The tiers of a price (or plan), as far as Stripe showed them; they never change."""
    price = Node.top(value, "price")
    return Tiers(tiers=_tiers(price), tiers_mode=price.text("tiers_mode"))


def read_options(value: Any) -> dict[str, CurrencyOption] | None:
    """What a price costs in each currency; None where Stripe did not show it."""
    return _options(Node.top(value, "price"))


def _read_price(price: Node) -> Price:
    recurring = price.node("recurring")
    return Price(
        price=price.required_text("id"),
        nickname=price.text("nickname"),
        product=price.reference("product"),
        currency=price.required_text("currency"),
        unit_amount=_unit_amount(price, "unit_amount"),
        interval=recurring.required_text("interval") if recurring else None,
        interval_count=(recurring.integer("interval_count") or 1) if recurring else 1,
        metered=recurring is not None and recurring.text("usage_type") == "metered",
        tiered=_tiered(price),
        tiers_mode=price.text("tiers_mode"),
        tiers=_tiers(price),
        transform=_transform(price, "transform_quantity"),
        options=_options(price),
    )


def _read_plan(plan: Node) -> Price:
    """Before prices, an item had only its plan: the same facts under older names."""
    return Price(
        price=plan.required_text("id"),
        nickname=plan.text("nickname"),
        product=plan.reference("product"),
        currency=plan.required_text("currency"),
        unit_amount=_unit_amount(plan, "amount"),
        interval=plan.required_text("interval"),
        interval_count=plan.integer("interval_count") or 1,
        metered=plan.text("usage_type") == "metered",
        tiered=_tiered(plan),
        tiers_mode=plan.text("tiers_mode"),
        tiers=_tiers(plan),
        transform=_transform(plan, "transform_usage"),
        options=None,
    )


def _tiered(price: Node) -> bool:
    return price.text("billing_scheme") == "tiered"


def _unit_amount(price: Node, name: str) -> str | None:
    return None if _tiered(price) else _amount(price, name)


def _amount(holder: Node, name: str) -> str | None:
    """Exact, in the minor unit: `…_decimal` can hold fractions of it, and is there in all newer shapes."""
    exact = holder.decimal(f"{name}_decimal")
    if exact is not None:
        return digits(exact)
    whole = holder.integer(name)
    return None if whole is None else str(whole)


def _tiers(price: Node) -> list[Tier] | None:
    tiers = [
        Tier(
            up_to=None if tier.is_text("up_to", "inf") else tier.integer("up_to"),
            unit_amount=_amount(tier, "unit_amount") or "0",
            flat_amount=_amount(tier, "flat_amount") or "0",
        )
        for tier in price.nodes("tiers")
    ]
    return tiers or None


def _options(price: Node) -> dict[str, CurrencyOption] | None:
    options = price.node("currency_options")
    if options is None:
        return None
    return {
        currency: CurrencyOption(unit_amount=_unit_amount(one, "unit_amount"), tiers=_tiers(one))
        for currency, one in options.entries()
    }


def _transform(price: Node, name: str) -> Transform | None:
    transform = price.node(name)
    if transform is None:
        return None
    return Transform(
        divide_by=transform.required_integer("divide_by"), round=transform.required_text("round")
    )
