"""Stripe events: the envelope around an object's snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from peoplesync.domain.stripe_objects.reading import DEEPEST, Json, Node, attached, refuse_too_deep

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
    paused type collection_method customer_account has_more currency_options subscription_item
    invoice_item
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
    refuse_too_deep(value)
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


def slim(event: Any) -> Any:
    """The event with only what `read_*` look at: no payment details or tax lines. What is not an event, or
    not an object where one should be, stays as unreadable as it is."""
    if not isinstance(event, dict):
        return _keep(event)
    slimmed = {name: _keep(event[name]) for name in _ENVELOPE if name in event}
    data = event.get("data")
    if not isinstance(data, dict):
        return {**slimmed, "data": _keep(data)}
    parts = {name: data.get(name) for name in ("object", "previous_attributes")}
    shown = {name: _keep(one) for name, one in parts.items() if one not in (None, {})}
    return {**slimmed, "data": shown}


def slim_object(value: Any) -> Any:
    """An object of a list with only what `read_*` look at."""
    return _keep(value)


def _keep(value: Any, level: int = 0) -> Any:
    # Cut just below what is read, so that it is still too deep for every reader, and for no encoder.
    if level > DEEPEST + 1:
        return None
    if isinstance(value, dict):
        kept = {key: _keep(part, level + 1) for key, part in value.items() if key in _READ}
        if isinstance(options := value.get("currency_options"), dict):  # its keys are currencies
            kept["currency_options"] = {currency: _keep(one, level + 2) for currency, one in options.items()}
        metadata, kind = value.get("metadata"), value.get("object")
        if isinstance(metadata, dict) and isinstance(kind, str) and kind in _WITH_METADATA:
            kept |= {"metadata": attached(metadata)} if attached(metadata) else {}
        return kept
    if isinstance(value, list):
        return [_keep(part, level + 1) for part in value]
    return value
