"""What an update of a subscription means: expanded or contracted, reactivated, paused, to be canceled."""

from typing import Any

import pytest

from peoplesync.domain.billing_events.transitions import as_it_was
from peoplesync.domain.stripe_objects import UnreadableStripeObject
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from tests.support.builders.happenings import OVER, PAID_PERIOD, STARTED, TRIAL, Happening, change, sub
from tests.support.builders.stripe import DAY, NOW, coupon, discount, item, price, subscription

SHAPES = pytest.mark.parametrize("old", [False, True], ids=["modern", "old"])
STATUSES = (
    "incomplete",
    "incomplete_expired",
    "trialing",
    "active",
    "past_due",
    "canceled",
    "unpaid",
    "paused",
)


def kinds(happening: Happening, old: bool = False, **envelope: Any) -> list[str]:
    return [one.kind for one in happening.told(old, **envelope)]


def seats(quantity: int | None, **facts: Any) -> StripeObject:
    """A subscription of so many seats at $19.00 a month."""
    return subscription(quantity=quantity, **facts)


def on(one: StripeObject, quantity: int | None = 1) -> StripeObject:
    return subscription(price=one, quantity=quantity)


MONTHLY = price("price_m", unit_amount=1900)
YEARLY = price("price_y", unit_amount=19_000, interval="year")
METERED = price("price_u", unit_amount=5, usage_type="metered")
TIERED = price("price_t", billing_scheme="tiered", unit_amount=None)
ONCE = price("price_o", unit_amount=50_000, interval=None)
TWO = [item("si_1", price=MONTHLY), item("si_2", price=price("price_2", unit_amount=500))]
HALF = [discount(coupon=coupon(percent_off=50))]
BETTER = [discount("di_2", coupon=coupon(percent_off=50))]
ONCE_HALF = [discount(coupon=coupon(percent_off=50, duration="once"))]
FIVE_OFF = [discount(coupon=coupon(percent_off=None, amount_off=500, currency="usd"))]
LATER_OVER = [discount(coupon=coupon(duration="repeating", duration_in_months=3), end=NOW + DAY)]
LONG_OVER = [discount(coupon=coupon(duration="repeating", duration_in_months=3), end=NOW - DAY)]

