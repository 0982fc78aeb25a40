"""How a trial ends: converted or expired, never both, whatever events tell of it and in what order."""

import itertools
from typing import Any

import pytest

from peoplesync.domain.billing_events import BillingEvent
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from tests.support.builders.happenings import (
    OVER,
    PAID_PERIOD,
    STARTED,
    TRIAL,
    TRIAL_END,
    Happening,
    change,
    sub,
)
from tests.support.builders.stripe import DAY, HOUR, NOW, subscription

SHAPES = pytest.mark.parametrize("old", [False, True], ids=["modern", "old"])
END = NOW - HOUR

OUTCOMES = {
    "active": "trial_converted",
    "past_due": "trial_converted",
    "paused": "trial_expired",
    "unpaid": "trial_expired",
    "canceled": "trial_expired",
    "incomplete_expired": "trial_expired",
    "a status of tomorrow": None,
}


def trial_kinds(happening: Happening, old: bool = False, **envelope: Any) -> list[str]:
    return [one.kind for one in happening.told(old, **envelope) if one.kind.startswith("trial")]


@SHAPES
@pytest.mark.parametrize("status", OUTCOMES)
def test_the_status_that_follows_a_trial_says_how_it_ended(status: str, old: bool) -> None:
    outcome = OUTCOMES[status]
    told = trial_kinds(sub("updated", status, "trialing", **OVER), old)
    assert told == (["trial_ended", outcome] if outcome else ["trial_ended"])


@pytest.mark.parametrize("before", ["incomplete", "active", "past_due", "unpaid", "paused"])
@pytest.mark.parametrize("after", ["active", "past_due", "unpaid", "paused", "canceled"])
def test_only_the_step_out_of_the_trial_ends_it(before: str, after: str) -> None:
    assert trial_kinds(sub("updated", after, before, **OVER)) == []


# What Stripe may tell of one trial, event by event; its period shows whether the one that is paid began.
_TRIAL = dict[str, Any](canceled_at=None, ended_at=None, **OVER)
_PAID = _TRIAL | PAID_PERIOD
_GONE = {"canceled_at": NOW, "ended_at": NOW}
STORIES: dict[str, tuple[str | None, list[Happening]]] = {
    "converts": ("trial_converted", [sub("updated", "active", "trialing", **_PAID)]),
    "converts, and is canceled within the day": (
        "trial_converted",
        [sub("updated", "active", "trialing", **_PAID), sub("deleted", "canceled", **_PAID | _GONE)],
    ),
    "converts, and is paused within the day": (
        "trial_converted",
        [
            sub("updated", "active", "trialing", **_PAID),
            sub("updated", "paused", "active", **_PAID),
            sub("paused", "paused", **_PAID),
        ],
    ),
    "fails to pay, then pays": (
        "trial_converted",
        [sub("updated", "past_due", "trialing", **_PAID), sub("updated", "active", "past_due", **_PAID)],
    ),
    "fails to pay for good": (
        "trial_converted",
        [
            sub("updated", "past_due", "trialing", **_PAID),
            sub("updated", "unpaid", "past_due", **_PAID),
            sub("deleted", "canceled", **_PAID | _GONE),
        ],
    ),
    "is unpaid at once, then pays": (
        "trial_expired",
        [sub("updated", "unpaid", "trialing", **_PAID), sub("updated", "active", "unpaid", **_PAID)],
    ),
    "is paused, told twice": (
        "trial_expired",
        [sub("updated", "paused", "trialing", **_TRIAL), sub("paused", "paused", **_TRIAL)],
    ),
    "is paused, told by the pause alone": ("trial_expired", [sub("paused", "paused", **_TRIAL)]),
    "is paused, resumed and canceled": (
        "trial_expired",
        [
            sub("updated", "paused", "trialing", **_TRIAL),
            sub("paused", "paused", **_TRIAL),
            sub("updated", "active", "paused", **_PAID),
            sub("resumed", "active", **_PAID),
            sub("deleted", "canceled", **_PAID | _GONE),
        ],
    ),
    "is paused and canceled": (
        "trial_expired",
        [sub("paused", "paused", **_TRIAL), sub("deleted", "canceled", **_TRIAL | _GONE)],
    ),
    "is canceled at its end": ("trial_expired", [sub("deleted", "canceled", **_TRIAL | _GONE)]),
    "is canceled at its end, told twice": (
        "trial_expired",
        [
            sub("updated", "canceled", "trialing", **_TRIAL | _GONE),
            sub("deleted", "canceled", **_TRIAL | _GONE),
        ],
    ),
    "is canceled before its end": (
        "trial_expired",
        [sub("deleted", "canceled", canceled_at=NOW, ended_at=NOW, **TRIAL)],
    ),
    "goes on": (None, [sub("created", "trialing", **TRIAL), sub("trial_will_end", "trialing", **TRIAL)]),
}


