"""What discounts leave of the MRR.

The expected values stand as arithmetic in the ids, in the major unit. Every case is read in all the shapes in
which Stripe shows discounts, from the whole coupon inside to nothing but the discount's id.
"""

# ruff: noqa: A002 - the keywords are Stripe's own names

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import pytest

from peoplesync.domain.revenue.mrr import Mrr, Resolve, subscription_mrr
from peoplesync.domain.stripe_objects import read_customer, read_subscription
from tests.support.builders.shown_terms import resolver, shown_mrr
from tests.support.builders.stripe import (
    DAY,
    NOW,
    coupon,
    customer,
    discount,
    item,
    price,
    subscription,
    tier,
    tiered,
)

Shown = dict[str, Any]


def percent(off: float, id: str = "di_1", *, end: int | None = None, **terms: Any) -> Shown:
    return discount(id, coupon=coupon(f"coupon_of_{id}", percent_off=off, **terms), end=end)


def amount(off: int, id: str = "di_1", *, currency: str = "usd", **terms: Any) -> Shown:
    whole = coupon(f"coupon_of_{id}", percent_off=None, amount_off=off, currency=currency, **terms)
    return discount(id, coupon=whole)


def line(unit_amount: int = 2000, *discounts: Shown, id: str = "si_1", **facts: Any) -> Shown:
    """An item of $20.00 a month with discounts of its own; `si_2` is of `prod_2`."""
    terms = price(f"price_of_{id}", unit_amount=unit_amount, product=id.replace("si", "prod"), **facts)
    return item(id, price=terms, discounts=list(discounts))


@dataclass(frozen=True)
class Case:
    items: list[Shown]
    own: list[Shown] = field(default_factory=list)
    customers: list[Shown] = field(default_factory=list)


A, B = line(), line(1000, id="si_2")
YEARLY = line(12_000, interval="year")
HALF, ONLY_1, ONLY_2 = percent(50), {"products": ["prod_1"]}, {"products": ["prod_2"]}

