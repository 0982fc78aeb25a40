"""Erasing: a person goes with all that is known of them, and nothing brings them back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from peoplesync.domain.people.person import ERASED, EVERYONE
from peoplesync.use_cases.erasing.receipt import ErasureReceipt
from peoplesync.use_cases.messages.dead_letters import DeadLetter
from peoplesync.use_cases.messages.message import BulkBatch, Message, decode
from tests.support.builders.stripe import DAY, NOW, event, subscription
from tests.support.fakes.batches import counts_of
from tests.support.fakes.erased import (
    CUSTOMER,
    EMAIL,
    OTHER,
    PERSONAL,
    SUBSCRIPTION,
    USER,
    activities,
    erase,
    erase_whoever_is,
    listed,
    replayed,
    shown_customer,
    told_by_the_app,
    traces,
    with_somebody,
)
from tests.support.fakes.world import CONNECTED, TEST, World, remembered_as


@pytest.fixture
def world() -> World:
    """Somebody with a Stripe customer and a user of the app, and somebody else."""
    return with_somebody(World(NOW))


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
        person: ErasureReceipt(
            person,
            erased_at=NOW,
            feed_deleted_at=NOW,
            unindexed_at=NOW,
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
    assert not report.dead_lettered
    stored = (world.people.people, world.people.identities, world.people.members, world.people.feeds)
    assert repr(stored) == left
    about_a_product = '"type":"product.updated"' in body
    assert set(counts_of(report)) <= {"dropped", *(("stale",) if about_a_product else ())}


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
    assert counts_of(world.deliver([Message(TEST, OTHER).encode()])) == {"dropped": 1}


def test_nobody_of_another_epoch_is_erased(world: World) -> None:
    person = world.person(f"customer:{CUSTOMER}")
    assert person is not None
    body = erase(person.id, *person.records).replace('"epoch":1', '"epoch":2')

    assert counts_of(world.deliver([body])) == {"dropped": 1}
    assert world.person(f"customer:{CUSTOMER}") == person


def test_an_erased_person_who_is_due_by_the_clock_is_nobodys_business(world: World) -> None:
    person = erase_whoever_is(world, f"customer:{CUSTOMER}")

    report = world.deliver(
        [
            Message(TEST, review=(person,), cause="sweep").encode(),
            Message(TEST, chunk=BulkBatch("c", "run", people=(person,)), cause="definition_changed").encode(),
        ]
    )

    assert not report.crashed
    assert counts_of(report) == {"stale": 2}


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
