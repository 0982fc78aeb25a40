"""Verify: what drifted is found in both directions; what is on its way is waited for; a repair repairs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from peoplesync.use_cases.messages.message import BulkBatch, Message
from peoplesync.use_cases.verifying.verify import LOOKS, MORE_LOOKS
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from tests.support.builders.stripe import (
    DAY,
    HOUR,
    NOW,
    charge,
    coupon,
    customer,
    deleted_customer,
    event,
    item,
    subscription,
)
from tests.support.fakes.world import TEST, World
from tests.support.worlds.verifying import Verification, found_in

LATER = NOW + DAY


@pytest.fixture
def world() -> World:
    """Eight customers with a subscription each, one of them canceled; ours and Stripe's."""
    world = World(NOW)
    for number in range(8):
        name = f"cus_{number}"
        status = "canceled" if number == 3 else "active"
        ours = subscription(f"sub_{number}", customer=name, status=status, created=NOW - number * HOUR)
        for one in (customer(name, created=NOW - number * HOUR), ours):
            world.stripe.objects[str(one["id"])] = one
        world.apply(
            event("customer.created", customer(name, created=NOW - number * HOUR), created=NOW - DAY),
            event("customer.subscription.updated", ours, created=NOW - DAY),
        )
    world.now = LATER
    return world


def change(world: World, changed: str, **facts: Any) -> StripeObject:
    """Changes an object at Stripe, of which nobody tells us."""
    now = {**world.stripe.objects[changed], **facts}
    world.stripe.objects[changed] = now
    return now


def test_where_nothing_drifted_nothing_is_found(world: World) -> None:
    verify = Verification(world)

    verdict = verify()

    assert verdict.compared == {"customers": 8, "subscriptions": 8}
    assert (verdict.differences, verdict.agrees) == ({}, True)
    assert verify.waited == []


def test_what_differs_is_named_with_both_values(world: World) -> None:
    change(world, "sub_5", status="past_due")
    change(world, "cus_2", delinquent=True)

    verdict = Verification(world)()

    assert found_in(verdict) == [
        ("cus_2", "delinquent", False, True),
        ("sub_5", "status", "active", "past_due"),
    ]
    (difference,) = verdict.differences["cus_5"]
    person = world.person("customer:cus_5")
    assert person is not None
    assert difference.public() == {
        "person": person.id,
        "object": "sub_5",
        "field": "status",
        "ours": "active",
        "stripe": "past_due",
        "personal": False,
    }


@pytest.mark.parametrize("name", ["email", "name", "phone", "description"])
def test_of_a_personal_field_only_the_name_is_told(world: World, name: str) -> None:
    change(world, "cus_1", **{name: "somebody@example.com"})

    ((difference,),) = Verification(world)().differences.values()

    assert (difference.field, difference.ours, difference.stripes, difference.personal) == (
        name,
        None,
        None,
        True,
    )


def test_an_address_is_personal_too(world: World) -> None:
    change(world, "cus_1", address={"city": "Testville", "line1": "1 Test Street"})

    ((*found,),) = Verification(world)().differences.values()

    assert all(one.personal for one in found)


def lose_subscription(world: World) -> None:
    record = subscription("sub_new", customer="cus_1", created=NOW)
    world.stripe.objects["sub_new"] = record


def lose_customer(world: World) -> None:
    world.stripe.objects["cus_new"] = customer("cus_new", created=NOW)


@pytest.mark.parametrize(
    ("drift", "found"),
    [
        (lose_customer, ("cus_new", "customer", None, "exists")),
        (lose_subscription, ("sub_new", "subscription", None, "active")),
        (lambda world: world.stripe.objects.pop("sub_3"), ("sub_3", "subscription", "canceled", None)),
        (
            lambda world: world.stripe.objects.update(cus_4=deleted_customer("cus_4")),
            ("cus_4", "deleted", False, True),
        ),
        (lambda world: world.stripe.objects.pop("cus_4"), ("cus_4", "deleted", False, True)),
        (
            lambda world: world.apply(event("customer.deleted", customer("cus_0"), created=NOW)),
            ("cus_0", "deleted", True, False),
        ),
    ],
    ids=[
        "a customer we lack",
        "a subscription we lack",
        "a subscription Stripe lacks",
        "deleted",
        "unknown",
        "not deleted",
    ],
)
def test_both_directions_are_looked_at(
    world: World, drift: Callable[[World], Any], found: tuple[str, str, Any, Any]
) -> None:
    drift(world)

    assert found_in(Verification(world)()) == [found]


def test_a_difference_is_looked_at_for_two_minutes_before_it_is_called_drift(world: World) -> None:
    change(world, "sub_5", status="past_due")
    verify = Verification(world)

    assert verify().differences
    assert verify.waited == list(LOOKS)
    assert sum(LOOKS) == 120
    assert verify.said[0] == "1 of Stripe's customers differ; looking again in 5 s"


def test_an_event_that_was_on_its_way_is_no_drift(world: World) -> None:
    now = change(world, "sub_5", status="past_due")
    verify = Verification(world)

    def meanwhile(times: int) -> None:
        if times == 2:
            world.apply(event("customer.subscription.updated", now, created=LATER))

    verify.while_waiting = meanwhile

    assert verify().differences == {}
    assert verify.waited == list(LOOKS[:2])


def test_while_changes_are_on_the_queues_nothing_is_called_drift(world: World) -> None:
    now = change(world, "sub_5", status="past_due")
    verify = Verification(world, on_queues=3)

    def meanwhile(times: int) -> None:
        if times == len(LOOKS) + 3:
            world.apply(event("customer.subscription.updated", now, created=LATER))

    verify.while_waiting = meanwhile

    assert verify().differences == {}
    assert len(verify.waited) == len(LOOKS) + 3


