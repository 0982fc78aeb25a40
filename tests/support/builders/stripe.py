"""Stripe objects and events for tests: the facts a test is about, and sensible defaults for all others.

Every builder takes the keywords of the maker of the same name in `peoplesync_local` (`stripe_objects`,
`stripe_payments`); any other keyword replaces or adds a key of the finished object. `old=True` shows the
same facts in the shape of API version 2020-03-02. Amounts are in the currency's minor unit, times are whole
seconds since 1970.

    subscription("sub_1", customer="cus_1", status="trialing", trial_end=NOW + 5 * DAY)
    event("customer.updated", customer("cus_1", name="New"), previous={"name": "Old"}, created=NOW)
"""

# ruff: noqa: A002 - the keywords are Stripe's own names

import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Any

from peoplesync_local.stripe_simulator.objects import events as stripe_events
from peoplesync_local.stripe_simulator.objects import payments as stripe_payments
from peoplesync_local.stripe_simulator.objects import shapes as stripe_objects
from peoplesync_local.stripe_simulator.objects.shapes import MODERN, StripeObject
from tests.support.builders.old_shapes import OLD, old_previous, old_shape

NOW = 1_772_366_400  # 2026-03-01T12:00:00Z
MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def customer(id: str = "cus_1", *, old: bool = False, **facts: Any) -> StripeObject:
    """A customer of 60 days with a name, no phone and an address of its own; e-mail `<id>@example.com`."""
    given: StripeObject = {"created": NOW - 60 * DAY, "email": f"{id}@example.com", "name": f"Name of {id}"}
    return _shaped(stripe_objects.customer(id, **(given | facts)), old)


def deleted_customer(id: str = "cus_1") -> StripeObject:
    """What the API answers for a deleted customer."""
    return {"id": id, "object": "customer", "deleted": True}


def price(id: str = "price_1", **facts: Any) -> StripeObject:
    """A licensed price of product `prod_1`: $19.00 a month. Prices look the same in both shapes."""
    given: StripeObject = {"product": "prod_1", "unit_amount": 1900}
    return stripe_objects.price(id, **(given | facts))


def product(id: str = "prod_1", name: str = "Starter", **facts: Any) -> StripeObject:
    """A product, as a price shows it when it is expanded: `price(product=product())`."""
    return {"id": id, "object": "product", "active": True, "name": name, "metadata": {}, **facts}


def item(id: str = "si_1", *, price: StripeObject | None = None, **facts: Any) -> StripeObject:
    """An item of $19.00 a month, always in the modern shape; the subscription it is given to says the
    rest."""
    given: StripeObject = {"subscription": "", "period": (0, 0), "created": 0}
    return stripe_objects.item(id, price=price or _price(), **(given | facts))


def subscription(
    id: str = "sub_1",
    *,
    items: Sequence[StripeObject] | None = None,
    price: StripeObject | None = None,
    quantity: int | None = 1,
    period: tuple[int, int] | None = None,
    old: bool = False,
    **facts: Any,
) -> StripeObject:
    """An active subscription of `cus_1`, created 10 days ago, of one item (`price`, `quantity`) or the
    `items` given.

    A trial begins with the subscription; a trialing one ends its trial 14 days later unless `trial_end` is
    given. A canceled one was canceled now. The period is the trial, else 30 days from `created` on, where
    an item has none.
    """
    given: StripeObject = {"customer": "cus_1", "created": NOW - 10 * DAY}
    created: int = (given | facts)["created"]
    if facts.get("status") == "trialing":
        given["trial_end"] = created + 14 * DAY
    if (given | facts).get("trial_end") is not None:
        given["trial_start"] = created
    if facts.get("status") == "canceled":
        given |= {"canceled_at": NOW, "ended_at": NOW}
    given |= facts
    trial = (given["trial_start"], given["trial_end"]) if given.get("trial_end") else None
    start, end = period or trial or (created, created + 30 * DAY)
    shown = [] if items is None else [dict(one) for one in items]
    if items is None:
        shown = [item("si_" + id.removeprefix("sub_"), price=price, quantity=quantity)]
    for one in shown:
        one |= {"subscription": id, "created": created}
        if one["current_period_end"] == 0:
            one |= {"current_period_start": start, "current_period_end": end}
    return _shaped(stripe_objects.subscription(id, items=shown, **given), old)


def tier(
    up_to: int | str | None, *, unit_amount: int | str | None = None, flat_amount: int | str | None = None
) -> StripeObject:
    """One step of a tiered price; an amount in fractions of the minor unit is given as text."""
    shown: StripeObject = {"up_to": up_to}
    for name, amount in (("flat_amount", flat_amount), ("unit_amount", unit_amount)):
        shown[name] = amount if isinstance(amount, int) else None
        shown[f"{name}_decimal"] = None if amount is None else str(amount)
    return shown


def tiered(
    *tiers: StripeObject, mode: str = "graduated", id: str = "price_tiered", **facts: Any
) -> StripeObject:
    """A price in tiers, which are in it only where Stripe was asked to expand them: `tiered()` shows none."""
    given: StripeObject = {"billing_scheme": "tiered", "tiers_mode": mode, "unit_amount": None}
    return price(id, **(given | ({"tiers": list(tiers)} if tiers else {}) | facts))


