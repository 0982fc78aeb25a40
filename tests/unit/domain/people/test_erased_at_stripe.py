"""Who was erased here is still at Stripe: lists, reconciler and verify meet them, and bring nobody back."""

from __future__ import annotations

from typing import Any

import pytest

from peoplesync.domain.people.person import CUSTOMERS_IN_SYNC, ERASED
from peoplesync.use_cases.messages.message import BulkBatch, Message
from tests.support.builders.stripe import DAY, NOW, customer, event, subscription
from tests.support.fakes.erased import (
    CUSTOMER,
    EMAIL,
    erase_whoever_is,
    events,
    shown_customer,
    shown_subscription,
    traces,
)
from tests.support.fakes.world import TEST, World
from tests.support.worlds.import_world import ImportWorld
from tests.support.worlds.verifying import Verification

OTHERS = [customer(f"cus_{number}", created=NOW - number * DAY) for number in range(5)]


def at_stripe(*more: Any) -> list[Any]:
    return [*OTHERS, shown_customer(), shown_subscription(), *more]


def with_somebody_erased() -> World:
    """Everybody is at Stripe, and one is erased here."""
    world = World(NOW)
    world.stripe.objects = {str(one["id"]): one for one in at_stripe()}
    world.apply(*(event("customer.created", one, created=NOW - DAY) for one in OTHERS), *events()[:8])
    erase_whoever_is(world, f"customer:{CUSTOMER}")
    return world


@pytest.mark.parametrize("sample", [None, 100])
def test_an_erased_customer_at_stripe_is_no_drift_and_is_counted(sample: int | None) -> None:
    world = with_somebody_erased()
    verify = Verification(world)

    verdict = verify(sample)

    assert verdict.compared["customers"] == len(OTHERS)
    assert (verdict.differences, verdict.erased) == ({}, {CUSTOMER})
    assert verify.waited == []


def test_what_drifted_beside_the_erased_is_found_and_repaired_without_them() -> None:
    world = with_somebody_erased()
    world.stripe.objects["cus_1"] = {**OTHERS[1], "delinquent": True}
    world.stripe.objects["sub_1"] = subscription("sub_1", customer="cus_1")
    verify = Verification(world)
    verdict = verify()
    assert set(verdict.differences) == {"cus_1"}

    verify.repair(verdict)

    assert verify().differences == {}
    assert traces(world.people) == []


def test_a_full_import_brings_nobody_back() -> None:
    imported = ImportWorld.of(at_stripe(*events()), NOW)
    assert imported.drive()["status"] == "succeeded"
    world = imported.world
    assert world.person(f"email:{EMAIL}") is not None
    erase_whoever_is(world, f"customer:{CUSTOMER}")
    world.stripe.asked.clear()

    again = imported.drive(name="imp_2")

    assert (again["status"], again["failed"]) == ("succeeded", 0)
    assert again["applied"] == again["enqueued"]
    assert traces(world.people) == []
    assert world.people.identities[f"customer:{CUSTOMER}"] == ERASED
    in_sync = {member for index, member in world.people.members if index == CUSTOMERS_IN_SYNC}
    assert in_sync == {str(one["id"]) for one in OTHERS}
    assert world.stripe.asked == []


def test_erased_in_the_middle_of_an_import_they_stay_so() -> None:
    imported = ImportWorld.of(at_stripe(*events()), NOW)
    world = imported.world
    world.apply(*events()[:8])
    page = imported.lists.page
    erased: list[str] = []

    def then_erased(connection: str, resource: str, params: Any) -> Any:
        answer = page(connection, resource, params)
        if not erased:
            erased.append(erase_whoever_is(world, f"customer:{CUSTOMER}"))
        return answer

    imported.lists.page = then_erased  # type: ignore[method-assign]

    assert imported.drive()["status"] == "succeeded"

    assert traces(world.people) == []


def test_what_the_reconciler_finds_of_the_erased_is_dropped_and_not_held_against_the_webhook() -> None:
    world = with_somebody_erased()
    found = BulkBatch(events=tuple(events()))

    report = world.deliver([Message(TEST, chunk=found, cause="reconcile").encode()])

    assert report.counts["dropped"] == len(events()) - 1
    assert report.counts["missed"] == 0
    assert traces(world.people) == []
