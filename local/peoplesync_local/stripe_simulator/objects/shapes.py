"""Stripe's objects as plain JSON dictionaries, in the shape of API version 2026-10-28.endive.

Each function makes one whole object as Stripe would show it in an event: small, but with every key where this
API version has it. Amounts are integers in the currency's minor unit, times are whole seconds since 1970
(UTC). `extra` replaces or adds keys of the finished object, whatever they are. Invoices and charges are in
`stripe_payments`.
"""

# ruff: noqa: A002 - the keywords are Stripe's own names

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from peoplesync_local.stripe_simulator.objects.constants import CHECKOUT_SESSION, SUBSCRIPTION

StripeObject = dict[str, Any]

MODERN = "2026-10-28.endive"
DAY = 86_400


def customer(
    id: str,
    *,
    created: int,
    email: str | None,
    name: str | None = None,
    phone: str | None = None,
    description: str | None = None,
    address: Mapping[str, str | None] | None = None,
    delinquent: bool = False,
    currency: str | None = None,
    livemode: bool = False,
    **extra: Any,
) -> StripeObject:
    """A `customer`; `address` may name only some of Stripe's six address keys, the others are null."""
    return {
        "id": id,
        "object": "customer",
        "address": None if address is None else full_address(address),
        "balance": 0,
        "created": created,
        "currency": currency,
        "customer_account": None,
        "default_source": None,
        "delinquent": delinquent,
        "description": description,
        "discount": None,
        "email": email,
        "invoice_settings": {"custom_fields": None, "default_payment_method": None, "footer": None},
        "livemode": livemode,
        "metadata": {},
        "name": name,
        "next_invoice_sequence": 1,
        "phone": phone,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    } | extra


def full_address(address: Mapping[str, str | None]) -> StripeObject:
    """The address with all of Stripe's six keys."""
    keys = ("city", "country", "line1", "line2", "postal_code", "state")
    return {key: address.get(key) for key in keys}


def price(
    id: str,
    *,
    product: str | StripeObject,
    unit_amount: int | None,
    currency: str = "usd",
    interval: str | None = "month",
    interval_count: int = 1,
    usage_type: str = "licensed",
    unit_amount_decimal: str | None = None,
    nickname: str | None = None,
    created: int = 1_700_000_000,
    livemode: bool = False,
    **extra: Any,
) -> StripeObject:
    """A per-unit `price`, one-time if `interval` is None. A fractional amount has `unit_amount` null and
    its digits in `unit_amount_decimal`; otherwise the decimal follows from the integer."""
    if unit_amount_decimal is None and unit_amount is not None:
        unit_amount_decimal = str(unit_amount)
    recurring = interval and {
        "interval": interval,
        "interval_count": interval_count,
        "meter": None,
        "trial_period_days": None,
        "usage_type": usage_type,
    }
    return {
        "id": id,
        "object": "price",
        "active": True,
        "billing_scheme": "per_unit",
        "created": created,
        "currency": currency,
        "custom_unit_amount": None,
        "livemode": livemode,
        "lookup_key": None,
        "metadata": {},
        "nickname": nickname,
        "product": product,
        "recurring": recurring,
        "tax_behavior": "unspecified",
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring" if interval else "one_time",
        "unit_amount": unit_amount,
        "unit_amount_decimal": unit_amount_decimal,
    } | extra


def plan_of(price: StripeObject) -> StripeObject | None:
    """The price as the older object `plan`, which Stripe still shows beside it; null for one-time prices."""
    recurring = price["recurring"]
    if recurring is None:
        return None
    return {
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": price["billing_scheme"],
        "created": price["created"],
        "currency": price["currency"],
        "interval": recurring["interval"],
        "interval_count": recurring["interval_count"],
        "livemode": price["livemode"],
        "metadata": {},
        "meter": recurring["meter"],
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": price["tiers_mode"],
        "transform_usage": price["transform_quantity"],
        "trial_period_days": recurring["trial_period_days"],
        "usage_type": recurring["usage_type"],
    }


