"""Stripe's JSON, read into snapshots.

The one place that knows where each API version (2020-03-02 to 2026-10-28) keeps a value. What comes out
has one shape, whatever version it was written in, so that two shapes of one state compare as equal.
"""

from peoplesync.domain.stripe_objects.coupons import Coupon, Terms, fullest, read_coupon
from peoplesync.domain.stripe_objects.customers import Customer, read_customer
from peoplesync.domain.stripe_objects.discounts import Discount, read_discount
from peoplesync.domain.stripe_objects.events import StripeEvent, read_event, slim, slim_object
from peoplesync.domain.stripe_objects.payments import Charge, Invoice, read_charge, read_invoice
from peoplesync.domain.stripe_objects.prices import (
    CurrencyOption,
    Price,
    Tier,
    Tiers,
    Transform,
    read_options,
    read_tiers,
)
from peoplesync.domain.stripe_objects.products import Product, read_product
from peoplesync.domain.stripe_objects.reading import UnreadableStripeObject
from peoplesync.domain.stripe_objects.subscriptions import (
    Item,
    Subscription,
    as_events_show,
    billed,
    discounts_in,
    read_subscription,
)

__all__ = [
    "Charge",
    "Coupon",
    "CurrencyOption",
    "Customer",
    "Discount",
    "Invoice",
    "Item",
    "Price",
    "Product",
    "StripeEvent",
    "Subscription",
    "Terms",
    "Tier",
    "Tiers",
    "Transform",
    "UnreadableStripeObject",
    "as_events_show",
    "billed",
    "discounts_in",
    "fullest",
    "read_charge",
    "read_coupon",
    "read_customer",
    "read_discount",
    "read_event",
    "read_invoice",
    "read_options",
    "read_product",
    "read_subscription",
    "read_tiers",
    "slim",
    "slim_object",
]
