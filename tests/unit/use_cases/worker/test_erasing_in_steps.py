"""Erasing in steps: killed anywhere it goes on, conflicts or not, and who has much of everything goes too."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from peoplesync.domain.connections import Epoch
from peoplesync.domain.people.identities import ERASED_AT_ONCE, USED_AT_ONCE
from peoplesync.domain.people.person import ERASED
from peoplesync.use_cases.ports import Unavailable
from peoplesync.use_cases.worker.feed_deletion import ROWS_AT_ONCE
from tests.support.builders.stripe import DAY, NOW, event, invoice, item, subscription, tiered
from tests.support.fakes.erased import (
    CUSTOMER,
    EMAIL,
    OTHER,
    USER,
    activities,
    erase,
    erase_whoever_is,
    shown_customer,
    told_by_the_app,
    traces,
    with_somebody,
)
from tests.support.fakes.world import FakePeople, World


@pytest.fixture
def world() -> World:
    """Somebody with a Stripe customer and a user of the app, and somebody else."""
    return with_somebody(World(NOW))


class Killed(BaseException):
    """The worker is no more."""


@dataclass
class Dying(FakePeople):
    """Dies before it deletes its so-manyth feed, and is well from then on."""

    feeds_until_death: int = 0

    def forget(self, epoch: Epoch, record: str, most: int) -> tuple[int, int]:
        self.feeds_until_death -= 1
        if self.feeds_until_death == 0:
            raise Killed
        return super().forget(epoch, record, most)


def dying(at: int) -> World:
    world = with_somebody(World(NOW, people=Dying()))
    people = world.people
    assert isinstance(people, Dying)
    people.feeds_until_death = at
    return world


@pytest.mark.parametrize("at", [1, 2])
def test_killed_between_the_transaction_and_the_feed_it_is_delivered_again_and_the_feed_goes(
    at: int,
) -> None:
    world = dying(at)
    person = world.person(f"customer:{CUSTOMER}")
    assert person is not None
    message = erase(person.id, *person.records)
    with pytest.raises(Killed):
        world.deliver([message])
    assert USER in world.people.feeds
    assert not world.people.receipts[person.id].complete

    world.deliver([message])

    assert traces(world.people) == []
    assert {CUSTOMER, USER}.isdisjoint(world.people.feeds)
    assert world.people.receipts[person.id].complete


def test_a_record_that_came_after_the_asking_goes_too_even_if_the_worker_is_killed() -> None:
    world = dying(1)
    person = world.person(f"customer:{CUSTOMER}")
    assert person is not None
    # Asked for before the app had told of them.
    with pytest.raises(Killed):
        world.deliver([erase(person.id, CUSTOMER)])

    world.settle()

    assert traces(world.people) == []
    assert {CUSTOMER, USER}.isdisjoint(world.people.feeds)


def test_two_erasures_of_one_person_in_one_batch_are_both_done() -> None:
    """The one that was interrupted comes again, together with the one that names all of the records."""
    world = dying(1)
    person = world.person(f"customer:{CUSTOMER}")
    assert person is not None
    first = erase(person.id, CUSTOMER)
    with pytest.raises(Killed):
        world.deliver([first])
    (announced,) = (body for body, _ in world.queue.sent if '"erase":' in body)
    world.queue.sent.clear()

    world.deliver([announced, first])
    world.settle()

    assert traces(world.people) == []
    assert {CUSTOMER, USER}.isdisjoint(world.people.feeds)


def test_tables_out_of_reach_have_it_done_later(world: World) -> None:
    person = world.person(f"customer:{CUSTOMER}")
    assert person is not None
    forget = world.people.forget

    def throttled(epoch: Epoch, record: str, most: int) -> tuple[int, int]:
        raise Unavailable("throttled")

    world.people.forget = throttled  # type: ignore[method-assign]
    report = world.deliver([erase(person.id, *person.records)])
    assert report.counts["waiting"] == 1
    world.people.forget = forget  # type: ignore[method-assign]

    world.settle()

    assert traces(world.people) == []


def test_who_writes_a_change_meanwhile_is_in_conflict_and_drops_it(world: World) -> None:
    other = World(NOW, people=world.people)

    def erased() -> None:
        world.people.before_write = lambda: None
        erase_whoever_is(other, f"customer:{CUSTOMER}")

    world.people.before_write = erased
    report = world.apply(
        event("invoice.paid", invoice("in_late", customer=CUSTOMER, status="paid"), created=NOW), OTHER
    )

    assert report.counts["dropped"] == 1
    assert traces(world.people) == []
    assert CUSTOMER not in world.people.feeds


def test_who_gives_the_email_to_a_newcomer_meanwhile_is_in_conflict(world: World) -> None:
    other = World(NOW, people=world.people)

    def erased() -> None:
        world.people.before_write = lambda: None
        erase_whoever_is(other, f"customer:{CUSTOMER}")

    world.people.before_write = erased
    world.apply(event("customer.created", shown_customer("cus_new"), created=NOW))

    assert traces(world.people) == []
    assert world.people.identities["customer:cus_new"] == ERASED


# --- people with much of everything


def tracked(number: int) -> str:
    told = {**activities()[1], "message": f"track-{number}", "at": NOW - number}
    return told_by_the_app(told)


def test_a_long_feed_goes_a_part_at_a_time_and_the_receipt_is_complete_when_it_is_gone(world: World) -> None:
    for start in range(0, ROWS_AT_ONCE * 2, 100):
        world.deliver([tracked(number) for number in range(start, start + 100)])
    person = world.person(f"customer:{CUSTOMER}")
    assert person is not None
    entries = sum(len(world.people.feeds[record]) for record in person.records)
    assert entries > 2 * ROWS_AT_ONCE
    world.settle()

    world.deliver([erase(person.id, *person.records)])
    steps = [world.people.receipts[person.id]]
    while world.queue.sent:
        world.deliver([world.queue.sent.popleft()[0]])
        steps.append(world.people.receipts[person.id])

    assert [one.entries for one in steps] == [ROWS_AT_ONCE, 2 * ROWS_AT_ONCE, entries]
    assert [one.complete for one in steps] == [False, False, True]
    assert traces(world.people) == []
    assert {CUSTOMER, USER}.isdisjoint(world.people.feeds)


def crowd(world: World, size: int, prices: int = 1) -> str:
    """Somebody with so many customers, each of whom pays so many tiered prices; their id."""
    for number in range(size):
        of = f"cus_{number:03}"
        sold = [item(f"si_{number}_{one}", price=tiered(id=f"price_{number}_{one}")) for one in range(prices)]
        world.apply(
            event("customer.created", shown_customer(of), created=NOW - DAY),
            event(
                "customer.subscription.created",
                subscription(f"sub_{number}", customer=of, items=sold),
                created=NOW - DAY,
            ),
        )
    world.settle()
    person = world.person(f"email:{EMAIL}")
    assert person is not None
    assert len(person.records) == size
    return person.id


def steps_to_erase(world: World, person: str) -> list[int]:
    """Erases somebody; how many records are left after each step."""
    left: list[int] = []
    body: str | None = erase(person, *world.people.people[person].records)
    while body is not None:
        world.deliver([body])
        after = world.people.people.get(person)
        left.append(len(after.records) if after else 0)
        body = world.queue.sent.popleft()[0] if world.queue.sent else None
    return left


def test_a_person_of_49_customers_goes_in_four_steps() -> None:
    world = World(NOW)
    person = crowd(world, 49)

    assert steps_to_erase(world, person) == [49 - ERASED_AT_ONCE, 19, 4, 0]

    assert traces(world.people) == []
    assert world.people.people == {}
    assert world.people.members == {}
    assert not any(world.people.feeds.values())
    receipt = world.people.receipts[person]
    assert receipt.complete
    assert (len(receipt.customers), receipt.identities, receipt.entries) == (49, 50, 98)


def test_an_erasure_whose_rest_cannot_be_sent_is_delivered_again() -> None:
    world = World(NOW)
    person = crowd(world, 49)
    message, send = erase(person, *world.people.people[person].records), world.queue.send

    def fails(body: str, delay: int = 0) -> None:
        raise RuntimeError("queue out of reach")

    world.queue.send = fails  # type: ignore[method-assign]  # the fake's own
    assert set(world.deliver([message]).crashed) == {"m0"}
    world.queue.send = send  # type: ignore[method-assign]

    world.deliver([message])
    world.settle()

    assert world.people.people == {}
    assert traces(world.people) == []


def test_who_uses_many_prices_goes_in_more_steps() -> None:
    world = World(NOW)
    person = crowd(world, 6, prices=9)
    assert len(world.people.people[person].terms) > USED_AT_ONCE

    assert steps_to_erase(world, person) == [4, 2, 0]
    assert world.people.members == {}


@pytest.mark.parametrize("killed_at", [1, 16, 40, 49])
def test_a_large_person_goes_wherever_the_worker_is_killed(killed_at: int) -> None:
    world = World(NOW, people=Dying())
    person = crowd(world, 49)
    people = world.people
    assert isinstance(people, Dying)
    people.feeds_until_death = killed_at
    first = erase(person, *people.people[person].records)
    waiting = [first]
    while waiting:
        try:
            world.deliver([waiting[0]])
        except Killed:
            continue
        waiting.pop(0)
        waiting += [body for body, _ in world.queue.sent]
        world.queue.sent.clear()

    assert traces(people) == []
    assert not any(people.feeds.values())
    assert people.receipts[person].complete
