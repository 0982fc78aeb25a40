"""What a quantity costs a month: tiers, packages, and prices whose terms are not known.

The expected values stand as arithmetic in the ids, in the major unit. Every price is read in both shapes.
"""

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import pytest

from peoplesync.domain.revenue.mrr import Mrr, monthly_value, rounded, subscription_mrr
from peoplesync.domain.revenue.primary import primary_item
from peoplesync.domain.stripe_objects import Subscription, read_subscription
from tests.support.builders.shown_terms import nothing_resolved
from tests.support.builders.stripe import (
    NOW,
    coupon,
    discount,
    item,
    of_plan,
    price,
    subscription,
    tier,
    tiered,
)

Shown = dict[str, Any]
SHAPES: Mapping[str, Callable[[Shown], Shown]] = {"price": lambda one: one, "plan": of_plan}

# Up to 10 at 9.00 and 15.00 flat; up to 50 at 7.00 and 10.00 flat; then at 5.00.
SEATS = [
    tier(10, unit_amount=900, flat_amount=1500),
    tier(50, unit_amount=700, flat_amount=1000),
    tier(None, unit_amount=500),
]
STAIRS = [tier(5, flat_amount=4900), tier(20, flat_amount=9900), tier("inf", flat_amount=19_900)]
FIVE_FREE = [tier(5, unit_amount=0), tier("inf", unit_amount=200)]
TINY = [tier(1000, unit_amount="0.5"), tier(None, unit_amount="0.125", flat_amount="0.25")]
UNLIMITED = [tier(None, unit_amount=300, flat_amount=1000)]

GRADUATED = [
    pytest.param(SEATS, 0, 1500, id="0 seats = 15 flat"),
    pytest.param(SEATS, 1, 2400, id="1 seat = 9 + 15"),
    pytest.param(SEATS, 10, 10_500, id="10 seats = 90 + 15"),
    pytest.param(SEATS, 11, 12_200, id="11 seats = 90 + 15 + 7 + 10"),
    pytest.param(SEATS, 50, 39_500, id="50 seats = 90 + 15 + 280 + 10"),
    pytest.param(SEATS, 51, 40_000, id="51 seats = 90 + 15 + 280 + 10 + 5"),
    pytest.param(SEATS, 100, 64_500, id="100 seats = 90 + 15 + 280 + 10 + 250"),
    pytest.param(STAIRS, 5, 4900, id="5 on the stairs = 49"),
    pytest.param(STAIRS, 6, 14_800, id="6 on the stairs = 49 + 99"),
    pytest.param(STAIRS, 21, 34_700, id="21 on the stairs = 49 + 99 + 199"),
    pytest.param(FIVE_FREE, 0, 0, id="0 with five free = 0"),
    pytest.param(FIVE_FREE, 8, 600, id="8 with five free = 3 x 2"),
    pytest.param(TINY, 1500, Fraction("562.75"), id="1500 = 1000 x 0.005 + 500 x 0.00125 + 0.0025"),
    pytest.param(UNLIMITED, 4, 2200, id="4 in the only tier = 12 + 10"),
]
VOLUME = [
    pytest.param(SEATS, 0, 1500, id="0 seats = 15 flat"),
    pytest.param(SEATS, 1, 2400, id="1 seat = 9 + 15"),
    pytest.param(SEATS, 10, 10_500, id="10 seats = 90 + 15"),
    pytest.param(SEATS, 11, 8700, id="11 seats = 77 + 10"),
    pytest.param(SEATS, 50, 36_000, id="50 seats = 350 + 10"),
    pytest.param(SEATS, 51, 25_500, id="51 seats = 255"),
    pytest.param(STAIRS, 5, 4900, id="5 on the stairs = 49"),
    pytest.param(STAIRS, 6, 9900, id="6 on the stairs = 99"),
    pytest.param(STAIRS, 21, 19_900, id="21 on the stairs = 199"),
    pytest.param(FIVE_FREE, 5, 0, id="5 with five free = 0"),
    pytest.param(FIVE_FREE, 8, 1600, id="8 beyond five free = 8 x 2"),
    pytest.param(TINY, 1500, Fraction("187.75"), id="1500 = 1500 x 0.00125 + 0.0025"),
    pytest.param(UNLIMITED, 4, 2200, id="4 in the only tier = 12 + 10"),
]
PACKAGES = [
    pytest.param(10, "up", 0, 0, id="0 in tens up = 0"),
    pytest.param(10, "up", 1, 1900, id="1 in tens up = 1 x 19"),
    pytest.param(10, "up", 10, 1900, id="10 in tens up = 1 x 19"),
    pytest.param(10, "up", 11, 3800, id="11 in tens up = 2 x 19"),
    pytest.param(10, "down", 9, 0, id="9 in tens down = 0"),
    pytest.param(10, "down", 10, 1900, id="10 in tens down = 1 x 19"),
    pytest.param(10, "down", 29, 3800, id="29 in tens down = 2 x 19"),
    pytest.param(1, "up", 3, 5700, id="3 in ones up = 3 x 19"),
    pytest.param(1, "down", 3, 5700, id="3 in ones down = 3 x 19"),
]


