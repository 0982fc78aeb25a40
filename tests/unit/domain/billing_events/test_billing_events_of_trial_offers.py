"""Trials of flexible billing: by offers, which only items show, one after another, and canceled."""

from __future__ import annotations

from typing import Any

import pytest

from peoplesync.domain.billing_events import BillingEvent
from peoplesync.domain.fields.built_in import project
from peoplesync.domain.fields.profile import profile_of
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from tests.support.builders.happenings import STARTED, Happening, change, sub
from tests.support.builders.stripe import DAY, HOUR, NOW, customer, event, item, price, subscription
from tests.support.fakes.world import World

ENDS = STARTED + 14 * DAY
OVER = NOW - HOUR
CHEAP, FULL = price("price_offer", unit_amount=100), price("price_1", unit_amount=1900)


def offered(
    end: int = ENDS, *, start: int = STARTED, name: str = "si_1", at: StripeObject = CHEAP
) -> StripeObject:
    """An item in a trial by an offer, for $1.00 a month unless it costs something else."""
    trial = {"start_date": start, "end_date": end, "trial_offer": "to_1"}
    return item(name, price=at, period=(start, end), current_trial=trial)


def regular(start: int = OVER, name: str = "si_1", at: StripeObject = FULL) -> StripeObject:
    return item(name, price=at, period=(start, start + 30 * DAY), current_trial=None)


def of(*items: StripeObject, **facts: Any) -> StripeObject:
    return subscription(items=items, **{"trial_end": None, **facts})


def told(happening: Happening, **envelope: Any) -> dict[str, BillingEvent]:
    return {one.kind: one for one in happening.told(**envelope)}


def trials(happening: Happening) -> list[tuple[str, str, int]]:
    return [(one.kind, one.key, one.at) for one in happening.told() if one.kind.startswith("trial")]


BEGUN = [("trial_started", f"trial_started:sub_1:{STARTED}", STARTED)]


def over(how: str, end: int = OVER, at: int | None = None) -> list[tuple[str, str, int]]:
    return [(kind, f"{kind}:sub_1:{end}", at or end) for kind in ("trial_ended", how)]


CREATED = "customer.subscription.created"
STORIES: dict[str, tuple[Happening, list[tuple[str, str, int]]]] = {
    "a paid trial is created": (Happening(CREATED, lambda: of(offered())), BEGUN),
    "a free one is created": (Happening(CREATED, lambda: of(offered(), status="trialing")), BEGUN),
    "a paid one waits for its payment": (
        Happening(CREATED, lambda: of(offered(), status="incomplete")),
        [],
    ),
    "a paid one is paid for": (change(of(offered(), status="incomplete"), of(offered())), BEGUN),
    "a plan is moved into a paid trial": (change(of(regular()), of(offered())), BEGUN),
    "a paid one is past due": (change(of(offered()), of(offered(), status="past_due")), []),
    "a paid one goes on": (change(of(offered()), of(offered(ENDS + DAY))), []),
    "a paid one is over": (change(of(offered(OVER)), of(regular())), over("trial_converted")),
    "a paid one is over, and the payment fails": (
        change(of(offered(OVER)), of(regular(), status="past_due")),
        over("trial_converted"),
    ),
    "a paid one is over, and nothing is paid": (
        change(of(offered(OVER)), of(regular(), status="paused")),
        over("trial_expired"),
    ),
    "a free one is over": (
        change(of(offered(OVER), status="trialing"), of(regular())),
        over("trial_converted"),
    ),
    "a free one is over while a plan beside it is billed": (
        change(of(offered(OVER), regular(name="si_2")), of(regular(), regular(name="si_2"))),
        over("trial_converted"),
    ),
    "one of two is over": (
        change(of(offered(OVER), offered(name="si_2")), of(regular(), offered(name="si_2"))),
        over("trial_converted"),
    ),
    "a paid one is ended early": (
        change(of(offered(ENDS)), of(regular(NOW))),
        over("trial_converted", ENDS, NOW),
    ),
    "a free one is followed by a paid one": (
        change(of(offered(OVER), status="trialing"), of(offered(ENDS, start=OVER))),
        [("trial_started", f"trial_started:sub_1:{OVER}", OVER), *over("trial_converted")],
    ),
    "a paid one is canceled in its time": (
        Happening(
            "customer.subscription.deleted",
            lambda: of(offered(), status="canceled", canceled_at=NOW, ended_at=NOW),
        ),
        over("trial_expired", ENDS, NOW),
    ),
    "a paid one will end": (
        Happening("customer.subscription.trial_will_end", lambda: of(offered())),
        [("trial_ending", f"trial_ending:sub_1:{ENDS}", ENDS - 3 * DAY)],
    ),
}


