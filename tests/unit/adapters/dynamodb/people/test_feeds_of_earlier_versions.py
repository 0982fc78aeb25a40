"""What a feed holds that an earlier version wrote counts: importing and replaying adds no second entry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from peoplesync.adapters.dynamodb.people.people_reader import PeopleReader
from peoplesync.adapters.dynamodb.tables import CHARGE, FeedRow
from peoplesync.domain.billing_events import BillingEvent
from peoplesync_local.stripe_simulator.objects.events import previous_attributes
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from tests.support.builders.stripe import DAY, NOW, charge, customer, event, price, subscription
from tests.support.fakes.batches import counts_of
from tests.support.fakes.world import TEST, World
from tests.support.stacks.moto_stack import MotoStack, people_store

ID = "evt_1"


@dataclass(frozen=True)
class Stored:
    """An event, and the entry by which an earlier version kept it."""

    told: StripeObject
    kind: str
    key: str
    at: int = NOW

    @property
    def sk(self) -> str:
        return f"{self.at:011d}#{self.key}"


def debit_that_failed(**facts: Any) -> StripeObject:
    """Begun five days before it failed."""
    return event("charge.failed", charge(status="failed", created=NOW - 5 * DAY), id=ID, created=NOW, **facts)


def refund_of_a_part(**facts: Any) -> StripeObject:
    """$1.00 of $15.00 that were captured of $19.00."""
    shown = charge(amount_captured=1500, amount_refunded=100)
    return event("charge.refunded", shown, id=ID, created=NOW, **facts)


def another_quantity(was: int, now: int, **facts: Any) -> StripeObject:
    before, after = subscription(quantity=was), subscription(quantity=now)
    previous = previous_attributes(before, after)
    return event("customer.subscription.updated", after, previous=previous, id=ID, created=NOW, **facts)


EXPANDED = "subscription_expanded"
STORED = {
    "more seats": Stored(another_quantity(1, 2), EXPANDED, f"{ID}:{EXPANDED}"),
    "more seats in an old shape": Stored(another_quantity(1, 2, old=True), EXPANDED, f"{ID}:{EXPANDED}"),
    "fewer seats": Stored(another_quantity(2, 1), "subscription_contracted", f"{ID}:subscription_contracted"),
    "a failed debit": Stored(debit_that_failed(), "charge_failed", "charge_failed:ch_1", NOW - 5 * DAY),
    "a failed debit of an old shape": Stored(
        debit_that_failed(old=True), "charge_failed", "charge_failed:ch_1", NOW - 5 * DAY
    ),
    "a refund": Stored(refund_of_a_part(), "charge_refunded", "charge_refunded:ch_1:100"),
    "a refund of an old shape": Stored(
        refund_of_a_part(old=True), "charge_refunded", "charge_refunded:ch_1:500"
    ),
    "a refund that is told again in the shape of today": Stored(
        refund_of_a_part(), "charge_refunded", "charge_refunded:ch_1:500"
    ),
}


@pytest.fixture
def world(aws: MotoStack) -> World:
    """A worker at the tables, and a customer."""
    world = World(NOW + DAY)
    world.applier.people = people_store()
    world.apply(event("customer.created", customer(), created=NOW - 60 * DAY))
    return world


def keep(stored: Stored) -> None:
    FeedRow(
        pk=FeedRow.key(TEST, "cus_1"),
        sk=stored.sk,
        kind=stored.kind,
        content_json={},
        cause="live",
        written_at=stored.at,
        expires_at=NOW + 400 * DAY,
    ).save()


def rows() -> list[str]:
    """What its feed holds, but for what charges count for."""
    return [row.sk for row in FeedRow.query(FeedRow.key(TEST, "cus_1")) if row.kind != CHARGE]


@pytest.mark.parametrize("case", STORED)
def test_an_entry_that_an_earlier_version_wrote_counts(case: str, world: World) -> None:
    stored = STORED[case]
    keep(stored)
    for _ in range(2):
        report = world.apply(stored.told)
        assert report.counts["entries"] == 0
    assert counts_of(report)["duplicate"] == 1
    assert rows() == [stored.sk]
    person = PeopleReader().person_of(TEST, "customer:cus_1")
    assert person is not None
    assert stored.kind not in person.records["cus_1"].events


@pytest.mark.parametrize("case", STORED)
def test_the_world_in_memory_knows_it_as_the_tables_do(case: str) -> None:
    stored, world = STORED[case], World(NOW + DAY)
    world.apply(event("customer.created", customer(), created=NOW - 60 * DAY))
    world.people.feeds["cus_1"] = {stored.sk: BillingEvent(stored.kind, stored.key, stored.at, {})}
    world.apply(stored.told)
    assert list(world.people.feeds["cus_1"]) == [stored.sk]


@pytest.mark.parametrize("case", STORED)
def test_without_it_the_event_is_counted_once(case: str, world: World) -> None:
    stored = STORED[case]
    assert world.apply(stored.told).counts["entries"] == 1
    assert world.apply(stored.told).counts["entries"] == 0
    assert [kind for _, _, kind, _ in PeopleReader().feed(TEST, "cus_1")] == [stored.kind]


def test_a_failure_is_at_its_events_time_and_known_without_it(world: World) -> None:
    world.apply(debit_that_failed())
    assert rows() == [f"0{NOW}#charge_failed:ch_1", "charge_failed:ch_1"]
    person = PeopleReader().person_of(TEST, "customer:cus_1")
    assert person is not None
    assert person.fields["last_payment_failed_at"] == NOW


def test_a_change_that_another_shape_does_not_show_is_the_entry_that_was_written_for_it(world: World) -> None:
    hidden = price(billing_scheme="tiered", unit_amount=None)
    before, after = subscription(price=hidden), subscription(price=hidden, quantity=2)
    previous = previous_attributes(before, after)
    unseen = event("customer.subscription.updated", after, previous=previous, id=ID, created=NOW)
    keep(STORED["more seats"])
    assert world.apply(unseen).counts["entries"] == 0
    assert rows() == [STORED["more seats"].sk]


@pytest.mark.parametrize("first", [0, 1])
def test_of_one_event_in_two_shapes_the_first_stands(first: int, world: World) -> None:
    hidden = price(billing_scheme="tiered", unit_amount=None)
    before, after = subscription(price=hidden), subscription(price=hidden, quantity=2)
    previous = previous_attributes(before, after)
    unseen = event("customer.subscription.updated", after, previous=previous, id=ID, created=NOW)
    told = [another_quantity(1, 2), unseen]
    for one in (told[first], told[1 - first]):
        world.apply(one)
    kinds = [EXPANDED, "subscription_changed"]
    assert rows() == [f"0{NOW}#{ID}:{kinds[first]}", f"{ID}:value"]
    person = PeopleReader().person_of(TEST, "customer:cus_1")
    assert person is not None
    assert person.records["cus_1"].events.keys() == {kinds[first]}
