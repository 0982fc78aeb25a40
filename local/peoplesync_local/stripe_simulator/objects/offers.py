"""What a company sells at Stripe, and what it takes off: products, tiers of prices, coupons, discounts.

Prices are in `shapes`. Amounts are integers in the currency's minor unit, or text where fractions of
it are meant; times are whole seconds since 1970 (UTC). `extra` replaces or adds keys of the finished object.
"""

# ruff: noqa: A002 - the keywords are Stripe's own names

from collections.abc import Sequence
from typing import Any

from peoplesync_local.stripe_simulator.objects.shapes import StripeObject


def product(id: str, *, name: str, created: int, livemode: bool = False, **extra: Any) -> StripeObject:
    """A `product`, last changed when it was created unless `updated` says otherwise."""
    return {
        "id": id,
        "object": "product",
        "active": True,
        "created": created,
        "default_price": None,
        "description": None,
        "images": [],
        "livemode": livemode,
        "marketing_features": [],
        "metadata": {},
        "name": name,
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": None,
        "type": "service",
        "unit_label": None,
        "updated": created,
        "url": None,
    } | extra


def tier(
    up_to: int | None, *, unit_amount: int | str | None = None, flat_amount: int | str | None = None
) -> StripeObject:
    """One step of a tiered price: `up_to` is the last quantity in it, None for the last tier."""
    shown: StripeObject = {"up_to": up_to}
    for name, amount in (("flat_amount", flat_amount), ("unit_amount", unit_amount)):
        shown[name] = amount if isinstance(amount, int) else None
        shown[f"{name}_decimal"] = None if amount is None else str(amount)
    return shown


def coupon(
    id: str,
    *,
    created: int,
    percent_off: float | None = None,
    amount_off: int | None = None,
    currency: str | None = None,
    duration: str = "forever",
    duration_in_months: int | None = None,
    products: Sequence[str] = (),
    livemode: bool = False,
    **extra: Any,
) -> StripeObject:
    """A `coupon`; `applies_to` is in it where it applies to some `products` only."""
    shown: StripeObject = {
        "id": id,
        "object": "coupon",
        "amount_off": amount_off,
        "created": created,
        "currency": currency if amount_off is not None else None,
        "duration": duration,
        "duration_in_months": duration_in_months,
        "livemode": livemode,
        "max_redemptions": None,
        "metadata": {},
        "name": None,
        "percent_off": percent_off,
        "redeem_by": None,
        "times_redeemed": 0,
        "valid": True,
    }
    if products:
        shown["applies_to"] = {"products": list(products)}
    return shown | extra


def discount(
    id: str,
    *,
    coupon: str,
    customer: str,
    start: int,
    end: int | None,
    subscription: str | None = None,
    subscription_item: str | None = None,
    **extra: Any,
) -> StripeObject:
    """A `discount` that runs from `start` until before `end` (None: for good); it names its coupon by id."""
    return {
        "id": id,
        "object": "discount",
        "checkout_session": None,
        "customer": customer,
        "customer_account": None,
        "end": end,
        "invoice": None,
        "invoice_item": None,
        "promotion_code": None,
        "source": {"coupon": coupon, "type": "coupon"},
        "start": start,
        "subscription": subscription,
        "subscription_item": subscription_item,
    } | extra
