"""Observing: how long events took, what came a second time, and how late the clock's reviews were."""

from __future__ import annotations

import pytest

from peoplesync.domain.connections import Connection
from peoplesync.use_cases.messages.message import Message
from tests.support.builders.stripe import DAY, NOW, charge, customer, event, subscription
from tests.support.fakes.world import TEST, World


@pytest.fixture
def world() -> World:
    return World(NOW)


def test_a_live_event_tells_how_long_it_took(world: World) -> None:
    report = world.apply(event("customer.created", customer(), created=NOW - 3))

    assert report.lags == [3]
    assert world.connections.delivered == [(NOW, 3)]


def test_of_a_batch_the_newest_event_says_how_far_behind_we_are(world: World) -> None:
    """One that Stripe delivers again after two days does not."""
    report = world.apply(
        event("customer.created", customer(), created=NOW - 2 * DAY),
        event("customer.created", customer("cus_2"), created=NOW - 3),
    )

    assert sorted(report.lags) == [3, 2 * DAY]
    assert world.connections.delivered == [(NOW, 3)]


@pytest.mark.parametrize("cause", ["reconcile", "import"])
def test_what_did_not_come_by_the_webhook_does_not_say_that_it_delivers(world: World, cause: str) -> None:
    told = event("customer.created", customer(), created=NOW - 3)
    report = world.deliver([Message(TEST, told, cause=cause).encode()])

    assert (report.lags, world.connections.delivered) == ([], [])
    assert world.connections.noted == [NOW - 3]


def test_what_waits_has_not_arrived(world: World) -> None:
    world.apply(event("customer.updated", customer(name="One"), created=NOW))
    world.stripe.down = True
    tied = event("customer.updated", customer(name="Two"), created=NOW)

    report = world.apply(tied)

    assert (report.counts["waiting"], report.lags) == (1, [])


def test_an_event_that_comes_twice_is_a_duplicate_and_a_late_one_is_not(world: World) -> None:
    first = event("customer.updated", customer(name="One"), created=NOW - 60)
    second = event("customer.updated", customer(name="Two"), created=NOW - 30)
    world.apply(first, second)

    again, late = world.apply(second), world.apply(first)

    assert (again.counts["stale"], again.counts["duplicate"]) == (1, 1)
    assert (late.counts["stale"], late.counts["duplicate"]) == (1, 0)


def test_two_events_of_one_payment_are_one_and_its_duplicate(world: World) -> None:
    paid = event("charge.succeeded", charge(), created=NOW)
    world.apply(event("customer.created", customer(), created=NOW), paid)

    assert world.apply(paid).counts["duplicate"] == 1


def slipping(world: World, cause: str, late: int) -> tuple[int, list[int]]:
    started = NOW - 2 * DAY + 60
    running = subscription(status="trialing", created=started, trial_start=started, trial_end=NOW + 9 * DAY)
    world.apply(
        event("customer.created", customer(), created=started),
        event("customer.subscription.created", running, created=started),
    )
    (person,) = world.people.people
    world.now = NOW + 60 + late
    report = world.deliver([Message(TEST, review=(person,), cause=cause).encode()])
    return report.counts["flipped"], report.late


def test_a_review_by_the_clock_tells_how_late_it_was_and_whether_it_changed_anything(world: World) -> None:
    assert slipping(world, "sweep", late=70) == (1, [70])


def test_a_review_for_another_reason_is_not_late(world: World) -> None:
    assert slipping(world, "definition_changed", late=70) == (0, [])


def test_a_review_that_changes_no_segment_flips_nobody(world: World) -> None:
    slipping(world, "sweep", late=70)
    (person,) = world.people.people

    report = world.deliver([Message(TEST, review=(person,), cause="sweep").encode()])

    assert report.counts["flipped"] == 0


def test_before_there_was_a_connection_nothing_could_be_missed(world: World) -> None:
    world.connections.connection = Connection("main", False, 1, 1, NOW - 300)
    early = event("customer.created", customer(), created=NOW - 301)

    report = world.deliver([Message(TEST, early, cause="reconcile").encode()])

    assert (report.counts["applied"], report.counts["missed"]) == (1, 0)