CASES = {
    # percentages
    "120/yr - 10 % = 9": (Case([YEARLY], [percent(10)]), 900),
    "1200/yr at 50 % = 50": (Case([line(120_000, interval="year")], [HALF]), 5000),
    "10/mo at 50 % = 5": (Case([line(1000)], [HALF]), 500),
    "20 - 33.5 % = 13.30": (Case([A], [percent(33.5)]), 1330),
    "19 - 12.5 % = 16.625": (Case([line(1900)], [percent(12.5)]), Fraction("1662.5")),
    "100 - 33.33 % = 66.67": (Case([line(10_000)], [percent(33.33)]), 6667),
    "20 - 100 % = 0": (Case([A], [percent(100)]), 0),
    "(20 + 10) - 50 % = 15": (Case([A, B], [HALF]), 1500),
    "11 seats of 122 - 50 % = 61": (
        Case(
            [
                item(
                    price=tiered(
                        tier(10, unit_amount=900, flat_amount=1500),
                        tier(None, unit_amount=700, flat_amount=1000),
                    ),
                    quantity=11,
                )
            ],
            [HALF],
        ),
        6100,
    ),
    # fixed amounts come off each invoice
    "20 - 5 = 15": (Case([A], [amount(500)]), 1500),
    "20 - 25 = 0, never less": (Case([A], [amount(2500)]), 0),
    "3 x 20 - 5 = 55": (Case([line() | {"quantity": 3}], [amount(500)]), 5500),
    "(120 - 12)/yr = 9": (Case([YEARLY], [amount(1200)]), 900),
    "(90 - 10) per 3 months = 26 2/3": (
        Case([line(9000, interval_count=3)], [amount(1000)]),
        Fraction(8000, 3),
    ),
    "(12 - 1)/wk x 52/12 = 47 2/3": (
        Case([line(1200, interval="week")], [amount(100)]),
        Fraction(14_300, 3),
    ),
    "(0.12 - 0.02)/day x 365/12 = 3.041 2/3": (
        Case([line(12, interval="day")], [amount(2)]),
        Fraction(3650, 12),
    ),
    "(240 - 12) per 2 years = 9.50": (
        Case([line(24_000, interval="year", interval_count=2)], [amount(1200)]),
        950,
    ),
    "20 + 10 - 6 = 24": (Case([A, B], [amount(600)]), 2400),
    "6 is shared 4 : 2, so (20 - 4) / 2 + (10 - 2) = 16": (
        Case([A, B], [amount(600), percent(50, "di_2", applies_to=ONLY_1)]),
        1600,
    ),
    "20 - 100 % - 5 = 0": (Case([A], [percent(100), amount(500, "di_2")]), 0),
    # of one item alone
    "(20 - 50 %) + 10 = 20": (Case([line(2000, HALF), B]), 2000),
    "(20 - 6) + 10 = 24": (Case([line(2000, amount(600)), B]), 2400),
    "(20 - 25 -> 0) + 10 = 10": (Case([line(2000, amount(2500)), B]), 1000),
    "(20 - 50 %) + (10 - 10 %) = 19": (
        Case([line(2000, HALF), line(1000, percent(10, "di_2"), id="si_2")]),
        1900,
    ),
    "(120 - 12)/yr + 10 = 19": (
        Case([line(12_000, amount(1200), interval="year"), B]),
        1900,
    ),
    # in Stripe's order
    "20 - 50 % - 4 = 6": (Case([A], [HALF, amount(400, "di_2")]), 600),
    "(20 - 4) - 50 % = 8": (Case([A], [amount(400, "di_2"), HALF]), 800),
    "20 - 50 % - 20 % = 8": (Case([A], [HALF, percent(20, "di_2")]), 800),
    "the item's first: 20 - 50 % - 4 = 6": (Case([line(2000, percent(50, "di_2"))], [amount(400)]), 600),
    "the item's first: (20 - 4) - 50 % = 8": (Case([line(2000, amount(400, "di_2"))], [HALF]), 800),
    "the item's in order: 20 - 50 % - 4 = 6": (Case([line(2000, HALF, amount(400, "di_2"))]), 600),
    "the item's in order: (20 - 4) - 50 % = 8": (Case([line(2000, amount(400, "di_2"), HALF)]), 800),
    # the customer's
    "the customer's: 20 - 50 % = 10": (Case([A], [], [HALF]), 1000),
    "the customer's: 20 - 5 = 15": (Case([A], [], [amount(500)]), 1500),
    "not the customer's 50 %: 20 - 10 % = 18": (Case([A], [percent(10)], [percent(50, "di_2")]), 1800),
    "not the customer's 50 % beside one that is once: 20": (
        Case([A], [percent(10, duration="once")], [percent(50, "di_2")]),
        2000,
    ),
    "the customer's after an ended one: 20 - 50 % = 10": (
        Case([A], [percent(10, end=NOW)], [percent(50, "di_2")]),
        1000,
    ),
    "the customer's before one that starts: 20 - 50 % = 10": (
        Case([A], [percent(10) | {"start": NOW + 1}], [percent(50, "di_2")]),
        1000,
    ),
    "the customer's after the item's: 20 - 10 % - 50 % = 9": (
        Case([line(2000, percent(10))], [], [percent(50, "di_2")]),
        900,
    ),
    # restricted to products
    "20 - 50 % of the first's + 10 = 20": (Case([A, B], [percent(50, applies_to=ONLY_1)]), 2000),
    "20 + (10 - 6 of the second's) = 24": (Case([A, B], [amount(600, applies_to=ONLY_2)]), 2400),
    "20 + (10 - 16 of the second's -> 0) = 20": (Case([A, B], [amount(1600, applies_to=ONLY_2)]), 2000),
    "20 - 50 % of another's = 20": (Case([A], [percent(50, applies_to=ONLY_2)]), 2000),
    "20 - 5 of another's = 20": (Case([A], [amount(500, applies_to=ONLY_2)]), 2000),
    "20 - 50 % of the first's or second's = 10": (
        Case([A], [percent(50, applies_to={"products": ["prod_2", "prod_1"]})]),
        1000,
    ),
    "an item's own: 20 - 50 % of another's = 20": (
        Case([line(2000, percent(50, applies_to=ONLY_2))]),
        2000,
    ),
    # mixed intervals: the shortest one of what it comes off makes the invoices
    "10/mo + 120/yr - 5/mo = 15": (
        Case([line(1000), line(12_000, id="si_2", interval="year")], [amount(500)]),
        1500,
    ),
    "120/yr + 10/mo - 5/mo = 15": (Case([YEARLY, B], [amount(500)]), 1500),
    "12/wk + 10/mo - 3/wk = 62 - 13": (
        Case([line(1200, interval="week"), B], [amount(300)]),
        4900,
    ),
    "(120 - 12 of the first's)/yr + 10/mo = 19": (Case([YEARLY, B], [amount(1200, applies_to=ONLY_1)]), 1900),
    "(120 - 12)/yr beside what is free a month = 9": (
        Case([YEARLY, line(0, id="si_2")], [amount(1200)]),
        900,
    ),
    "(120 - 12)/yr beside what is metered a month = 9": (
        Case([YEARLY, line(700, id="si_2", usage_type="metered")], [amount(1200)]),
        900,
    ),
    # how long
    "20 - 50 % once = 20": (Case([A], [percent(50, duration="once")]), 2000),
    "20 - 5 once = 20": (Case([A], [amount(500, duration="once")]), 2000),
    "20 - 50 % for months = 10": (Case([A], [percent(50, duration="repeating", end=NOW + DAY)]), 1000),
    "20 - 50 % for months in its last second = 10": (
        Case([A], [percent(50, duration="repeating", end=NOW + 1)]),
        1000,
    ),
    "20 - 50 % for months that end now = 20": (Case([A], [percent(50, duration="repeating", end=NOW)]), 2000),
    "20 - 50 % for months that ended = 20": (
        Case([A], [percent(50, duration="repeating", end=NOW - DAY)]),
        2000,
    ),
    "20 - 50 % from now on = 10": (Case([A], [HALF | {"start": NOW}]), 1000),
    "20 - 50 % from later on = 20": (Case([A], [HALF | {"start": NOW + 1}]), 2000),
    "an item's: 20 - 50 % once = 20": (Case([line(2000, percent(50, duration="once"))]), 2000),
    "an item's: 20 - 50 % that ended = 20": (Case([line(2000, percent(50, end=NOW))]), 2000),
    "the customer's: 20 - 50 % once = 20": (Case([A], [], [percent(50, duration="once")]), 2000),
}