def test_queues_that_never_empty_are_not_waited_for_for_ever(world: World) -> None:
    change(world, "sub_5", status="past_due")
    verify = Verification(world, on_queues=3)

    assert verify().differences
    assert len(verify.waited) == len(LOOKS) + MORE_LOOKS


def test_of_a_sample_only_so_many_are_asked_for(world: World) -> None:
    verdict = Verification(world)(sample=2)

    assert 2 <= verdict.compared["customers"] <= 4
    assert verdict.compared["subscriptions"] == verdict.compared["customers"]
    assert verdict.differences == {}


def test_a_sample_of_all_finds_what_there_is_to_find(world: World) -> None:
    lose_customer(world)
    world.stripe.objects["cus_4"] = deleted_customer("cus_4")
    change(world, "sub_5", status="past_due")

    assert found_in(Verification(world)(sample=100)) == [
        ("cus_4", "deleted", False, True),
        ("cus_new", "customer", None, "exists"),
        ("sub_5", "status", "active", "past_due"),
    ]


def test_the_newest_of_stripes_are_in_a_sample(world: World) -> None:
    world.stripe.objects["cus_new"] = customer("cus_new", created=LATER)

    assert found_in(Verification(world)(sample=1)) == [("cus_new", "customer", None, "exists")]


@pytest.mark.parametrize("sample", [None, 100])
def test_a_repair_makes_good_what_drifted(world: World, sample: int | None) -> None:
    lose_customer(world)
    lose_subscription(world)
    change(world, "sub_5", status="past_due")
    change(world, "cus_6", email="new@example.com")
    world.stripe.objects["cus_4"] = deleted_customer("cus_4")
    verify = Verification(world)
    verdict = verify(sample)
    assert set(verdict.differences) == {"cus_new", "cus_1", "cus_4", "cus_5", "cus_6"}

    verify.repair(verdict)

    assert verify(sample).differences == {}
    assert world.connections.missed == 0


def test_an_ended_subscription_that_a_record_dropped_is_no_drift(world: World) -> None:
    long_ago = NOW - 400 * DAY
    for number in range(30):
        ended = subscription(f"sub_old_{number}", customer="cus_1", status="canceled", created=long_ago)
        ended |= {"canceled_at": long_ago + number, "ended_at": long_ago + number}
        world.stripe.objects[str(ended["id"])] = ended
        world.apply(event("customer.subscription.deleted", ended, created=long_ago + number))
    person = world.person("customer:cus_1")
    assert person is not None
    assert person.records["cus_1"].dropped

    assert Verification(world)().differences == {}


def test_a_deleted_customers_subscriptions_are_not_compared(world: World) -> None:
    world.apply(event("customer.deleted", customer("cus_4"), created=NOW))
    world.stripe.objects["cus_4"] = deleted_customer("cus_4")
    change(world, "sub_4", status="canceled")

    assert Verification(world)().differences == {}


def paying(*charges: StripeObject) -> World:
    """A world in step with Stripe, where the customer made these charges."""
    world = World(NOW)
    shown = [customer(), *charges]
    world.stripe.objects = {one["id"]: one for one in shown}
    chunk = BulkBatch(as_of=NOW - 1, objects=tuple(shown))
    world.deliver([Message(TEST, chunk=chunk, cause="import").encode()])
    return world


def test_charges_are_compared_and_counted() -> None:
    verdict = Verification(paying(charge("ch_1"), charge("ch_2", created=NOW - 9 * DAY)))()
    assert verdict.agrees
    assert verdict.compared == {"customers": 1, "subscriptions": 0, "charges": 2}


def test_a_payment_that_was_taken_back_unheard_of_has_drifted_and_is_repaired() -> None:
    world = paying(charge("ch_1"), charge("ch_0", amount=500, created=NOW - 9 * DAY))
    world.stripe.objects["ch_1"] = charge("ch_1", status="failed", captured=False, amount_captured=0)
    verify = Verification(world)
    verdict = verify()
    assert ("ch_1", "status", "succeeded", "failed") in found_in(verdict)

    world.now += 60
    verify.repair(verdict)

    assert verify().agrees
    person = world.person("customer:cus_1")
    assert person is not None
    assert person.fields["last_amount_paid"] == "5.00"


def test_a_payment_that_nobody_told_of_has_drifted() -> None:
    world = paying(charge("ch_0", created=NOW - 9 * DAY))
    world.stripe.objects |= {"ch_1": charge("ch_1"), "ch_9": charge("ch_9", created=NOW - 90 * DAY)}
    assert found_in(Verification(world)()) == [("ch_1", "charge", None, "succeeded")]


def test_a_subscription_shown_in_part_agrees_with_one_that_is_known_whole() -> None:
    world = World(NOW)
    whole = subscription(items=[item(f"si_{number:02}") for number in range(12)])
    cut = whole | {"items": whole["items"] | {"data": whole["items"]["data"][:10], "has_more": True}}
    chunk = BulkBatch(as_of=NOW - 1, objects=(customer(), whole))
    world.deliver([Message(TEST, chunk=chunk, cause="import").encode()])
    world.stripe.objects = {"cus_1": customer(), "sub_1": cut}
    assert Verification(world)().agrees


def test_a_discount_shown_whole_agrees_with_its_id() -> None:
    world = World(NOW)
    old = {"id": "di_1", "object": "discount", "coupon": coupon(), "start": NOW - 10 * DAY, "end": None}
    told = subscription(discounts=[]) | {"discount": old}
    world.apply(
        event("customer.created", customer(), created=NOW - 60 * DAY),
        event("customer.subscription.created", told, created=NOW - DAY),
    )
    world.stripe.objects = {"cus_1": customer(), "sub_1": subscription(discounts=["di_1"])}
    assert Verification(world)().agrees
