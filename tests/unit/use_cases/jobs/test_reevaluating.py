"""Re-evaluation, as a use case: everybody is evaluated with the new definitions, whatever happens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.people.write_set import WriteSet
from peoplesync.domain.segments.definitions import Segment
from peoplesync.use_cases.messages.message import decode
from peoplesync.use_cases.ports import TooLarge
from peoplesync.use_cases.reevaluating import enqueueing as handing_out
from peoplesync.use_cases.reevaluating.enqueueing import PEOPLE_A_CHUNK
from peoplesync.use_cases.reevaluating.overview import STOPPED, Reevaluations
from tests.support.builders.stripe import NOW, customer, event
from tests.support.fakes.world import TEST
from tests.support.worlds.import_world import Killed
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
    return Reevaluations(TEST, world.runs, world.executions, lambda: world.world.now, world.members.shards)


def test_everybody_is_evaluated_with_the_new_definitions(changed: ReevaluationWorld) -> None:
    answer = changed.drive()

    assert (answer["status"], answer["people"], answer["evaluated"]) == ("succeeded", PEOPLE, PEOPLE)
    everybody = changed.world.people.people.values()
    assert {one.definitions_version for one in everybody} == {2}
    assert sum("vip" in one.segments for one in everybody) == VIPS
    assert sum(index == "vip" for index, _ in changed.world.people.members) == VIPS


def test_who_is_not_changed_by_it_carries_the_new_version_too(changed: ReevaluationWorld) -> None:
    changed.connections.change()

    changed.drive()

    assert {one.definitions_version for one in changed.world.people.people.values()} == {3}


def test_people_go_in_small_chunks_with_the_cause(changed: ReevaluationWorld) -> None:
    begun = changed.reevaluator.start({}, "re_1", "arn:re_1")
    for place in begun["shards"]:
        changed.reevaluator.hand_out(place)

    messages = [decode(body) for body, _ in changed.world.queue.sent]

    assert {one.cause for one in messages} == {"definition_changed"}
    chunks = [one.chunk for one in messages if one.chunk]
    assert sum(len(one.people) for one in chunks) == PEOPLE
    assert max(len(one.people) for one in chunks) <= PEOPLE_A_CHUNK
    assert {one.run for one in chunks} == {"re_1"}


def test_killed_at_any_call_and_resumed_the_people_are_those_of_an_undisturbed_run() -> None:
    undisturbed = ReevaluationWorld.of(PEOPLE)
    undisturbed.connections.change(VIP)
    undisturbed.drive()
    assert undisturbed.hazards.calls > 40

    for deadly in range(1, undisturbed.hazards.calls + 1):
        world = ReevaluationWorld.of(PEOPLE)
        world.connections.change(VIP)
        world.hazards.deadly = deadly
        with pytest.raises(Killed):
            world.drive()

        ended = world.runs.runs and world.run().status == "succeeded"
        again = {"connection": "main", "resume": "re_1"} if world.runs.runs and not ended else None
        answer = world.drive(again, "re_2")

        assert answer["status"] == "succeeded", deadly
        assert world.people() == undisturbed.people(), deadly


def test_pages_that_were_changed_between_two_readings_are_complete(changed: ReevaluationWorld) -> None:
    begun = changed.reevaluator.start({}, "re_1", "arn:re_1")
    runs, place = changed.runs, begun["shards"][3]
    before = runs.rows.copy()
    changed.reevaluator.hand_out(place)
    changed.world.settle()
    # The cursor was not stored, somebody of the page is gone, and what was sent is applied.
    window = f"window#everyone#{place['shard']}"
    runs.rows = {key: row for key, row in runs.rows.items() if key in before or key[1] != window}
    changed.world.people.members = {
        key: since
        for number, (key, since) in enumerate(changed.world.people.members.items())
        if key[0] != "everyone" or number % 3
    }

    answer = changed.drive({"connection": "main", "resume": "re_1"})

    assert answer["status"] == "succeeded"
    assert answer["evaluated"] == answer["people"] < PEOPLE


def test_never_much_more_is_on_the_queue_than_the_worker_can_take(
    changed: ReevaluationWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handing_out, "PEOPLE_A_PAGE", 2)
    monkeypatch.setattr(handing_out, "PEOPLE_A_CHUNK", 1)
    monkeypatch.setattr(handing_out, "MOST_AHEAD", 4)

    answer = changed.drive()

    assert answer["status"] == "succeeded"
    assert changed.slept
    assert max(changed.slept) < 4 + 2


def test_a_step_ends_after_its_slice_and_the_next_goes_on(
    changed: ReevaluationWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handing_out, "PEOPLE_A_PAGE", 1)
    ticks, slices = iter(range(10**6)), list[int]()
    changed.reevaluator = replace(
        changed.reevaluator, monotonic=lambda: float(next(ticks)), slice_seconds=2.5
    )
    changed.between = lambda: slices.append(len(changed.world.queue.sent))

    answer = changed.drive()

    assert (answer["status"], answer["evaluated"]) == ("succeeded", PEOPLE)
    assert slices[0] == 2
    assert len(slices) >= 8


def test_a_lost_chunk_is_handed_out_again(changed: ReevaluationWorld) -> None:
    losing = iter([True])
    changed.queue.lose = lambda body: next(losing, False)

    answer = changed.drive()

    assert (answer["status"], answer["evaluated"]) == ("succeeded", PEOPLE)
    assert changed.run().handed_again


def test_a_chunk_lost_again_fails_the_run_and_is_named_until_it_is_resumed(
    changed: ReevaluationWorld,
) -> None:
    unlucky = next(iter(changed.world.people.people))
    changed.queue.lose = lambda body: f'"{unlucky}"' in body

    answer = changed.drive()

    assert answer["status"] == "failed"
    assert answer["reason"].startswith("these chunks were never applied: everyone#")
    changed.queue.lose = lambda body: False
    again = changed.drive({"connection": "main", "resume": "re_1"})
    assert (again["status"], again["evaluated"]) == ("succeeded", PEOPLE)


def test_who_cannot_be_evaluated_fails_the_run_but_nobody_else(
    changed: ReevaluationWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlucky = next(iter(changed.world.people.people))
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


def test_a_run_that_the_definitions_have_outrun_is_superseded(changed: ReevaluationWorld) -> None:
    begun = changed.reevaluator.start({}, "re_1", "arn:re_1")
    place = {key: begun[key] for key in ("connection", "epoch", "run", "execution")}
    assert changed.reevaluator.hand_out(begun["shards"][0])["status"] == "done"
    changed.connections.change(VIP, OLD)

    assert changed.reevaluator.hand_out(begun["shards"][1]) == {"status": "superseded"}
    assert changed.reevaluator.look(place) == {"status": "superseded"}
    ended = changed.reevaluator.finish(place)

    assert ended["status"] == "superseded"
    assert ended["reason"] == "segments or fields have changed again since"
    assert changed.drive(name="re_2")["status"] == "succeeded"
    assert {one.definitions_version for one in changed.world.people.people.values()} == {3}


def test_newcomers_of_meanwhile_are_evaluated_with_the_new_definitions(changed: ReevaluationWorld) -> None:
    begun = changed.reevaluator.start({}, "re_1", "arn:re_1")
    for shard in begun["shards"]:
        changed.reevaluator.hand_out(shard)
        number = 1_000 + shard["shard"]
        changed.world.apply(event("customer.created", customer(f"cus_{number}", created=NOW), created=NOW))

    assert changed.drive({"connection": "main", "resume": "re_1"})["status"] == "succeeded"

    everybody = changed.world.people.people.values()
    assert len(everybody) == PEOPLE + 8
    assert {one.definitions_version for one in everybody} == {2}


def test_a_run_of_an_epoch_that_is_over_fails_in_words(changed: ReevaluationWorld) -> None:
    begun = changed.reevaluator.start({}, "re_1", "arn:re_1")
    changed.connections.connection = Connection("main", True, 2, 1, NOW)

    answer = changed.reevaluator.hand_out(begun["shards"][0])

    assert answer == {
        "status": "failed",
        "reason": "the connection has begun a new epoch, or no longer exists",
    }
    assert not changed.world.queue.sent


def test_an_older_task_that_is_still_at_work_gives_way(changed: ReevaluationWorld) -> None:
    begun = changed.reevaluator.start({}, "re_1", "arn:re_1")
    place, page = begun["shards"][0], changed.members.members_page

    def overtaken(epoch: Epoch, index: str, shard: int, after: str, most: int) -> Sequence[str]:
        changed.members.members_page = page  # type: ignore[method-assign]
        assert changed.reevaluator.hand_out(place)["status"] == "done"
        return page(epoch, index, shard, after, most)

    changed.members.members_page = overtaken  # type: ignore[method-assign]

    assert changed.reevaluator.hand_out(place) == {
        "status": "failed",
        "reason": "another task goes on with this run",
    }


def test_a_stopped_execution_that_goes_on_all_the_same_does_nothing_once_another_has_resumed(
    changed: ReevaluationWorld,
) -> None:
    begun = changed.reevaluator.start({}, "re_1", "arn:re_1")
    place = {key: begun[key] for key in ("connection", "epoch", "run", "execution")}
    changed.reevaluator.start({"resume": "re_1"}, "re_2", "arn:re_2")

    steps = changed.reevaluator
    answers = [steps.hand_out(begun["shards"][0]), steps.look(place), steps.finish(place)]

    assert answers == [{"status": "failed", "reason": "another execution goes on with this run"}] * 3
    steps.fail(place, answers[0]["reason"])
    assert changed.run().status == "running"
    assert not changed.world.queue.sent


def test_without_anybody_there_is_nothing_to_do() -> None:
    world = ReevaluationWorld.of(0)

    assert (answer := world.drive())["status"] == "succeeded"
    assert answer["people"] == 0


def test_a_second_run_of_the_same_definitions_is_refused_while_one_is_running(
    changed: ReevaluationWorld,
) -> None:
    changed.reevaluator.start({}, "re_1", "arn:re_1")
    changed.executions.running.add("arn:re_1")

    refused = changed.reevaluator.start({}, "re_2", "arn:re_2")

    assert refused["reason"] == "re-evaluation re_1 of the same segments and fields is running"
    changed.connections.change(VIP, OLD)
    assert changed.reevaluator.start({}, "re_2", "arn:re_2")["status"] == "running"


def test_a_run_may_be_made_again_though_nothing_has_changed(changed: ReevaluationWorld) -> None:
    changed.drive()

    answer = changed.drive(name="re_2")

    assert (answer["status"], answer["evaluated"]) == ("succeeded", PEOPLE)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"conection": "main"}, "the input has conection; known are connection, resume"),
        ({"connection": 7}, "connection and resume are names, as text"),
        ({"connection": "shop"}, "there is no connection shop; peoplesync connect makes one"),
        ({"resume": "re_9"}, "there is no re-evaluation re_9; peoplesync reevaluate list shows them"),
        ({"resume": "re_1"}, "re-evaluation re_1 has succeeded; start a new one"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused_with_what_to_do(
    given: Mapping[str, Any], reason: str
) -> None:
    world = ReevaluationWorld.of(1)
    world.drive()

    answer = world.reevaluator.start(given, "re_2", "arn:re_2")

    assert (answer["status"], answer["reason"]) == ("refused", reason)


def test_a_run_of_older_definitions_is_not_resumed(changed: ReevaluationWorld) -> None:
    changed.reevaluator.start({}, "re_1", "arn:re_1")
    changed.connections.change(VIP, OLD)

    answer = changed.reevaluator.start({"resume": "re_1"}, "re_2", "arn:re_2")

    assert answer["reason"] == "segments or fields have changed since re_1 began; start a new one"


def test_how_far_a_run_is_and_that_it_was_stopped_can_be_seen(changed: ReevaluationWorld) -> None:
    changed.executions.running.add("arn:re_1")
    begun = changed.reevaluator.start({}, "re_1", "arn:re_1")
    for shard in begun["shards"][:4]:
        changed.reevaluator.hand_out(shard)
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
        "reason": STOPPED,
        "finished_at": running["started_at"],
    }


def test_the_latest_run_is_that_with_the_newest_definitions(changed: ReevaluationWorld) -> None:
    changed.reevaluator.start({}, "re_2", "arn:re_2")
    changed.connections.change(VIP, OLD)
    changed.drive(name="re_1")

    assert [one["id"] for one in overview(changed).all()] == ["re_1", "re_2"]
    latest = overview(changed).latest()
    assert latest is not None
    assert (latest["id"], latest["status"]) == ("re_1", "succeeded")


def test_once_everybody_was_evaluated_a_later_run_that_failed_takes_nothing_back(
    changed: ReevaluationWorld,
) -> None:
    changed.drive()
    changed.world.now += 60
    changed.queue.lose = lambda body: True
    assert changed.drive(name="re_2")["status"] == "failed"

    latest, current = overview(changed).latest(), overview(changed).current()

    assert latest is not None
    assert current is not None
    assert (latest["id"], current["id"], current["status"]) == ("re_2", "re_1", "succeeded")
    changed.executions.running.add("arn:re_3")
    changed.reevaluator.start({}, "re_3", "arn:re_3")
    running = overview(changed).current()
    assert running is not None
    assert running["id"] == "re_3"
    assert Reevaluations(Epoch("other", 1), changed.runs, changed.executions, int, 8).current() is None
