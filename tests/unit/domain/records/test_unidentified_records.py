"""Who is heard of before their customer is: pending for a minute, then Stripe is asked once."""

from __future__ import annotations

import pytest

from peoplesync.domain.people.person import EVERYONE, Person
from peoplesync.use_cases.messages.message import Message
from tests.support.builders.stripe import MINUTE, NOW, customer, deleted_customer, event, subscription
from tests.support.fakes.world import TEST, World


@pytest.fixture
def world() -> World:
    world = World(NOW)
    world.apply(event("customer.subscription.created", subscription(customer="cus_1"), created=NOW - 5))
    return world


def the_person(world: World) -> Person:
    person = world.person("customer:cus_1")
    assert person is not None
    return person


def review(world: World) -> None:
    world.deliver([Message(TEST, review=(the_person(world).id,), cause="sweep").encode()])


def test_a_record_without_its_customer_is_in_no_segment_and_not_counted(world: World) -> None:
    assert the_person(world).segments == {}
    assert (EVERYONE, the_person(world).id) not in world.people.members


def test_it_is_due_after_a_minute(world: World) -> None:
    assert the_person(world).review_at == NOW + MINUTE


def test_before_its_minute_stripe_is_not_asked(world: World) -> None:
    world.now += MINUTE - 1
    review(world)
    assert world.stripe.asked == []


def test_after_its_minute_stripe_is_asked_and_the_person_is_complete(world: World) -> None:
    world.stripe.objects["cus_1"] = customer(email="late-01@example.com")
    world.now += MINUTE
    review(world)
    assert world.stripe.asked == ["cus_1"]
    assert the_person(world).email == "late-01@example.com"
    assert "customers" in the_person(world).segments


def test_a_customer_that_is_deleted_meanwhile_is_a_deleted_one(world: World) -> None:
    world.stripe.objects["cus_1"] = deleted_customer()
    world.now += MINUTE
    review(world)
    person = the_person(world)
    assert not person.unidentified
    assert set(person.segments) == {"churned_customers"}


def test_a_customer_that_stripe_does_not_know_is_asked_for_only_once(world: World) -> None:
    world.now += MINUTE
    review(world)
    assert the_person(world).review_at is None
    assert world.stripe.asked == ["cus_1"]


def test_while_stripe_is_down_the_review_waits(world: World) -> None:
    world.stripe.down = True
    world.now += MINUTE
    review(world)
    ((_, delay),) = world.queue.sent
    assert delay == 15
    world.stripe.down = False
    world.stripe.objects["cus_1"] = customer()
    world.settle()
    assert not the_person(world).unidentified


def test_a_review_that_finds_nothing_new_costs_no_write(world: World) -> None:
    writes = world.people.writes
    world.now += 1
    review(world)
    assert world.people.writes == writes
