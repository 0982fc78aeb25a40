"""What happens to invoices, charges, checkouts and customers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from peoplesync.domain.billing_events.kinds import BillingEvent
from peoplesync.domain.revenue.money import major
from peoplesync.domain.stripe_objects import Charge, Invoice, StripeEvent
from peoplesync.domain.stripe_objects.reading import Node


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
    """What a `charge.*` event says happened to the charge.

    A charge fails when its event says so: a bank debit, days after it began. Earlier versions took
    `charge.created` for it, and took for a refund what was never captured.
    """
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
        content, key = facts | {"failure_code": charge["failure_code"]}, f"charge_failed:{charge_id}"
        before = BillingEvent("charge_failed", key, charge["created"], content)
        yield BillingEvent("charge_failed", key, event.created, content, key, (before.entry,))
    elif event.type == "charge.refunded" and charge["amount_refunded"]:
        yield _refund(charge, event.created, facts)


def _refund(charge: Charge, at: int, facts: dict[str, Any]) -> BillingEvent:
    refunded, never_captured = charge["amount_refunded"], charge["amount"] - charge["amount_captured"]
    content = facts | {"amount_refunded": major(refunded, charge["currency"])}
    key = f"charge_refunded:{charge['id']}"
    refund = BillingEvent("charge_refunded", f"{key}:{refunded}", at, content)
    if not never_captured:
        return refund
    return replace(refund, formerly=(replace(refund, key=f"{key}:{refunded + never_captured}").entry,))


def checkout_events(event: StripeEvent, session_id: str) -> Iterator[BillingEvent]:
    """A completed checkout; `async_payment_*` events report its payment, not another checkout."""
    session = Node.top(event.object, "checkout.session")
    amount, currency = session.integer("amount_total"), session.text("currency")
    content = {
        "checkout_session": session_id,
        "mode": session.text("mode"),
        "subscription": session.reference("subscription"),
        "invoice": session.reference("invoice"),
        "payment_status": session.text("payment_status"),
        "amount_total": None if amount is None or currency is None else major(amount, currency),
        "currency": currency,
    }
    yield BillingEvent("checkout_completed", f"checkout_completed:{session_id}", event.created, content)


def customer_events(event: StripeEvent, customer_id: str) -> Iterator[BillingEvent]:
    """A customer's deletion."""
    if event.type == "customer.deleted":
        content = {"customer": customer_id}
        yield BillingEvent("customer_deleted", f"customer_deleted:{customer_id}", event.created, content)
