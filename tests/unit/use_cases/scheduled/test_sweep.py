"""The sweep: only who is due is looked at, and segments flip by the clock, both ways."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.sweep_progress import PASS_SECONDS, SweepProgress
from peoplesync.use_cases.messages.message import Message, decode
from peoplesync.use_cases.scheduled.sweep import PEOPLE_A_MESSAGE, PEOPLE_A_SWEEP, Swept, sweep
from peoplesync.use_cases.worker.outcome.batch_results import ATTEMPTS_OF_THE_SWEEP
from tests.support.builders.stripe import DAY, HOUR, MINUTE, NOW, customer, event, subscription
from tests.support.fakes.world import TEST, World

MAIN = Connection("main", False, 1, 1, 0)


@dataclass
class Reviews:
    """The review queue; `taken` says whether a worker takes what is sent at once."""

    sent: deque[str] = field(default_factory=deque)
    taken: bool = True

    def send_all(self, bodies: Sequence[str]) -> None:
        self.sent += bodies

    def visible(self) -> int:
        return 0 if self.taken else len(self.sent)


@dataclass
class Connections:
    main: Connection = MAIN

    def all(self) -> list[Connection]:
        return [self.main]

    def note_sweep(self, epoch: Epoch, sweep: SweepProgress) -> None:
        assert epoch == self.main.epoch
        self.main = replace(self.main, sweep=sweep)


@dataclass
class Index:
    """The due index of a world's people, in one shard; counts whom it hands out."""

    world: World
    read: list[str] = field(default_factory=list)
    shards: int = 1

    def due(self, epoch: Epoch, shard: int, after: int, until: int, most: int) -> list[tuple[int, str]]:
        people = self.world.people.people.values()
        found = sorted((one.review_at, one.id) for one in people if one.review_at is not None)
        wanted = [one for one in found if after < one[0] <= until][:most]
        self.read += [person for _, person in wanted]
        return wanted


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
    reviews, index = Reviews(), Index(world)
    swept = sweep(Connections(), index, reviews, world.now)
    world.deliver(list(reviews.sent))
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


def backlog(people: int) -> World:
    """A world in which so many trials have just become due, each a second after the other."""
    world = World(NOW)
    for number in range(people):
        trial(world, number, NOW - DAY + number)
    world.now = NOW + DAY + people
    return world


def test_nothing_is_sent_while_the_last_batch_is_not_taken() -> None:
    world = backlog(1)
    reviews = Reviews(deque(["the last one"]), taken=False)

    assert sweep(Connections(), Index(world), reviews, world.now) == Swept(held_back=True)
    assert list(reviews.sent) == ["the last one"]


def test_people_go_out_in_messages_of_ten() -> None:
    world, reviews = backlog(25), Reviews()

    assert sweep(Connections(), Index(world), reviews, world.now) == Swept(due=25, messages=3)
    assert [len(decode(body).review) for body in reviews.sent] == [PEOPLE_A_MESSAGE, PEOPLE_A_MESSAGE, 5]
    assert {decode(body).cause for body in reviews.sent} == {"sweep"}


def test_a_backlog_is_worked_off_in_bounded_batches_the_longest_overdue_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("peoplesync.use_cases.scheduled.sweep.PEOPLE_A_SWEEP", 40)
    world, connections = backlog(100), Connections()
    world.now += MINUTE
    batches: list[list[str]] = []
    while not batches or batches[-1]:
        reviews, index = Reviews(), Index(world)
        swept = sweep(connections, index, reviews, world.now)
        assert swept.due == len(index.read) <= 40
        world.deliver(list(reviews.sent))
        batches.append([person for body in reviews.sent for person in decode(body).review])
        world.now += MINUTE

    assert [len(batch) for batch in batches] == [40, 40, 20, 0]
    assert all("slipping_trials" in segments(world, f"cus_{number}") for number in range(100))