MOVES: dict[str, tuple[StripeObject, StripeObject, str | None]] = {
    "more seats": (seats(2), seats(3), "expanded"),
    "fewer seats": (seats(3), seats(2), "contracted"),
    "no seat left": (seats(1), seats(0), "contracted"),
    "a dearer plan": (on(MONTHLY), on(price("price_2", unit_amount=4900)), "expanded"),
    "a cheaper plan": (on(price("price_2", unit_amount=4900)), on(MONTHLY), "contracted"),
    "twice the seats at half the price": (on(MONTHLY), on(price("price_2", unit_amount=950), 2), None),
    "the same amount under another price": (on(MONTHLY), on(price("price_2", unit_amount=1900)), None),
    "a fraction of a cent more": (
        on(price(unit_amount=None, unit_amount_decimal="0.5"), 1000),
        on(price(unit_amount=None, unit_amount_decimal="0.501"), 1000),
        "expanded",
    ),
    "monthly to yearly, $15.83 a month": (on(MONTHLY), on(YEARLY), "contracted"),
    "yearly to monthly": (on(YEARLY), on(MONTHLY), "expanded"),
    "$1,200 a year to $300 a quarter": (
        on(price("price_1", unit_amount=120_000, interval="year")),
        on(price("price_2", unit_amount=30_000, interval_count=3)),
        None,
    ),
    "a second item": (subscription(items=TWO[:1]), subscription(items=TWO), "expanded"),
    "one item less": (subscription(items=TWO), subscription(items=TWO[1:]), "contracted"),
    "items in another order": (subscription(items=TWO), subscription(items=TWO[::-1]), None),
    "a metered item more": (
        subscription(items=TWO[:1]),
        subscription(items=[TWO[0], item("si_2", price=METERED, quantity=None)]),
        None,
    ),
    "a dearer metered price": (
        on(METERED, None),
        on(price("price_v", unit_amount=9, usage_type="metered"), None),
        None,
    ),
    "a one-time item more": (
        subscription(items=TWO[:1]),
        subscription(items=[TWO[0], item("si_2", price=ONCE)]),
        None,
    ),
    "another currency": (
        on(price(currency="usd")),
        on(price("price_2", currency="eur", unit_amount=9900)),
        "changed",
    ),
    "tiers that are not shown": (
        on(MONTHLY),
        on(TIERED),
        "changed",
    ),
    "from tiers that are not shown": (on(TIERED), on(MONTHLY), "changed"),
    "more seats in tiers that are not shown": (on(TIERED, 2), on(TIERED, 3), "changed"),
    "an item beside tiers that are not shown": (
        subscription(items=[item("si_1", price=TIERED)]),
        subscription(items=[item("si_1", price=TIERED), TWO[1]]),
        "changed",
    ),
    "a discount beside tiers that are not shown": (
        on(TIERED),
        subscription(price=TIERED, discounts=HALF),
        "changed",
    ),
    "the next period of tiers that are not shown": (
        on(TIERED),
        subscription(price=TIERED, period=(NOW, NOW + 30 * DAY)),
        None,
    ),
    "another name of tiers that are not shown": (
        on(TIERED),
        on(TIERED | {"nickname": "Renamed"}),
        None,
    ),
    "another item of the same tiers": (
        subscription(items=[item("si_1", price=TIERED)]),
        subscription(items=[item("si_9", price=TIERED)]),
        None,
    ),
    "tiers that are not shown in a trial": (
        subscription(price=TIERED, quantity=2, status="trialing"),
        subscription(price=TIERED, quantity=3, status="trialing"),
        None,
    ),
    "a discount for ever": (seats(1), seats(1, discounts=HALF), "contracted"),
    "no discount any more": (seats(1, discounts=HALF), seats(1), "expanded"),
    "a fixed discount": (seats(1), seats(1, discounts=FIVE_OFF), "contracted"),
    "a discount for some months": (seats(1), seats(1, discounts=LATER_OVER), "contracted"),
    "a discount that had run out is gone": (seats(1, discounts=LONG_OVER), seats(1), None),
    "a discount for once": (seats(1), seats(1, discounts=ONCE_HALF), None),
    "a better discount": (seats(1, discounts=FIVE_OFF), seats(1, discounts=BETTER), "contracted"),
    "twice the seats at half the price by discount": (seats(1), seats(2, discounts=HALF), None),
    "another name": (seats(1), seats(1, description="Renamed"), None),
    "the next period": (seats(1), seats(1, period=(NOW, NOW + 30 * DAY)), None),
    "payment collection stops": (seats(1), seats(1, pause_collection={"behavior": "void"}), None),
    "payment collection goes on": (seats(1, pause_collection={"behavior": "void"}), seats(1), None),
    "more seats while nothing is collected": (
        seats(1, pause_collection={"behavior": "void"}),
        seats(5, pause_collection={"behavior": "void"}),
        None,
    ),
    "more seats while invoices stay drafts": (
        seats(1, pause_collection={"behavior": "keep_as_draft"}),
        seats(5, pause_collection={"behavior": "keep_as_draft"}),
        "expanded",
    ),
}


@SHAPES
@pytest.mark.parametrize("move", MOVES)
def test_a_monthly_value_that_rises_or_falls_is_told(move: str, old: bool) -> None:
    was, now, way = MOVES[move]
    assert kinds(change(was, now), old) == ([f"subscription_{way}"] if way else [])


@pytest.mark.parametrize("after", STATUSES)
@pytest.mark.parametrize("before", STATUSES)
def test_only_what_is_paid_for_before_and_after_expands(before: str, after: str) -> None:
    grown = kinds(change(seats(1, status=before), seats(5, status=after)))
    paid_for = {before, after} <= {"active", "past_due"}
    assert ("subscription_expanded" in grown) == paid_for
    assert "subscription_contracted" not in grown


def test_an_unknown_discount_on_both_sides_hides_no_change_of_seats() -> None:
    assert kinds(change(seats(1, discounts=["di_1"]), seats(2, discounts=["di_1"]))) == [
        "subscription_expanded"
    ]


NAMED = {"discounts": ["di_1"]}


