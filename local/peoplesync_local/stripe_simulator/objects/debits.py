"""Bank debits: charges that are pending for days before the money comes, or does not.

A pending charge shows `captured` and its full `amount_captured` already, and a failed one still does: only
`status` and `paid` show. The functions that say what becomes of a charge return a new one.
"""

# ruff: noqa: A002 - the keywords are Stripe's own names

from typing import Any

from peoplesync_local.stripe_simulator.objects import payments as stripe_payments
from peoplesync_local.stripe_simulator.objects.shapes import DAY, StripeObject

SETTLES_AFTER = {"sepa_debit": 5 * DAY, "us_bank_account": 4 * DAY}
"""How long a debit of each kind is pending."""

_DETAILS: dict[str, StripeObject] = {
    "sepa_debit": {
        "bank_code": "37040044",
        "branch_code": None,
        "country": "DE",
        "fingerprint": None,
        "last4": "3000",
        "mandate": None,
    },
    "us_bank_account": {
        "account_holder_type": "company",
        "account_type": "checking",
        "bank_name": "STRIPE TEST BANK",
        "fingerprint": None,
        "last4": "6789",
        "payment_reference": None,
        "routing_number": "110000000",
    },
}


def kind_of(method: str | None) -> str | None:
    """The kind of debit that a payment method's id names (`pm_usBankAccount`); None: it is not a debit."""
    word = (method or "").replace("_", "").lower()
    return next((kind for kind in SETTLES_AFTER if kind.replace("_", "") in word), None)


def pending(id: str, *, kind: str, amount: int, created: int, **extra: Any) -> StripeObject:
    """The charge when the debit was begun."""
    return stripe_payments.charge(
        id,
        amount=amount,
        created=created,
        status="pending",
        captured=True,
        payment_method_details={kind: _DETAILS[kind], "type": kind},
        **extra,
    )


def settles_at(charge: StripeObject) -> int | None:
    """When the pending debit succeeds or fails; None: the charge is not pending."""
    if charge["status"] != "pending":
        return None
    waits = SETTLES_AFTER.get(charge["payment_method_details"]["type"], 0)
    return int(charge["created"]) + waits


def arrived(charge: StripeObject) -> StripeObject:
    """The charge when the money came."""
    return charge | {"status": "succeeded", "paid": True}


def returned(charge: StripeObject) -> StripeObject:
    """The charge when the bank sent the debit back."""
    return charge | {
        "status": "failed",
        "paid": False,
        "failure_code": "insufficient_funds",
        "failure_message": "The bank account has insufficient funds to complete the debit.",
    }


def under_way(payments: StripeObject) -> StripeObject:
    """The value of an invoice's `payments` while the debit is pending."""
    open_ = {
        "amount_paid": None,
        "status": "open",
        "status_transitions": {"canceled_at": None, "paid_at": None},
    }
    return payments | {"data": [payment | open_ for payment in payments["data"]]}
