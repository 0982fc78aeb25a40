"""Stripe subscriptions with their items and prices.

Where things were: periods on the subscription until 2025-03-31.basil, on each item since; `discount`
until basil, `discounts` since; `item.plan` instead of `item.price` in the oldest shapes.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from peoplesync.domain.stripe_objects.reading import Node

Interval = Literal["day", "week", "month", "year"]

TERMINAL_STATUSES = frozenset({"canceled", "incomplete_expired"})


class Item(TypedDict):
    """One line of a subscription. `unit_amount` is an exact decimal in the minor unit, or None for tiers
    (and for prices that customers choose); `interval` is None for what does not recur."""

    id: str
    quantity: int
    price: str
    nickname: str | None
    product: str | None
    currency: str
    unit_amount: str | None
    interval: str | None
    interval_count: int
    metered: bool
    tiered: bool
    transformed: bool
    period_start: int | None
    period_end: int | None


class Subscription(TypedDict):
    """A subscription at one moment. `pause` is `pause_collection.behavior`."""

    id: str
    status: str
    created: int
    start_date: int
    currency: str
    trial_start: int | None
    trial_end: int | None
    cancel_at_period_end: bool
    cancel_at: int | None
    canceled_at: int | None
    ended_at: int | None
    pause: str | None
    discounted: bool
    items: list[Item]


def read_subscription(value: Any) -> Subscription:
    """A subscription in any API version."""
    subscription = Node.top(value, "subscription")
    created = subscription.required_integer("created")
    items = read_items(subscription)
    pause = subscription.node("pause_collection")
    return Subscription(
        id=subscription.required_text("id"),
        status=subscription.required_text("status"),
        created=created,
        start_date=subscription.integer("start_date") or created,
        currency=subscription.text("currency") or (items[0]["currency"] if items else ""),
        trial_start=subscription.integer("trial_start"),
        trial_end=subscription.integer("trial_end"),
        cancel_at_period_end=bool(subscription.boolean("cancel_at_period_end")),
        cancel_at=subscription.integer("cancel_at"),
        canceled_at=subscription.integer("canceled_at"),
        ended_at=subscription.integer("ended_at"),
        pause=pause.text("behavior") if pause else None,
        discounted=_discounted(subscription)
        or any(_discounted(item) for item in subscription.nodes("items")),
        items=items,
    )


def read_items(subscription: Node) -> list[Item]:
    """The items of a subscription (or of the part of one in `previous_attributes`), in order of id.

    Stripe's order of items is not part of a subscription's state, so it must not make two snapshots differ.
    """
    period = (subscription.integer("current_period_start"), subscription.integer("current_period_end"))
    return sorted(
        (_read_item(item, period) for item in subscription.nodes("items")), key=lambda item: item["id"]
    )


def _read_item(item: Node, period: tuple[int | None, int | None]) -> Item:
    price = item.node("price")
    terms = _read_price(price) if price else _read_plan(item)
    quantity = item.integer("quantity")
    return Item(
        id=item.required_text("id"),
        quantity=1 if quantity is None else quantity,
        period_start=item.integer("current_period_start") or period[0],
        period_end=item.integer("current_period_end") or period[1],
        **terms,
    )


class _Terms(TypedDict):
    price: str
    nickname: str | None
    product: str | None
    currency: str
    unit_amount: str | None
    interval: str | None
    interval_count: int
    metered: bool
    tiered: bool
    transformed: bool


def _read_price(price: Node) -> _Terms:
    recurring = price.node("recurring")
    return _Terms(
        price=price.required_text("id"),
        nickname=price.text("nickname"),
        product=price.reference("product"),
        currency=price.required_text("currency"),
        unit_amount=_amount(price, "unit_amount"),
        interval=recurring.required_text("interval") if recurring else None,
        interval_count=(recurring.integer("interval_count") or 1) if recurring else 1,
        metered=recurring is not None and recurring.text("usage_type") == "metered",
        tiered=price.text("billing_scheme") == "tiered",
        transformed="transform_quantity" in price,
    )


def _read_plan(item: Node) -> _Terms:
    """Before prices, an item had only its plan: the same facts, `amount` for `unit_amount`."""
    plan = item.node("plan")
    if plan is None:
        item.required_text("price")  # raises: neither price nor plan
        raise AssertionError("unreachable")
    return _Terms(
        price=plan.required_text("id"),
        nickname=plan.text("nickname"),
        product=plan.reference("product"),
        currency=plan.required_text("currency"),
        unit_amount=_amount(plan, "amount"),
        interval=plan.required_text("interval"),
        interval_count=plan.integer("interval_count") or 1,
        metered=plan.text("usage_type") == "metered",
        tiered=plan.text("billing_scheme") == "tiered",
        transformed="transform_usage" in plan,
    )


def _amount(price: Node, name: str) -> str | None:
    """Exact, in the minor unit: `…_decimal` can hold fractions of it, and is there in all newer shapes."""
    if price.text("billing_scheme") == "tiered":
        return None
    exact = price.decimal(f"{name}_decimal")
    if exact is None:
        whole = price.integer(name)
        return None if whole is None else str(whole)
    text = f"{exact:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _discounted(node: Node) -> bool:
    return "discount" in node or bool(node.values("discounts"))