def read(shape: str, terms: Shown, quantity: int | None = 1) -> Subscription:
    alone = SHAPES[shape](item(price=terms, quantity=quantity))
    return read_subscription(subscription() | {"items": {"object": "list", "data": [alone]}})


def worth(one: Subscription) -> Mapping[str, Fraction | int] | None:
    return subscription_mrr(one, NOW, nothing_resolved).by_currency


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("tiers", "quantity", "amount"), GRADUATED)
def test_graduated_tiers_charge_each_unit_in_its_own_tier(
    tiers: list[Shown], quantity: int, amount: Fraction, shape: str
) -> None:
    assert worth(read(shape, tiered(*tiers, mode="graduated"), quantity)) == {"usd": amount}
    yearly = read(shape, tiered(*tiers, mode="graduated", interval="year"), quantity)
    assert worth(yearly) == {"usd": Fraction(amount) / 12}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("tiers", "quantity", "amount"), VOLUME)
def test_volume_tiers_charge_all_units_in_the_tier_of_the_quantity(
    tiers: list[Shown], quantity: int, amount: Fraction, shape: str
) -> None:
    assert worth(read(shape, tiered(*tiers, mode="volume"), quantity)) == {"usd": amount}
    weekly = read(shape, tiered(*tiers, mode="volume", interval="week", interval_count=2), quantity)
    assert worth(weekly) == {"usd": Fraction(amount) * 52 / 24}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("size", "rounding", "quantity", "amount"), PACKAGES)
def test_a_quantity_in_packages_is_rounded_to_whole_packages(
    size: int, rounding: str, quantity: int, amount: int, shape: str
) -> None:
    packed = price(transform_quantity={"divide_by": size, "round": rounding})
    assert worth(read(shape, packed, quantity)) == {"usd": amount}


def test_packages_are_counted_before_the_price_is_brought_to_a_month() -> None:
    packed = price(unit_amount=10_000, interval="year", transform_quantity={"divide_by": 100, "round": "up"})
    one = read("price", packed, 250)
    assert monthly_value(one["items"][0]) == 2_500  # 3 x 100 / 12
    assert rounded(subscription_mrr(one, NOW, nothing_resolved)) == {"usd": "25.00"}


def test_where_a_tier_shows_both_amounts_the_decimal_one_is_exact() -> None:
    both = tier(None, unit_amount=70) | {"unit_amount_decimal": "70.5", "flat_amount": 9}
    assert worth(read("price", tiered(both), 2)) == {"usd": 2 * Fraction("70.5") + 9}


UNKNOWN = {
    "tiers that are not shown": tiered(mode="graduated"),
    "volume tiers that are not shown": tiered(mode="volume"),
    "tiers that show an amount": tiered(mode="volume", unit_amount=1900),
    "tiers of a new sort": tiered(*SEATS, mode="brackets"),
    "tiers of no sort": tiered(*SEATS) | {"tiers_mode": None},
    "graduated tiers that end before the quantity": tiered(tier(2, unit_amount=5), mode="graduated"),
    "volume tiers that end before the quantity": tiered(tier(2, unit_amount=5), mode="volume"),
    "packages rounded in a new way": price(transform_quantity={"divide_by": 10, "round": "even"}),
    "packages of nothing": price(transform_quantity={"divide_by": 0, "round": "up"}),
    "an amount the customer chooses": price(unit_amount=None, custom_unit_amount={"minimum": 100}),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("terms", UNKNOWN)
def test_terms_that_do_not_tell_make_the_mrr_unknown_not_wrong(terms: str, shape: str) -> None:
    one = read(shape, UNKNOWN[terms], 3)
    assert monthly_value(one["items"][0]) is None
    assert subscription_mrr(one, NOW, nothing_resolved) == Mrr(None)


def test_one_unknown_item_makes_the_whole_subscription_unknown() -> None:
    mixed = subscription(items=[item("si_1"), item("si_2", price=tiered())])
    assert worth(read_subscription(mixed)) is None


def test_unknown_terms_make_no_difference_to_what_is_metered() -> None:
    metered = item("si_2", price=tiered(usage_type="metered"), quantity=None)
    assert worth(read_subscription(subscription(items=[item("si_1"), metered]))) == {"usd": 1900}


def test_the_primary_item_is_the_one_worth_most_with_its_tiers_and_before_discounts() -> None:
    half = discount(coupon=coupon())
    items = [
        item("si_1", price=price("price_flat", unit_amount=10_000)),
        item("si_2", price=tiered(*SEATS, id="price_seats"), quantity=10, discounts=[half]),
    ]
    primary = primary_item(read_subscription(subscription(items=items)))
    assert primary is not None
    assert primary["price"] == "price_seats"  # 105.00
