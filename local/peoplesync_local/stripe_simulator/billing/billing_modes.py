"""How a subscription is billed: flexibly, as new ones are since 2025-09-30.clover, or the classic way."""

from __future__ import annotations

from collections.abc import Sequence

from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from peoplesync_local.stripe_simulator.parameters.errors import InvalidRequest
from peoplesync_local.stripe_simulator.parameters.forms import Params
from peoplesync_local.stripe_simulator.parameters.params import choice, part

CLASSIC: StripeObject = {"type": "classic", "flexible": None}
FLEXIBLE: StripeObject = {"type": "flexible", "flexible": {"proration_discounts": "included"}}
_PRORATIONS = ("included", "itemized")


def billing_mode(params: Params) -> StripeObject:
    """The `billing_mode` that a request for a new subscription asks for."""
    given = part(params, "billing_mode")
    if choice(given, "type", ("classic", "flexible"), "flexible") == "classic":
        return CLASSIC
    discounts = choice(part(given, "flexible"), "proration_discounts", _PRORATIONS, "included")
    return {"type": "flexible", "flexible": {"proration_discounts": discounts}}


def migrated(mode: StripeObject, params: Params, at: int) -> StripeObject:
    """The mode after `POST /v1/subscriptions/sub_1/migrate`; there is no way back."""
    if choice(part(params, "billing_mode"), "type", ("flexible",), "") and is_flexible(mode):
        message = "The subscription is already in flexible billing mode."
        raise InvalidRequest(message, param="billing_mode[type]")
    return billing_mode(params) | {"updated_at": at}


def is_flexible(mode: StripeObject) -> bool:
    return bool(mode["type"] == "flexible")


def check_intervals(mode: StripeObject, items: Sequence[StripeObject]) -> None:
    """Refuse prices of several intervals in one classic subscription."""
    recurring = [item["price"]["recurring"] for item in items]
    if not is_flexible(mode) and len({(one["interval"], one["interval_count"]) for one in recurring}) > 1:
        message = "Currently, all prices on a subscription must have the same `recurring.interval` and "
        message += "`recurring.interval_count`, unless its `billing_mode` is `flexible`."
        raise InvalidRequest(message, param="items")