def item(
    id: str,
    *,
    subscription: str,
    price: StripeObject,
    period: tuple[int, int],
    created: int,
    quantity: int | None = 1,
    **extra: Any,
) -> StripeObject:
    """A `subscription_item`; `period` is the current period's start and end. A metered item has no quantity
    (None) and does not show the key."""
    shown: StripeObject = {
        "id": id,
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": created,
        "current_period_end": period[1],
        "current_period_start": period[0],
        "discounts": [],
        "metadata": {},
        "plan": plan_of(price),
        "price": price,
        "quantity": quantity,
        "subscription": subscription,
        "tax_rates": [],
    }
    if quantity is None:
        del shown["quantity"]
    return shown | extra


def subscription(
    id: str,
    *,
    customer: str | StripeObject,
    items: Sequence[StripeObject],
    created: int,
    status: str = "active",
    start_date: int | None = None,
    trial_start: int | None = None,
    trial_end: int | None = None,
    cancel_at_period_end: bool = False,
    canceled_at: int | None = None,
    ended_at: int | None = None,
    latest_invoice: str | None = None,
    livemode: bool = False,
    **extra: Any,
) -> StripeObject:
    """A `subscription`. Its billing periods are in its items, its currency is the first item's."""
    first = items[0] if items else None
    ends = first["current_period_end"] if first and cancel_at_period_end else None
    return (
        SUBSCRIPTION
        | {
            "id": id,
            "object": "subscription",
            "application": None,
            "billing_cycle_anchor": trial_end or created,
            "billing_mode": {"type": "flexible", "flexible": {"proration_discounts": "included"}},
            "billing_thresholds": None,
            "cancel_at": ends,
            "cancel_at_period_end": cancel_at_period_end,
            "canceled_at": canceled_at,
            "cancellation_details": {"comment": None, "feedback": None, "reason": None},
            "collection_method": "charge_automatically",
            "created": created,
            "currency": first["price"]["currency"] if first else "usd",
            "customer": customer,
            "customer_account": None,
            "days_until_due": None,
            "default_payment_method": None,
            "description": None,
            "discounts": [],
            "ended_at": ended_at,
            "items": list_of(items, f"/v1/subscription_items?subscription={id}"),
            "latest_invoice": latest_invoice,
            "livemode": livemode,
            "metadata": {},
            "pause_collection": None,
            "pending_setup_intent": None,
            "pending_update": None,
            "schedule": None,
            "start_date": start_date if start_date is not None else created,
            "status": status,
            "status_details": {"paused": None},
            "test_clock": None,
            "trial_end": trial_end,
            "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
            "trial_start": trial_start,
        }
        | extra
    )


def checkout_session(
    id: str,
    *,
    customer: str | None,
    created: int,
    email: str | None,
    amount_total: int | None,
    currency: str = "usd",
    mode: str = "subscription",
    subscription: str | None = None,
    invoice: str | None = None,
    livemode: bool = False,
    **extra: Any,
) -> StripeObject:
    """A completed `checkout.session`; `mode` is `subscription`, `payment` or `setup`."""
    details: StripeObject = {"address": None, "email": email, "name": None, "phone": None}
    details |= {"business_name": None, "individual_name": None, "tax_exempt": "none", "tax_ids": []}
    return (
        CHECKOUT_SESSION
        | {
            "id": id,
            "object": "checkout.session",
            "amount_subtotal": amount_total,
            "amount_total": amount_total,
            "client_reference_id": None,
            "created": created,
            "currency": currency,
            "customer": customer,
            "customer_details": details,
            "customer_email": None,
            "expires_at": created + DAY,
            "invoice": invoice,
            "livemode": livemode,
            "metadata": {},
            "mode": mode,
            "payment_intent": None,
            "payment_link": None,
            "payment_method_types": ["card"],
            "payment_status": "paid" if amount_total else "no_payment_required",
            "setup_intent": None,
            "status": "complete",
            "subscription": subscription,
            "ui_mode": "hosted_page",
        }
        | extra
    )


def list_of(objects: Sequence[StripeObject], url: str) -> StripeObject:
    """The objects as one of Stripe's lists, complete in one page."""
    return {"object": "list", "data": list(objects), "has_more": False, "url": url}


def major_units(amount: int, currency: str) -> str:
    """The amount as Stripe writes it in descriptions: `$1,188.00`, `¥2,500`, `KWD 12.500`."""
    digits = {"jpy": 0, "kwd": 3}.get(currency, 2)
    sign = {"usd": "$", "eur": "€", "jpy": "¥"}.get(currency, currency.upper() + " ")
    return f"{sign}{Decimal(amount).scaleb(-digits):,.{digits}f}"
