"""What cannot be done now waits and loses nothing: ties while Stripe is down, tables that are throttled."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pytest

from peoplesync.domain.billing_events import BillingEvent
from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.people.write_set import LoadedState, WriteSet
from peoplesync.domain.records.snapshots import Snapshot
from peoplesync.use_cases.messages.message import decode
from peoplesync.use_cases.ports import Unavailable
from peoplesync.use_cases.worker.outcome.batch_results import LONGEST_DELAY, SHORTEST_DELAY
from peoplesync.use_cases.worker.outcome.report import Delivery
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from tests.support.builders.stripe import DAY, NOW, charge, customer, event, subscription
from tests.support.fakes.batches import counts_of, messages, name_of, tie, told_of
from tests.support.fakes.world import FakeConnections, FakePeople, FakeQueue, World


@pytest.fixture
def world() -> World:
    return World(NOW)


def test_a_tie_is_settled_by_asking_stripe(world: World) -> None:
    world.stripe.objects["cus_1"] = customer(name="The truth")
    world.stripe.now = NOW

    report = world.apply(*tie())

    assert name_of(world) == "The truth"
    assert counts_of(report) == {"applied": 2, "ties": 1}


def test_a_tie_is_fetched_once_however_many_changes_of_the_batch_are_in_it(world: World) -> None:
    changes = [told_of(customer(name=f"Name {n}"), NOW - 60 + n % 3) for n in range(8)]
    world.stripe.objects["cus_1"] = customer(name="The truth")

    report = world.apply(*changes, event("charge.succeeded", charge(), created=NOW))

    assert world.stripe.asked == ["cus_1"]
    assert counts_of(report) == {"applied": 9, "ties": 1, "entries": 1}


def test_stripes_answer_may_bring_a_customer_home_to_somebody_else(world: World) -> None:
    world.apply(told_of(customer("cus_2", email="team-03@example.com")))
    world.stripe.objects["cus_1"] = customer(email="Team-03@example.com")

    world.apply(*tie())

    assert world.person("customer:cus_1") == world.person("email:team-03@example.com")
    assert len(world.people.people) == 1


def test_what_stripe_does_not_know_any_more_is_counted_and_the_latest_change_stands(world: World) -> None:
    report = world.apply(*tie())

    assert name_of(world) == "Two"
    assert counts_of(report) == {"applied": 2, "ties": 1, "not_found": 1}


def test_what_stripe_shows_unreadably_is_counted_and_the_latest_change_stands(world: World) -> None:
    world.stripe.objects["cus_1"] = {"id": "cus_1", "object": "customer", "name": 5}

    report = world.apply(*tie())

    assert name_of(world) == "Two"
    assert counts_of(report) == {"applied": 2, "ties": 1, "unreadable": 1}


def test_while_stripe_is_down_the_tied_change_waits_and_all_else_commits(world: World) -> None:
    world.stripe.down = True

    report = world.apply(
        *tie(),
        event("customer.subscription.created", subscription(), created=NOW - DAY),
        told_of(customer("cus_2")),
    )

    assert counts_of(report) == {"waiting": 2, "applied": 2, "entries": 2}
    assert list(world.queue.sent) == [(body, 15) for body in messages(*tie(), attempt=1)]
    person = world.person("customer:cus_1")
    assert person is not None
    assert list(person.records["cus_1"].subscriptions) == ["sub_1"]
    assert person.records["cus_1"].customer is None
    assert world.person("customer:cus_2")


def test_what_waited_for_stripe_settles_when_stripe_is_back(world: World) -> None:
    world.stripe.down = True
    world.apply(*tie())
    world.stripe.down = False
    world.stripe.objects["cus_1"] = customer(name="The truth")

    report = world.deliver([body for body, _ in world.queue.sent])

    assert counts_of(report) == {"applied": 2, "ties": 1}
    assert name_of(world) == "The truth"


@pytest.mark.parametrize(
    ("attempt", "longest"), [(0, 30), (1, 60), (2, 120), (3, 240), (4, 480), (5, 900), (6, 900), (200, 900)]
)
def test_the_wait_doubles_from_half_a_minute_to_a_quarter_of_an_hour(
    world: World, attempt: int, longest: int
) -> None:
    world.stripe.down = True

    world.deliver(messages(*tie(), attempt=attempt))

    assert (SHORTEST_DELAY, LONGEST_DELAY) == (30, 900)
    assert [delay for _, delay in world.queue.sent] == [longest // 2] * 2
    assert {decode(body).attempt for body, _ in world.queue.sent} == {attempt + 1}


@pytest.mark.parametrize(("drawn", "delay"), [(0.0, 1), (0.25, 7), (0.999, 29)])
def test_the_wait_is_drawn_from_all_of_its_length_but_never_zero(
    world: World, drawn: float, delay: int
) -> None:
    world.applier.jitter = lambda: drawn
    world.stripe.down = True

    world.apply(*tie())

    assert [waits for _, waits in world.queue.sent] == [delay, delay]


def test_what_waits_returns_to_the_queue_it_came_from(world: World) -> None:
    world.stripe.down = True
    live, bulk = FakeQueue(), FakeQueue()
    one, two = messages(*tie())

    world.applier.apply([Delivery("a", one, live), Delivery("b", two, bulk)])

    assert [body for body, _ in live.sent] == messages(tie()[0], attempt=1)
    assert [body for body, _ in bulk.sent] == messages(tie()[1], attempt=1)


class OutOfReach(FakePeople):
    """Tables that cannot be read or written, for everybody or for one customer."""

    reading, writing = True, ""

    def read(
        self,
        epoch: Epoch,
        identities: Collection[str],
        entries: Mapping[str, Collection[BillingEvent]],
        people: Collection[str] = (),
        charges: Mapping[str, Collection[Snapshot]] | None = None,
        *,
        again: bool = False,
    ) -> LoadedState:
        if not self.reading:
            raise Unavailable("throttled")
        return super().read(epoch, identities, entries, people, charges)

    def write_one(self, epoch: Epoch, write_set: WriteSet, cause: str, now: int) -> None:
        if any(self.writing in one.records for one in write_set.after.values() if one):
            raise Unavailable("throttled")
        super().write_one(epoch, write_set, cause, now)


def three() -> list[StripeObject]:
    return [told_of(customer(f"cus_{n}")) for n in (1, 2, 3)]


def test_while_the_tables_cannot_be_read_everything_waits(world: World) -> None:
    world.applier.people = people = OutOfReach()
    people.reading = False

    report = world.apply(*three())

    assert counts_of(report) == {"waiting": 3}
    assert [body for body, _ in world.queue.sent] == messages(*three(), attempt=1)
    assert not report.crashed


def test_who_cannot_be_written_waits_alone(world: World) -> None:
    world.applier.people = people = OutOfReach()
    people.writing = "cus_2"

    report = world.apply(*three())

    assert counts_of(report) == {"waiting": 1, "applied": 2}
    assert [body for body, _ in world.queue.sent] == messages(*three()[1:2], attempt=1)


def test_while_the_connections_cannot_be_read_everything_waits(world: World) -> None:
    class Unreachable(FakeConnections):
        def get(self, name: str) -> Connection | None:
            raise Unavailable("throttled")

        get_even_disconnected = get

    world.applier.connections = world.people.connections = connections = Unreachable()

    assert counts_of(world.apply(*three())) == {"waiting": 3}
    assert not connections.noted
