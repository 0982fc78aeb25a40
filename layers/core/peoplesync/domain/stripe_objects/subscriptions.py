"""Stripe subscriptions with their items.

Where things were: periods on the subscription until 2025-03-31.basil, on each item since. A trial is the
subscription's own (`trial_start`, `trial_end`), or one by a trial offer, which only its items show
(`current_trial`, since 2026): a free one gives the status trialing, a paid one active.
"""

from __future__ import annotations

from typing import Any, TypedDict

from peoplesync.domain.stripe_objects.discounts import Discount, discounts_of
from peoplesync.domain.stripe_objects.prices import Price, price_of
from peoplesync.domain.stripe_objects.reading import Node

Span = tuple[int, int]
"""From when to when."""

TERMINAL_STATUSES = frozenset({"canceled", "incomplete_expired"})


class Item(Price):
    """One line of a subscription: so many of a price, and the discounts of this line alone, in order."""

    id: str
    quantity: int
    discounts: list[Discount]
    period_start: int | None
    period_end: int | None


class Subscription(TypedDict):
    """A subscription at one moment. `pause` is `pause_collection.behavior`; `discounts` are those of the
    whole subscription, in the order in which they apply. The trial is the latest one; of trials by offers,
    it is from the first's start to the last's end, while an item shows one."""

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
    discounts: list[Discount]
    items: list[Item]
    metadata: dict[str, str]


def read_subscription(value: Any) -> Subscription:
    """A subscription in any API version."""
    subscription = Node.top(value, "subscription")
    created = subscription.required_integer("created")
    items = read_items(subscription)
    pause = subscription.node("pause_collection")
    trial = _trial(subscription)
    return Subscription(
        id=subscription.required_text("id"),
        status=subscription.required_text("status"),
        created=created,
        start_date=subscription.integer("start_date") or created,
        currency=subscription.text("currency") or (items[0]["currency"] if items else ""),
        trial_start=trial[0],
        trial_end=trial[1],
        cancel_at_period_end=bool(subscription.boolean("cancel_at_period_end")),
        cancel_at=subscription.integer("cancel_at"),
        canceled_at=subscription.integer("canceled_at"),
        ended_at=subscription.integer("ended_at"),
        pause=pause.text("behavior") if pause else None,
        discounts=discounts_of(subscription),
        items=items,
        metadata=subscription.texts("metadata"),
    )


def _trial(subscription: Node) -> tuple[int | None, int | None]:
    offers = _offers(subscription).values()
    if offers:
        return min(start for start, _ in offers), max(end for _, end in offers)
    return subscription.integer("trial_start"), subscription.integer("trial_end")


def read_offers(value: Any) -> dict[str, Span]:
    """The trials by trial offers that a subscription shows, by item; empty where the subscription has a trial
    of its own, which speaks for all of them."""
    return _offers(Node.top(value, "subscription"))


def _offers(subscription: Node) -> dict[str, Span]:
    if "trial_start" in subscription or "trial_end" in subscription:
        return {}
    found: dict[str, Span] = {}
    for item in subscription.nodes("items"):
        trial = item.node("current_trial")
        start, end = (trial.integer("start_date"), trial.integer("end_date")) if trial else (None, None)
        if start is not None and end is not None:
            found[item.required_text("id")] = (start, end)
    return found


def read_items(subscription: Node) -> list[Item]:
    """The items of a subscription (or of the part of one in `previous_attributes`), in order of id.

    Stripe's order of items is not part of a subscription's state, so it must not make two snapshots differ.
    """
    period = (subscription.integer("current_period_start"), subscription.integer("current_period_end"))
    return sorted(
        (_read_item(item, period) for item in subscription.nodes("items")), key=lambda item: item["id"]
    )


def _read_item(item: Node, period: tuple[int | None, int | None]) -> Item:
    price = price_of(item)
    quantity = item.integer("quantity")
    return Item(
        id=item.required_text("id"),
        quantity=1 if quantity is None else quantity,
        discounts=discounts_of(item),
        period_start=item.integer("current_period_start") or period[0],
        period_end=item.integer("current_period_end") or period[1],
        **price,
    )
