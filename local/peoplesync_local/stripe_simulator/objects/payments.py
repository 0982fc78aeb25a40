"""Stripe's invoices and charges (API version 2026-10-28.endive), and what becomes of them.

An invoice names its subscription under `parent`, a line its price under `pricing`, and neither invoice nor
charge names the other. The functions that say what becomes of an object (`finalized`, `paid`,
`payment_failed`, `refunded`) return a new one and leave theirs alone.
"""

# ruff: noqa: A002 - the keywords are Stripe's own names

from collections.abc import Sequence
from typing import Any

from peoplesync_local.stripe_simulator.objects.constants import APPROVED, CHARGE, DECLINED, INVOICE
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject, list_of, major_units


def line(
    id: str,
    *,
    price: StripeObject,
    period: tuple[int, int],
    quantity: int = 1,
    amount: int | None = None,
    subscription: str | None = None,
    subscription_item: str | None = None,
    description: str | None = None,
    livemode: bool = False,
    **extra: Any,
) -> StripeObject:
    """A `line_item`. `amount` is quantity times unit amount unless said (0 for the days of a trial)."""
    product = price["product"]
    parent = {
        "type": "subscription_item_details" if subscription else "invoice_item_details",
        "invoice_item_details": None,
        "subscription_item_details": subscription
        and {
            "invoice_item": None,
            "proration": False,
            "proration_details": {"credited_items": None},
            "subscription": subscription,
            "subscription_item": subscription_item,
        },
    }
    pricing = {
        "type": "price_details",
        "price_details": {
            "price": price["id"],
            "product": product["id"] if isinstance(product, dict) else product,
        },
        "unit_amount_decimal": price["unit_amount_decimal"],
    }
    asked = quantity * (price["unit_amount"] or 0) if amount is None else amount
    return {
        "id": id,
        "object": "line_item",
        "amount": asked,
        "currency": price["currency"],
        "description": description,
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "livemode": livemode,
        "metadata": {},
        "parent": parent,
        "period": {"start": period[0], "end": period[1]},
        "pretax_credit_amounts": [],
        "pricing": pricing,
        "quantity": quantity,
        "quantity_decimal": str(quantity),
        "subscription": subscription,
        "subtotal": asked,
        "taxes": [],
    } | extra


def describe_line(quantity: int, product_name: str, price: StripeObject) -> str:
    """A line's description in Stripe's words, the only place where an event shows a product's name.

    >>> describe_line(3, "Team", {"unit_amount": 4900, "currency": "usd", "recurring": {"interval": "month"}})
    '3 × Team (at $49.00 / month)'
    """
    amount = major_units(price["unit_amount"], price["currency"])
    return f"{quantity} × {product_name} (at {amount} / {price['recurring']['interval']})"


def invoice(
    id: str,
    *,
    customer: str | None,
    lines: Sequence[StripeObject],
    created: int,
    subscription: str | None = None,
    status: str = "draft",
    amount_paid: int | None = None,
    attempt_count: int = 0,
    paid_at: int | None = None,
    currency: str | None = None,
    billing_reason: str = "subscription_cycle",
    description: str | None = None,
    email: str | None = None,
    livemode: bool = False,
    **extra: Any,
) -> StripeObject:
    """An `invoice` of any `status`; amounts follow from its lines and status. A paid one was paid in full, at
    `paid_at` or else at once, unless `amount_paid` says another amount."""
    total = sum(shown["amount"] for shown in lines)
    is_paid = status == "paid"
    received = (total if is_paid else 0) if amount_paid is None else amount_paid
    settled_at = paid_at if paid_at is not None else created
    parent = subscription and {
        "type": "subscription_details",
        "quote_details": None,
        "subscription_details": {"metadata": {}, "subscription": subscription},
    }
    return (
        INVOICE
        | {
            "id": id,
            "object": "invoice",
            "amount_due": total,
            "amount_overpaid": 0,
            "amount_paid": received,
            "amount_remaining": total - received,
            "attempt_count": attempt_count,
            "attempted": attempt_count > 0 or is_paid,
            "auto_advance": not is_paid,
            "billing_reason": billing_reason,
            "collection_method": "charge_automatically",
            "created": created,
            "currency": currency or (lines[0]["currency"] if lines else "usd"),
            "customer": customer,
            "customer_account": None,
            "customer_email": email,
            "description": description,
            "discounts": [],
            "due_date": None,
            "lines": list_of(lines, f"/v1/invoices/{id}/lines"),
            "livemode": livemode,
            "metadata": {},
            "next_payment_attempt": None,
            "number": None if status == "draft" else f"TEST-{id}",
            "parent": parent,
            "period_end": created,
            "period_start": created,
            "status": status,
            "status_transitions": {
                "finalized_at": None if status == "draft" else created,
                "marked_uncollectible_at": None,
                "paid_at": settled_at if is_paid else None,
                "voided_at": None,
            },
            "subtotal": total,
            "subtotal_excluding_tax": total,
            "test_clock": None,
            "total": total,
            "total_discount_amounts": [],
            "total_excluding_tax": total,
            "total_taxes": [],
        }
        | extra
    )


