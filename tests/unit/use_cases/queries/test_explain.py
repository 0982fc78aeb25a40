"""Explain: which conditions hold, until when, and which record and event each field came from."""

from __future__ import annotations

from typing import Any

import pytest

from peoplesync.domain.segments.definitions import PREDEFINED
from peoplesync.use_cases.public_json import iso
from peoplesync.use_cases.queries.explain import explain_person
from tests.support.builders.stripe import DAY, NOW, charge, customer, event, subscription
from tests.support.fakes.world import World


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    world = World(NOW)
    started = NOW - DAY
    trial = subscription(status="trialing", created=started, trial_start=started, trial_end=NOW + 13 * DAY)
    world.apply(
        event("customer.created", customer(email="trial-07@example.com"), created=started, id="evt_1"),
        event("customer.subscription.created", trial, created=started, id="evt_2"),
        event("charge.succeeded", charge(created=NOW - 5), created=NOW - 5, id="evt_3"),
    )
    person = world.person("email:trial-07@example.com")
    assert person is not None
    return explain_person(person, PREDEFINED, NOW)


def segment(told: dict[str, Any], segment_id: str) -> dict[str, Any]:
    return next(one for one in told["segments"] if one["id"] == segment_id)


def field(told: dict[str, Any], key: str) -> dict[str, Any]:
    return next(one for one in told["fields"] if one["key"] == key)


def test_a_segment_tells_which_of_its_conditions_hold_and_until_when(told: dict[str, Any]) -> None:
    slipping = segment(told, "slipping_trials")
    status, activity = slipping["conditions"]
    assert (slipping["member"], slipping["holds"], slipping["until"]) == (False, False, iso(NOW + DAY))
    assert (status["holds"], status["value"], status["until"]) == (True, "trialing", None)
    assert (activity["holds"], activity["value"]) == (False, iso(NOW - DAY))
    assert activity["until"] == iso(NOW + DAY)


def test_a_member_is_told_since_when(told: dict[str, Any]) -> None:
    assert segment(told, "current_trials")["since"] == iso(NOW)
    assert segment(told, "customers")["since"] is None


@pytest.mark.parametrize(
    ("key", "told_by"),
    [
        ("customer_email", ("cus_1", "cus_1", "evt_1")),
        ("subscription_status", ("cus_1", "sub_1", "evt_2")),
        ("plan_id", ("cus_1", "sub_1", "evt_2")),
        ("last_amount_paid", ("cus_1", "ch_1", "evt_3")),
    ],
)
def test_a_field_tells_its_record_object_and_event(
    told: dict[str, Any], key: str, told_by: tuple[str, str, str]
) -> None:
    one = field(told, key)
    assert (one["record"], one["object"], one["event"]) == told_by


def test_a_field_made_of_several_objects_tells_how_it_is_made(told: dict[str, Any]) -> None:
    one = field(told, "customer_mrr")
    assert one["source"] == "monthly value of all subscriptions in customer_mrr_currency"
    assert "event" not in one