def of_plan(item: StripeObject) -> StripeObject:
    """The item as it was before prices: its plan says everything."""
    shown = {key: value for key, value in item.items() if key != "price"}
    if "tiers" in item["price"]:
        shown["plan"] = shown["plan"] | {"tiers": item["price"]["tiers"]}
    return shown


def coupon(id: str = "coupon_1", *, percent_off: float | str | None = 50, **facts: Any) -> StripeObject:
    """A coupon of 50 % for ever."""
    given: StripeObject = {"id": id, "object": "coupon", "amount_off": None, "currency": None}
    return given | {"duration": "forever", "duration_in_months": None, "percent_off": percent_off} | facts


def discount(
    id: str = "di_1", *, coupon: StripeObject | str | None = "coupon_1", **facts: Any
) -> StripeObject:
    """A discount of a running subscription; events show its coupon's id, the old shape needs the whole
    coupon."""
    given: StripeObject = {"id": id, "object": "discount", "start": NOW - 10 * DAY, "end": None}
    return given | {"source": {"type": "coupon", "coupon": coupon}} | facts


def line(id: str = "il_1", *, price: StripeObject | None = None, **facts: Any) -> StripeObject:
    """An invoice's line, always in the modern shape: $19.00 for the 30 days from now on."""
    given: StripeObject = {"period": (NOW, NOW + 30 * DAY), "description": "1 × Starter (at $19.00 / month)"}
    return stripe_payments.line(id, price=price or _price(), **(given | facts))


def invoice(
    id: str = "in_1",
    *,
    amount: int = 1900,
    lines: Sequence[StripeObject] | None = None,
    charge: str | None = None,
    old: bool = False,
    **facts: Any,
) -> StripeObject:
    """A draft invoice of `sub_1` over `amount`, unless `lines` are given. `charge` is the charge that paid
    it: named in the old shape, and in the modern one under `payments`, which Stripe's events leave out."""
    given: StripeObject = {"customer": "cus_1", "created": NOW, "subscription": "sub_1"}
    given |= facts
    currency = given.get("currency") or "usd"
    if lines is None:
        one = _price(unit_amount=amount, currency=currency)
        lines = [line(price=one, subscription=given["subscription"], subscription_item="si_1")]
    shown = stripe_payments.invoice(id, lines=lines, **given)
    if charge:
        shown["payments"] = stripe_payments.invoice_payments(
            charge, of=id, created=shown["created"], amount=shown["amount_paid"], currency=shown["currency"]
        )
    return _shaped(shown, old)


def charge(
    id: str = "ch_1", *, amount: int = 1900, invoice: str | None = None, old: bool = False, **facts: Any
) -> StripeObject:
    """A succeeded, captured charge of `cus_1`. Only the old shape names its `invoice`."""
    given: StripeObject = {"customer": "cus_1", "created": NOW}
    shown = _shaped(stripe_payments.charge(id, amount=amount, **(given | facts)), old)
    return shown | {"invoice": invoice} if old else shown


def checkout_session(id: str = "cs_test_1", *, old: bool = False, **facts: Any) -> StripeObject:
    """A completed session in which `cus_1` subscribed to `sub_1` and paid $19.00."""
    given: StripeObject = {"customer": "cus_1", "created": NOW, "email": "cus_1@example.com"}
    given |= {"amount_total": 1900, "subscription": "sub_1", "invoice": "in_1"}
    return _shaped(stripe_objects.checkout_session(id, **(given | facts)), old)


def event(
    type: str,
    object: StripeObject,
    *,
    created: int,
    id: str | None = None,
    previous: StripeObject | None = None,
    livemode: bool = False,
    account: str | None = None,
    api_version: str | None = None,
    old: bool = False,
) -> StripeObject:
    """An event that shows `object`. Its id, unless given, follows from its content: different events differ
    in it. `old` (or `api_version` 2020-03-02) re-shapes a modern object together with its `previous`
    attributes."""
    old = old or api_version == OLD
    if old and previous is not None and old_shape(object) != object:
        previous = old_previous(object, previous)
    shown = _shaped(object, old)
    content = json.dumps([type, shown, created, previous], sort_keys=True)
    return stripe_events.event(
        type,
        shown,
        id=id or "evt_" + hashlib.sha256(content.encode()).hexdigest()[:16],
        created=created,
        previous=previous,
        livemode=livemode,
        account=account,
        api_version=api_version or (OLD if old else MODERN),
    )


def sign(secret: str, body: bytes | str, at: int, *more_secrets: str) -> str:
    """The value of the `Stripe-Signature` header of `body` sent at `at`; while a secret is rolled there is
    one `v1` for each of the secrets."""
    raw = body.encode() if isinstance(body, str) else body
    payload = f"{at}.".encode() + raw
    digests = [hmac.new(key.encode(), payload, hashlib.sha256).hexdigest() for key in (secret, *more_secrets)]
    return ",".join([f"t={at}", *(f"v1={digest}" for digest in digests)])


def _shaped(modern: StripeObject, old: bool) -> StripeObject:
    return old_shape(modern) if old else modern


_price = price  # builders with an argument named `price` reach the builder by this name
