"""MRR: what counts, brought to a month, added up by currency and rounded once.

The expected values stand as arithmetic in the ids. Amounts are in cents, or what the currency has instead.
What tiers and packages cost is in `test_mrr_of_prices`, what discounts leave in `test_mrr_discounts`.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import pytest

from peoplesync.domain.revenue.mrr import (
    Mrr,
    monthly_value,
    rounded,
    subscription_mrr,
    total,
)
from peoplesync.domain.stripe_objects import Subscription, read_subscription
from tests.support.builders.shown_terms import nothing_resolved
from tests.support.builders.stripe import NOW, coupon, discount, item, of_plan, price, subscription, tiered

PER_UNIT = [
    pytest.param(10_000, 100, "month", 1, Fraction(1_000_000), id="100 x 100/mo = 10000"),
    pytest.param(60_000, 50, "year", 1, Fraction(250_000), id="50 x 600/yr = 2500"),
    pytest.param(120_000, 1, "year", 1, Fraction(10_000), id="1200/yr = 100"),
    pytest.param(12_000, 1, "year", 1, Fraction(1_000), id="120/yr = 10"),
    pytest.param(500, 5, "month", 1, Fraction(2_500), id="5 x 5/mo = 25"),
    pytest.param(9_000, 1, "month", 3, Fraction(3_000), id="90 per 3 months = 30"),
    pytest.param(6_000, 1, "month", 2, Fraction(3_000), id="60 per 2 months = 30"),
    pytest.param(24_000, 1, "year", 2, Fraction(1_000), id="240 per 2 years = 10"),
    pytest.param(1_200, 1, "week", 1, Fraction(5_200), id="12/wk x 52/12 = 52"),
    pytest.param(1_200, 1, "week", 2, Fraction(2_600), id="12 per 2 wk x 52/12/2 = 26"),
    pytest.param(100, 1, "week", 1, Fraction(1_300, 3), id="1/wk = 433 1/3 cents"),
    pytest.param(12, 1, "day", 1, Fraction(365), id="0.12/day x 365/12 = 3.65"),
    pytest.param(100, 3, "day", 10, Fraction(36_500, 40), id="3 x 1 per 10 days = 9.125"),
    pytest.param(10_000, 1, "year", 1, Fraction(2_500, 3), id="100/yr = 833 1/3 cents"),
    pytest.param(1_900, 0, "month", 1, Fraction(0), id="0 x 19/mo = 0"),
    pytest.param(0, 7, "month", 1, Fraction(0), id="7 x 0/mo = 0"),
]
LIVING = ["active", "past_due"]
WORTHLESS = ["trialing", "unpaid", "canceled", "incomplete", "incomplete_expired", "paused"]


def read(*prices: dict[str, Any], quantities: Sequence[int | None] = (), **facts: Any) -> Subscription:
    """A subscription of these prices, each with quantity 1 unless said."""
    counts = [*quantities, *[1] * len(prices)]
    items = [item(f"si_{n}", price=one, quantity=counts[n]) for n, one in enumerate(prices)]
    return read_subscription(subscription(items=items, **facts))


def worth(one: Subscription) -> Mapping[str, Fraction | int] | None:
    return subscription_mrr(one, NOW, nothing_resolved).by_currency


def shown(*subscriptions: Subscription) -> dict[str, str] | None:
    return rounded(total(subscription_mrr(one, NOW, nothing_resolved) for one in subscriptions))


# --- an item brought to a month


@pytest.mark.parametrize(("amount", "quantity", "interval", "count", "monthly"), PER_UNIT)
def test_an_items_value_is_brought_to_a_month_exactly(
    amount: int, quantity: int, interval: str, count: int, monthly: Fraction
) -> None:
    one = read(price(unit_amount=amount, interval=interval, interval_count=count), quantities=[quantity])
    assert monthly_value(one["items"][0]) == monthly
    assert worth(one) == {"usd": monthly}


@pytest.mark.parametrize(("amount", "quantity", "interval", "count", "monthly"), PER_UNIT)
def test_an_item_of_only_a_plan_is_worth_the_same(
    amount: int, quantity: int, interval: str, count: int, monthly: Fraction
) -> None:
    terms = price(unit_amount=amount, interval=interval, interval_count=count)
    told = subscription(old=True) | {"items": {"data": [of_plan(item(price=terms, quantity=quantity))]}}
    assert worth(read_subscription(told)) == {"usd": monthly}


def test_a_price_in_fractions_of_a_cent_counts_exactly() -> None:
    tiny = price(unit_amount=None, unit_amount_decimal="0.05")
    assert shown(read(tiny, quantities=[30])) == {"usd": "0.02"}  # 1.5 cents
    assert monthly_value(read(tiny, quantities=[30])["items"][0]) == Fraction(3, 2)


def test_an_interval_that_stripe_adds_one_day_makes_the_mrr_unknown_not_wrong() -> None:
    assert worth(read(price(interval="fortnight"))) is None


# --- a subscription's items added up


def test_mrr_adds_up_the_items_of_a_subscription_each_in_its_own_interval() -> None:
    mixed = read(
        price("price_a", unit_amount=500),
        price("price_b", unit_amount=36_000, interval="year"),
        price("price_c", unit_amount=1_200, interval="week"),
        price("price_d", unit_amount=24, interval="day", interval_count=2),
        quantities=[5, 2],
    )
    assert worth(mixed) == {"usd": 2_500 + 2 * 3_000 + 5_200 + 365}


def test_a_subscription_grows_when_an_item_is_added() -> None:
    seats, editors = price("price_a", unit_amount=500), price("price_b", unit_amount=3_000)
    assert shown(read(seats, quantities=[5])) == {"usd": "25.00"}
    assert shown(read(seats, editors, quantities=[5, 2])) == {"usd": "85.00"}  # 5 x 5 + 2 x 30


def test_what_a_subscription_is_worth_whose_items_are_not_shown_is_not_known() -> None:
    assert shown(read(currency="eur")) is None
    ended = read(currency="eur") | {"status": "canceled"}
    assert shown(ended) == {"eur": "0.00"}


def test_metered_items_are_left_out() -> None:
    metered = price("price_m", unit_amount=700, usage_type="metered")
    assert worth(read(price(), metered, quantities=[1, None])) == {"usd": 1900}
    assert monthly_value(read(metered, quantities=[None])["items"][0]) == 0


def test_one_time_items_are_left_out() -> None:
    setup_fee = price("price_o", unit_amount=50_000, interval=None)
    assert worth(read(price(), setup_fee)) == {"usd": 1900}
    assert monthly_value(read(setup_fee)["items"][0]) == 0


# --- which subscriptions count


@pytest.mark.parametrize("status", LIVING)
def test_a_subscription_that_is_paid_or_being_collected_has_its_value(status: str) -> None:
    assert worth(read(price(), status=status)) == {"usd": 1900}


@pytest.mark.parametrize("status", WORTHLESS)
def test_a_subscription_in_any_other_status_is_worth_exactly_nothing(status: str) -> None:
    facts: dict[str, Any] = {"trial_end": 2_000_000_000} if status == "trialing" else {}
    ending = discount(coupon=coupon(duration="repeating"), end=NOW + 60)
    for worthless in (
        read(price(), status=status, **facts),
        read(tiered(), discounts=["di_1", ending], status=status, **facts),
    ):
        assert subscription_mrr(worthless, NOW, nothing_resolved) == Mrr({"usd": Fraction(0)})


@pytest.mark.parametrize(
    ("behavior", "monthly"), [("void", 0), ("mark_uncollectible", 0), ("keep_as_draft", 1900)]
)
def test_only_invoices_kept_as_drafts_keep_a_paused_collection_in_the_mrr(
    behavior: str, monthly: int
) -> None:
    paused = read(price(), pause_collection={"behavior": behavior, "resumes_at": None})
    assert worth(paused) == {"usd": monthly}


def test_a_scheduled_cancellation_counts_until_it_takes_effect() -> None:
    assert worth(read(price(), cancel_at_period_end=True)) == {"usd": 1900}


# --- totals


def test_mrr_adds_up_subscriptions_of_stripes_own_example() -> None:
    monthly = [read(price(unit_amount=10_000))] * 100
    yearly = [read(price(unit_amount=60_000, interval="year"))] * 50
    assert shown(*monthly, *yearly) == {"usd": "12500.00"}


def test_thirds_of_cents_are_added_up_before_anything_is_rounded() -> None:
    third = read(price(unit_amount=100, interval="month", interval_count=3))  # 33 1/3 cents
    assert shown(third) == {"usd": "0.33"}
    assert shown(*[third] * 3) == {"usd": "1.00"}


HALVES = [
    pytest.param("usd", "0.5", 1, "0.01", id="0.5 cents up"),
    pytest.param("usd", "0.499999999999", 1, "0.00", id="just under 0.5 cents down"),
    pytest.param("usd", "1.5", 1, "0.02", id="1.5 cents up"),
    pytest.param("usd", "2.5", 1, "0.03", id="2.5 cents up, not to even"),
    pytest.param("usd", "1", 2, "0.01", id="1 per 2 months = 0.5 up"),
    pytest.param("usd", "4", 3, "0.01", id="4 per 3 months = 1 1/3 down"),
    pytest.param("usd", "5", 3, "0.02", id="5 per 3 months = 1 2/3 up"),
    pytest.param("jpy", "2501", 2, "1251", id="2501 yen per 2 months = 1250.5 up"),
    pytest.param("jpy", "2500", 3, "833", id="2500 yen per 3 months = 833 1/3 down"),
    pytest.param("kwd", "5125", 2, "2.563", id="5.125 per 2 months = 2.5625 up"),
    pytest.param("kwd", "5125", 3, "1.708", id="5.125 per 3 months = 1.708 1/3 down"),
]


@pytest.mark.parametrize(("currency", "amount", "months", "text"), HALVES)
def test_halves_of_the_smallest_unit_are_rounded_up(
    currency: str, amount: str, months: int, text: str
) -> None:
    exact = price(unit_amount=None, unit_amount_decimal=amount, currency=currency, interval_count=months)
    assert shown(read(exact)) == {currency: text}


def test_currencies_are_kept_apart_and_each_is_rounded_to_its_own_minor_unit() -> None:
    subscriptions = [
        read(price(unit_amount=10_000, interval="year")),
        read(price(unit_amount=2_000, currency="eur")),
        read(price(unit_amount=30_000, currency="jpy", interval="year")),
        read(price(unit_amount=25, currency="jpy", interval="month", interval_count=2)),
        read(price(unit_amount=12_500, currency="kwd", interval_count=2)),
        read(price(unit_amount=5_125, currency="kwd")),
    ]
    amounts = shown(*subscriptions)
    assert amounts == {
        "eur": "20.00",
        "jpy": "2513",  # 2500 + 12.5
        "kwd": "11.375",  # 6.250 + 5.125
        "usd": "8.33",
    }
    assert list(amounts) == sorted(amounts)


def test_a_currency_of_which_nothing_is_paid_shows_zero() -> None:
    assert shown(read(price(currency="eur"), status="unpaid"), read(price())) == {
        "eur": "0.00",
        "usd": "19.00",
    }


def test_nobodys_subscriptions_have_no_mrr() -> None:
    assert total([]) == Mrr({})
    assert rounded(total([])) == {}


def test_a_total_is_as_sure_as_the_least_sure_and_as_lasting_as_the_first_to_change() -> None:
    one, other = Fraction(1), Fraction(2)
    assert total(
        [Mrr({"usd": one}, True, 9), Mrr({"usd": other, "eur": one}, False, 5), Mrr({}, True)]
    ) == Mrr({"usd": 3 * one, "eur": one}, False, 5)
    assert total([Mrr({"usd": one}), Mrr({"usd": other})]) == Mrr({"usd": Fraction(3)}, True, None)


def test_one_unknown_subscription_makes_the_total_unknown() -> None:
    assert shown(read(price()), read(tiered())) is None
    assert total([Mrr({"usd": Fraction(1)}, False, 9), Mrr(None)]) == Mrr(None, False, 9)
