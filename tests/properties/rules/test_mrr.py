"""MRR agrees with a naive one on any mix of prices, packages, tiers, currencies, intervals and discounts."""

from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peoplesync.domain.revenue.money import decimals, rounded_major
from peoplesync.domain.revenue.mrr import Mrr, rounded, total
from tests.support.builders.shown_terms import shown_mrr
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
from tests.support.oracles.naive_mrr import PRECISE, Shown, naive_mrr

QUICK = settings(max_examples=100, deadline=None, derandomize=True, database=None)
LONG = settings(QUICK, max_examples=5_000)

amounts = st.integers(0, 5_000) | st.decimals(0, 500, places=3).map(lambda one: f"{one:f}")
products = st.sampled_from(["prod_1", "prod_2", "prod_3"])
currencies = st.sampled_from(["usd", "usd", "usd", "jpy", "kwd"])
intervals = st.tuples(st.sampled_from(["day", "week", "month", "month", "year"]), st.integers(1, 4))
packages = st.none() | st.builds(
    lambda size, rounding: {"divide_by": size, "round": rounding},
    st.integers(1, 12),
    st.sampled_from(["up", "down"]),
)


@st.composite
def steps(draw: st.DrawFn) -> list[Shown]:
    """Tiers whose ends rise; each has an amount for a unit, a flat one, or both."""
    ends: list[int | str | None] = [*sorted(draw(st.sets(st.integers(1, 40), max_size=3)))]
    ends.append(draw(st.sampled_from([None, "inf"])))
    return [
        tier(end, unit_amount=draw(st.none() | amounts), flat_amount=draw(st.none() | amounts))
        for end in ends
    ]


@st.composite
def prices(draw: st.DrawFn, currency: str) -> Shown:
    """A price that can be billed in this currency: its own, or one of its options."""
    own = draw(st.sampled_from([currency, currency, "usd", "jpy"]))
    shown = draw(prices_in(own))
    if own == currency:
        return shown
    other = draw(prices_in(currency).filter(lambda one: one["billing_scheme"] == shown["billing_scheme"]))
    names = ("unit_amount", "unit_amount_decimal", "tiers")
    return shown | {"currency_options": {currency: {name: other[name] for name in names if name in other}}}


@st.composite
def prices_in(draw: st.DrawFn, currency: str) -> Shown:
    interval, count = draw(intervals)
    terms: Shown = {
        "product": draw(products),
        "currency": currency,
        "interval": draw(st.sampled_from([interval] * 9 + [None])),
        "interval_count": count,
        "usage_type": draw(st.sampled_from(["licensed"] * 9 + ["metered"])),
    }
    match draw(st.sampled_from(["per unit", "packages", "tiers"])):
        case "tiers":
            return tiered(*draw(steps()), mode=draw(st.sampled_from(["graduated", "volume"])), **terms)
        case "packages":
            terms["transform_quantity"] = draw(packages)
    return price(unit_amount=None, unit_amount_decimal=str(draw(amounts)), **terms)


@st.composite
def discounts(draw: st.DrawFn, currency: str) -> Shown:
    terms: Shown = {"duration": draw(st.sampled_from(["forever", "forever", "repeating", "once"]))}
    if draw(st.booleans()):
        terms["percent_off"] = draw(st.integers(1, 100) | st.integers(1, 9_999).map(lambda one: one / 100))
    else:
        terms |= {
            "percent_off": None,
            "amount_off": draw(st.integers(1, 4_000)),
            "currency": draw(st.sampled_from([currency, currency, "usd"])),
            "currency_options": {currency: {"amount_off": draw(st.integers(1, 4_000))}},
        }
        if terms["currency"] == currency:
            del terms["currency_options"]
    if draw(st.integers(0, 3)) == 0:
        terms["applies_to"] = {"products": draw(st.lists(products, min_size=1, unique=True))}
    return discount(
        "di_customer",
        coupon=coupon(**terms),
        start=NOW + draw(st.integers(-9, 2)),
        end=draw(st.none() | st.integers(-2, 9).map(lambda later: NOW + later)),
    )


