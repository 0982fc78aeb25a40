"""Erasing: a person goes with all that is known of them, and nothing brings them back."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from peoplesync.domain.connections import Epoch
from peoplesync.domain.homes import ERASED_AT_ONCE, USED_AT_ONCE
from peoplesync.domain.people import ERASED, EVERYONE
from peoplesync.sync.dead_letters import DeadLetter
from peoplesync.sync.erasure_receipt import Receipt
from peoplesync.sync.forgetting import ROWS_AT_ONCE
from peoplesync.sync.messages import Chunk, Message, decode
from peoplesync.sync.ports import Unavailable
from tests.batches import fates
from tests.builders import DAY, NOW, customer, event, invoice, item, subscription, tiered
from tests.erased import (
    CUSTOMER,
    EMAIL,
    PERSONAL,
    SUBSCRIPTION,
    USER,
    activities,
    erase,
    erase_whoever_is,
    events,
    listed,
    replayed,
    shown_customer,
    told_by_the_app,
    traces,
)
from tests.fakes import CONNECTED, TEST, FakePeople, World, remembered_as

OTHER = event("customer.created", customer("cus_other"), created=NOW - DAY)


@pytest.fixture
def world() -> World:
    """Somebody with a Stripe customer and a user of the app, and somebody else."""
    world = World(NOW)
    world.apply(*events()[:8], OTHER)
    world.deliver([told_by_the_app()])
    person = world.person(f"customer:{CUSTOMER}")
    assert person is not None
    assert set(person.records) == {CUSTOMER, USER}
    assert traces(world.people) == list(PERSONAL)
    return world


def test_everything_of_a_person_goes_and_markers_and_a_receipt_remain(world: World) -> None:
    before = world.person(f"customer:{CUSTOMER}")
    assert before is not None
    entries = len(world.people.feeds[CUSTOMER]) + len(world.people.feeds[USER])

    person = erase_whoever_is(world, f"customer:{CUSTOMER}")

    assert traces(world.people) == []
    assert person not in world.people.people
    assert not [one for one in world.people.members if one[1] in (person, CUSTOMER)]
    assert {CUSTOMER, USER}.isdisjoint(world.people.feeds)
    assert {name for name, owner in world.people.identities.items() if owner == ERASED} == {
        f"customer:{CUSTOMER}",
        remembered_as(f"email:{EMAIL}"),
        remembered_as(USER),
    }
    assert world.people.receipts == {
        person: Receipt(
            person,
            erased_at=NOW,
            feed_deleted_at=NOW,
            customers=(CUSTOMER,),
            users=1,
            identities=3,
            memberships=len(before.segments),
            fields=sum(value is not None for value in before.fields.values()),
            entries=entries,
        )
    }


def test_nobody_else_is_touched(world: World) -> None:
    other = world.person("customer:cus_other")

    erase_whoever_is(world, f"email:{EMAIL}")

    assert other is not None
    assert world.person("customer:cus_other") == other
    assert [one for index, one in world.people.members if index == EVERYONE] == [other.id]


@pytest.mark.parametrize("body", replayed(), ids=lambda body: _named(body))
def test_whatever_is_told_of_the_erased_again_is_dropped(world: World, body: str) -> None:
    erase_whoever_is(world, f"customer:{CUSTOMER}")
    left = repr((world.people.people, world.people.identities, world.people.members, world.people.feeds))

    report = world.deliver([body])

    assert not report.crashed
    assert not report.buried
    stored = (world.people.people, world.people.identities, world.people.members, world.people.feeds)
    assert repr(stored) == left
    about_a_product = '"type":"product.updated"' in body
    assert set(fates(report)) <= {"dropped", *(("stale",) if about_a_product else ())}


def test_an_import_that_lists_the_erased_counts_as_applied(world: World) -> None:
    erase_whoever_is(world, f"customer:{CUSTOMER}")

    world.deliver([listed()])

    assert world.runs.chunks == {("imp_1", "c1"): 0}


def test_stripe_is_not_asked_about_the_erased(world: World) -> None:
    erase_whoever_is(world, f"customer:{CUSTOMER}")
    world.stripe.asked.clear()

    for body in replayed():
        world.deliver([body])

    assert world.stripe.asked == []


@pytest.mark.parametrize("email", [EMAIL, f" {EMAIL.upper()} "])
def test_a_new_customer_with_an_erased_email_leaves_nothing_but_a_marker(world: World, email: str) -> None:
    erase_whoever_is(world, f"customer:{CUSTOMER}")
    people, members = dict(world.people.people), dict(world.people.members)

    report = world.apply(event("customer.created", shown_customer("cus_new", email=email), created=NOW))
    assert report.counts["dropped"] == 1
    world.apply(
        event("customer.subscription.created", subscription("sub_new", customer="cus_new"), created=NOW)
    )

    assert traces(world.people) == []
    assert (world.people.people, world.people.members) == (people, members)
    assert world.people.identities["customer:cus_new"] == ERASED


def test_a_subscription_that_comes_before_its_customer_goes_when_the_email_is_known(world: World) -> None:
    erase_whoever_is(world, f"customer:{CUSTOMER}")
    world.apply(
        event("customer.subscription.created", subscription("sub_new", customer="cus_new"), created=NOW)
    )
    assert world.people.feeds["cus_new"]

    world.apply(event("customer.created", shown_customer("cus_new"), created=NOW))

    assert world.people.identities["customer:cus_new"] == ERASED
    assert "cus_new" not in world.people.feeds
    assert "cus_new" not in repr(world.people.people)


def test_another_user_of_the_app_with_an_erased_email_is_forgotten_too(world: World) -> None:
    erase_whoever_is(world, f"customer:{CUSTOMER}")
    identify, track = activities("user:new-device")
    world.deliver([told_by_the_app(track)])
    assert world.people.feeds["user:new-device"]

    world.deliver([told_by_the_app(identify)])
    world.deliver([told_by_the_app(track)])

    assert traces(world.people, (*PERSONAL, "new-device")) == []


def test_an_email_that_is_not_erased_any_more_is_a_person_again(world: World) -> None:
    erase_whoever_is(world, f"customer:{CUSTOMER}")
    del world.people.identities[remembered_as(f"email:{EMAIL}")]

    world.apply(event("customer.created", shown_customer("cus_new"), created=NOW))

    person = world.person(f"email:{EMAIL}")
    assert person is not None
    assert set(person.records) == {"cus_new"}
    assert world.person(f"customer:{CUSTOMER}") is None


# --- interruptions


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
    world = World(NOW, people=Dying())
    world.apply(*events()[:8], OTHER)
    world.deliver([told_by_the_app()])
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


def test_who_writes_a_change_meanwhile_loses_the_race_and_drops_it(world: World) -> None:
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


def test_who_gives_the_email_to_a_newcomer_meanwhile_loses_the_race(world: World) -> None:
    other = World(NOW, people=world.people)

    def erased() -> None:
        world.people.before_write = lambda: None
        erase_whoever_is(other, f"customer:{CUSTOMER}")

    world.people.before_write = erased
    world.apply(event("customer.created", shown_customer("cus_new"), created=NOW))

    assert traces(world.people) == []
    assert world.people.identities["customer:cus_new"] == ERASED


def test_who_is_erased_twice_is_erased_once(world: World) -> None:
    person = erase_whoever_is(world, f"customer:{CUSTOMER}")
    receipt = world.people.receipts[person]

    world.now += DAY
    world.deliver([erase(person, CUSTOMER, USER)])

    assert world.people.receipts[person] == receipt


def test_people_of_a_connection_that_is_disconnected_can_be_erased(world: World) -> None:
    world.connections.connection = replace(CONNECTED, disconnected_at=NOW)

    erase_whoever_is(world, f"customer:{CUSTOMER}")

    assert traces(world.people) == []
    assert fates(world.deliver([Message(TEST, OTHER).encode()])) == {"dropped": 1}


def test_nobody_of_another_epoch_is_erased(world: World) -> None:
    person = world.person(f"customer:{CUSTOMER}")
    assert person is not None
    body = erase(person.id, *person.records).replace('"epoch":1', '"epoch":2')

    assert fates(world.deliver([body])) == {"dropped": 1}
    assert world.person(f"customer:{CUSTOMER}") == person


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


def test_an_erased_person_who_is_due_by_the_clock_is_nobodys_business(world: World) -> None:
    person = erase_whoever_is(world, f"customer:{CUSTOMER}")

    report = world.deliver(
        [
            Message(TEST, review=(person,), cause="sweep").encode(),
            Message(TEST, chunk=Chunk("c", "run", people=(person,)), cause="definition_changed").encode(),
        ]
    )

    assert not report.crashed
    assert fates(report) == {"stale": 2}


def test_a_dead_letter_about_an_erasing_names_the_person_by_id() -> None:
    letter = DeadLetter("1", "live", erase("per_1", CUSTOMER, USER), NOW, "too large")

    assert letter.described()["what"] == "person per_1, to be erased"
    assert USER not in str(letter.described())


def test_a_change_in_the_same_batch_as_the_erasing_is_not_kept(world: World) -> None:
    person = world.person(f"customer:{CUSTOMER}")
    assert person is not None
    late = event("customer.updated", shown_customer(name="Surname-Gone III"), created=NOW)

    world.deliver([Message(TEST, late).encode(), erase(person.id, *person.records), told_by_the_app()])
    world.settle()

    assert traces(world.people) == []
    assert SUBSCRIPTION not in repr(world.people.people)


def _named(body: str) -> str:
    """What a message is about, as the name of a test."""
    message = decode(body)
    return str(message.event["type"]) if message.event else message.cause
