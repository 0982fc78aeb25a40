"""How the simulator's subscriptions are billed, and how their end is planned and taken back."""

from collections import Counter
from typing import Any

import pytest

from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from peoplesync_local.stripe_simulator.parameters.errors import InvalidRequest
from peoplesync_local.stripe_simulator.population.objects import FLEXIBLE_SINCE
from peoplesync_local.stripe_simulator.population.population import Population
from tests.support.builders.stripe import DAY, NOW
from tests.support.worlds.simulated_account import SimulatedAccount, texts

CLASSIC: Any = {"billing_mode": {"type": "classic"}}
YEARLY: Any = {"recurring": {"interval": "year"}}


@pytest.fixture
def stripe() -> SimulatedAccount:
    return SimulatedAccount()


def of_two_intervals(stripe: SimulatedAccount) -> StripeObject:
    return stripe.subscribe(stripe.price(), stripe.price("yearly", 49_000, **YEARLY))


def test_new_subscriptions_are_flexible_unless_classic_is_asked_for(stripe: SimulatedAccount) -> None:
    flexible = {"type": "flexible", "flexible": {"proration_discounts": "included"}}
    assert stripe.subscribe()["billing_mode"] == flexible
    assert stripe.subscribe(**CLASSIC)["billing_mode"] == {"type": "classic", "flexible": None}


def test_a_classic_subscription_has_one_interval(stripe: SimulatedAccount) -> None:
    prices = stripe.price(), stripe.price("yearly", 49_000, **YEARLY)
    with pytest.raises(InvalidRequest, match=r"same `recurring.interval`"):
        stripe.subscribe(*prices, **CLASSIC)
    classic = stripe.subscribe(**CLASSIC)
    with pytest.raises(InvalidRequest, match=r"same `recurring.interval`"):
        stripe.update(classic, items=[{"price": prices[1]["id"]}])
    ends = {item["current_period_end"] for item in of_two_intervals(stripe)["items"]["data"]}
    assert len(ends) == 2


def test_a_classic_subscription_is_made_flexible_for_good(stripe: SimulatedAccount) -> None:
    classic = stripe.subscribe(**CLASSIC)
    stripe.events.clear()
    asked = texts({"billing_mode": {"type": "flexible"}})
    made = stripe.does.migrate_subscription(classic["id"], asked)
    assert (made["billing_mode"]["type"], made["billing_mode"]["updated_at"]) == ("flexible", NOW)
    assert stripe.told() == ["subscription.updated"]
    with pytest.raises(InvalidRequest, match="already in flexible"):
        stripe.does.migrate_subscription(classic["id"], asked)
    with pytest.raises(InvalidRequest, match="must be one of flexible"):
        stripe.does.migrate_subscription(classic["id"], texts(CLASSIC))


def test_the_portal_sets_the_end_of_a_flexible_subscription_and_no_flag(stripe: SimulatedAccount) -> None:
    subscription = of_two_intervals(stripe)
    stripe.pass_days(2)
    stripe.events.clear()
    asked = stripe.does.cancel_in_portal(subscription["id"], "too_expensive", "Too dear")
    assert stripe.told() == ["day 2: subscription.updated"]
    ends = [item["current_period_end"] for item in asked["items"]["data"]]
    assert (asked["cancel_at"], asked["cancel_at_period_end"]) == (max(ends), False)
    assert (asked["canceled_at"], asked["status"]) == (NOW + 2 * DAY, "active")
    assert asked["cancellation_details"] == {
        "comment": "Too dear",
        "feedback": "too_expensive",
        "reason": "cancellation_requested",
    }
    changed = stripe.events[0]["data"]["previous_attributes"]
    assert changed.keys() == {"cancel_at", "canceled_at", "cancellation_details"}


def test_what_was_canceled_in_the_portal_ends_then_and_keeps_its_reason(stripe: SimulatedAccount) -> None:
    subscription = stripe.subscribe()
    stripe.does.cancel_in_portal(subscription["id"], "unused")
    assert stripe.pass_days(31) == ["day 31: subscription.deleted"]
    ended = stripe.now(subscription)
    assert (ended["status"], ended["canceled_at"], ended["ended_at"]) == ("canceled", NOW, NOW + 31 * DAY)
    assert ended["cancellation_details"]["feedback"] == "unused"


def test_taking_a_cancellation_back_clears_all_of_it(stripe: SimulatedAccount) -> None:
    subscription = stripe.subscribe()
    stripe.does.cancel_in_portal(subscription["id"], "unused", "Bye")
    assert stripe.does.keep_in_portal(subscription["id"]) == subscription
    assert stripe.pass_days(31)[0] == "day 31: subscription.updated"


def test_in_the_portal_a_classic_subscription_gets_the_flag(stripe: SimulatedAccount) -> None:
    asked = stripe.does.cancel_in_portal(stripe.subscribe(**CLASSIC)["id"])
    assert (asked["cancel_at"], asked["cancel_at_period_end"]) == (NOW + 31 * DAY, True)


@pytest.mark.parametrize(
    ("params", "place", "flag"),
    [
        ({"cancel_at": "min_period_end"}, 0, False),
        ({"cancel_at": "max_period_end"}, 1, False),
        ({"cancel_at_period_end": True}, 0, True),
    ],
)
def test_an_end_is_asked_for_by_the_first_or_the_last_period(
    stripe: SimulatedAccount, params: dict[str, object], place: int, flag: bool
) -> None:
    asked = stripe.update(of_two_intervals(stripe), **params)
    ends = sorted(item["current_period_end"] for item in asked["items"]["data"])
    assert (asked["cancel_at"], asked["cancel_at_period_end"]) == (ends[place], flag)


def test_a_trial_that_is_canceled_before_its_end_keeps_it(stripe: SimulatedAccount) -> None:
    subscription = stripe.subscribe(trial_period_days=14)
    asked = stripe.update(subscription, cancel_at=NOW + 5 * DAY)
    assert asked["trial_end"] == NOW + 14 * DAY
    assert stripe.pass_days(14) == ["day 5: subscription.deleted"]
    assert stripe.now(subscription)["trial_end"] == NOW + 14 * DAY


def test_feedback_is_one_of_the_portals_words(stripe: SimulatedAccount) -> None:
    details = {"feedback": "because"}
    with pytest.raises(InvalidRequest, match="must be one of customer_service"):
        stripe.update(stripe.subscribe(), cancel_at="max_period_end", cancellation_details=details)


def test_older_subscriptions_are_classic_and_leave_by_the_flag_and_newer_ones_by_their_end_alone() -> None:
    asked: Counter[tuple[str, bool]] = Counter()
    said: Counter[str | None] = Counter()
    population = Population(1500, 1, NOW)
    cast = {one["customer"] for one in population.waiting() if one["object"] == "subscription"}
    for one in population.newest_first("subscription"):
        if one["customer"] in cast:
            continue
        mode = one["billing_mode"]["type"]
        assert (mode == "classic") == (one["created"] < FLEXIBLE_SINCE)
        if one["cancel_at"] is not None:
            assert one["cancel_at"] == one["items"]["data"][0]["current_period_end"]
            asked[mode, one["cancel_at_period_end"]] += 1
            said[one["cancellation_details"]["feedback"]] += 1
    assert asked.keys() == {("classic", True), ("flexible", False)}
    assert min(asked.values()) > 50
    assert len(said) > 5
