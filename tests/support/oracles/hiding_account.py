"""A Stripe account whose events show what Stripe's events show: not all that there is.

The objects are kept whole, as Stripe answers with them where it is asked to expand everything. In events,
discounts are ids, coupons and prices lack their terms of other currencies, coupons their products, prices
their tiers, and a nested list ends after ten.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from peoplesync_local.stripe_simulator.objects.events import event, previous_attributes
from peoplesync_local.stripe_simulator.objects.plain_account import StripeAccount
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject

SHOWN_ITEMS = 10
HIDDEN_KEYS = {"currency_options", "applies_to", "tiers"}


class HidingAccount(StripeAccount):
    """`wholes` are the objects whole by the event after which they were like that. Ids begin with
    `first_digits`, so that accounts may share a simulator."""

    def __init__(self, event_id: Callable[[int], str], first_digits: str = "") -> None:
        super().__init__(event_id)
        self._first_digits = first_digits
        self.wholes: dict[str, StripeObject] = {}

    def new_id(self, prefix: str) -> str:
        kind, _, number = super().new_id(prefix).rpartition("_")
        return f"{kind}_{self._first_digits}{number}"

    def happens(self, event_type: str, shown: StripeObject, at: int) -> StripeObject:
        before = self.objects.get(shown["id"])
        previous = None
        if before and event_type.endswith(".updated"):
            previous = as_shown(previous_attributes(before, shown))
        event_id = self._event_id(len(self.events) + 1)
        told = event(event_type, as_shown(shown), id=event_id, created=at, previous=previous)
        self.events.append(told)
        self.wholes[told["id"]] = self.objects[shown["id"]] = shown
        return shown

    def becomes(self, whole: StripeObject) -> None:
        """The object is changed, and no event of its own tells of it."""
        self.objects[whole["id"]] = whole


def as_shown(whole: Any) -> Any:
    """An object, or a part of one, as an event shows it."""
    if isinstance(whole, list):
        return [as_shown(one) for one in whole]
    if not isinstance(whole, dict):
        return whole
    shown = {
        key: _shown(key, value) if isinstance(value, (dict, list)) else value
        for key, value in whole.items()
        if key not in HIDDEN_KEYS
    }
    if len(shown.get("data", ())) > SHOWN_ITEMS:
        shown |= {"data": shown["data"][:SHOWN_ITEMS]}
        if "has_more" in shown:
            shown |= {"has_more": True, "total_count": len(whole["data"])}
    return shown


def _shown(key: str, value: Any) -> Any:
    if key == "discounts":
        return [one if isinstance(one, str) else one["id"] for one in value]
    return as_shown(value)
