"""How sure an MRR is, and until when: discounts that nobody knows, and discounts that start or end."""

from fractions import Fraction
from typing import Any

import pytest

from peoplesync.domain.revenue.mrr import Mrr, subscription_mrr
from peoplesync.domain.stripe_objects import read_discount, read_subscription
from tests.support.builders.shown_terms import shown_mrr
from tests.support.builders.stripe import DAY, NOW, coupon, discount, item, price, subscription

Shown = dict[str, Any]
SOON, LATER = NOW + DAY, NOW + 9 * DAY
HALF = discount("di_9", coupon=coupon())
OTHER = HALF | {"id": "di_8"}
NAMED = discount()  # names its coupon, and shows none of its terms


def mrr_of(shown: Shown, *customers: Shown, now: int = NOW) -> Mrr:
    """The MRR of a subscription of $19.00 as it shows itself."""
    return shown_mrr(shown, now, *customers)


def with_discounts(*discounts: Shown | str) -> Shown:
    return subscription(discounts=list(discounts))


FREE = price(unit_amount=0)
UNSURE: dict[str, tuple[Shown, list[Shown], int]] = {
    "only its id": (with_discounts("di_1"), [], 1900),
    "only its coupon's id": (with_discounts(NAMED), [], 1900),
    "until soon": (with_discounts(discount(end=SOON)), [], 1900),
    "beside one that is known": (with_discounts("di_1", HALF), [], 950),
    "of an item": (subscription(items=[item(discounts=["di_1"])]), [], 1900),
    "of the customer": (subscription(), [NAMED], 1900),
    "of some new duration": (with_discounts(discount(coupon=coupon(duration="seasonal"))), [], 1900),
    "neither percentage nor amount": (with_discounts(discount(coupon=coupon(percent_off=None))), [], 1900),
    "an amount of no currency": (
        with_discounts(discount(coupon=coupon(percent_off=None, amount_off=500))),
        [],
        1900,
    ),
}
SURE: dict[str, tuple[Shown, list[Shown], int]] = {
    "none": (subscription(), [], 1900),
    "known": (with_discounts(HALF), [], 950),
    "unknown and over": (with_discounts(discount(end=NOW)), [], 1900),
    "unknown and not begun": (with_discounts(discount(start=SOON)), [], 1900),
    "unknown of a customer who is overridden": (with_discounts(HALF), [NAMED], 950),
    "unknown of something free": (subscription(price=FREE, discounts=["di_1"]), [], 0),
    "unknown of a free item beside another": (
        subscription(items=[item("si_1"), item("si_2", price=FREE, discounts=["di_1"])]),
        [],
        1900,
    ),
    "unknown beside one of 100 %": (
        with_discounts("di_1", discount("di_9", coupon=coupon(percent_off=100))),
        [],
        0,
    ),
    "unknown of something metered": (
        subscription(
            items=[
                item("si_1"),
                item("si_2", price=price(usage_type="metered"), quantity=None, discounts=["di_1"]),
            ]
        ),
        [],
        1900,
    ),
}


@pytest.mark.parametrize("name", UNSURE)
def test_an_unknown_discount_is_left_out_and_the_value_marked_as_inexact(name: str) -> None:
    shown, customers, monthly = UNSURE[name]
    mrr = mrr_of(shown, *customers)
    assert (mrr.by_currency, mrr.exact) == ({"usd": Fraction(monthly)}, False)


@pytest.mark.parametrize("name", SURE)
def test_a_value_that_no_unknown_discount_can_change_is_exact(name: str) -> None:
    shown, customers, monthly = SURE[name]
    mrr = mrr_of(shown, *customers)
    assert (mrr.by_currency, mrr.exact) == ({"usd": Fraction(monthly)}, True)


def test_what_the_resolver_knows_of_a_discount_counts_and_not_what_the_event_showed() -> None:
    ended = read_discount(HALF | {"end": NOW})
    for shown in ("di_9", HALF):
        told = read_subscription(with_discounts(shown))
        mrr = subscription_mrr(told, NOW, lambda discount: ended)
        assert mrr == Mrr({"usd": Fraction(1900)})


UNTIL: dict[str, tuple[Shown, list[Shown], int | None]] = {
    "no discount": (subscription(), [], None),
    "for ever": (with_discounts(HALF), [], None),
    "an end": (with_discounts(HALF | {"end": LATER}), [], LATER),
    "an end now is past": (with_discounts(HALF | {"end": NOW}), [], None),
    "a start": (with_discounts(HALF | {"start": SOON, "end": LATER}), [], SOON),
    "a start now is past": (with_discounts(HALF | {"start": NOW, "end": LATER}), [], LATER),
    "the first of several ends": (
        with_discounts(HALF | {"end": LATER}, discount("di_2", coupon=coupon(), end=SOON)),
        [],
        SOON,
    ),
    "an end of unknown terms": (with_discounts(discount(end=SOON)), [], SOON),
    "an item's end": (subscription(items=[item(discounts=[HALF | {"end": SOON}])]), [], SOON),
    "the customer's end": (subscription(), [HALF | {"end": SOON}], SOON),
    "the overridden customer's end": (with_discounts(HALF | {"end": LATER}), [NAMED | {"end": SOON}], LATER),
    "the end of the one before the customer's": (with_discounts(HALF | {"end": SOON}), [OTHER], SOON),
    "the start of the one after the customer's": (with_discounts(HALF | {"start": SOON}), [OTHER], SOON),
    "nothing is paid": (subscription(status="unpaid", discounts=[HALF | {"end": SOON}]), [], None),
}


@pytest.mark.parametrize("name", UNTIL)
def test_the_value_holds_until_the_next_start_or_end_of_a_discount(name: str) -> None:
    shown, customers, until = UNTIL[name]
    assert mrr_of(shown, *customers).until == until


@pytest.mark.parametrize("name", [name for name, case in UNTIL.items() if case[2] is not None])
def test_the_value_changes_at_that_moment_at_the_latest(name: str) -> None:
    shown, customers, until = UNTIL[name]
    assert until is not None
    before = [mrr_of(shown, *customers, now=now) for now in (NOW, until - 1)]
    assert before[0].by_currency == before[1].by_currency
    assert before[0].until == before[1].until
    assert mrr_of(shown, *customers, now=until).until != until


def test_a_running_discount_ends_by_the_clock_alone() -> None:
    shown = with_discounts(HALF | {"end": SOON})
    worth = [mrr_of(shown, now=now).by_currency for now in (NOW, SOON - 1, SOON)]
    assert worth == [{"usd": Fraction(950)}, {"usd": Fraction(950)}, {"usd": Fraction(1900)}]
