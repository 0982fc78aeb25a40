"""Publish: writes become announcements on the bus, each once where nothing fails."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest

from peoplesync.domain.people.person import ERASED
from peoplesync.domain.publishing import PersonWritten
from peoplesync.use_cases.messages.message import Message
from peoplesync.use_cases.ports import Unavailable
from peoplesync.use_cases.publishing.publish import Published
from tests.support.builders.stripe import DAY, NOW, customer, event, subscription
from tests.support.fakes.streams import FakeBus, Stage, stage
from tests.support.fakes.world import CONNECTED, TEST

SIGNED_UP = event("customer.created", customer(name="Trial Seven"), created=NOW - 60)
TRIAL = event(
    "customer.subscription.created",
    subscription(status="trialing", created=NOW - 59, trial_end=NOW + 14 * DAY),
    created=NOW - 59,
)


@pytest.fixture
def here() -> Stage:
    return stage(NOW)


def test_a_sign_up_is_told_with_person_segments_and_billing_events(here: Stage) -> None:
    here.world.apply(SIGNED_UP, TRIAL)

    published = here.publish()

    assert here.bus.types == [
        "Person Created",
        "Segment Entered",
        "Segment Entered",
        "Subscription Created",
        "Trial Started",
    ]
    assert published == Published(5, {})
    (created,) = here.bus.of("Person Created")
    person = here.people.identities["customer:cus_1"]
    assert created["person"] == {"id": person, "email": "cus_1@example.com", "customers": ["cus_1"]}
    assert (created["version"], created["connection"], created["cause"]) == (1, "main", "live")
    assert created["occurred_at"] == "2026-03-01T12:00:00Z"


def test_instants_go_out_as_iso_8601(here: Stage) -> None:
    here.world.apply(SIGNED_UP, TRIAL)
    here.publish()

    (created,), (started,) = here.bus.of("Person Created"), here.bus.of("Trial Started")
    assert created["fields"]["subscription_trial_ends_at"] == "2026-03-15T12:00:00Z"
    assert started["event"]["trial_ends_at"] == "2026-03-15T12:00:00Z"
    assert (started["occurred_at"], started["age_seconds"]) == ("2026-03-01T11:59:01Z", 59)
    here.world.now = NOW + 20
    renewed = subscription(status="trialing", created=NOW - 59, trial_end=NOW + 15 * DAY)
    here.world.apply(event("customer.subscription.updated", renewed, previous={}, created=NOW + 10))
    here.publish()
    (updated,) = here.bus.of("Person Updated")
    assert updated["changes"]["subscription_trial_ends_at"] == {
        "old": "2026-03-15T12:00:00Z",
        "new": "2026-03-16T12:00:00Z",
    }


def test_what_happened_to_a_pending_customer_is_told_and_the_person_later(here: Stage) -> None:
    here.world.apply(TRIAL)
    here.publish()

    assert here.bus.types == ["Subscription Created", "Trial Started"]
    person = here.people.identities["customer:cus_1"]
    assert here.bus.told[0].detail["person"] == {"id": person, "email": None, "customers": ["cus_1"]}
    here.world.apply(SIGNED_UP)
    here.publish()
    assert here.bus.types[2:] == ["Person Created", "Segment Entered", "Segment Entered"]


@pytest.mark.parametrize(
    ("cause", "told"), [("import", None), ("import_told", "import"), ("reconcile", "reconcile")]
)
def test_what_an_import_brings_is_told_only_where_it_was_asked_for(
    here: Stage, cause: str, told: str | None
) -> None:
    here.world.deliver([Message(TEST, one, cause=cause).encode() for one in (SIGNED_UP, TRIAL)])

    assert here.publish() == Published(5 if told else 0, {})
    assert {one.detail["cause"] for one in here.bus.told} == ({told} if told else set())


@pytest.mark.parametrize(
    ("connection", "told"),
    [
        (CONNECTED, 5),
        (replace(CONNECTED, disconnected_at=NOW), 5),
        (replace(CONNECTED, epoch_number=2), 0),
        (None, 0),
    ],
    ids=["current", "disconnected", "over", "no such connection"],
)
def test_an_epoch_that_is_over_is_silent(here: Stage, connection: Any, told: int) -> None:
    here.world.apply(SIGNED_UP, TRIAL)
    here.connections.connection = connection

    assert here.publish() == Published(told, {})
    assert len(here.bus.told) == told


def test_people_who_are_cleared_away_with_their_epoch_are_not_told_to_be_removed(here: Stage) -> None:
    here.world.apply(SIGNED_UP)
    (person,) = here.people.people.values()
    cleared = PersonWritten(TEST, person, None, "live", NOW)

    here.connections.connection = replace(CONNECTED, epoch_number=2)
    assert here.publisher.publish({"1": cleared}) == Published(0, {})

    here.connections.connection = CONNECTED
    here.publisher.publish({"1": cleared})
    assert here.bus.types == ["Person Removed", "Segment Left"]


def test_two_people_who_become_one_are_told_as_a_removal_and_what_it_does_to_the_other(here: Stage) -> None:
    both = [event("customer.created", customer(name), created=NOW - 60) for name in ("cus_1", "cus_2")]
    here.world.apply(*both)
    here.publish()
    here.bus.told.clear()

    moved = customer("cus_2", email="cus_1@example.com")
    here.world.now = NOW + 60
    here.world.apply(event("customer.updated", moved, previous={}, created=NOW + 30))
    here.publish()

    (removed,) = here.bus.of("Person Removed")
    assert removed["person"]["email"] == "cus_2@example.com"
    assert {one["cause"] for one in (removed, *here.bus.of("Segment Left"))} == {"moved"}
    (merged,) = here.bus.of("Person Merged")
    assert merged["merged"] == [removed["person"]["id"]]
    assert merged["person"]["customers"] == ["cus_1", "cus_2"]
    assert {one.detail["cause"] for one in here.bus.told if one.type == "Person Updated"} <= {"live"}


@pytest.mark.parametrize("cause", ["live", "import"])
def test_who_was_erased_is_told_to_be_removed_for_that(here: Stage, cause: str) -> None:
    here.world.deliver([Message(TEST, SIGNED_UP, cause=cause).encode()])
    (person,) = here.people.people.values()
    here.people.people.clear()
    here.people.identities = {"customer:cus_1": ERASED}

    here.publisher.publish({"1": PersonWritten(TEST, person, None, cause, NOW)})

    assert here.bus.types == ["Person Removed", "Segment Left"]
    assert {one.detail["cause"] for one in here.bus.told} == {"erased"}


def test_a_feed_of_nobody_is_not_told(here: Stage) -> None:
    here.world.apply(SIGNED_UP, TRIAL)
    here.people.identities.clear()

    here.publish()

    assert "Trial Started" not in here.bus.types


def test_what_the_bus_refuses_comes_again_with_the_same_id(here: Stage) -> None:
    here.world.apply(SIGNED_UP, TRIAL)
    stream = here.people.stream
    here.bus.refuses = {1: "ThrottlingException"}

    published = here.publisher.publish(stream)

    assert published == Published(4, {"00000000": "ThrottlingException"})
    again = here.publisher.publish({"00000000": stream["00000000"]})
    assert again == Published(3, {})
    seen = here.bus.ids
    assert len(set(seen)) == 5
    assert len(seen) == 7


def test_tables_that_are_out_of_reach_have_everything_come_again(here: Stage) -> None:
    class Throttled:
        def read(self, epoch: Any, identities: Collection[str], entries: Any) -> Any:
            raise Unavailable("the tables are throttled")

    here.world.apply(SIGNED_UP, TRIAL)
    stream = here.people.stream

    published = replace(here.publisher, people=Throttled()).publish(stream)

    assert published == Published(0, dict.fromkeys(stream, "the tables are throttled"))


def test_a_write_that_cannot_be_told_fails_alone(here: Stage) -> None:
    here.world.apply(SIGNED_UP)
    stream = here.people.stream
    (whole,) = stream.values()
    assert isinstance(whole, PersonWritten)
    assert whole.after is not None
    unreadable: Any = {"customer_last_sync_at": "no instant"}
    broken = replace(whole, after=replace(whole.after, id="per_2", fields=unreadable))

    published = here.publisher.publish({"1": broken, "2": whole})

    assert published == Published(2, {"1": "TypeError"})


def test_nothing_to_tell_asks_the_bus_for_nothing(here: Stage) -> None:
    class Nobody(FakeBus):
        def send(self, announcements: Any) -> Any:
            raise AssertionError("asked")

    assert replace(here.publisher, bus=Nobody()).publish({}) == Published(0, {})
