"""What is in conflict is folded again, what is too large is split, and what crashes takes nobody with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import pytest

from peoplesync.domain.connections import Epoch
from peoplesync.domain.people.write_set import WriteSet
from peoplesync.use_cases.ports import TooLarge
from peoplesync.use_cases.worker.outcome.report import Delivery
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from tests.support.builders.stripe import DAY, NOW, charge, customer, event
from tests.support.fakes.batches import counts_of, messages, name_of, tie, told_of
from tests.support.fakes.world import FakePeople, FakeQueue, World


@pytest.fixture
def world() -> World:
    return World(NOW)


def wrote_first(world: World, record: str = "cus_1") -> None:
    """Somebody else writes the person, with nothing new."""
    person = world.person(f"customer:{record}")
    assert person is not None
    world.people.people[person.id] = replace(person, version=person.version + 1)


def times(number: int, action: Callable[[], None]) -> Callable[[], None]:
    """Does it so many times, and then no more."""
    left = iter(range(number))

    def act() -> None:
        if next(left, None) is not None:
            action()

    return act


def test_a_version_conflict_is_folded_again(world: World) -> None:
    world.apply(told_of(customer(name="Before")))
    world.people.before_write = times(1, lambda: wrote_first(world))

    report = world.apply(told_of(customer(name="After"), NOW))

    assert name_of(world) == "After"
    assert counts_of(report) == {"applied": 1, "races": 1}


def test_a_race_for_a_new_email_ends_with_one_person(world: World) -> None:
    other = World(NOW, people=world.people)
    other._ids = iter(range(100, 200))
    email = "team-03@example.com"

    def taken() -> None:
        world.people.before_write = lambda: None
        other.apply(told_of(customer("cus_2", email=email)))

    world.people.before_write = taken
    world.apply(told_of(customer("cus_1", email=email)))

    assert world.person("customer:cus_1") == world.person("customer:cus_2") == world.person(f"email:{email}")
    assert len(world.people.people) == 1


def test_five_version_conflicts_are_survived(world: World) -> None:
    world.apply(told_of(customer(name="Before")))
    world.people.before_write = times(5, lambda: wrote_first(world))

    report = world.apply(told_of(customer(name="After"), NOW))

    assert counts_of(report) == {"applied": 1, "races": 5}
    assert name_of(world) == "After"


def test_whoever_is_always_in_conflict_waits(world: World) -> None:
    world.apply(told_of(customer(name="Before")), told_of(customer("cus_2")))
    after = told_of(customer(name="After"), NOW)
    world.people.before_write = lambda: wrote_first(world)

    report = world.apply(after, told_of(customer("cus_2", name="After"), NOW))

    assert counts_of(report) == {"waiting": 1, "applied": 1, "races": 6}
    assert list(world.queue.sent) == [(messages(after, attempt=1)[0], 15)]
    assert (name_of(world), name_of(world, "cus_2")) == ("Before", "After")


def test_the_worker_backs_off_ever_longer_between_conflicts_and_by_chance(world: World) -> None:
    world.apply(told_of(customer(name="Before")))
    steps: list[str | float] = []
    drawn = iter([0.5, 0.25, 1.0, 0.0, 0.75])
    world.applier.jitter = lambda: next(drawn)
    world.applier.sleep = steps.append

    def wrote_and_noted() -> None:
        steps.append("conflict")
        wrote_first(world)

    world.people.before_write = times(5, wrote_and_noted)

    world.apply(told_of(customer(name="After"), NOW))

    assert steps == [
        *("conflict", 0.1 * 0.5),
        *("conflict", 0.2 * 0.25),
        *("conflict", 0.4 * 1.0),
        *("conflict", 0.0),
        *("conflict", 1.6 * 0.75),
    ]
    assert name_of(world) == "After"


def test_nobody_sleeps_where_nobody_else_writes(world: World) -> None:
    slept: list[float] = []
    world.applier.sleep = slept.append

    world.apply(told_of(customer(name="Before")))
    world.apply(told_of(customer(name="After"), NOW))

    assert slept == []


def test_a_version_conflict_asks_stripe_again_rather_than_trusting_an_older_answer(world: World) -> None:
    world.apply(told_of(customer(name="Before"), NOW - DAY))
    world.stripe.objects["cus_1"] = customer(name="Old truth")

    def changed_meanwhile() -> None:
        wrote_first(world)
        world.stripe.objects["cus_1"] = customer(name="New truth")

    world.people.before_write = times(1, changed_meanwhile)
    world.apply(*tie())

    assert world.stripe.asked == ["cus_1", "cus_1"]
    assert name_of(world) == "New truth"


def charges(*numbers: int) -> list[StripeObject]:
    return [
        event("charge.succeeded", charge(f"ch_{n}", created=NOW - n), created=NOW - n, id=f"evt_{n}")
        for n in numbers
    ]


def test_what_is_too_much_for_one_transaction_is_written_in_parts(world: World) -> None:
    world.people.max_entries = 2

    report = world.apply(*charges(*range(7)))

    assert counts_of(report) == {"applied": 7, "entries": 7}
    assert len(world.people.feeds["cus_1"]) == 7
    assert world.people.writes == 4
    person = world.person("customer:cus_1")
    assert person is not None
    assert person.records["cus_1"].events["charge_succeeded"].count == 7


def test_what_alone_is_too_much_is_dead_lettered_and_the_rest_commits(world: World) -> None:
    class Limited(FakePeople):
        def write_one(self, epoch: Epoch, write_set: WriteSet, cause: str, now: int) -> None:
            if any(entry.key.endswith("ch_2") for _, entry in write_set.entries):
                raise TooLarge("person per_1 would take 300001 bytes, 300000 are allowed")
            super().write_one(epoch, write_set, cause, now)

    world.applier.people = people = Limited()

    report = world.apply(*charges(1, 2, 3))

    assert counts_of(report) == {"applied": 2, "dead": 1, "entries": 2}
    assert world.queue.dead_lettered == [
        (messages(charges(2)[0])[0], "person per_1 would take 300001 bytes, 300000 are allowed")
    ]
    keys = {entry.key for entry in people.feeds["cus_1"].values()}
    assert keys == {"charge_succeeded:ch_1", "charge_succeeded:ch_3"}


class Crashing(FakePeople):
    """Crashes on whoever `cus_bad` is in, before the write or after it."""

    after = False
    crashes = 10**6

    def write_one(self, epoch: Epoch, write_set: WriteSet, cause: str, now: int) -> None:
        bad = self.crashes and any("cus_bad" in one.records for one in write_set.after.values() if one)
        if not bad or self.after:
            super().write_one(epoch, write_set, cause, now)
        if bad:
            self.crashes -= 1
            raise RuntimeError("crash")


def nine_and_a_bad_one() -> list[StripeObject]:
    paid = [charge(f"ch_{n}", customer=f"cus_{n}") for n in range(9)]
    paid.insert(4, charge("ch_bad", customer="cus_bad"))
    return [event("charge.succeeded", one, created=NOW) for one in paid]


def entries(people: FakePeople) -> list[str]:
    return sorted(entry.key for feed in people.feeds.values() for entry in feed.values())


def counted(people: FakePeople) -> list[int]:
    records = (record for person in people.people.values() for record in person.records.values())
    return [record.events["charge_succeeded"].count for record in records]


def test_one_message_that_crashes_does_not_fail_the_other_nine(world: World) -> None:
    world.applier.people = people = Crashing()

    report = world.apply(*nine_and_a_bad_one())

    assert list(report.crashed) == ["m4"]
    assert str(report.crashed["m4"]) == "crash"
    assert entries(people) == [f"charge_succeeded:ch_{n}" for n in range(9)]
    assert counted(people) == [1] * 9
    assert counts_of(report) == {"applied": 9, "entries": 9}
    assert not world.queue.sent
    assert not world.queue.dead_lettered


@pytest.mark.parametrize("after", [False, True], ids=["before the write", "after the write"])
@pytest.mark.parametrize("crashes", [1, 2, 3])
def test_what_is_delivered_again_after_a_crash_counts_once(world: World, after: bool, crashes: int) -> None:
    world.applier.people = people = Crashing()
    people.after, people.crashes = after, crashes

    for _ in range(3):
        report = world.apply(*nine_and_a_bad_one())

    assert not report.crashed
    assert len(entries(people)) == 10
    assert counted(people) == [1] * 10


def test_one_message_that_crashes_while_it_is_read_does_not_fail_the_others(world: World) -> None:
    crashing = cast(str, None)  # nothing that the reader of messages is prepared for
    deliveries = [
        Delivery("before", messages(told_of(customer()))[0], world.queue),
        Delivery("bad", crashing, world.queue),
        Delivery("after", messages(told_of(customer("cus_2")))[0], world.queue),
    ]

    report = world.applier.apply(deliveries)

    assert list(report.crashed) == ["bad"]
    assert counts_of(report) == {"applied": 2}


def test_a_message_that_cannot_even_be_put_back_is_delivered_again(world: World) -> None:
    class Sealed(FakeQueue):
        def send(self, body: str, delay: int = 0) -> None:
            raise RuntimeError("queue out of reach")

    world.stripe.down = True
    bodies = messages(*tie(), told_of(customer("cus_2")))

    report = world.applier.apply([Delivery(f"m{n}", body, Sealed()) for n, body in enumerate(bodies)])

    assert list(report.crashed) == ["m0", "m1"]
    assert world.person("customer:cus_2")
