"""Chunks of activities and of people to be looked at again; and nobody is left with older definitions."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from peoplesync.domain.people.write_set import LoadedState
from peoplesync.domain.segments.definitions import Segment
from peoplesync.use_cases.messages.message import BulkBatch, Message, Unreadable, decode
from peoplesync.use_cases.ports import Unavailable
from tests.support.builders.app_users import (
    defining,
    definitions,
    identified,
    looked_at,
    message,
    only,
    told_by_app,
    tracked,
)
from tests.support.builders.stripe import NOW, customer
from tests.support.fakes.batches import counts_of, told_of
from tests.support.fakes.world import TEST, FakePeople, World

WITH_EMAIL = Segment("with_email", "With e-mail", {"has": "email"})


class CountingReads(FakePeople):
    """People who count how often they are read."""

    reads = 0

    def read(self, *arguments: Any, **more: Any) -> LoadedState:
        self.reads += 1
        return super().read(*arguments, **more)


@pytest.fixture
def world() -> World:
    return defining()


# --- on the queue


def test_the_parts_of_a_chunk_are_numbered_through_kind_by_kind() -> None:
    whole = BulkBatch(
        "c1",
        "run",
        NOW,
        objects=(customer(),),
        events=(told_of(customer()),),
        unseen=("cus_1",),
        activities=(tracked(), identified()),
        people=("per_1", "per_2"),
    )

    assert [(part, kind) for part, kind, _ in whole.parts] == [
        (0, "objects"),
        (1, "events"),
        (2, "unseen"),
        (3, "activities"),
        (4, "activities"),
        (5, "people"),
        (6, "people"),
    ]
    assert decode(Message(TEST, chunk=whole).encode()).chunk == whole
    rest = whole.only({4, 6})
    assert (rest.activities, rest.people) == ((identified(),), ("per_2",))
    assert (rest.objects, rest.events, rest.unseen) == ((), (), ())
    assert (rest.id, rest.run, rest.as_of) == ("c1", "run", NOW)


def test_a_chunk_of_an_older_version_has_neither_activities_nor_people() -> None:
    body = json.loads(Message(TEST, chunk=BulkBatch("c1", "run", NOW, unseen=("cus_1",))).encode())
    del body["chunk"]["activities"], body["chunk"]["people"]

    assert decode(json.dumps(body)).chunk == BulkBatch("c1", "run", NOW, unseen=("cus_1",))


@pytest.mark.parametrize("kind", ["objects", "activities", "people"])
def test_a_chunk_whose_parts_are_no_list_is_unreadable(kind: str) -> None:
    body = json.loads(Message(TEST, chunk=BulkBatch()).encode())
    body["chunk"][kind] = {"0": "per_1"}

    with pytest.raises(Unreadable, match="a chunk's part is missing"):
        decode(json.dumps(body))


# --- activities


def test_the_activities_of_a_message_are_one_write_of_each_person(world: World) -> None:
    report = told_by_app(
        world, identified("1", email="a@example.com"), tracked("1"), tracked("2"), tracked("1", name="Other")
    )

    assert counts_of(report) == {"applied": 4, "entries": 3}
    assert world.people.writes == 2


def test_people_are_read_once_for_a_message(world: World) -> None:
    world.applier.people = people = CountingReads()

    told_by_app(world, identified(email="a@example.com"), tracked(traits={"email": "a@example.com"}))

    assert people.reads == 1


def test_activities_and_events_of_one_batch_are_one_person(world: World) -> None:
    body = message(identified(email="cus_1@example.com"), tracked())

    report = world.deliver([Message(TEST, told_of(customer())).encode(), body])

    assert counts_of(report) == {"applied": 3, "entries": 1}
    assert world.people.writes == 1
    assert set(only(world).records) == {"cus_1", "user:42"}


def test_only_the_activity_that_cannot_be_read_dies(world: World) -> None:
    bad = {**tracked(message="m-2"), "user": 42}

    report = told_by_app(world, tracked(message="m-1"), bad, tracked(message="m-3"))

    assert counts_of(report) == {"applied": 2, "entries": 2, "dead": 1}
    ((body, reason),) = world.queue.dead_lettered
    assert reason == "not an activity of a user: type, user, at, message or event is missing"
    dead = decode(body).chunk
    assert dead is not None
    assert dead.activities == (bad,)
    assert not report.crashed


@pytest.mark.parametrize("bad", [{"traits": [1]}, {"traits": "x"}, {"at_ms": "x"}])
def test_no_odd_activity_crashes_its_message(world: World, bad: dict[str, Any]) -> None:
    report = told_by_app(world, identified() | bad, tracked())

    assert counts_of(report) == {"applied": 1, "entries": 1, "dead": 1}
    assert not report.crashed


def test_more_activities_than_a_transaction_takes_are_written_in_parts(world: World) -> None:
    world.people.max_entries = 3

    report = told_by_app(world, *(tracked(at=NOW - n) for n in range(10)))

    assert counts_of(report) == {"applied": 10, "entries": 10}
    assert only(world).records["user:42"].events["tracked:Report Exported"].count == 10


def test_activities_of_an_epoch_that_is_over_are_dropped(world: World) -> None:
    old = Message(
        replace(TEST, number=0), chunk=BulkBatch(activities=(tracked(), tracked(name="Other")))
    ).encode()

    assert counts_of(world.deliver([old])) == {"dropped": 2}
    assert not world.people.people


def test_activities_are_no_measure_of_the_webhook(world: World) -> None:
    report = told_by_app(world, tracked())

    assert (report.lags, definitions(world).delivered, definitions(world).noted) == ([], [], [])


def test_activities_wait_with_the_others_of_their_message_only_where_they_must(world: World) -> None:
    read, refused = world.people.read, [True]

    def throttled(*asked: Any, **more: Any) -> Any:
        if refused.pop():
            raise Unavailable("throttled")
        return read(*asked, **more)

    world.people.read = throttled  # type: ignore[method-assign]  # the fake's own
    report = told_by_app(world, tracked(), identified())

    assert counts_of(report) == {"waiting": 2}
    ((body, _),) = world.queue.sent
    again = decode(body)
    assert again.attempt == 1
    assert again.chunk is not None
    assert again.chunk.activities == (tracked(), identified())


# --- people to be looked at again


def three(world: World) -> list[str]:
    world.apply(*(told_of(customer(f"cus_{n}")) for n in range(3)))
    return sorted(world.people.people)


def test_people_are_held_against_the_definitions_as_they_are_now(world: World) -> None:
    people = three(world)
    definitions(world).define(WITH_EMAIL)

    report = world.deliver([looked_at(*people)])

    assert counts_of(report) == {"applied": 3}
    assert {one.definitions_version for one in world.people.people.values()} == {2}
    assert all("with_email" in one.segments for one in world.people.people.values())
    assert world.runs.chunks == {("ree_1", "c1"): 0}


def test_who_is_looked_at_twice_or_is_not_there_any_more_is_as_they_were(world: World) -> None:
    people = three(world)
    definitions(world).define(WITH_EMAIL)
    world.deliver([looked_at(*people[:2])])
    writes = world.people.writes

    report = world.deliver([looked_at(*people, "per_gone")])

    assert counts_of(report) == {"applied": 1, "stale": 3}
    assert world.people.writes == writes + 1
    assert world.runs.chunks == {("ree_1", "c1"): 0}


def test_nobody_is_written_for_whom_nothing_changes(world: World) -> None:
    people, writes = three(world), world.people.writes
    definitions(world).define()

    assert counts_of(world.deliver([looked_at(*people)])) == {"stale": 3}
    assert world.people.writes == writes
    assert world.runs.chunks == {("ree_1", "c1"): 0}


def test_a_chunk_is_noted_only_when_all_of_its_people_are_done(world: World) -> None:
    people = three(world)
    definitions(world).define(WITH_EMAIL)
    refused = [True]

    def throttled() -> None:
        if refused and refused.pop():
            raise Unavailable("throttled")

    world.people.before_write = throttled
    report = world.deliver([looked_at(*people)])

    assert counts_of(report) == {"applied": 2, "waiting": 1}
    assert world.runs.chunks == {}
    rest = decode(world.queue.sent[0][0]).chunk
    assert rest is not None
    assert len(rest.people) == 1
    world.settle()
    assert world.runs.chunks == {("ree_1", "c1"): 0}


def test_what_failed_of_a_chunk_before_is_still_known(world: World) -> None:
    world.deliver([looked_at(*three(world), failed=2)])

    assert world.runs.chunks == {("ree_1", "c1"): 2}


def test_a_person_is_told_of_as_moved_by_the_definitions(world: World) -> None:
    people = three(world)
    definitions(world).define(WITH_EMAIL)
    causes: list[str] = []
    write = world.people.write_one

    def noted(epoch: Any, write_set: Any, cause: str, now: int) -> None:
        causes.append(cause)
        write(epoch, write_set, cause, now)

    world.people.write_one = noted  # type: ignore[method-assign]  # the fake's own
    world.deliver([looked_at(*people)])

    assert set(causes) == {"definition_changed"}
