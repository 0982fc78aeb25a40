"""Which of several subscriptions, and which of its items, represents the person."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from peoplesync.domain.revenue.mrr import monthly_value
from peoplesync.domain.stripe_objects import Item, Subscription

BEST_STATUS_FIRST = (
    "active",
    "trialing",
    "past_due",
    "unpaid",
    "paused",
    "incomplete",
    "canceled",
    "incomplete_expired",
)


def status_rank(status: str) -> int:
    """0 for the best status; a status that Stripe adds one day comes last."""
    return BEST_STATUS_FIRST.index(status) if status in BEST_STATUS_FIRST else len(BEST_STATUS_FIRST)


def primary_subscription(subscriptions: Iterable[Subscription]) -> Subscription | None:
    """Best status, then newest, then the lowest id."""
    return min(
        subscriptions,
        key=lambda one: (status_rank(one["status"]), -one["created"], one["id"]),
        default=None,
    )


def primary_item(subscription: Subscription | None) -> Item | None:
    """Licensed before metered, then the highest monthly value, then the lowest id."""
    items = subscription["items"] if subscription else []
    if len(items) == 1:
        return items[0]
    return min(
        items,
        key=lambda item: (item["metered"], -(monthly_value(item) or Fraction(0)), item["id"]),
        default=None,
    )