@pytest.mark.parametrize("story", STORIES)
def test_a_trial_by_an_offer_begins_and_is_over_as_its_items_show_it(story: str) -> None:
    happening, expected = STORIES[story]
    assert trials(happening) == expected


@pytest.mark.parametrize("story", STORIES)
def test_no_change_of_price_at_a_trials_beginning_or_end_is_another_thing_beside_it(story: str) -> None:
    kinds = {one.kind for one in STORIES[story][0].told()}
    assert not kinds & {"subscription_expanded", "subscription_contracted", "subscription_changed"}


def test_seats_that_are_added_within_a_paid_trial_are_an_expansion() -> None:
    more = offered() | {"quantity": 3}
    assert list(told(change(of(offered()), of(more)))) == ["subscription_expanded"]


def test_a_paid_trials_conversion_says_what_it_was_and_is_worth() -> None:
    converted = told(change(of(offered(OVER)), of(regular())))["trial_converted"].content
    amounts = {key: converted[key] for key in ("previous_status", "status", "previous_mrr", "mrr")}
    assert amounts == {
        "previous_status": "active",
        "status": "active",
        "previous_mrr": "1.00",
        "mrr": "19.00",
    }
    assert (converted["trial_started_at"], converted["trial_ends_at"]) == (STARTED, OVER)


def test_a_trial_of_the_subscriptions_own_speaks_for_those_of_its_items() -> None:
    own = {"status": "trialing", "trial_start": STARTED, "trial_end": ENDS}
    begun = trials(Happening(CREATED, lambda: of(offered(ENDS + 9 * DAY, start=NOW), **own)))
    assert begun == BEGUN
    ended = change(of(offered(), **own), of(regular(), trial_start=STARTED, trial_end=NOW))
    assert trials(ended) == over("trial_converted", NOW)


def test_a_trial_may_be_followed_by_another_one() -> None:
    first = subscription(status="trialing", trial_start=STARTED, trial_end=OVER)
    second = subscription(status="trialing", trial_start=OVER, trial_end=ENDS)
    (begun,) = change(first, second).told()
    assert (begun.kind, begun.key, begun.at) == ("trial_started", f"trial_started:sub_1:{OVER}", OVER)
    assert (begun.content["trial_started_at"], begun.content["trial_ends_at"]) == (OVER, ENDS)
    longer = subscription(status="trialing", trial_start=STARTED, trial_end=ENDS)
    assert change(first, longer).told() == ()


@pytest.mark.parametrize(
    "ends",
    [
        pytest.param({"cancel_at": NOW + DAY, "canceled_at": NOW}, id="before the trial's end"),
        pytest.param({"cancel_at": ENDS, "canceled_at": NOW}, id="at the trial's end"),
        pytest.param({"cancel_at": ENDS, "cancel_at_period_end": True}, id="in classic billing"),
    ],
)
def test_a_cancellation_that_is_scheduled_in_a_trial_ends_no_trial(ends: dict[str, Any]) -> None:
    trial: dict[str, Any] = {"status": "trialing", "trial_start": STARTED, "trial_end": ENDS}
    scheduled = change(subscription(**trial), subscription(**trial, **ends))
    assert [one.kind for one in scheduled.told()] == ["cancellation_scheduled"]


def test_a_trial_that_is_canceled_before_its_end_is_over_when_the_subscription_ends() -> None:
    canceled = sub(
        "deleted",
        "canceled",
        trial_start=STARTED,
        trial_end=ENDS,
        canceled_at=NOW - DAY,
        cancel_at=NOW,
        ended_at=NOW,
    )
    assert trials(canceled) == over("trial_expired", ENDS, NOW)


@pytest.mark.parametrize(
    ("shown", "trial"),
    [
        pytest.param(of(offered()), (STARTED, ENDS), id="a paid one"),
        pytest.param(
            of(offered(ENDS, start=NOW - DAY), offered(NOW + DAY, name="si_2")), (STARTED, ENDS), id="of two"
        ),
        pytest.param(of(regular()), (None, None), id="none any more"),
        pytest.param(of(offered() | {"current_trial": {"trial_offer": "to_1"}}), (None, None), id="odd"),
    ],
)
def test_the_fields_show_a_trial_by_an_offer(
    shown: StripeObject, trial: tuple[int | None, int | None]
) -> None:
    world = World(NOW)
    world.apply(event("customer.created", customer(), created=NOW - 60 * DAY))
    world.apply(event(CREATED, shown, created=STARTED))
    person = world.person("customer:cus_1")
    assert person
    fields = project(profile_of(person.records, None, NOW))
    assert (fields["subscription_trial_started_at"], fields["subscription_trial_ends_at"]) == trial
    assert fields["subscription_status"] == "active"
