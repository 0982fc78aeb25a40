"""The prices and coupons of the random histories' company, and what an item is worth a month.

The prices of `PRICES` are whole in every event. Of those of `HIDDEN` Stripe shows a part only where it is
asked: what they cost in the currency that is billed, or their tiers. Their currencies are those that a
customer is billed in. Of the `COUPONS` no event shows which products they apply to, nor other currencies.
"""

from fractions import Fraction
from typing import Any

from peoplesync_local.stripe_simulator.objects import shapes as stripe_objects
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject

MADE_AT = 1_760_000_000
"""When the company made its coupons: before anybody got one."""


def _plans(currency: str, *plans: tuple[str, int, int, str], **extra: Any) -> list[StripeObject]:
    """Prices of (product, amount in the minor unit, interval count, interval)."""
    return [
        stripe_objects.price(
            f"price_{product}_{currency}_{count}{interval}",
            product=f"prod_{product}",
            unit_amount=amount,
            currency=currency,
            interval=interval,
            interval_count=count,
            nickname=f"{product} {interval}" if count == 1 else None,
            **extra,
        )
        for product, amount, count, interval in plans
    ]


PRICES = {
    "usd": _plans("usd", ("basic", 1900, 1, "month"), ("pro", 4900, 1, "month"), ("pro", 9000, 3, "month")),
    "eur": _plans("eur", ("basic", 500, 1, "week"), ("pro", 25, 1, "day"), ("pro", 52_000, 1, "year")),
    "jpy": _plans("jpy", ("basic", 1500, 1, "month"), ("pro", 30_000, 1, "year")),
    "kwd": _plans("kwd", ("basic", 5125, 1, "month"), ("pro", 12_500, 2, "month")),
}


def _several(product: str, count: int, interval: str, **amounts: int) -> StripeObject:
    """A price in dollars that has other amounts in other currencies."""
    own = amounts["usd"]
    options = {
        currency: {"custom_unit_amount": None, "tax_behavior": "unspecified", "unit_amount": amount}
        | {"unit_amount_decimal": str(amount)}
        for currency, amount in amounts.items()
    }
    return stripe_objects.price(
        f"price_{product}_multi_{count}{interval}",
        product=f"prod_{product}",
        unit_amount=own,
        interval=interval,
        interval_count=count,
        currency_options=options,
    )


def _tier(up_to: int | None, amount: int) -> StripeObject:
    tier = {"up_to": up_to, "unit_amount": amount, "unit_amount_decimal": str(amount)}
    return tier | {"flat_amount": None, "flat_amount_decimal": None}


# What rises in dollars may fall in francs.
_SEVERAL = [
    _several("basic", 1, "month", usd=2000, chf=3100, jpy=2500),
    _several("pro", 1, "month", usd=3000, chf=2700, jpy=4100),
    _several("pro", 1, "year", usd=30_000, chf=28_800, jpy=39_000),
]
_BY_VOLUME = stripe_objects.price(
    "price_seats_usd_1month",
    product="prod_pro",
    unit_amount=None,
    billing_scheme="tiered",
    tiers_mode="volume",
    tiers=[_tier(4, 1000), _tier(9, 800), _tier(None, 650)],
)
HIDDEN = {
    "usd": [*PRICES["usd"], _BY_VOLUME],
    "eur": PRICES["eur"],
    "chf": _SEVERAL,
    "jpy": _SEVERAL,
}
PARTS = _plans("usd", *((f"part{number:02}", 300 + 7 * number, 1, "month") for number in range(12)))
"""What a subscription of twelve items is made of: more than an event shows."""


def _coupon(name: str, **terms: Any) -> StripeObject:
    given: StripeObject = {"id": name, "object": "coupon", "created": MADE_AT, "livemode": False}
    given |= {"amount_off": None, "currency": None, "percent_off": None, "duration": "forever"}
    given |= {"duration_in_months": None, "max_redemptions": None, "metadata": {}, "name": name}
    return given | {"redeem_by": None, "times_redeemed": 1, "valid": True} | terms


COUPONS = {
    one["id"]: one
    for one in (
        _coupon("HALF", percent_off=50.0),
        _coupon("THIRD_OF_PRO", percent_off=33.5, applies_to={"products": ["prod_pro"]}),
        _coupon("TENTH_OF_A_WHILE", percent_off=10.0, duration="repeating", duration_in_months=3),
        _coupon(
            "SOME",
            amount_off=300,
            currency="usd",
            currency_options={
                "usd": {"amount_off": 300},
                "chf": {"amount_off": 280},
                "eur": {"amount_off": 260},
                "jpy": {"amount_off": 400},
            },
        ),
        _coupon(
            "MUCH_OF_BASIC",
            amount_off=9000,
            currency="eur",
            applies_to={"products": ["prod_basic"]},
            currency_options={
                "usd": {"amount_off": 9900},
                "chf": {"amount_off": 2000},
                "eur": {"amount_off": 9000},
                "jpy": {"amount_off": 1100},
            },
        ),
    )
}
CATALOGUE: dict[str, StripeObject] = {
    one["id"]: one for one in (*(one for prices in HIDDEN.values() for one in prices), *PARTS)
} | COUPONS
"""Everything that Stripe can be asked for, whole."""

PER_MONTH = {
    "month": Fraction(1),
    "year": Fraction(1, 12),
    "week": Fraction(52, 12),
    "day": Fraction(365, 12),
}


def monthly_worth(item: StripeObject, currency: str = "") -> Fraction:
    """What an item is worth a month, in the minor unit of the currency that is billed: its price's own, where
    none is given."""
    recurring = item["price"]["recurring"]
    each = unit_amount(item["price"], item["quantity"], currency)
    return Fraction(each * item["quantity"], recurring["interval_count"]) * PER_MONTH[recurring["interval"]]


def unit_amount(price: StripeObject, quantity: int, currency: str = "") -> int:
    """What one of so many costs."""
    if price["tiers_mode"]:
        return int(next(t["unit_amount"] for t in price["tiers"] if quantity <= (t["up_to"] or quantity)))
    if currency and currency != price["currency"]:
        return int(price["currency_options"][currency]["unit_amount"])
    return int(price["unit_amount"])


def as_invoiced(item: StripeObject, currency: str) -> StripeObject:
    """An item's price as an invoice's line shows it: what one of them costs in the invoice's currency."""
    each = unit_amount(item["price"], item["quantity"], currency)
    return {**item["price"], "currency": currency, "unit_amount": each, "unit_amount_decimal": str(each)}