@pytest.mark.parametrize(
    ("was", "now", "way"),
    [
        pytest.param(seats(1), seats(1, **NAMED), "changed", id="a discount comes"),
        pytest.param(seats(1, **NAMED), seats(1), "changed", id="a discount goes"),
        pytest.param(seats(1, **NAMED), seats(1, discounts=["di_2"]), "changed", id="another discount"),
        pytest.param(seats(1), seats(2, **NAMED), "changed", id="a discount and more seats"),
        pytest.param(seats(2), seats(1, **NAMED), "contracted", id="a discount and fewer seats"),
        pytest.param(seats(1, **NAMED), seats(2), "expanded", id="no discount and more seats"),
        pytest.param(seats(0, **NAMED), seats(0), None, id="nothing that a discount could lower"),
    ],
)
def test_a_discount_that_is_only_named_is_an_upper_bound(
    was: StripeObject, now: StripeObject, way: str | None
) -> None:
    assert kinds(change(was, now)) == ([f"subscription_{way}"] if way else [])


def test_what_changed_in_value_is_one_entry_in_whatever_shape_it_is_told() -> None:
    (known,) = change(seats(1), seats(2)).told()
    (unknown,) = change(on(TIERED), on(TIERED, 2)).told()
    (smaller,) = change(seats(2), seats(1)).told()
    assert [one.kind for one in (known, unknown, smaller)] == [
        "subscription_expanded",
        "subscription_changed",
        "subscription_contracted",
    ]
    assert {one.memory for one in (known, unknown, smaller)} == {"evt_1:value"}


@pytest.mark.parametrize(
    ("previous", "way"),
    [
        ({"quantity": 1}, "expanded"),
        ({"quantity": 9}, "contracted"),
        ({"quantity": None}, None),
        ({"plan": {"id": "price_0", "amount": 900, "amount_decimal": "900"}}, "expanded"),
        (
            {"plan": {"id": "price_0", "amount": 9900, "amount_decimal": "9900", "nickname": None}},
            "contracted",
        ),
        ({"plan": {"id": "price_0", "amount": 1900, "amount_decimal": "1900"}, "quantity": 1}, "expanded"),
        ({"plan": {"interval": "year"}}, "expanded"),
        ({"plan": None, "quantity": None}, None),
    ],
)
def test_the_oldest_shapes_give_quantity_and_plan_of_the_single_item(
    previous: dict[str, Any], way: str | None
) -> None:
    now = subscription(quantity=3, old=True)
    told = Happening("customer.subscription.updated", lambda: now, {}, previous).told(
        api_version="2016-07-06"
    )
    assert [one.kind for one in told] == ([f"subscription_{way}"] if way else [])


def test_items_that_are_given_count_more_than_the_quantity_beside_them() -> None:
    now = subscription(quantity=3, old=True)
    items = {"data": [subscription(quantity=2, old=True)["items"]["data"][0]]}
    told = Happening(
        "customer.subscription.updated", lambda: now, {}, {"items": items, "quantity": 99}
    ).told()
    assert [one.content["previous_mrr"] for one in told] == ["38.00"]


def test_several_items_have_no_single_quantity() -> None:
    now = subscription(items=TWO, old=True)
    assert kinds(Happening("customer.subscription.updated", lambda: now, {}, {"quantity": 7})) == []


def test_what_was_is_laid_over_without_touching_the_event() -> None:
    now = subscription(metadata={"a": "1", "b": "2"}, quantity=2)
    items = subscription(quantity=1)["items"]["data"]
    was = as_it_was(
        now, {"metadata": {"a": "0"}, "items": {"data": items}, "pause_collection": {"behavior": "void"}}
    )
    assert was["metadata"] == {"a": "0", "b": "2"}
    assert was["items"] == now["items"] | {"data": items}
    assert was["pause_collection"] == {"behavior": "void"}
    assert now == subscription(metadata={"a": "1", "b": "2"}, quantity=2)


def test_previous_attributes_that_fit_no_subscription_are_unreadable() -> None:
    with pytest.raises(
        UnreadableStripeObject, match=r"sub_1: previous_attributes\.items should be a list, not text"
    ):
        change(seats(1), seats(2)).told(previous={"items": {"data": "two"}})


REACTIVATIONS = {status: status in ("past_due", "unpaid", "paused", "canceled") for status in STATUSES}


