"""What the webhook had not delivered is counted when the reconciler brings it, and nothing else is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from peoplesync.domain.connections import Connection, Epoch
from peoplesync.use_cases.messages.message import BulkBatch, Message
from peoplesync.use_cases.worker.outcome.report import Report
from tests.support.builders.stripe import DAY, NOW, charge, customer, discount, event, product, subscription
from tests.support.fakes.world import TEST, World

Json = Mapping[str, Any]
LATE = NOW - 600


@pytest.fixture
def world() -> World:
    return World(NOW)


def reconcile(world: World, *events: Json, cause: str = "reconcile") -> Report:
    return world.deliver([Message(TEST, chunk=BulkBatch(events=events), cause=cause).encode()])


def named(name: str, created: int, who: str = "cus_1") -> Json:
    return event("customer.updated", customer(who, name=name), created=created)


def test_an_event_that_nobody_delivered_was_missed(world: World) -> None:
    report = reconcile(world, named("One", LATE))

    assert report.counts["missed"] == world.connections.missed == 1


def test_what_the_webhook_delivered_was_not_missed(world: World) -> None:
    known = [
        named("One", LATE),
        event("customer.subscription.created", subscription(created=LATE), created=LATE + 1),
        event("charge.succeeded", charge("ch_1", created=LATE), created=LATE + 2),
        event("customer.discount.created", discount("di_1", customer="cus_1", start=LATE), created=LATE + 3),
    ]
    world.apply(*known)

    assert reconcile(world, *known).counts["missed"] == 0


def test_of_a_customers_events_only_the_missed_one_counts(world: World) -> None:
    known = [
        named("One", LATE),
        event("customer.subscription.created", subscription(created=LATE), created=LATE + 1),
    ]
    world.apply(*known)

    report = reconcile(world, *known, event("charge.succeeded", charge("ch_1", created=LATE), created=LATE))

    assert report.counts["missed"] == 1


@pytest.mark.parametrize(
    "missed",
    [
        named("Two", LATE + 60),
        event("customer.deleted", customer(), created=LATE + 60),
        event("customer.subscription.updated", subscription(quantity=2), created=LATE + 60),
        event("customer.discount.created", discount("di_1", customer="cus_1", start=LATE), created=LATE + 60),
        event("charge.failed", charge("ch_1", created=LATE), created=LATE + 60),
    ],
    ids=lambda one: str(one["type"]),
)
def test_each_kind_of_event_can_be_missed(world: World, missed: Json) -> None:
    known = [
        named("One", LATE),
        event("customer.subscription.created", subscription(created=LATE), created=LATE),
    ]
    world.apply(*known)

    assert reconcile(world, *known, missed).counts["missed"] == 1


def test_an_event_of_the_last_two_minutes_may_still_be_on_its_way(world: World) -> None:
    assert reconcile(world, named("One", NOW - 119)).counts["missed"] == 0
    assert reconcile(world, named("Two", NOW - 120, "cus_2")).counts["missed"] == 1


def test_what_the_webhook_or_an_import_brings_is_not_missed(world: World) -> None:
    world.apply(named("One", LATE))
    reconcile(world, named("Two", LATE, "cus_2"), cause="import")

    assert world.connections.missed == 0


def test_an_older_state_of_an_object_is_no_news(world: World) -> None:
    world.apply(named("Newer", NOW - 60))

    assert reconcile(world, named("Older", LATE)).counts["missed"] == 0


def test_an_event_that_comes_twice_was_missed_once(world: World) -> None:
    one = named("One", LATE)

    assert reconcile(world, one, one).counts["missed"] == 1
    assert reconcile(world, one).counts["missed"] == 0
    assert world.connections.missed == 1


def test_the_newest_of_those_that_were_missed_is_known(world: World) -> None:
    reconcile(world, named("One", LATE - 5), named("Two", LATE, "cus_2"), named("Three", LATE - 9, "cus_3"))

    assert world.connections.missed_at == LATE


def test_what_happened_before_it_was_connected_was_not_missed(world: World) -> None:
    world.connections.connection = Connection("main", False, 1, 1, created_at=LATE, endpoint_id="we_1")

    assert reconcile(world, named("One", LATE - 1)).counts["missed"] == 0
    assert reconcile(world, named("Two", LATE, "cus_2")).counts["missed"] == 1


def test_where_there_is_no_webhook_it_missed_nothing(world: World) -> None:
    world.connections.connection = Connection("main", False, 1, 1, created_at=0)

    assert reconcile(world, named("One", LATE)).counts["missed"] == 0


def test_a_product_does_not_count(world: World) -> None:
    assert reconcile(world, event("product.created", product(), created=LATE)).counts["missed"] == 0


def test_a_count_that_cannot_be_noted_crashes_no_message(world: World) -> None:
    def fail(epoch: Epoch, count: int, newest: int) -> None:
        raise RuntimeError("no")

    world.applier.connections.note_missed = fail  # type: ignore[method-assign]  # the fake's own

    report = reconcile(world, named("One", LATE), named("Two", LATE - DAY, "cus_2"))

    assert (report.counts["applied"], report.counts["missed"], report.crashed) == (2, 2, {})