def test_nobody_is_sent_twice_while_their_review_is_under_way() -> None:
    world, connections = backlog(25), Connections()
    world.now += MINUTE
    first = sweep(connections, Index(world), Reviews(), world.now)  # taken by a worker, and not done yet

    index = Index(world)
    world.now += MINUTE
    again = sweep(connections, index, Reviews(), world.now)

    assert (first.due, again.due, index.read) == (25, 0, [])


def test_who_becomes_due_meanwhile_is_not_kept_waiting_by_who_is_under_way() -> None:
    world, connections = backlog(25), Connections()
    world.now += MINUTE
    sweep(connections, Index(world), Reviews(), world.now)
    trial(world, 99, world.now - 2 * DAY + 30)

    world.now += MINUTE
    reviews = Reviews()
    assert sweep(connections, Index(world), reviews, world.now).due == 1
    world.deliver(list(reviews.sent))
    assert "slipping_trials" in segments(world, "cus_99")


def test_who_was_written_late_and_due_a_moment_ago_is_found_at_the_next_sweep() -> None:
    """A fold of a second ago may be written after the sweep has looked, with a moment that has passed."""
    world, connections = backlog(1), Connections()
    sweep(connections, Index(world), Reviews(), world.now)
    trial(world, 99, world.now - 2 * DAY - 5)
    late = next(one for one in world.people.people.values() if "cus_99" in one.records)
    world.people.people[late.id] = replace(late, review_at=world.now - 1)

    world.now += MINUTE
    index = Index(world)
    sweep(connections, index, Reviews(), world.now)

    assert late.id in index.read


def test_who_is_still_due_after_ten_minutes_is_tried_again() -> None:
    world, connections = backlog(25), Connections()
    world.now += MINUTE
    sweep(connections, Index(world), Reviews(), world.now)

    world.now += PASS_SECONDS
    assert sweep(connections, Index(world), Reviews(), world.now).due == 25


def test_people_who_cannot_be_reviewed_do_not_keep_others_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("peoplesync.use_cases.scheduled.sweep.PEOPLE_A_SWEEP", 10)
    world, connections = backlog(40), Connections()
    world.now += MINUTE
    met: set[str] = set()
    for _ in range(5):
        index = Index(world)
        sweep(connections, index, Reviews(), world.now)  # nobody is ever reviewed
        met |= set(index.read)
        world.now += MINUTE

    assert len(met) == 40


def test_each_connection_and_each_shard_has_its_share() -> None:
    world = backlog(0)

    @dataclass
    class Endless(Index):
        shards: int = 8

        def due(self, epoch: Epoch, shard: int, after: int, until: int, most: int) -> list[tuple[int, str]]:
            self.read += [f"{epoch}#{shard}"] * most
            return [(NOW - DAY, "per_1")] * most

    class Two(Connections):
        def all(self) -> list[Connection]:
            return [replace(MAIN, name=name) for name in ("main", "shop")]

        def note_sweep(self, epoch: Epoch, sweep: SweepProgress) -> None:
            pass

    index = Endless(world)
    assert sweep(Two(), index, Reviews(), NOW).due == PEOPLE_A_SWEEP
    assert set(Counter(index.read).values()) == {PEOPLE_A_SWEEP // 16}


def test_a_review_that_cannot_be_done_is_left_to_the_sweep_after_some_attempts() -> None:
    """Were it sent again for ever, and by the sweep beside, its copies would pile up."""
    world = World(NOW)
    world.apply(event("customer.subscription.created", subscription(), created=NOW))
    world.stripe.down = True
    world.now = NOW + HOUR
    (pending,) = world.people.people
    body = Message(TEST, review=(pending,), cause="sweep").encode()

    attempts = 0
    while body:
        world.deliver([body])
        attempts += 1
        body = world.queue.sent.popleft()[0] if world.queue.sent else ""

    assert attempts == ATTEMPTS_OF_THE_SWEEP
