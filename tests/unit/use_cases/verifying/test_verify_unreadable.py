"""Verify: what cannot be read is named, and all else is compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from peoplesync.use_cases.ports import Page, Unavailable
from peoplesync.use_cases.verifying.verify import VerificationReport
from tests.support.builders.stripe import DAY, NOW, customer, event, subscription
from tests.support.fakes.world import World
from tests.support.worlds.verifying import MAIN, ObjectLists, Verification, found_in


@pytest.fixture
def world() -> World:
    """Eight customers with a subscription each; ours and Stripe's."""
    world = World(NOW)
    for number in range(8):
        one = customer(f"cus_{number}", created=NOW - number)
        theirs = subscription(f"sub_{number}", customer=f"cus_{number}", created=NOW - number)
        world.stripe.objects |= {str(one["id"]): one, str(theirs["id"]): theirs}
        world.apply(
            event("customer.created", one, created=NOW - DAY),
            event("customer.subscription.updated", theirs, created=NOW - DAY),
        )
    world.now = NOW + DAY
    return world


def named(verdict: VerificationReport) -> list[tuple[str, ...]]:
    return sorted(tuple(one.public().values()) for one in verdict.unreadable.values())


def drift(world: World, changed: str, **facts: Any) -> None:
    world.stripe.objects[changed] = {**world.stripe.objects[changed], **facts}


@pytest.mark.parametrize("sample", [None, 100])
def test_a_customer_that_cannot_be_read_is_named_and_the_rest_is_compared(
    world: World, sample: int | None
) -> None:
    drift(world, "cus_3", email=7)
    drift(world, "sub_5", status="past_due")

    verdict = Verification(world)(sample)

    assert named(verdict) == [("customer", "cus_3", "email should be text, not a number")]
    assert found_in(verdict) == [("sub_5", "status", "active", "past_due")]
    assert verdict.compared == {"customers": 7, "subscriptions": 8}
    assert not verdict.agrees


@pytest.mark.parametrize("sample", [None, 100])
def test_a_subscription_that_cannot_be_read_is_named_and_no_difference(
    world: World, sample: int | None
) -> None:
    drift(world, "sub_3", items="none")
    drift(world, "cus_3", delinquent=True)

    verdict = Verification(world)(sample)

    assert named(verdict) == [("subscription", "sub_3", "items should be a list, not text")]
    assert found_in(verdict) == [("cus_3", "delinquent", False, True)]
    assert verdict.compared == {"customers": 8, "subscriptions": 7}


def test_an_unreadable_customer_that_nobody_has_yet_is_named_once(world: World) -> None:
    world.stripe.objects["cus_bad"] = customer("cus_bad", created=NOW, name=["x"])
    world.stripe.objects["sub_bad"] = subscription("sub_bad", customer="cus_bad", created=NOW)

    verdict = Verification(world)()

    assert named(verdict) == [("customer", "cus_bad", "name should be text, not a list")]
    assert found_in(verdict) == [("sub_bad", "subscription", None, "active")]


def test_a_verification_that_could_not_read_all_does_not_agree(world: World) -> None:
    drift(world, "cus_3", email=7)

    verdict = Verification(world)()

    assert (verdict.differences, verdict.agrees) == ({}, False)


class SpoiltLists(ObjectLists):
    """Lists whose first page of customers ends with something else."""

    junk: Any = None
    spoils_all = False

    def page(self, connection: str, resource: str, params: Mapping[str, Any]) -> Page:
        shown = super().page(connection, resource, params)
        if self.spoils_all:
            return replace(shown, objects=[self.junk], has_more=True)
        is_first = resource == "customers" and "starting_after" not in params
        return replace(shown, objects=[*shown.objects, self.junk]) if is_first else shown


@pytest.mark.parametrize("junk", [None, 5, "text", [], {}, {"id": 7}])
def test_what_is_no_object_is_named_without_an_id(world: World, junk: Any) -> None:
    lists = SpoiltLists(world)
    lists.junk = junk
    world.stripe.now = world.now

    verdict = replace(Verification(world).verifier(), lists=lists).verify(MAIN)

    ((kind, name, _),) = named(verdict)
    assert (kind, name) == ("object", "(no id)")
    assert verdict.differences == {}
    assert verdict.compared == {"customers": 8, "subscriptions": 8}


def test_a_list_that_shows_no_ids_is_not_taken_for_its_end(world: World) -> None:
    lists = SpoiltLists(world)
    lists.spoils_all = True

    with pytest.raises(Unavailable, match="list of customers shows no object with an id"):
        replace(Verification(world).verifier(), lists=lists).verify(MAIN)