Shape = Callable[[Shown], Any]
SHAPES: Mapping[str, Shape] = {
    "the coupon whole in its source": lambda one: one,
    "the coupon whole in the discount": lambda one: (
        {key: value for key, value in one.items() if key != "source"} | {"coupon": one["source"]["coupon"]}
    ),
    "the coupon's id in its source": lambda one: one | {"source": {"coupon": one["source"]["coupon"]["id"]}},
    "the coupon's id in the discount": lambda one: (
        {key: value for key, value in one.items() if key != "source"}
        | {"coupon": one["source"]["coupon"]["id"]}
    ),
    "the discount's id": lambda one: one["id"],
}


def knowing(*discounts: Shown) -> Resolve:
    """A resolver that knows these discounts whole, by their id."""
    return resolver(*discounts)


def mrr_of(case: Case, shape: Shape, resolve: Resolve | None = None) -> dict[str, Fraction]:
    items = [one | {"discounts": list(map(shape, one["discounts"]))} for one in case.items]
    told = read_subscription(subscription(items=items, discounts=list(map(shape, case.own))))
    # A customer's one discount is never just an id.
    showable = [one if isinstance(shape(one), str) else shape(one) for one in case.customers]
    customers = [read_customer(customer(discount=one)) for one in showable]
    everything = [*case.own, *case.customers, *(one for line in case.items for one in line["discounts"])]
    of_customer = [one for each in customers if each for one in each["discounts"]]
    mrr = subscription_mrr(told, NOW, resolve or knowing(*everything), of_customer)
    assert mrr.by_currency is not None
    assert mrr.exact
    return dict(mrr.by_currency)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", CASES)
def test_discounts_are_subtracted_to_the_cent_in_every_shape(name: str, shape: str) -> None:
    case, monthly = CASES[name]
    assert mrr_of(case, SHAPES[shape]) == {"usd": monthly}


@pytest.mark.parametrize("name", CASES)
def test_a_subscription_that_shows_its_coupons_whole_needs_no_one_else(name: str) -> None:
    case, monthly = CASES[name]
    shown = subscription(items=case.items, discounts=case.own)
    assert shown_mrr(shown, NOW, *case.customers).by_currency == {"usd": monthly}


SINGLE = [name for name, (case, _) in CASES.items() if len(case.own) == 1]


@pytest.mark.parametrize("name", SINGLE)
def test_the_one_discount_of_an_old_subscription_is_subtracted_the_same(name: str) -> None:
    case, monthly = CASES[name]
    old = SHAPES["the coupon whole in the discount"](case.own[0])
    told = subscription(items=case.items) | {"discounts": None, "discount": old}
    mrr = shown_mrr(told, NOW, *case.customers)
    assert (mrr.by_currency, mrr.exact) == ({"usd": monthly}, True)


EUROS = {"eur": {"amount_off": 400}, "usd": {"amount_off": 500}}
CONVERTED: dict[str, tuple[Shown, tuple[dict[str, Fraction], bool]]] = {
    "20 eur - 4 eur of 5 usd = 16 eur": (
        amount(500, currency_options=EUROS),
        ({"eur": Fraction(1600)}, True),
    ),
    "20 eur - some eur of 5 usd": (amount(500), ({"eur": Fraction(2000)}, False)),
    "20 eur - 5 eur = 15 eur": (amount(500, currency="eur"), ({"eur": Fraction(1500)}, True)),
}


@pytest.mark.parametrize("name", CONVERTED)
def test_a_fixed_amount_in_another_currency_is_what_its_options_say_or_unknown(name: str) -> None:
    shown_discount, expected = CONVERTED[name]
    shown = subscription(items=[line(currency="eur")], discounts=[shown_discount], currency="eur")
    mrr = shown_mrr(shown, NOW)
    assert mrr == Mrr(*expected)


@pytest.mark.parametrize("off", [percent(50), percent(100), amount(500)], ids=["half", "all", "an amount"])
def test_a_coupon_that_does_not_show_its_products_may_be_limited_to_some(off: Shown) -> None:
    mrr = shown_mrr(subscription(items=[A], discounts=[off]), NOW, expanded=False)
    assert not mrr.exact
