"""Relevance: which of Stripe's events are of any use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from peoplesync.domain.catalogue import EVENT_TYPES as CATALOGUE_EVENT_TYPES
from peoplesync.domain.records.changes import EVENT_TYPES, customer_of


def no_use(event: Any) -> str | None:
    """Why a genuine event is dropped; None where it is wanted, and where it cannot be read: the worker says
    what is wrong with it."""
    event_type = event.get("type") if isinstance(event, Mapping) else None
    if not isinstance(event_type, str):
        return None
    if event.get("account"):
        return "connect"
    if event_type not in EVENT_TYPES | CATALOGUE_EVENT_TYPES:
        return "unsupported"
    data = event.get("data")
    stripe_object = data.get("object") if isinstance(data, dict) else None
    if not isinstance(stripe_object, dict):
        return "no_id"
    if not stripe_object.get("id") and stripe_object.get("object") != "discount":
        return "no_id"
    if event_type in CATALOGUE_EVENT_TYPES or customer_of(stripe_object) is not None:
        return None
    is_guest = isinstance(stripe_object.get("object"), str) and stripe_object.get("customer") is None
    return "guest" if is_guest and stripe_object["object"] != "customer" else None
