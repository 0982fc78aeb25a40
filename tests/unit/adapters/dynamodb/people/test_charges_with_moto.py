"""What charges count for, in DynamoDB: beside the feed, and never part of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from peoplesync.adapters.dynamodb.people.people_reader import PeopleReader
from peoplesync.adapters.dynamodb.people.people_store import PeopleStore
from peoplesync.adapters.dynamodb.streamed_rows import read_batch
from peoplesync.adapters.dynamodb.tables import CHARGE, FeedRow
from peoplesync.domain.people.person import Person
from peoplesync.domain.publishing import EntryWritten
from peoplesync.domain.records.charges import Paid
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from tests.support.builders.stripe import DAY, NOW, charge, customer, event
from tests.support.fakes.streams import stream_record
from tests.support.fakes.world import TEST, World
from tests.support.stacks.moto_stack import MotoStack, people_store


def paid(name: str, days_ago: int, **facts: Any) -> StripeObject:
    return charge(name, created=NOW - days_ago * DAY, **facts)


def told(what: str, shown: StripeObject, at: int = NOW) -> StripeObject:
    return event(f"charge.{what}", shown, created=at)


@pytest.fixture
def world(aws: MotoStack) -> World:
    world = World(NOW)
    world.applier.people = people_store()
    world.apply(event("customer.created", customer(), created=NOW - 60 * DAY))
    for name, days_ago in (("ch_1", 9), ("ch_2", 6), ("ch_3", 3)):
        world.apply(told("succeeded", paid(name, days_ago, amount=100 * days_ago), NOW - days_ago * DAY))
    return world


def person(world: World) -> Person:
    (one,) = world.applier.people.read(TEST, ["customer:cus_1"], {}, (), {}).people.values()
    return one


def test_the_payment_before_is_found_by_one_query_when_the_newest_falls(world: World) -> None:
    assert person(world).fields["last_amount_paid"] == "3.00"
    failed: dict[str, Any] = {"status": "failed", "captured": False, "amount_captured": 0}
    world.apply(told("failed", paid("ch_2", 6, amount=600, **failed)))
    world.apply(told("failed", paid("ch_3", 3, amount=300, **failed)))
    assert person(world).fields["last_amount_paid"] == "9.00"
    assert person(world).records["cus_1"].payments == {"usd": Paid(1, 900)}


def test_two_workers_that_hear_of_one_charge_at_once_count_it_once(world: World) -> None:
    refunded = paid("ch_3", 3, amount=300, amount_refunded=50)
    store = world.applier.people
    assert isinstance(store, PeopleStore)

    before: list[bool] = []

    class Raced(PeopleStore):
        """Before its first write somebody else writes the same."""

        def write(self, *arguments: Any) -> Sequence[Exception | None]:
            if not before:
                before.append(True)
                other = World(NOW)
                other.applier.people = store
                other.apply(told("refunded", refunded))
            return super().write(*arguments)

    world.applier.people = Raced(store.connection, store.feed_retention_days, store.markers)
    report = world.apply(told("refunded", refunded))
    assert report.counts["races"] == 1
    assert person(world).records["cus_1"].payments == {"usd": Paid(3, 1800, 50)}


def test_charges_do_not_expire_and_are_neither_listed_nor_published(aws: MotoStack, world: World) -> None:
    rows = [row for row in FeedRow.query(FeedRow.key(TEST, "cus_1")) if row.kind == CHARGE]
    assert len(rows) == 3
    assert all(row.attribute_values.get("expires_at") is None for row in rows)
    kinds = [kind for _, _, kind, _ in PeopleReader().feed(TEST, "cus_1")]
    assert kinds == ["charge_succeeded"] * 3
    shown = aws.items(aws.stack.feed_table)
    records = [stream_record(number, None, row, at=NOW) for number, row in enumerate(shown)]
    streamed = read_batch(records).writes.values()
    assert [one.event.kind for one in streamed if isinstance(one, EntryWritten)] == kinds


def test_charges_go_with_the_feed(world: World) -> None:
    world.applier.people.forget(TEST, "cus_1", 100)
    assert list(FeedRow.query(FeedRow.key(TEST, "cus_1"))) == []
