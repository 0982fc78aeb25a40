"""Check: one person is compared with Stripe, what is on its way is waited for, and a repair repairs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from peoplesync.domain.people.person import Person
from peoplesync.use_cases.queries.whom import NotFound, exactly
from peoplesync.use_cases.verifying.check import LOOKS, Checker
from tests.support.builders.stripe import DAY, NOW, customer, deleted_customer, event, subscription
from tests.support.fakes.world import World
from tests.support.worlds.verifying import MAIN, Verification


@dataclass
class Browsing:
    """The people of a world by their whole ids."""

    world: World
    connection: Any = MAIN

    def person_of(self, epoch: Any, identity: str) -> Person | None:
        return self.world.person(identity)

    def person(self, epoch: Any, person_id: str) -> Person | None:
        return self.world.people.people.get(person_id)

    def find(self, who: str) -> Person:
        people: Any = self
        if (found := exactly(people, MAIN.epoch, who)) is None:
            raise NotFound(f"no person matches {who}")
        return found

    meant = find


@dataclass
class Desk:
    """Somebody at a desk, with two customers of one person."""

    world: World = field(default_factory=lambda: World(NOW))
    erased: Iterable[str] = ()

    def __post_init__(self) -> None:
        for name in ("cus_1", "cus_2"):
            one, paid = customer(name, email="mia@example.com"), subscription(f"sub_{name}", customer=name)
            self.world.stripe.objects |= {name: one, f"sub_{name}": paid}
            self.world.apply(
                event("customer.created", one, created=NOW - DAY),
                event("customer.subscription.updated", paid, created=NOW - DAY),
            )
        self.world.now = self.world.stripe.now = NOW + DAY
        self.verification = Verification(self.world)

    def check(self, who: str = "mia@example.com", **how: Any) -> dict[str, Any]:
        browsing: Any = Browsing(self.world)
        return Checker(
            browser=browsing,
            verifier=self.verification.verifier(),
            live=self.world.queue,
            erased=lambda one: one in self.erased,
            clock=lambda: self.world.now,
            sleep=self.verification.sleep,
        ).check(who, **how)

    def change(self, name: str, **facts: Any) -> None:
        self.world.stripe.objects[name] = {**self.world.stripe.objects[name], **facts}


def test_who_is_what_stripe_says_agrees_at_once() -> None:
    desk = Desk()

    found = desk.check()

    assert (found["agrees"], found["differences"], found["repair_messages"]) == (True, [], None)
    assert [one["id"] for one in found["customers"]] == ["cus_1", "cus_2"]
    assert found["compared"] == {"customers": 2, "subscriptions": 2, "charges": 0}
    assert desk.verification.waited == []


def test_what_drifted_is_named_and_a_repair_repairs_it() -> None:
    desk = Desk()
    desk.change("sub_cus_2", status="past_due")

    found = desk.check(repair=True)

    assert [(one["object"], one["field"]) for one in found["differences"]] == [("sub_cus_2", "status")]
    assert (found["agrees"], found["repair_messages"]) == (False, 2)
    assert desk.verification.waited == list(LOOKS)
    desk.world.settle()
    assert desk.check()["agrees"]


def test_what_is_on_its_way_is_no_difference() -> None:
    desk = Desk()
    desk.change("cus_1", delinquent=True)
    told = event("customer.updated", dict(desk.world.stripe.objects["cus_1"]), previous={}, created=NOW + DAY)
    desk.verification.while_waiting = lambda times: desk.world.apply(told)

    assert desk.check()["agrees"]
    assert desk.verification.waited == [LOOKS[0]]


def test_a_customer_who_is_deleted_at_stripe_differs_until_that_is_known() -> None:
    desk = Desk()
    desk.world.stripe.objects["cus_1"] = deleted_customer("cus_1")

    (difference,) = desk.check(repair=True)["differences"]
    desk.world.settle()
    after = desk.check()

    assert (difference["object"], difference["field"], difference["stripe"]) == ("cus_1", "deleted", True)
    assert after["agrees"]
    assert after["customers"][0] == {"id": "cus_1", "deleted": True}


def test_a_customer_whom_nobody_here_has_differs_and_one_of_nobody_is_not_found() -> None:
    desk = Desk()
    desk.world.stripe.objects["cus_3"] = customer("cus_3")

    found = desk.check("cus_3")

    assert (found["person"], found["agrees"], found["differences"][0]["field"]) == (None, False, "customer")
    with pytest.raises(NotFound, match="Stripe has no such customer either"):
        desk.check("cus_4")


def test_of_who_was_erased_nothing_is_compared() -> None:
    desk = Desk(erased=["cus_9"])

    with pytest.raises(NotFound, match="cus_9 was erased: nothing is kept"):
        desk.check("cus_9")
