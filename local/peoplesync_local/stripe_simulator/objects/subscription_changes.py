"""What becomes of a Stripe subscription: each function returns the changed one and leaves its own alone."""

import calendar
from collections.abc import Sequence
from datetime import UTC, datetime

from peoplesync_local.stripe_simulator.objects.shapes import DAY, StripeObject, plan_of

MONTHS = {"month": 1, "year": 12}


def period_end(start: int, price: StripeObject) -> int:
    """When a billing period that begins at `start` ends: calendar months, on the month's last day if it is
    shorter."""
    every: str = price["recurring"]["interval"]
    count: int = price["recurring"]["interval_count"]
    if every in ("day", "week"):
        return start + count * DAY * (7 if every == "week" else 1)
    begins = datetime.fromtimestamp(start, UTC)
    month = begins.month - 1 + count * MONTHS[every]
    year, month = begins.year + month // 12, month % 12 + 1
    day = min(begins.day, calendar.monthrange(year, month)[1])
    return int(begins.replace(year=year, month=month, day=day).timestamp())


def items_of(subscription: StripeObject) -> list[StripeObject]:
    """The subscription's items."""
    items: list[StripeObject] = subscription["items"]["data"]
    return items


def with_items(subscription: StripeObject, items: Sequence[StripeObject]) -> StripeObject:
    """The subscription with these items."""
    return subscription | {"items": subscription["items"] | {"data": list(items)}}


def in_period(subscription: StripeObject, start: int) -> StripeObject:
    """The subscription in the period that begins at `start`, each item for its own interval."""
    items = [
        item | {"current_period_start": start, "current_period_end": period_end(start, item["price"])}
        for item in items_of(subscription)
    ]
    return with_items(subscription, items)


def with_quantity(subscription: StripeObject, quantity: int) -> StripeObject:
    """The subscription with another quantity of its first item."""
    first, *others = items_of(subscription)
    return with_items(subscription, [first | {"quantity": quantity}, *others])


def on_price(subscription: StripeObject, price: StripeObject) -> StripeObject:
    """The subscription with its first item on another price of the same interval."""
    first, *others = items_of(subscription)
    return with_items(subscription, [first | {"price": price, "plan": plan_of(price)}, *others])


def ending_at_period_end(subscription: StripeObject, at: int) -> StripeObject:
    """The subscription whose cancellation was asked for at `at`, and which lives until its period ends."""
    ends = items_of(subscription)[0]["current_period_end"]
    return subscription | {"cancel_at": ends, "cancel_at_period_end": True, "canceled_at": at}


def kept(subscription: StripeObject) -> StripeObject:
    """The subscription whose cancellation was withdrawn."""
    return subscription | {"cancel_at": None, "cancel_at_period_end": False, "canceled_at": None}


def ended(subscription: StripeObject, at: int) -> StripeObject:
    """The canceled subscription; an earlier request keeps its moment, and a trial its planned end."""
    requested = subscription["canceled_at"] or at
    return subscription | {"status": "canceled", "canceled_at": requested, "ended_at": at}
