"""What Stripe shows of an object to those who did not ask for more."""

from __future__ import annotations

from peoplesync_local.stripe_objects import StripeObject

INCLUDABLE: dict[str, tuple[str, ...]] = {
    "price": ("currency_options", "tiers"),
    "coupon": ("applies_to", "currency_options"),
    "charge": ("refunds",),
    "invoice": ("payments",),
    "checkout.session": ("line_items",),
}
"""Keys that an object holds, and that an answer shows only if they are expanded; events never show them."""


def plain(shown: StripeObject) -> StripeObject:
    """The object without the keys that are shown only if they are expanded."""
    includable = INCLUDABLE.get(shown["object"], ())
    if not any(key in shown for key in includable):
        return shown
    return {key: value for key, value in shown.items() if key not in includable}