def invoice_payments(
    *charges: str, of: str, created: int, amount: int, currency: str, livemode: bool = False
) -> StripeObject:
    """The value of an invoice's expandable `payments`, which events leave out."""
    payments = [
        {
            "id": f"inpay_{charge}",
            "object": "invoice_payment",
            "amount_paid": amount,
            "amount_requested": amount,
            "created": created,
            "currency": currency,
            "invoice": of,
            "is_default": True,
            "livemode": livemode,
            "payment": {"type": "charge", "charge": charge},
            "status": "paid",
            "status_transitions": {"canceled_at": None, "paid_at": created},
        }
        for charge in charges
    ]
    return list_of(payments, f"/v1/invoice_payments?invoice={of}")


def finalized(invoice: StripeObject, at: int) -> StripeObject:
    """The draft invoice, now open and numbered."""
    moments = invoice["status_transitions"] | {"finalized_at": at}
    return invoice | {"status": "open", "number": f"TEST-{invoice['id']}", "status_transitions": moments}


def paid(invoice: StripeObject, at: int) -> StripeObject:
    """The open invoice, paid in full; Stripe counts an attempt only if there was an amount to collect."""
    moments = invoice["status_transitions"] | {"paid_at": at}
    return invoice | {
        "status": "paid",
        "amount_paid": invoice["amount_due"],
        "amount_remaining": 0,
        "attempt_count": invoice["attempt_count"] + (1 if invoice["amount_due"] else 0),
        "attempted": True,
        "auto_advance": False,
        "next_payment_attempt": None,
        "status_transitions": moments,
    }


def payment_failed(invoice: StripeObject, retry_at: int | None) -> StripeObject:
    """The open invoice after one more attempt to collect it failed; None: Stripe will not try again."""
    count = invoice["attempt_count"] + 1
    return invoice | {"attempt_count": count, "attempted": True, "next_payment_attempt": retry_at}


def charge(
    id: str,
    *,
    customer: str | None,
    amount: int,
    created: int,
    currency: str = "usd",
    status: str = "succeeded",
    captured: bool | None = None,
    amount_captured: int | None = None,
    amount_refunded: int = 0,
    description: str | None = None,
    livemode: bool = False,
    **extra: Any,
) -> StripeObject:
    """A `charge` of a card, captured at once if it succeeded unless `captured` says otherwise."""
    succeeded = status == "succeeded"
    is_captured = succeeded if captured is None else captured
    taken = (amount if is_captured else 0) if amount_captured is None else amount_captured
    failed = status == "failed"
    return (
        CHARGE
        | {
            "id": id,
            "object": "charge",
            "amount": amount,
            "amount_captured": taken,
            "amount_refunded": amount_refunded,
            "balance_transaction": None,
            "billing_details": {"address": None, "email": None, "name": None, "phone": None, "tax_id": None},
            "captured": is_captured,
            "created": created,
            "currency": currency,
            "customer": customer,
            "description": description,
            "disputed": False,
            "failure_code": "card_declined" if failed else None,
            "failure_message": "Your card was declined." if failed else None,
            "livemode": livemode,
            "metadata": {},
            "outcome": DECLINED if failed else APPROVED,
            "paid": succeeded,
            "payment_intent": f"pi_{id}",
            "payment_method": None,
            "receipt_email": None,
            "refunded": amount_refunded >= amount > 0,
            "status": status,
        }
        | extra
    )


def refund(
    id: str,
    *,
    charge: StripeObject,
    amount: int,
    created: int,
    reason: str | None = None,
    status: str = "succeeded",
    **extra: Any,
) -> StripeObject:
    """A `refund` of some of a charge."""
    return {
        "id": id,
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": created,
        "currency": charge["currency"],
        "destination_details": {"card": {"type": "refund"}, "type": "card"},
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "reason": reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": status,
        "transfer_reversal": None,
    } | extra


def refunded(charge: StripeObject, amount: int) -> StripeObject:
    """The charge after `amount` more of it was given back; `amount_refunded` is cumulative."""
    total = charge["amount_refunded"] + amount
    return charge | {"amount_refunded": total, "refunded": total >= charge["amount_captured"]}
