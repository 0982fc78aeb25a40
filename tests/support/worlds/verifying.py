"""The world in memory, verified: its records, and Stripe's lists of the objects that its Stripe holds."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.people.person import CUSTOMERS_IN_SYNC, ERASED, customer_identity
from peoplesync.domain.records.snapshots import Snapshot
from peoplesync.use_cases.ports import Page
from peoplesync.use_cases.verifying.differences import Stored
from peoplesync.use_cases.verifying.verify import VerificationReport, Verifier
from tests.support.fakes.world import World

MAIN = Connection("main", False, 1, 1, 0)


@dataclass(frozen=True)
class WorldsRecords:
    """The records of a world's people."""

    world: World

    def customers(self, epoch: Epoch) -> Iterable[str]:
        return [one for index, one in self.world.people.members if index == CUSTOMERS_IN_SYNC]

    def some_customers(self, epoch: Epoch, number: int, rng: random.Random) -> Iterable[str]:
        every = sorted(self.customers(epoch))
        return rng.sample(every, min(number, len(every)))

    def records(self, epoch: Epoch, customers: Collection[str]) -> Mapping[str, Stored]:
        return {
            record.id: Stored(person.id, record)
            for person in self.world.people.people.values()
            for record in person.records.values()
            if record.id in customers
        }

    def charges(
        self, epoch: Epoch, charges: Mapping[str, Collection[Snapshot]]
    ) -> Mapping[str, Mapping[str, Snapshot]]:
        return self.world.people.read(epoch, (), {}, (), charges).charges

    def erased(self, epoch: Epoch, customers: Collection[str]) -> Collection[str]:
        known = self.world.people.identities
        return {one for one in customers if known.get(customer_identity(one)) == ERASED}


@dataclass
class ObjectLists:
    """Lists of customers, subscriptions and charges, three a page, the newest first."""

    world: World
    asked: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def page(self, connection: str, resource: str, params: Mapping[str, Any]) -> Page:
        self.asked.append((resource, params))
        found = [
            one
            for one in self.world.stripe.objects.values()
            if f"{one['object']}s" == resource and not one.get("deleted")
        ]
        if resource == "subscriptions":
            assert params["status"] == "all"
        if resource != "customers":
            found = [one for one in found if params.get("customer") in (None, one["customer"])]
        found = [one for one in found if one["created"] >= params.get("created", {}).get("gte", 0)]
        found.sort(key=lambda one: (one["created"], one["id"]), reverse=True)
        if "starting_after" in params:
            ids = [one["id"] for one in found]
            found = found[ids.index(params["starting_after"]) + 1 :]
        return Page(found[:3], len(found) > 3, self.world.now - 1)


@dataclass
class Verification:
    """Verifies a world; `while_waiting` happens whenever it waits, and gets how often it did."""

    world: World
    on_queues: int = 0
    waited: list[float] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    while_waiting: Callable[[int], object] = lambda times: None

    def verifier(self) -> Verifier:
        return Verifier(
            lists=ObjectLists(self.world),
            stripe=self.world.stripe,
            records=WorldsRecords(self.world),
            waiting=lambda: self.on_queues,
            sleep=self.sleep,
            say=self.said.append,
            rng=random.Random(7),
        )

    def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.while_waiting(len(self.waited))

    def __call__(self, sample: int | None = None) -> VerificationReport:
        self.world.stripe.now = self.world.now
        return self.verifier().verify(MAIN, sample)

    def repair(self, verdict: VerificationReport) -> int:
        messages = self.verifier().repair(MAIN, verdict, self.world.queue, self.world.now)
        self.world.settle()
        return messages


def found_in(verdict: VerificationReport) -> list[tuple[str, str, Any, Any]]:
    """Object, field, our value and Stripe's, of every difference."""
    return sorted(
        (one.object, one.field, one.ours, one.stripes)
        for every in verdict.differences.values()
        for one in every
    )
