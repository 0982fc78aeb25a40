"""The eight predefined segments, each at the boundary of its rule."""

from typing import Any

import pytest

from peoplesync.domain.people.person import Person, evaluate
from peoplesync.domain.segments.definitions import PREDEFINED, Definitions, Segment, memberships
from peoplesync.domain.segments.rules import Subject, check
from tests.support.builders.stripe import DAY, NOW, customer, event, subscription
from tests.support.fakes.world import World

TITLES = {
    "syncing_with_stripe": "Syncing with Stripe",
    "current_trials": "Current Trials (Stripe)",
    "slipping_trials": "Slipping Trials (Stripe)",
    "slipping_customers": "Slipping Customers (Stripe)",
    "expired_trials": "Expired Trials (Stripe)",
    "customers": "Customers (Stripe)",
    "churned_customers": "Churned Customers (Stripe)",
    "past_due_subscriptions": "Past Due Subscriptions (Stripe)",
}
SYNCING = "syncing_with_stripe"
SEGMENTS = Definitions(1, PREDEFINED)


def person(*subscriptions: dict[str, Any], now: int = NOW, deleted: bool = False) -> Person:
    """The person of `cus_1` with these subscriptions, as they stand at `now`."""
    world = World(now=now)
    world.apply(event("customer.created", customer(), created=NOW - 60 * DAY))
    for one in subscriptions:
        world.apply(event("customer.subscription.updated", one, created=NOW - DAY, previous={}))
    if deleted:
        world.apply(event("customer.deleted", customer(), created=NOW))
    (somebody,) = world.people.people.values()
    return somebody


def test_the_eight_segments_are_there_with_their_titles_and_valid_rules() -> None:
    assert {segment.id: segment.title for segment in PREDEFINED} == TITLES
    assert len(PREDEFINED) == 8
    for segment in PREDEFINED:
        check(segment.rule)


@pytest.mark.parametrize(
    ("status", "segments"),
    [
        ("active", {"customers"}),
        ("trialing", {"current_trials"}),
        ("past_due", {"customers", "past_due_subscriptions"}),
        ("unpaid", {"churned_customers"}),
        ("canceled", {"churned_customers"}),
        ("incomplete_expired", {"churned_customers"}),
        ("incomplete", set()),
        ("paused", set()),
    ],
)
def test_a_status_puts_a_person_into_its_segments(status: str, segments: set[str]) -> None:
    fresh = subscription(status=status, created=NOW - DAY)
    assert set(person(fresh).segments) == segments | {SYNCING}


def test_a_customer_without_subscription_is_only_in_sync() -> None:
    assert set(person().segments) == {SYNCING}


def test_a_deleted_customer_is_not_in_sync_and_has_churned() -> None:
    assert set(person(subscription(), deleted=True).segments) == {"churned_customers"}
    assert set(person(deleted=True).segments) == set()


def test_any_past_due_subscription_counts_though_another_one_speaks() -> None:
    both = person(subscription("sub_1", created=NOW - DAY), subscription("sub_2", status="past_due"))
    assert both.fields["subscription_status"] == "active"
    assert set(both.segments) == {SYNCING, "customers", "past_due_subscriptions"}


def test_nobody_has_churned_while_a_subscription_of_theirs_is_paid() -> None:
    both = person(subscription("sub_1", status="canceled"), subscription("sub_2", created=NOW - DAY))
    assert "churned_customers" not in both.segments


TRIAL = subscription(status="trialing", created=NOW, trial_end=NOW + 14 * DAY)
PAYING = subscription(status="active", created=NOW)
PAYING_LATE = subscription(status="past_due", created=NOW)
CONVERTED = subscription(status="active", created=NOW, trial_end=NOW + 7 * DAY)
REQUESTED = subscription(status="active", created=NOW, canceled_at=NOW + 3 * DAY, cancel_at_period_end=True)
FLIPS = [
    pytest.param(TRIAL, "slipping_trials", NOW + 2 * DAY, id="a trial slips two days after it began"),
    pytest.param(TRIAL, "expired_trials", NOW + 14 * DAY, id="a trial has expired at its end"),
    pytest.param(PAYING, "slipping_customers", NOW + 15 * DAY, id="a customer slips after fifteen days"),
    pytest.param(PAYING_LATE, "slipping_customers", NOW + 15 * DAY, id="a past due one too"),
    pytest.param(CONVERTED, "slipping_customers", NOW + 22 * DAY, id="fifteen days after the trial's end"),
    pytest.param(REQUESTED, "slipping_customers", NOW + 18 * DAY, id="fifteen days after the request"),
]


@pytest.mark.parametrize(("shown", "segment", "moment"), FLIPS)
def test_a_segment_that_is_entered_by_the_clock_is_entered_at_the_second(
    shown: dict[str, Any], segment: str, moment: int
) -> None:
    at_first = person(shown, now=NOW + 3 * DAY if shown is REQUESTED else NOW)
    assert segment not in evaluate(at_first, SEGMENTS, moment - 1).segments
    assert segment in evaluate(at_first, SEGMENTS, moment).segments
    assert segment in evaluate(at_first, SEGMENTS, moment + 400 * DAY).segments


@pytest.mark.parametrize(("shown", "segment", "moment"), FLIPS)
def test_the_reviews_lead_exactly_to_the_moment(shown: dict[str, Any], segment: str, moment: int) -> None:
    now = NOW + 3 * DAY if shown is REQUESTED else NOW
    seen, reviews = person(shown, now=now), []
    while seen.review_at is not None:
        reviews.append(seen.review_at)
        before, seen = seen, evaluate(seen, SEGMENTS, seen.review_at)
        if segment in seen.segments and segment not in before.segments:
            assert seen.segments[segment] == moment
    assert moment in reviews
    assert reviews == sorted(set(reviews))


def test_somebody_for_whom_nothing_is_to_come_is_not_reviewed() -> None:
    assert person().review_at is None
    assert person(subscription(created=NOW - 100 * DAY)).review_at is None
    gone = subscription(status="canceled", created=NOW - 100 * DAY, canceled_at=NOW - 15 * DAY)
    assert person(gone).review_at is None


def test_only_the_segments_asked_for_are_told_of_and_the_first_moment_of_them_all() -> None:
    rules = {"week": "7d", "day": "1d", "never": "9000d"}
    asked = [
        Segment(name, name, {"field": "last_activity_at", "older_than": age}) for name, age in rules.items()
    ]
    subject = Subject({"last_activity_at": NOW, "subscription_status": "active"}, True)
    assert memberships(asked, subject, NOW) == (frozenset(), NOW + DAY)
    assert memberships(asked, subject, NOW + DAY) == (frozenset({"day"}), NOW + 7 * DAY)
    assert memberships([], subject, NOW) == (frozenset(), None)
