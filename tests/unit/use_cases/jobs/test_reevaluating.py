"""Re-evaluation, as a use case: everybody is evaluated with the new definitions, whatever happens."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from peoplesync.domain.connections import Epoch
from peoplesync.domain.people.write_set import WriteSet
from peoplesync.domain.segments.definitions import Segment
from peoplesync.use_cases.jobs import members
from peoplesync.use_cases.jobs.members import MEMBERS_A_CHUNK
from peoplesync.use_cases.messages.message import decode
from peoplesync.use_cases.ports import TooLarge
from peoplesync.use_cases.reevaluating import steps
from peoplesync.use_cases.reevaluating.overview import Reevaluations
from tests.support.builders.stripe import NOW, customer, event
from tests.support.fakes.world import TEST
from tests.support.worlds.job_world import PLACE
from tests.support.worlds.reevaluation_world import VIP, ReevaluationWorld

PEOPLE = 40
VIPS = PEOPLE // 2
OLD = Segment("old", "Old", {"field": "customer_mrr", "over": 10})


@pytest.fixture
def changed() -> ReevaluationWorld:
    """People whose segments were changed after they were evaluated."""
    world = ReevaluationWorld.of(PEOPLE)
    world.connections.change(VIP)
    return world


def overview(world: ReevaluationWorld) -> Reevaluations:
    return Reevaluations(TEST, world.steps.job)


def test_everybody_is_evaluated_with_the_new_definitions(changed: ReevaluationWorld) -> None:
    answer = changed.drive()

    assert (answer["status"], answer["people"], answer["evaluated"]) == ("succeeded", PEOPLE, PEOPLE)
    everybody = changed.world.people.people.values()
    assert sum("vip" in one.segments for one in everybody) == VIPS
    assert sum(index == "vip" for index, _ in changed.world.people.members) == VIPS


def test_only_who_is_changed_by_it_is_written(changed: ReevaluationWorld) -> None:
    writes = changed.world.people.writes

    assert changed.drive()["evaluated"] == PEOPLE
    assert changed.world.people.writes == writes + VIPS

    changed.connections.change(VIP)
    assert changed.drive(name="run_2")["evaluated"] == PEOPLE
    assert changed.world.people.writes == writes + VIPS


def test_people_go_in_small_chunks_with_the_cause(changed: ReevaluationWorld) -> None:
    begun = changed.begin("run_1")
    for place in begun["shards"]:
        changed.steps.enqueue(place)

    messages = [decode(body) for body, _ in changed.world.queue.sent]

    assert {one.cause for one in messages} == {"definition_changed"}
    chunks = [one.chunk for one in messages if one.chunk]
    assert sum(len(one.people) for one in chunks) == PEOPLE
    assert max(len(one.people) for one in chunks) <= MEMBERS_A_CHUNK
    assert {one.run for one in chunks} == {"run_1"}


def test_pages_that_were_changed_between_two_readings_are_complete(changed: ReevaluationWorld) -> None:
    begun = changed.begin("run_1")
    runs, place = changed.runs, begun["shards"][3]
    before = runs.rows.copy()
    changed.steps.enqueue(place)
    changed.world.settle()
    # The cursor was not stored, somebody of the page is gone, and what was sent is applied.
    window = f"window#everyone#{place['shard']}"
    runs.rows = {key: row for key, row in runs.rows.items() if key in before or key[1] != window}
    changed.world.people.members = {
        key: since
        for number, (key, since) in enumerate(changed.world.people.members.items())
        if key[0] != "everyone" or number % 3
    }

    answer = changed.drive({"connection": "main", "resume": "run_1"})

    assert answer["status"] == "succeeded"
    assert answer["evaluated"] == answer["people"] < PEOPLE


def test_never_much_more_is_on_the_queue_than_the_worker_can_take(
    changed: ReevaluationWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "MEMBERS_A_PAGE", 2)
    monkeypatch.setattr(members, "MEMBERS_A_CHUNK", 1)
    monkeypatch.setattr(steps, "MOST_AHEAD", 4)

    answer = changed.drive()

    assert answer["status"] == "succeeded"
    assert changed.slept
    assert max(changed.slept) < 4 + 2


def test_a_step_ends_after_its_slice_and_the_next_goes_on(
    changed: ReevaluationWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "MEMBERS_A_PAGE", 1)
    ticks, slices = iter(range(10**6)), list[int]()
    changed.steps = replace(changed.steps, monotonic=lambda: float(next(ticks)), slice_seconds=2.5)
    changed.between = lambda: slices.append(len(changed.world.queue.sent))

    answer = changed.drive()

    assert (answer["status"], answer["evaluated"]) == ("succeeded", PEOPLE)
    assert slices[0] == 2
    assert len(slices) >= 8


def test_who_cannot_be_evaluated_fails_the_run_but_nobody_else(
    changed: ReevaluationWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlucky = next(one.id for one in changed.world.people.people.values() if len(one.segments) > 1)
    people = changed.world.people
    write = people.write_one

    def too_large(epoch: Any, write_set: WriteSet, cause: str, now: int) -> None:
        if unlucky in write_set.after:
            raise TooLarge("person would take 300,001 bytes")
        write(epoch, write_set, cause, now)

    monkeypatch.setattr(people, "write_one", too_large)

    answer = changed.drive()

    assert (answer["status"], answer["failed"], answer["evaluated"]) == ("failed", 1, PEOPLE - 1)
    assert answer["reason"] == "1 person could not be evaluated; `peoplesync dead list` says why"
    assert len(changed.world.queue.dead_lettered) == 1


def test_a_run_that_the_definitions_have_overtaken_is_superseded(changed: ReevaluationWorld) -> None:
    begun = changed.begin("run_1")
    place = {key: begun[key] for key in PLACE}
    assert changed.steps.enqueue(begun["shards"][0])["status"] == "done"
    changed.connections.change(VIP, OLD)

    assert changed.steps.enqueue(begun["shards"][1]) == {"status": "superseded"}
    assert changed.steps.look(place) == {"status": "superseded"}
    ended = changed.steps.finish(place)

    assert ended["status"] == "superseded"
    assert ended["reason"] == "segments or fields have changed again since"
    assert changed.drive(name="run_2")["status"] == "succeeded"
    everybody = changed.world.people.people.values()
    assert [sum(name in one.segments for one in everybody) for name in ("vip", "old")] == [VIPS, VIPS]


def test_newcomers_of_meanwhile_are_evaluated_with_the_new_definitions(changed: ReevaluationWorld) -> None:
    begun = changed.begin("run_1")
    for shard in begun["shards"]:
        changed.steps.enqueue(shard)
        number = 1_000 + shard["shard"]
        changed.world.apply(event("customer.created", customer(f"cus_{number}", created=NOW), created=NOW))

    assert changed.drive({"connection": "main", "resume": "run_1"})["status"] == "succeeded"

    everybody = changed.world.people.people.values()
    assert len(everybody) == PEOPLE + 8
    assert sum("vip" in one.segments for one in everybody) == VIPS


def test_without_anybody_there_is_nothing_to_do() -> None:
    world = ReevaluationWorld.of(0)

    assert (answer := world.drive())["status"] == "succeeded"
    assert answer["people"] == 0


def test_a_run_of_newer_definitions_need_not_wait_for_an_older_one(changed: ReevaluationWorld) -> None:
    changed.executions.running.add("arn:run_1")
    changed.begin("run_1")
    changed.connections.change(VIP, OLD)

    assert changed.begin("run_2")["status"] == "running"


def test_a_run_may_be_made_again_though_nothing_has_changed(changed: ReevaluationWorld) -> None:
    changed.drive()

    answer = changed.drive(name="run_2")

    assert (answer["status"], answer["evaluated"]) == ("succeeded", PEOPLE)


def test_a_run_of_older_definitions_is_not_resumed(changed: ReevaluationWorld) -> None:
    changed.begin("run_1")
    changed.connections.change(VIP, OLD)

    answer = changed.begin("run_2", {"resume": "run_1"})

    assert answer["reason"] == "segments or fields have changed since run_1 began; start a new one"


def test_how_far_a_run_is_and_that_it_was_stopped_can_be_seen(changed: ReevaluationWorld) -> None:
    changed.executions.running.add("arn:run_1")
    begun = changed.begin("run_1")
    for shard in begun["shards"][:4]:
        changed.steps.enqueue(shard)
    changed.world.settle()

    running = overview(changed).latest()
    changed.executions.running.clear()
    stopped = overview(changed).latest()

    assert running is not None
    assert stopped is not None
    assert (running["status"], running["people"], running["version"]) == ("running", PEOPLE, 2)
    assert 0 < running["evaluated"] < PEOPLE
    assert stopped == running | {
        "status": "failed",
        "reason": "the execution was stopped; peoplesync reevaluate start goes on where it was",
        "finished_at": running["started_at"],
    }


def test_the_latest_run_is_that_with_the_newest_definitions(changed: ReevaluationWorld) -> None:
    changed.begin("run_2")
    changed.connections.change(VIP, OLD)
    changed.drive(name="run_1")

    assert [one["id"] for one in overview(changed).all()] == ["run_1", "run_2"]
    latest = overview(changed).latest()
    assert latest is not None
    assert (latest["id"], latest["status"]) == ("run_1", "succeeded")


def test_once_everybody_was_evaluated_a_later_run_that_failed_takes_nothing_back(
    changed: ReevaluationWorld,
) -> None:
    changed.drive()
    changed.world.now += 60
    changed.queue.lose = lambda body: True
    assert changed.drive(name="run_2")["status"] == "failed"

    latest, current = overview(changed).latest(), overview(changed).current()

    assert latest is not None
    assert current is not None
    assert (latest["id"], current["id"], current["status"]) == ("run_2", "run_1", "succeeded")
    changed.executions.running.add("arn:run_3")
    changed.begin("run_3")
    running = overview(changed).current()
    assert running is not None
    assert running["id"] == "run_3"
    assert Reevaluations(Epoch("other", 1), changed.steps.job).current() is None
