"""Permissions: what a restricted key must be allowed, and whether a key can be used at all."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlencode

_KEY: Final = re.compile(r"rk_(test|live)_[A-Za-z0-9_]+")


class UnusableKey(ValueError):
    """A key that cannot be used; the message says why and what to do, and does not hold the key."""


class MissingPermissions(Exception):
    """A key that may not do all that is required; `missing` says what."""

    def __init__(self, missing: tuple[Permission, ...]) -> None:
        named = ", ".join(f"{one.name}: {one.access}" for one in missing)
        super().__init__(f"The key lacks what peoplesync needs: {named}. Nothing was created.")
        self.missing = missing


@dataclass(frozen=True)
class Permission:
    """A permission as Stripe's dashboard shows it (`name`, `access`) and as its API calls it (`slug`).

    `purpose` is what it is for; `without` is what is lost without an optional one.
    """

    slug: str
    name: str
    access: Literal["read", "write"]
    purpose: str
    without: str = ""

    @property
    def required(self) -> bool:
        return not self.without


EVENTS_READ: Final = "rak_event_read"

PERMISSIONS: Final = (
    Permission("rak_charge_read", "Charges", "read", "last payments, failed charges and refunds"),
    Permission("rak_customer_read", "Customers", "read", "the people: names, e-mails, addresses"),
    Permission(EVENTS_READ, "Events", "read", "what the webhook missed, and the last 30 days of the feed"),
    Permission(
        "rak_checkout_session_read",
        "Checkout Sessions",
        "read",
        "completed checkouts, which count as activity",
    ),
    Permission("rak_invoice_read", "Invoices", "read", "invoices paid, due and failed"),
    Permission("rak_plan_read", "Prices", "read", "plans: amount, currency, interval"),
    Permission(
        "rak_subscription_read", "Subscriptions", "read", "statuses, trials, MRR, and so the segments"
    ),
    Permission(
        "rak_webhook_write", "Webhook Endpoints", "write", "the endpoint through which events arrive at once"
    ),
    Permission(
        "rak_product_read",
        "Products",
        "read",
        "names of products",
        without="a name is known once an event or an invoice names it",
    ),
    Permission(
        "rak_coupon_read",
        "Coupons",
        "read",
        "terms of coupons, for the exact MRR of discounted subscriptions",
        without="MRR with a coupon stays an estimate: no event shows which products it is limited to",
    ),
)


def missing(granted: Mapping[str, bool], *, required: bool) -> tuple[Permission, ...]:
    """The required permissions that a key lacks, or the optional ones."""
    return tuple(one for one in PERMISSIONS if one.required is required and not granted.get(one.slug, False))


def key_page(*, livemode: bool) -> str:
    """The page of Stripe's dashboard that creates a key, with all the permissions chosen already."""
    asked = [("name", "peoplesync"), *(("permissions[]", one.slug) for one in PERMISSIONS)]
    mode = "" if livemode else "test/"
    return f"https://dashboard.stripe.com/{mode}apikeys/create?{urlencode(asked)}"


def is_live(key: str) -> bool:
    """Whether a key of any kind is of live mode."""
    return "_live_" in key


def livemode_of(key: str) -> bool:
    """Whether a restricted key is of live mode; raises `UnusableKey` for everything else."""
    if _KEY.fullmatch(key):
        return is_live(key)
    live = is_live(key)
    create = f"Create a restricted key, which begins with rk_: {key_page(livemode=live)}"
    if not key.strip():
        raise UnusableKey(f"No key was given. {create}")
    if key.startswith("sk_"):
        raise UnusableKey(
            "This is a secret key: it may do everything in your Stripe account, even pay money out. "
            f"peoplesync only reads. {create}"
        )
    if key.startswith("pk_"):
        raise UnusableKey(
            f"This is a publishable key. It is made for browsers and can read nothing. {create}"
        )
    if key.startswith("whsec_"):
        raise UnusableKey(
            f"This is a webhook endpoint's signing secret. peoplesync makes one of its own. {create}"
        )
    if key.startswith(("rk_test_", "rk_live_")):
        raise UnusableKey(
            "This key is not whole, or more than a key: it must be letters and digits only after "
            f"{key[:8]}. Copy it again; Stripe shows a key only once, so it may have to be a new one: "
            f"{key_page(livemode=live)}"
        )
    raise UnusableKey(f"This is not a Stripe API key. {create}")
