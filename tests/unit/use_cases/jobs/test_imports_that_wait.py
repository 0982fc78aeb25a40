"""An import that waits for Stripe says so, since when and why, until it goes on."""

from __future__ import annotations

from itertools import repeat
from typing import Any

from peoplesync.use_cases.importing.overview import Imports
from peoplesync.use_cases.ports import RateLimited, Unavailable
from tests.support.builders.stripe import NOW, customer
from tests.support.fakes.world import TEST
from tests.support.worlds.import_world import ImportWorld

COMPANY = [customer(f"cus_{number}", created=NOW - number - 1) for number in range(60)]


def waiting_of(world: ImportWorld) -> Any:
    return Imports(TEST, world.steps.job, world.runs).all()[0]["waiting"]


def test_an_import_that_waits_for_stripe_says_since_when_and_why_until_it_goes_on() -> None:
    world = ImportWorld.of(COMPANY, NOW)
    world.executions.running.add("arn:run_1")
    begun = world.begin("run_1")
    (customers,) = (one for one in begun["lists"] if one["list"] == "customers")
    assert waiting_of(world) == []
    world.lists.problems = repeat(Unavailable("Stripe cannot be asked: APIError"))

    for _ in range(2):
        assert world.steps.read_list(customers)["status"] == "wait"
        world.world.now += 30

    waits = {"since": "2026-03-01T12:00:00Z", "reason": "Stripe cannot be asked: APIError"}
    assert waiting_of(world) == [{"list": "customers", **waits}]
    world.lists.problems = iter(())
    assert world.steps.read_list(customers)["status"] == "done"
    assert waiting_of(world) == []


def test_an_import_that_ended_waits_for_nothing_and_a_resumed_one_starts_afresh() -> None:
    world = ImportWorld.of(COMPANY, NOW)
    world.executions.running.add("arn:run_1")
    begun = world.begin("run_1")
    world.lists.problems = repeat(Unavailable("down"))
    world.steps.read_list(begun["lists"][0])
    world.steps.read_list(begun["lists"][-1])
    assert [one["list"] for one in waiting_of(world)] == ["charges", "prices"]

    world.steps.job.fail(begun["lists"][0], "stopped")
    assert waiting_of(world) == []

    world.executions.running.clear()
    world.begin("run_2", {"resume": "run_1"})
    world.executions.running.add("arn:run_2")
    assert waiting_of(world) == []


def test_listing_again_what_is_missing_says_that_it_waits_too() -> None:
    world = ImportWorld.of(COMPANY, NOW)
    world.executions.running.add("arn:run_1")
    begun = world.begin("run_1")
    (place,) = (one for one in begun["lists"] if one["list"] == "customers")
    assert world.steps.read_list(place)["status"] == "done"
    world.world.queue.sent.clear()
    world.lists.problems = repeat(RateLimited("Stripe's rate limit is reached"))

    assert world.steps.relist(place)["status"] == "wait"

    assert [one["reason"] for one in waiting_of(world)] == ["Stripe's rate limit is reached"]
    world.lists.problems = iter(())
    assert world.steps.relist(place)["status"] == "done"
    assert waiting_of(world) == []
