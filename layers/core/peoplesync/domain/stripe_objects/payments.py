"""Stripe charges and invoices.

Since 2025-03-31.basil neither names the other, and an invoice keeps its subscription under `parent`. Until
then a charge's `amount_refunded` included what of it was authorised and never captured. Until 2019-02-19 an
invoice's `created` was called `date`; a charge's `status` is `paid` in shapes before 2015, and missing in the
oldest ones.
"""

from __future__ import annotations

import re
from typing import Any, TypedDict

from peoplesync.domain.stripe_objects.reading import Node

# How Stripe words the line of a subscription: "3 × Team (at $49.00 / month)", "Trial period for Team", and in
# flexible billing "3 x Team (at $49.00 / month)", "Free trial for 3 x Team".
_LINE_NAMES = (
    re.compile(r"\d+ [×x] (?P<name>.+) \((?:Tier \d+ )?at .+\)"),
    re.compile(r"Trial period for (?P<name>.+)"),
    re.compile(r"Free trial for (?:\d+ [×x] )?(?P<name>.+)"),
)

_SUCCEEDED = frozenset({"succeeded", "paid"})

REFUNDED_MEANS_CAPTURED = "2025-03-31"
"""Since the API version of this day, only what was captured is ever called refunded."""


class Charge(TypedDict):
    """A charge. `customer` is None for guests. Amounts in the minor unit; `captured` says that
    `amount_captured` was really taken: of a bank debit that is pending, Stripe calls all of it captured.
    `amount_refunded` is what of it was given back."""

    id: str
    customer: str | None
    created: int
    currency: str
    amount: int
    captured: bool
    amount_captured: int
    amount_refunded: int
    status: str | None
    description: str | None
    failure_code: str | None


class Invoice(TypedDict):
    """An invoice. `description` is its own, else its first line's; `product_names` is what its lines call
    the products they bill, by product id."""

    id: str
    customer: str | None
    subscription: str | None
    created: int
    currency: str
    number: str | None
    billing_reason: str | None
    description: str | None
    paid: bool
    paid_at: int | None
    amount_due: int
    amount_paid: int
    attempt_count: int
    product_names: dict[str, str]


def read_charge(value: Any, api_version: str | None = None) -> Charge:
    """A charge in any API version; where it is not known in which, amounts are taken as they are today."""
    charge = Node.top(value, "charge")
    amount = charge.required_integer("amount")
    captured = charge.boolean("captured") is not False and _has_succeeded(charge)
    shown = charge.integer("amount_captured")
    amount_captured = (amount if shown is None else shown) if captured else 0
    refunded = charge.integer("amount_refunded") or 0
    if api_version is not None and api_version[:10] < REFUNDED_MEANS_CAPTURED:
        refunded = max(refunded - (amount - amount_captured), 0)
    return Charge(
        id=charge.required_text("id"),
        customer=charge.reference("customer"),
        created=charge.required_integer("created"),
        currency=charge.required_text("currency"),
        amount=amount,
        captured=captured,
        amount_captured=amount_captured,
        amount_refunded=refunded,
        status=charge.text("status"),
        description=charge.text("description"),
        failure_code=charge.text("failure_code"),
    )


def _has_succeeded(charge: Node) -> bool:
    status = charge.text("status")
    return bool(charge.boolean("paid")) if status is None else status in _SUCCEEDED


def read_invoice(value: Any) -> Invoice:
    """An invoice in any API version."""
    invoice = Node.top(value, "invoice")
    created = invoice.integer("created") or invoice.integer("date") or invoice.required_integer("created")
    paid = invoice.text("status") == "paid" or bool(invoice.boolean("paid"))
    transitions = invoice.node("status_transitions")
    # An object's own value, never the event's time: two events of one payment must agree on it.
    paid_at = (transitions.integer("paid_at") if transitions else None) or created
    lines = invoice.nodes("lines")
    return Invoice(
        id=invoice.required_text("id"),
        customer=invoice.reference("customer"),
        subscription=_subscription(invoice),
        created=created,
        currency=invoice.required_text("currency"),
        number=invoice.text("number"),
        billing_reason=invoice.text("billing_reason"),
        description=invoice.text("description") or (lines[0].text("description") if lines else None),
        paid=paid,
        paid_at=paid_at if paid else None,
        amount_due=invoice.integer("amount_due") or 0,
        amount_paid=invoice.integer("amount_paid") or 0,
        attempt_count=invoice.integer("attempt_count") or 0,
        product_names=dict(name for line in lines if (name := _product_name(line)) is not None),
    )


def _subscription(invoice: Node) -> str | None:
    parent = invoice.node("parent")
    details = parent.node("subscription_details") if parent else None
    return (details.reference("subscription") if details else None) or invoice.reference("subscription")


def _product_name(line: Node) -> tuple[str, str] | None:
    """A line's product and what the line calls it; names are in no other event that comes by itself."""
    pricing = line.node("pricing")
    details = pricing.node("price_details") if pricing else None
    price = line.expanded("price") or line.expanded("plan")
    product = (details.reference("product") if details else None) or (
        price.reference("product") if price else None
    )
    description = line.text("description") or ""
    matches = (pattern.fullmatch(description) for pattern in _LINE_NAMES)
    name = next((match["name"] for match in matches if match), None)
    return (product, name) if product and name else None
