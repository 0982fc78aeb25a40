"""Billing events: what happened, read from one Stripe event alone.

A billing event's key names what happened, not the Stripe event, so that it counts once however often and
in whatever shape Stripe reports it. What happens once to an object is keyed by the object, and takes time and
content from the object's own values; what can happen again is keyed by the Stripe event.
"""

from peoplesync.domain.billing_events.kinds import KINDS, BillingEvent
from peoplesync.domain.billing_events.payments import (
    charge_events,
    checkout_events,
    customer_events,
    invoice_events,
)
from peoplesync.domain.billing_events.subscriptions import subscription_events

__all__ = [
    "KINDS",
    "BillingEvent",
    "charge_events",
    "checkout_events",
    "customer_events",
    "invoice_events",
    "subscription_events",
]
