"""The sweep: only who is due is looked at, and segments flip by the clock, both ways."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from peoplesync.domain.connections import Connection, Epoch
from peoplesync.sync.messages import decode
from peoplesync.sync.sweep import PEOPLE_A_MESSAGE, Swept, sweep
from tests.builders import DAY, NOW, customer, event, subscription
from tests.fakes import World

MAIN = Connection("main", False, 1, 1, 0)


@dataclass
class Bulk:
    sent: deque[str] = field(default_factory=deque)
    unfinished: int = 0

    def send(self, body: str, delay: int = 0) -> None:
        self.sent.append(body)

    def depth(self) -> int:
        return self.unfinished


@dataclass
class Connections:
    def all(self) -> list[Connection]:
        return [MAIN]


@dataclass
class Index:
    """The due index of a world's people; counts whom it hands out."""

    world: World
    read: list[str] = field(default_factory=list)

    def due(self, epoch: Epoch, now: int, most: int) -> list[str]:
        people = self.world.people.people.values()
        found = [one.id for one in people if one.review_at is not None and one.review_at <= now][:most]
        self.read += found
        return found


def trial(world: World, number: int, started: int) -> None:
    of = f"cus_{number}"
    running = subscription(
        f"sub_{number}",
        customer=of,
        status="trialing",
        created=started,
        trial_start=started,
        trial_end=started + 14 * DAY,
    )
    world.apply(
        event("customer.created", customer(of), created=started),
        event("customer.subscription.created", running, created=started),
    )


def segments(world: World, of: str = "cus_1") -> set[str]:
    person = world.person(f"customer:{of}")
    assert person is not None
    return set(person.segments)


def run(world: World) -> tuple[Swept, list[str]]:
    bulk, index = Bulk(), Index(world)
    swept = sweep(Connections(), index, bulk, world.now)
    world.deliver(list(bulk.sent))
    return swept, index.read


def test_a_trial_slips_two_days_after_its_last_activity_and_expires_at_its_end() -> None:
    world = World(NOW)
    trial(world, 1, NOW)
    assert segments(world) == {"syncing_with_stripe", "current_trials"}
    world.now = NOW + 2 * DAY - 1
    assert run(world)[0].due == 0
    world.now = NOW + 2 * DAY
    run(world)
    assert "slipping_trials" in segments(world)
    world.now = NOW + 14 * DAY
    run(world)
    assert "expired_trials" in segments(world)
    world.apply(
        event(
            "customer.subscription.updated",
            subscription(
                "sub_1", customer="cus_1", status="active", trial_end=NOW + 14 * DAY, trial_start=NOW
            ),
            created=world.now,
            previous={"status": "trialing"},
        )
    )
    assert segments(world) == {"syncing_with_stripe", "customers"}


def test_a_customer_slips_after_15_days_and_is_due_for_it() -> None:
    world = World(NOW)
    world.apply(
        event("customer.created", customer(), created=NOW),
        event("customer.subscription.created", subscription(created=NOW, start_date=NOW), created=NOW),
    )
    world.now = NOW + 15 * DAY
    run(world)
    assert "slipping_customers" in segments(world)


def test_nobody_else_is_touched() -> None:
    world = World(NOW)
    for number in range(20):
        trial(world, number, NOW - number * 3600)
    world.now = NOW + 2 * DAY - 10 * 3600
    swept, read = run(world)
    due = {f"cus_{number}" for number in range(10, 20)}
    assert swept.due == len(read) == 10
    assert {record for one in read for record in world.people.people[one].records} == due


def test_who_was_swept_is_not_due_again() -> None:
    world = World(NOW)
    trial(world, 1, NOW - 2 * DAY + 60)
    world.now = NOW + 60
    assert run(world)[0].due == 1
    assert run(world)[0].due == 0


def test_nothing_is_sent_while_the_last_batch_is_unfinished() -> None:
    world = World(NOW)
    trial(world, 1, NOW - 2 * DAY + 60)
    bulk = Bulk(unfinished=1)
    assert sweep(Connections(), Index(world), bulk, NOW + 60) == Swept(held_back=True)
    assert not bulk.sent


def test_a_backlog_goes_out_in_messages_of_ten() -> None:
    world = World(NOW)
    for number in range(25):
        trial(world, number, NOW - DAY)
    world.now = NOW + 2 * DAY
    bulk = Bulk()
    assert sweep(Connections(), Index(world), bulk, world.now) == Swept(due=25, messages=3)
    assert [len(decode(body).review) for body in bulk.sent] == [PEOPLE_A_MESSAGE, PEOPLE_A_MESSAGE, 5]
    assert {decode(body).cause for body in bulk.sent} == {"sweep"}
