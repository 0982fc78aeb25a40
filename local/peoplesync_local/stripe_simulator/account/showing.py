"""What Stripe shows of an object without `expand`."""

from __future__ import annotations

from peoplesync_local.stripe_simulator.objects.shapes import StripeObject

INCLUDABLE: dict[str, tuple[str, ...]] = {
    "price": ("currency_options", "tiers"),
    "coupon": ("applies_to", "currency_options"),
    "charge": ("invoice", "refunds"),  # which invoice it pays is kept, and not shown since 2025-03-31.basil
    "invoice": ("payments",),
    "checkout.session": ("line_items",),
}
"""Keys that an object holds, and that an answer shows only if they are expanded; events never show them."""


MOST_SHOWN = 10
"""How many objects a list within an object shows."""

_LISTS = {"subscription": "items", "invoice": "lines"}


def is_hidden_customer(shown: StripeObject) -> bool:
    """Whether this stands for an account (v2) that has no customer."""
    return bool(shown["object"] == "customer" and is_account(shown["id"]))


def is_account(owner: object) -> bool:
    return isinstance(owner, str) and owner.startswith("acct_")


def plain(shown: StripeObject) -> StripeObject:
    """The object without the keys that are shown only if they are expanded, with the first ten of its list,
    and with the account that owns it where that has no customer."""
    if is_account(shown.get("customer")):
        account = {"customer_account": shown["customer"]} if "customer_account" in shown else {}
        shown = shown | {"customer": None} | account
    includable = INCLUDABLE.get(shown["object"], ())
    if any(key in shown for key in includable):
        shown = {key: value for key, value in shown.items() if key not in includable}
    name = _LISTS.get(shown["object"], "")
    if len(shown.get(name, {}).get("data", ())) > MOST_SHOWN:
        return shown | {name: first_of(shown[name])}
    return shown


def first_of(listed: StripeObject) -> StripeObject:
    """A list as it stands within an object: cut, if it is long."""
    objects = listed["data"]
    if len(objects) <= MOST_SHOWN:
        return listed
    return listed | {"data": objects[:MOST_SHOWN], "has_more": True, "total_count": len(objects)}