@st.composite
def subscriptions(draw: st.DrawFn) -> Shown:
    currency = draw(currencies)
    priced = draw(st.lists(prices(currency), min_size=1, max_size=4))
    items = [
        item(
            f"si_{index}",
            price=one,
            quantity=draw(st.integers(0, 60)),
            discounts=draw(st.lists(discounts(currency), max_size=2)),
        )
        for index, one in enumerate(priced)
    ]
    given_to_all = draw(st.lists(discounts(currency), max_size=3))
    # Each discount has an id of its own, and so has the customer's.
    numbers = iter(range(100))
    for one in (*given_to_all, *(one for held in items for one in held["discounts"])):
        one["id"] = f"di_{next(numbers)}"
    return subscription(items=items, discounts=given_to_all, currency=currency)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Shown, Shown | None]:
    """A subscription, and the discount that its customer has, if any."""
    shown = draw(subscriptions())
    return shown, draw(st.none() | discounts(shown["currency"]))


def mrr_of(shown: Shown, customers: Shown | None, now: int = NOW) -> Mrr:
    return shown_mrr(shown, now, *([customers] if customers else []))


def assert_agree(shown: Shown, customers: Shown | None) -> None:
    mrr, naive = mrr_of(shown, customers), naive_mrr(shown, NOW, customers)
    assert mrr.by_currency is not None
    assert mrr.exact
    assert mrr.by_currency.keys() == naive.keys()
    with localcontext(PRECISE):
        for currency, value in mrr.by_currency.items():
            difference = Decimal(value.numerator) / value.denominator - naive[currency]
            assert abs(difference) < Decimal("1e-40"), (currency, value, naive[currency])


@QUICK
@given(cases())
def test_any_subscription_is_worth_what_a_naive_count_finds(case: tuple[Shown, Shown | None]) -> None:
    assert_agree(*case)


@pytest.mark.long
@LONG
@given(cases())
def test_thousands_of_subscriptions_are_worth_what_a_naive_count_finds(
    case: tuple[Shown, Shown | None],
) -> None:
    assert_agree(*case)


@QUICK
@given(cases(), st.randoms(use_true_random=False))
def test_neither_the_order_of_items_nor_an_old_shape_changes_the_value(
    case: tuple[Shown, Shown | None], random: Any
) -> None:
    shown, customers = case
    items = list(shown["items"]["data"])
    random.shuffle(items)
    plans = [
        of_plan(one)
        if "currency_options" not in one["price"] and one["price"]["recurring"] and random.random() < 0.5
        else one
        for one in items
    ]
    reshaped = shown | {"items": {"object": "list", "data": plans}}
    assert mrr_of(reshaped, customers) == mrr_of(shown, customers)


@QUICK
@given(cases())
def test_a_value_holds_at_every_moment_before_its_until(case: tuple[Shown, Shown | None]) -> None:
    shown, customers = case
    first = mrr_of(shown, customers)
    for now in range(NOW, NOW + 12):
        if first.until is not None and now >= first.until:
            break
        assert mrr_of(shown, customers, now) == first


@QUICK
@given(cases(), st.integers(0, 6))
def test_an_unknown_discount_can_only_make_the_value_lower(
    case: tuple[Shown, Shown | None], which: int
) -> None:
    shown, customers = case
    unknown = [
        one if index != which else one | {"source": {"type": "coupon", "coupon": "coupon_x"}}
        for index, one in enumerate(shown["discounts"])
    ]
    known, estimated = mrr_of(shown, customers), mrr_of(shown | {"discounts": unknown}, customers)
    assert known.by_currency is not None
    assert estimated.by_currency is not None
    assert all(value <= estimated.by_currency[name] for name, value in known.by_currency.items())
    if estimated.exact:
        assert known == estimated


@QUICK
@given(st.lists(cases(), max_size=4))
def test_a_total_is_the_sum_by_currency(several: list[tuple[Shown, Shown | None]]) -> None:
    mrrs = [mrr_of(*one) for one in several]
    summed = total(mrrs).by_currency
    assert summed is not None
    for currency in ("usd", "jpy", "kwd"):
        parts = [(mrr.by_currency or {}).get(currency, Fraction(0)) for mrr in mrrs]
        assert summed.get(currency, Fraction(0)) == sum(parts)


minor_units = st.fractions(0, 10**9, max_denominator=10**4) | st.integers(0, 10**9).map(
    lambda halves: Fraction(halves, 2)
)


@QUICK
@given(minor_units, currencies)
def test_the_shown_amount_is_the_nearest_one_and_the_upper_one_of_two(minor: Fraction, currency: str) -> None:
    shown = rounded_major(minor, currency)
    assert len(shown.partition(".")[2]) == decimals(currency)
    over = Fraction(shown) * 10 ** decimals(currency) - minor
    assert Fraction(-1, 2) < over <= Fraction(1, 2)
    assert rounded(Mrr({currency: minor})) == {currency: shown}