@SHAPES
@pytest.mark.parametrize("before", STATUSES)
def test_what_comes_back_to_active_is_activated_or_reactivated_never_both(before: str, old: bool) -> None:
    told = kinds(sub("updated", "active", before), old)
    assert ("subscription_reactivated" in told) == REACTIVATIONS[before]
    assert ("subscription_activated" in told) == (before in ("incomplete", "trialing"))


def test_a_pause_and_its_end_are_told_by_the_events_of_their_name_alone() -> None:
    paused = sub("updated", "paused", "active"), sub("paused", "paused")
    assert [kinds(one) for one in paused] == [[], ["subscription_paused"]]
    resumed = sub("updated", "active", "paused"), sub("resumed", "active")
    assert [kinds(one) for one in resumed] == [["subscription_reactivated"], ["subscription_resumed"]]


def test_a_second_pause_is_another_entry() -> None:
    first, second = (sub("paused", "paused").told(id=name)[0] for name in ("evt_1", "evt_2"))
    assert (first.key, second.key) == ("evt_1:subscription_paused", "evt_2:subscription_paused")


AT_PERIOD_END: dict[str, Any] = {"cancel_at_period_end": True}
ON_A_DATE: dict[str, Any] = {"cancel_at": NOW + 9 * DAY}
SCHEDULES: dict[str, tuple[dict[str, Any], dict[str, Any], str | None]] = {
    "at the period's end": ({}, AT_PERIOD_END, "scheduled"),
    "on a date": ({}, ON_A_DATE, "scheduled"),
    "in a trial": ({"status": "trialing"}, {"status": "trialing", **AT_PERIOD_END}, "scheduled"),
    "while past due": ({"status": "past_due"}, {"status": "past_due", **AT_PERIOD_END}, "scheduled"),
    "no longer at the period's end": (AT_PERIOD_END, {}, "unscheduled"),
    "no longer on the date": (ON_A_DATE, {}, "unscheduled"),
    "on another date": (ON_A_DATE, {"cancel_at": NOW + 30 * DAY}, None),
    "on a date instead of the period's end": (AT_PERIOD_END, ON_A_DATE, None),
    "something else of one that ends": (AT_PERIOD_END, {**AT_PERIOD_END, "description": "x"}, None),
    "the end itself as an update": (AT_PERIOD_END, {"status": "canceled"}, None),
    "the end at once": ({}, {"status": "canceled", "cancel_at": NOW}, None),
}


@SHAPES
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_scheduled_end_and_its_withdrawal_are_told(schedule: str, old: bool) -> None:
    was, now, what = SCHEDULES[schedule]
    told = kinds(change(subscription(**was), subscription(**now)), old)
    assert told == ([f"cancellation_{what}"] if what else [])


@pytest.mark.parametrize(("action", "status"), [("created", "active"), ("deleted", "canceled")])
def test_neither_a_fixed_term_nor_the_end_is_a_scheduled_cancellation(action: str, status: str) -> None:
    assert not any(kind.startswith("cancellation") for kind in kinds(sub(action, status, **AT_PERIOD_END)))


def test_an_entry_says_when_the_subscription_would_end() -> None:
    (on_a_date,) = change(subscription(), subscription(**ON_A_DATE)).told()
    (withdrawn,) = change(subscription(**ON_A_DATE), subscription()).told()
    (no_date,) = change(subscription(), subscription(**AT_PERIOD_END) | {"cancel_at": None}).told()
    ends = [one.content["cancels_at"] for one in (on_a_date, withdrawn, no_date)]
    assert ends == [NOW + 9 * DAY, NOW + 9 * DAY, STARTED + 30 * DAY]


def test_one_update_can_mean_several_things() -> None:
    was = subscription(status="trialing", quantity=1, **OVER)
    now = subscription(quantity=5, cancel_at_period_end=True, **OVER, **PAID_PERIOD)
    assert sorted(kinds(change(was, now))) == [
        "cancellation_scheduled",
        "subscription_activated",
        "trial_converted",
        "trial_ended",
    ]


@pytest.mark.parametrize("action", ["pending_update_applied", "pending_update_expired", "trial_will_end"])
def test_what_only_accompanies_an_update_means_nothing(action: str) -> None:
    assert kinds(sub(action, "active", trial_start=TRIAL["trial_start"], trial_end=NOW - DAY)) == []
