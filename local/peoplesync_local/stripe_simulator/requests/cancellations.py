"""The end of a subscription as requests and the customer portal plan it, and as they take it back."""

from __future__ import annotations

from peoplesync_local.stripe_simulator.billing.billing_modes import is_flexible
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from peoplesync_local.stripe_simulator.parameters.errors import InvalidRequest
from peoplesync_local.stripe_simulator.parameters.forms import Params, whole
from peoplesync_local.stripe_simulator.parameters.params import choice, part, text, truth

FEEDBACK = (
    *("customer_service", "low_quality", "missing_features", "other", "switched_service"),
    *("too_complex", "too_expensive", "unused"),
)
"""Why somebody leaves, as the portal lets them choose."""

_KEPT: StripeObject = {"comment": None, "feedback": None, "reason": None}


def cancellation(params: Params, subscription: StripeObject, at: int) -> StripeObject:
    """What a request says about the subscription's end: the keys that change. Only `cancel_at_period_end`
    sets the flag of that name; the flag means the earliest end of an item's period."""
    ends = [item["current_period_end"] for item in subscription["items"]["data"]]
    cancel_at, at_period_end = None, False
    if params.get("cancel_at"):
        words = {"min_period_end": min(ends), "max_period_end": max(ends)}
        asked = params["cancel_at"]
        cancel_at = words[asked] if asked in words else whole(asked, "cancel_at")
        if cancel_at <= at:
            raise InvalidRequest("cancel_at must be a timestamp in the future.", param="cancel_at")
    elif truth(params, "cancel_at_period_end"):
        cancel_at, at_period_end = min(ends), True
    elif "cancel_at" not in params and "cancel_at_period_end" not in params:
        return {}
    details = subscription["cancellation_details"]
    return {
        "cancel_at": cancel_at,
        "cancel_at_period_end": at_period_end,
        "canceled_at": (subscription["canceled_at"] or at) if cancel_at else None,
        "cancellation_details": details | {"reason": "cancellation_requested"} if cancel_at else _KEPT,
    }


def cancellation_details(params: Params) -> StripeObject:
    """The `comment` and `feedback` that a request gives; what it does not mention is not in it."""
    given = part(params, "cancellation_details")
    details: StripeObject = {}
    if "comment" in given:
        details["comment"] = text(given, "comment")
    if "feedback" in given:
        details["feedback"] = choice(given, "feedback", FEEDBACK, "") if given["feedback"] else None
    return details


def in_portal(subscription: StripeObject, feedback: str | None, comment: str | None) -> Params:
    """What the customer portal asks for when somebody cancels: flexible subscriptions get a `cancel_at` only,
    the latest end of an item's period, classic ones the flag."""
    details = {"feedback": feedback or "", "comment": comment or ""}
    end = {"cancel_at": "max_period_end"}
    if not is_flexible(subscription["billing_mode"]):
        end = {"cancel_at_period_end": "true"}
    return {**end, "cancellation_details": details}
