"""Stripe events: the envelope around an object's snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from peoplesync.domain.stripe_objects.reading import Json, Node, attached

# What the readers of this package look at; a genuine event that is too big for the queue keeps just this.
_READ = frozenset(
    """
    id object created deleted email name phone description delinquent address city country line1
    line2 postal_code state status start_date currency trial_start trial_end cancel_at_period_end
    cancel_at canceled_at ended_at pause_collection behavior discount discounts items data price
    plan quantity current_period_start current_period_end nickname product unit_amount
    unit_amount_decimal amount amount_decimal recurring interval interval_count usage_type
    billing_scheme tiers tiers_mode up_to flat_amount flat_amount_decimal transform_quantity
    transform_usage divide_by round start end source coupon percent_off amount_off duration
    applies_to products customer captured amount_captured amount_refunded failure_code parent
    subscription_details subscription number billing_reason paid status_transitions paid_at lines
    amount_due amount_paid attempt_count pricing price_details mode payment_status amount_total
    invoice latest_invoice date current_trial end_date cancellation_details reason status_details
    paused type collection_method customer_account has_more total_count currency_options
    """.split()
)
_ENVELOPE = ("id", "object", "type", "created", "livemode", "api_version")


_WITH_METADATA = frozenset({"customer", "subscription", "product"})
"""Objects whose metadata fields can be made of."""


@dataclass(frozen=True)
class StripeEvent:
    """An event as Stripe sent it. `object` is `data.object`; `previous` holds the old values of what
    changed, on `*.updated` only. `api_version` is that of the object's shape, None where unknown."""

    id: str
    type: str
    created: int
    livemode: bool
    object: Json
    previous: Json
    api_version: str | None = None


def read_event(value: Any) -> StripeEvent:
    """The envelope of an event; raises `UnreadableStripeObject` where it has not the shape of one."""
    event = Node.top(value, "event")
    data = event.node("data")
    if data is None:
        event.required_text("data")  # raises: is missing
        raise AssertionError("unreachable")
    raw = value["data"]
    data.node("object")
    data.node("previous_attributes")
    return StripeEvent(
        id=event.required_text("id"),
        type=event.required_text("type"),
        created=event.required_integer("created"),
        livemode=bool(event.boolean("livemode")),
        object=raw.get("object") or {},
        previous=raw.get("previous_attributes") or {},
        api_version=event.text("api_version"),
    )


def slim(event: Json) -> dict[str, Any]:
    """The event with only what `read_*` look at: no payment details or tax lines."""
    data = event["data"]
    slimmed = {"object": _keep(data["object"])}
    if data.get("previous_attributes"):
        slimmed["previous_attributes"] = _keep(data["previous_attributes"])
    return {**{name: event[name] for name in _ENVELOPE if name in event}, "data": slimmed}


def slim_object(value: Json) -> dict[str, Any]:
    """An object of a list with only what `read_*` look at."""
    kept: dict[str, Any] = _keep(value)
    return kept


def _keep(value: Any) -> Any:
    if isinstance(value, Mapping):
        kept = {key: _keep(part) for key, part in value.items() if key in _READ}
        if isinstance(options := value.get("currency_options"), Mapping):
            kept["currency_options"] = {currency: _keep(option) for currency, option in options.items()}
        metadata = value.get("metadata")
        if value.get("object") in _WITH_METADATA and isinstance(metadata, Mapping) and attached(metadata):
            kept["metadata"] = attached(metadata)
        return kept
    if isinstance(value, list):
        return [_keep(part) for part in value]
    return value