@SHAPES
@pytest.mark.parametrize("story", STORIES)
def test_a_trial_has_one_outcome_in_any_order_and_each_entry_is_the_same_whoever_tells_it(
    story: str, old: bool
) -> None:
    outcome, happenings = STORIES[story]
    told = [one.told(old, id=f"evt_{number}", created=NOW + number) for number, one in enumerate(happenings)]
    for order in itertools.permutations(told):
        kept: dict[str, BillingEvent] = {}
        for one in itertools.chain(*order):
            assert kept.setdefault(one.key, one) == one
        ends = [one.kind for one in kept.values() if one.kind in ("trial_converted", "trial_expired")]
        assert ends == ([outcome] if outcome else [])
        assert sum(one.kind == "trial_ended" for one in kept.values()) == len(ends)


def test_an_end_takes_its_moment_from_the_trial_or_from_an_earlier_cancellation() -> None:
    (ended, converted) = (
        one for one in sub("updated", "active", "trialing", **_PAID).told() if one.kind.startswith("trial")
    )
    assert (ended.at, converted.at) == (END, END)
    early = sub("updated", "canceled", "trialing", canceled_at=NOW - 5, ended_at=NOW - 5, **TRIAL).told()
    assert {one.kind: one.at for one in early} == {"trial_ended": NOW - 5, "trial_expired": NOW - 5}


def test_a_trials_end_told_by_its_conversion_and_by_a_cancellation_is_one_identical_entry() -> None:
    converted = sub("updated", "active", "trialing", **_PAID).told()
    ended = sub("deleted", "canceled", **_PAID | _GONE).told(id="evt_2", created=NOW)
    told = [one for one in converted if one.kind == "trial_ended"]
    assert [one for one in ended if one.kind == "trial_ended"] == told != []


def test_no_event_id_and_no_event_time_is_in_what_a_trial_leaves_behind() -> None:
    for _, happenings in STORIES.values():
        for happening in happenings:
            first, again = happening.told(), happening.told(id="evt_2")
            trial = [one for one in first if one.kind.startswith("trial")]
            assert trial == [one for one in again if one.kind.startswith("trial")]
            assert not any("evt" in str(one) for one in trial)


def reminded(trial: StripeObject, at: int, status: str = "trialing") -> list[tuple[str, int]]:
    told = Happening("customer.subscription.trial_will_end", lambda: trial).told(created=at)
    return [(one.key, one.at) for one in told]


def test_a_trial_is_announced_to_end_three_days_before() -> None:
    trial = subscription(status="trialing", **TRIAL)
    assert reminded(trial, TRIAL_END - 3 * DAY + 2) == [
        (f"trial_ending:sub_1:{TRIAL_END}", TRIAL_END - 3 * DAY)
    ]


def test_a_short_trial_is_announced_to_end_as_it_begins() -> None:
    trial = subscription(status="trialing", trial_start=STARTED, trial_end=STARTED + DAY)
    assert reminded(trial, STARTED) == [(f"trial_ending:sub_1:{STARTED + DAY}", STARTED)]


def test_a_trial_that_is_ended_at_once_is_not_announced_to_end() -> None:
    assert reminded(subscription(status="trialing", trial_start=STARTED, trial_end=NOW), NOW) == []
    assert reminded(subscription(status="active", trial_start=STARTED, trial_end=NOW), NOW + 2) == []


def test_another_trial_or_another_end_has_keys_of_its_own() -> None:
    second = sub("updated", "trialing", "active", trial_start=NOW, trial_end=NOW + DAY).told()
    assert [one.key for one in second] == [f"trial_started:sub_1:{NOW}"]
    longer = subscription(status="trialing", trial_start=STARTED, trial_end=TRIAL_END + DAY)
    assert trial_kinds(change(subscription(status="trialing", **TRIAL), longer)) == []
    assert reminded(longer, NOW) == [(f"trial_ending:sub_1:{TRIAL_END + DAY}", TRIAL_END - 2 * DAY)]
