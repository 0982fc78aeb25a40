"""The facts of a modern Stripe object in the shape that API version 2020-03-02 had for them.

Stripe events keep the version they were made with, so that one account's history holds both shapes. What
moved: the period from the item to the subscription, `discounts[]` from `discount`, the invoice's
subscription, charge and `paid`, the line's price and plan, and the charge's invoice.
"""

from typing import Any

from peoplesync_local.stripe_simulator.objects.events import copied, previous_attributes
from peoplesync_local.stripe_simulator.objects.shapes import DAY, StripeObject, list_of, plan_of

OLD = "2020-03-02"


def old_shape(modern: StripeObject) -> StripeObject:
    """The object in the old shape; unchanged if it already is, or if its kind looked the same then."""
    reshape = _RESHAPE.get(modern.get("object", ""))
    return reshape(copied(modern)) if reshape else modern


def old_previous(modern: StripeObject, previous: StripeObject) -> StripeObject:
    """`previous_attributes` as the old shape had them for the same change of the (modern) object."""
    return previous_attributes(old_shape(before(modern, previous)), old_shape(modern))


def before(after: StripeObject, previous: StripeObject) -> StripeObject:
    """The object as it was: `after` with its event's `previous_attributes` laid over it."""
    merged = copied(after)
    for key, value in previous.items():
        there = merged.get(key)
        merged[key] = before(there, value) if isinstance(there, dict) and isinstance(value, dict) else value
    return merged


def _old_customer(customer: StripeObject) -> StripeObject:
    if "sources" in customer or "created" not in customer:
        return customer
    for key in ("customer_account", "test_clock"):
        customer.pop(key, None)
    base = f"/v1/customers/{customer['id']}"
    return customer | {
        "discount": _old_discount([customer["discount"]]) if customer.get("discount") else None,
        "sources": list_of([], f"{base}/sources"),
        "subscriptions": list_of([], f"{base}/subscriptions"),
        "tax_ids": list_of([], f"{base}/tax_ids"),
    }


def _old_subscription(subscription: StripeObject) -> StripeObject:
    if "current_period_start" in subscription:
        return subscription
    for key in ("billing_mode", "customer_account", "status_details", "test_clock", "trial_settings"):
        subscription.pop(key, None)
    subscription.pop("currency")
    items: list[StripeObject] = subscription["items"]["data"]
    periods = [(item.pop("current_period_start"), item.pop("current_period_end")) for item in items]
    for item in items:
        item.pop("discounts")
    alone = items[0] if len(items) == 1 else {}
    start, end = periods[0] if periods else (subscription["start_date"], subscription["start_date"])
    return subscription | {
        "current_period_end": end,
        "current_period_start": start,
        "discount": _old_discount(subscription.pop("discounts")),
        "plan": copied(alone.get("plan")),
        "quantity": alone.get("quantity"),
        "tax_percent": None,
    }


def _old_invoice(invoice: StripeObject) -> StripeObject:
    if "paid" in invoice:
        return invoice
    details = (invoice.pop("parent") or {}).get("subscription_details") or {}
    payments = invoice.pop("payments", {"data": []})["data"]
    paid_with: StripeObject = payments[0]["payment"] if payments else {}
    for line in invoice["lines"]["data"]:
        _give_price(line)
    for key in ("amount_overpaid", "customer_account", "test_clock", "total_taxes"):
        invoice.pop(key, None)
    return invoice | {
        "charge": paid_with.get("charge"),
        "discount": _old_discount(invoice.pop("discounts")),
        "paid": invoice["status"] == "paid",
        "payment_intent": paid_with.get("payment_intent"),
        "subscription": details.get("subscription"),
        "tax": None,
    }


def _give_price(line: StripeObject) -> None:
    """Turn the line's `pricing` into the whole `price` and `plan`, which it had before. A modern line does
    not say the price's interval: it is taken from the length of the line's period."""
    pricing, parent = line.pop("pricing"), line.pop("parent")
    details = parent["subscription_item_details"] or {}
    days = (line["period"]["end"] - line["period"]["start"]) / DAY
    interval = "day" if days <= 1 else "week" if days <= 7 else "month" if days <= 31 else "year"
    decimal = pricing["unit_amount_decimal"]
    price: StripeObject = {
        "id": pricing["price_details"]["price"],
        "object": "price",
        "active": True,
        "billing_scheme": "per_unit",
        "created": line["period"]["start"],
        "currency": line["currency"],
        "livemode": line["livemode"],
        "metadata": {},
        "nickname": None,
        "product": pricing["price_details"]["product"],
        "recurring": {
            "interval": interval,
            "interval_count": 1,
            "meter": None,
            "trial_period_days": None,
            "usage_type": "licensed",
        },
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring",
        "unit_amount": int(decimal) if decimal is not None and decimal.isdigit() else None,
        "unit_amount_decimal": decimal,
    }
    line.pop("taxes", None)
    line |= {
        "plan": plan_of(price),
        "price": price,
        "proration": bool(details.get("proration")),
        "subscription": details.get("subscription"),
        "subscription_item": details.get("subscription_item"),
        "tax_amounts": [],
        "type": "subscription" if details else "invoiceitem",
    }


def _old_charge(charge: StripeObject) -> StripeObject:
    if "refunds" in charge:
        return charge
    refunds: list[StripeObject] = []
    if charge["captured"]:  # what was authorised and not captured was called refunded
        charge["amount_refunded"] += charge["amount"] - charge["amount_captured"]
    if charge["amount_refunded"]:
        refund = {"id": f"re_{charge['id']}", "object": "refund", "amount": charge["amount_refunded"]}
        refunds = [refund | {"charge": charge["id"], "status": "succeeded"}]
    listed = list_of(refunds, f"/v1/charges/{charge['id']}/refunds")
    return {"dispute": None, "invoice": None, "order": None} | charge | {"refunds": listed}


def _old_session(session: StripeObject) -> StripeObject:
    return session | {"ui_mode": "hosted"}


def _old_discount(discounts: list[Any]) -> StripeObject | None:
    """The first of the discounts with its coupon inside; the coupon must have been given whole."""
    if not discounts:
        return None
    discount = dict(discounts[0])
    if "coupon" in discount:
        return discount
    coupon = discount.pop("source")["coupon"]
    if not isinstance(coupon, dict):
        raise ValueError(f"the old shape shows the whole coupon, the discount only names {coupon}")
    return discount | {"coupon": coupon}


_RESHAPE = {
    "customer": _old_customer,
    "subscription": _old_subscription,
    "invoice": _old_invoice,
    "charge": _old_charge,
    "checkout.session": _old_session,
}
