"""Billing events: what happened, read from one Stripe event alone.

A billing event's key names what happened, not who told us, so that it counts once however often and in
whatever shape Stripe tells of it. What happens once to an object is keyed by the object, and takes time and
content from the object's own values; what can happen again is keyed by the Stripe event.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from peoplesync.domain.money import major, rounded_major
from peoplesync.domain.mrr import subscription_mrr
from peoplesync.domain.primary import primary_item
from peoplesync.domain.stripe_objects import Charge, Invoice, StripeEvent, Subscription

KINDS: Final = (
    "subscription_created",
    "subscription_activated",
    "subscription_past_due",
    "subscription_canceled",
    "trial_started",
    "trial_ended",
    "invoice_created",
    "invoice_paid",
    "payment_failed",
    "charge_succeeded",
    "charge_failed",
    "charge_refunded",
    "checkout_completed",
    "customer_deleted",
)

TRIAL_END_SLACK: Final = 86_400
"""Seconds after a trial's end within which a deletion or pause may be the trial's own end: Stripe works
ended trials off in its own time. A trial that ended by converting has the same key, so nothing doubles."""


@dataclass(frozen=True)
class BillingEvent:
    """One entry of the feed. `content` is plain JSON: amounts as text in the major unit, instants as
    Unix seconds under names that end in `_at`."""

    kind: str
    key: str
    at: int
    content: dict[str, Any]


def subscription_events(event: StripeEvent, subscription: Subscription) -> Iterator[BillingEvent]:
    """What a `customer.subscription.*` event says happened to the subscription."""
    action = event.type.removeprefix("customer.subscription.")
    facts = subscription_facts(subscription)
    status, before = subscription["status"], event.previous.get("status")
    subscription_id = subscription["id"]

    def once(kind: str, at: int, *qualifier: int) -> BillingEvent:
        return BillingEvent(kind, ":".join([kind, subscription_id, *map(str, qualifier)]), at, facts)

    def again(kind: str) -> BillingEvent:
        content = {**facts, "status": status, "previous_status": before}
        return BillingEvent(kind, f"{event.id}:{kind}", event.created, content)

    if action == "created":
        yield once("subscription_created", subscription["created"])
    if status == "active" and (action == "created" or before in ("incomplete", "trialing")):
        yield again("subscription_activated")
    if status == "past_due" and before not in (None, "past_due"):
        yield again("subscription_past_due")
    if status == "trialing" and (action == "created" or before not in (None, "trialing")):
        started = subscription["trial_start"] or subscription["created"]
        yield once("trial_started", started, started)
    yield from _trial_end(event, subscription, action, before)
    if action == "deleted":
        yield once("subscription_canceled", _ended_at(event, subscription))


def _trial_end(
    event: StripeEvent, subscription: Subscription, action: str, before: str | None
) -> Iterator[BillingEvent]:
    end = subscription["trial_end"]
    if end is None:
        return
    at = min(end, _ended_at(event, subscription)) if action == "deleted" else end
    left = before == "trialing" and subscription["status"] != "trialing"
    stopped = {"deleted": _ended_at(event, subscription), "paused": event.created}.get(action)
    if left or (stopped is not None and stopped <= end + TRIAL_END_SLACK):
        # No status and no plan here: two Stripe events can tell of this one end, and must write the same.
        content = {
            "subscription": subscription["id"],
            "trial_started_at": subscription["trial_start"],
            "trial_ends_at": end,
        }
        yield BillingEvent("trial_ended", f"trial_ended:{subscription['id']}:{end}", at, content)


def _ended_at(event: StripeEvent, subscription: Subscription) -> int:
    return subscription["ended_at"] or subscription["canceled_at"] or event.created


def subscription_facts(subscription: Subscription) -> dict[str, Any]:
    """Subscription, plan and worth, as a reader of the feed needs them."""
    item = primary_item(subscription)
    facts: dict[str, Any] = {"subscription": subscription["id"]}
    if item is not None:
        facts |= {
            "product": item["product"],
            "plan": item["price"],
            "plan_nickname": item["nickname"],
            "plan_price": major(item["unit_amount"], item["currency"]) if item["unit_amount"] else None,
            "plan_interval": item["interval"],
            "plan_interval_count": item["interval_count"],
            "quantity": item["quantity"],
            "currency": item["currency"],
        }
    mrr = subscription_mrr(subscription)
    if mrr is not None:
        facts["mrr"] = rounded_major(mrr[subscription["currency"]], subscription["currency"])
    return facts


def invoice_events(event: StripeEvent, invoice: Invoice) -> Iterator[BillingEvent]:
    """What an `invoice.*` event says happened to the invoice."""
    currency = invoice["currency"]
    facts = {
        "invoice": invoice["id"],
        "subscription": invoice["subscription"],
        "billing_reason": invoice["billing_reason"],
        "description": invoice["description"],
        "currency": currency,
    }
    due = facts | {"amount_due": major(invoice["amount_due"], currency)}
    if event.type == "invoice.created":
        yield BillingEvent("invoice_created", f"invoice_created:{invoice['id']}", invoice["created"], due)
    elif event.type in ("invoice.paid", "invoice.payment_succeeded"):
        content = facts | {"amount_paid": major(invoice["amount_paid"], currency)}
        at = invoice["paid_at"] or invoice["created"]
        yield BillingEvent("invoice_paid", f"invoice_paid:{invoice['id']}", at, content)
    elif event.type == "invoice.payment_failed":
        attempt = invoice["attempt_count"]
        key = f"payment_failed:{invoice['id']}:{attempt}"
        yield BillingEvent("payment_failed", key, event.created, due | {"attempt": attempt})


def charge_events(event: StripeEvent, charge: Charge) -> Iterator[BillingEvent]:
    """What a `charge.*` event says happened to the charge."""
    currency, charge_id = charge["currency"], charge["id"]
    facts = {
        "charge": charge_id,
        "amount": major(charge["amount"], currency),
        "currency": currency,
        "description": charge["description"],
    }
    if event.type == "charge.succeeded":
        yield BillingEvent("charge_succeeded", f"charge_succeeded:{charge_id}", charge["created"], facts)
    elif event.type == "charge.failed":
        content = facts | {"failure_code": charge["failure_code"]}
        yield BillingEvent("charge_failed", f"charge_failed:{charge_id}", charge["created"], content)
    elif event.type == "charge.refunded":
        refunded = charge["amount_refunded"]
        content = facts | {"amount_refunded": major(refunded, currency)}
        yield BillingEvent(
            "charge_refunded", f"charge_refunded:{charge_id}:{refunded}", event.created, content
        )


def checkout_events(event: StripeEvent, session_id: str) -> Iterator[BillingEvent]:
    """A completed checkout; `async_payment_*` events tell of its payment, not of another checkout."""
    yield BillingEvent(
        "checkout_completed",
        f"checkout_completed:{session_id}",
        event.created,
        {"checkout_session": session_id},
    )


def customer_events(event: StripeEvent, customer_id: str) -> Iterator[BillingEvent]:
    """A customer's deletion."""
    if event.type == "customer.deleted":
        content = {"customer": customer_id}
        yield BillingEvent("customer_deleted", f"customer_deleted:{customer_id}", event.created, content)
