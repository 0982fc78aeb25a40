"""Queries: who of everybody matches a rule, exactly, however often the work is interrupted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from peoplesync.adapters.dynamodb.connections import ConnectionsStore
from peoplesync.adapters.dynamodb.people.people_reader import PeopleReader
from peoplesync.adapters.dynamodb.tables import MemberRow
from peoplesync.domain.people.person import EVERYONE
from peoplesync.domain.segments.conditions import InvalidRule
from peoplesync.use_cases.jobs.job import Unacceptable
from peoplesync.use_cases.queries.browse import NotFound
from peoplesync.use_cases.tasks import overview, querying, sorting
from peoplesync.use_cases.tasks.asking import Conflict
from peoplesync.use_cases.tasks.querying import QueryRequest, QueryWork
from tests.support.stacks.moto_stack import MotoStack, as_text, moto_stack
from tests.support.worlds.job_world import Killed
from tests.support.worlds.task_world import MAIN, TaskWorld, with_people

PEOPLE = 24
PAYING = {"field": "customer_mrr", "at_least": 19}
RICHEST_FIRST = {"rule": PAYING, "sort": "-customer_mrr"}
EVERYBODY = {"none": [{"field": "customer_mrr", "at_least": 1_000_000}]}


@pytest.fixture(scope="module")
def stack() -> Iterator[tuple[MotoStack, Any]]:
    with moto_stack() as aws:
        with_people(aws, PEOPLE)
        yield aws, aws.remembered()


@pytest.fixture
def world(stack: tuple[MotoStack, Any], monkeypatch: pytest.MonkeyPatch) -> TaskWorld:
    aws, remembered = stack
    aws.recall(remembered)
    for module in (querying, sorting, overview):
        monkeypatch.setattr(module, "A_PAGE", 7)
    monkeypatch.setattr(querying, "READ_AT_ONCE", 2)
    connections = ConnectionsStore()
    return TaskWorld("query", QueryRequest(connections), QueryWork(PeopleReader(), connections))


def mrr() -> dict[str, float]:
    """What each of the people pays a month, by id; -1 for who never paid."""
    people = PeopleReader().members(MAIN, EVERYONE)
    return {one.id: float(str(one.fields.get("customer_mrr") or -1)) for one in people}


def paying() -> list[str]:
    return sorted(one for one, amount in mrr().items() if amount >= 19)


def test_the_answer_is_everybody_who_matches_in_order_page_by_page(world: TaskWorld) -> None:
    begun = world.tasks.start("main", {"rule": PAYING, "columns": ["customer_email"]}, "mine")
    assert (begun["status"], begun["looked_at"], begun["of"], begun["found"]) == ("running", 0, None, 0)

    assert world.turn() == {"status": "more"}
    amid = world.shown("mine")
    assert (amid["looked_at"], amid["of"]) == (7, PEOPLE)
    assert world.drive() == {"status": "done"}

    shown, found = world.shown("mine"), paying()
    assert 7 < len(found) < PEOPLE
    assert list(world.ids("mine")) == found
    assert shown == {
        "id": "mine",
        "kind": "query",
        "status": "succeeded",
        "rule": PAYING,
        "segment": None,
        "sort": None,
        "columns": ["customer_email"],
        "of": PEOPLE,
        "looked_at": PEOPLE,
        "found": len(found),
        "started_at": "2026-03-01T12:00:00Z",
        "finished_at": "2026-03-01T12:00:00Z",
        "reason": "",
        "execution": world.machine.names[0],
    }
    assert world.overview.all() == [shown]


def test_sorted_it_begins_with_the_largest_and_keeps_no_values(
    world: TaskWorld, stack: tuple[MotoStack, Any]
) -> None:
    world.tasks.start("main", {"rule": EVERYBODY, "sort": "-customer_mrr"}, "mine")

    world.drive()

    amounts = mrr()
    ids = list(world.ids("mine"))
    assert sorted(ids) == sorted(amounts)
    assert [amounts[one] for one in ids] == sorted(amounts.values(), reverse=True)
    assert ids == sorted(ids, key=lambda one: (-amounts[one], one))
    kept = [as_text(row) for row in stack[0].items(stack[0].stack.imports_table)]
    assert not [one for one in kept if "found#" in one]


def test_only_a_segments_members_are_looked_at(world: TaskWorld) -> None:
    members = PeopleReader().ids(MAIN, "current_trials")
    assert 0 < len(members) < PEOPLE

    world.tasks.start("main", {"rule": EVERYBODY, "segment": "current_trials"}, "mine")
    world.drive()

    assert list(world.ids("mine")) == members
    assert world.shown("mine")["looked_at"] == len(members)


@pytest.mark.parametrize("given", [{"rule": PAYING}, RICHEST_FIRST], ids=["by id", "sorted"])
def test_killed_between_any_two_steps_and_taken_again_the_answer_is_the_same(
    world: TaskWorld, given: dict[str, Any]
) -> None:
    world.tasks.start("main", given, "whole")
    before = world.runs.hazards.calls
    world.drive()
    writes = world.runs.hazards.calls - before
    whole, expected = world.shown("whole"), list(world.ids("whole"))

    for deadly in range(1, writes + 1):
        run = f"killed-{deadly}"
        world.tasks.start("main", given, run)
        world.runs.hazards.deadly = world.runs.hazards.calls + deadly
        with pytest.raises(Killed):
            world.drive()
        assert world.drive() == {"status": "done"}

        assert list(world.ids(run)) == expected
        same = ("status", "looked_at", "of", "found")
        assert [world.shown(run)[name] for name in same] == [whole[name] for name in same]
    assert writes > 10


def test_a_turn_that_was_overtaken_by_its_own_repetition_writes_nothing_more(world: TaskWorld) -> None:
    world.tasks.start("main", {"rule": PAYING}, "mine")
    world.turn()
    assert "per_000013" in paying()

    def repeated() -> None:
        # Somebody whom the late turn has found is gone when it is taken again.
        MemberRow(MemberRow.key(MAIN, EVERYONE, "per_000013"), "per_000013").delete()
        assert world.turn() == {"status": "more"}

    # The turn has taken over when it is taken again, and is about to store a page.
    world.runs.before = lambda: setattr(world.runs, "before", repeated)
    late = world.turn()

    assert late == {"status": "more"}
    assert world.shown("mine")["looked_at"] == 14
    assert world.drive() == {"status": "done"}
    assert list(world.ids("mine")) == paying()


def test_who_stops_it_is_heard_at_the_next_write_and_it_goes_on_where_it_was(world: TaskWorld) -> None:
    world.tasks.start("main", {"rule": PAYING}, "mine")
    world.turn()
    looked_at = world.shown("mine")["looked_at"]
    # The turn has taken over when somebody stops the run, and is about to store a page.
    world.runs.before = lambda: setattr(world.runs, "before", lambda: world.tasks.stop(MAIN, "mine"))
    assert world.turn() == {"status": "stopped"}
    stopped = world.shown("mine")
    assert (stopped["status"], stopped["looked_at"]) == ("stopped", looked_at)
    assert "resume goes on where it was" in stopped["reason"]
    assert len(list(world.ids("mine"))) == stopped["found"]
    assert world.tasks.stop(MAIN, "mine") == stopped

    resumed = world.tasks.resume(MAIN, "mine")

    assert (resumed["status"], resumed["reason"], resumed["finished_at"]) == ("running", "", None)
    assert world.turn(0) == {"status": "stopped"}  # the first execution is not to go on
    assert world.drive() == {"status": "done"}
    assert list(world.ids("mine")) == paying()
    with pytest.raises(Conflict, match="query mine has succeeded; start a new one"):
        world.tasks.resume(MAIN, "mine")


def test_it_fails_when_its_epoch_has_ended(world: TaskWorld) -> None:
    world.tasks.start("main", {"rule": PAYING}, "mine")
    world.turn()
    world.new_epoch()

    answer = world.turn()

    assert answer["status"] == "failed"
    assert answer["reason"] == "the connection has begun a new epoch, or no longer exists"
    assert (world.shown("mine")["status"], world.shown("mine")["reason"]) == ("failed", answer["reason"])
    assert world.turn() == answer


def test_started_twice_it_runs_once_and_another_request_is_a_conflict(world: TaskWorld) -> None:
    first = world.tasks.start("main", RICHEST_FIRST, "mine")

    assert world.tasks.start("main", {**RICHEST_FIRST, "columns": []}, "mine") == first
    assert len(world.machine.started) == 1
    with pytest.raises(Conflict, match="query mine was started with another request; take another id"):
        world.tasks.start("main", {"rule": PAYING}, "mine")
    assert world.tasks.start("main", {"rule": PAYING})["id"] != world.tasks.start("main", RICHEST_FIRST)["id"]


def test_what_was_stored_and_not_started_is_started_by_the_second_try(world: TaskWorld) -> None:
    def dies(given: Any, name: str) -> str:
        raise Killed

    world.machine.begins = dies
    with pytest.raises(Killed):
        world.tasks.start("main", {"rule": PAYING}, "mine")
    world.machine.running.clear()
    world.machine.started.clear()
    assert world.shown("mine")["status"] == "running"
    world.now += 300

    world.machine.begins = lambda given, name: ""
    assert world.tasks.start("main", {"rule": PAYING}, "mine")["status"] == "running"

    assert world.drive() == {"status": "done"}
    assert len(world.machine.started) == 1


def test_an_execution_that_was_stopped_from_outside_is_noticed(world: TaskWorld) -> None:
    world.tasks.start("main", {"rule": PAYING}, "mine")
    world.turn()
    world.machine.running.clear()
    assert world.shown("mine")["status"] == "running"  # it may be about to start
    world.now += 60

    failed = world.shown("mine")

    assert failed["status"] == "failed"
    assert failed["reason"] == "the execution was stopped; resume goes on where it was"
    world.tasks.resume(MAIN, "mine")
    world.drive()
    assert list(world.ids("mine")) == paying()


def test_what_the_state_machine_gave_up_is_noted(world: TaskWorld) -> None:
    world.tasks.start("main", {"rule": PAYING}, "mine")

    assert world.runner.fail(world.place(), "Lambda.Unknown: killed")["status"] == "failed"

    assert world.shown("mine")["reason"] == "Lambda.Unknown: killed"


def test_after_a_day_it_is_gone_and_its_id_free(world: TaskWorld) -> None:
    world.tasks.start("main", RICHEST_FIRST, "mine")
    world.drive()
    world.now += 86_400

    assert world.overview.all() == []
    with pytest.raises(NotFound, match="no query mine, or no longer"):
        world.overview.page("mine", None, 10)
    with pytest.raises(NotFound, match="kept for 24 hours"):
        world.tasks.stop(MAIN, "mine")
    world.tasks.start("main", {"rule": {"field": "customer_mrr", "at_least": 99}}, "mine")
    world.drive()
    assert list(world.ids("mine")) == sorted(one for one, amount in mrr().items() if amount >= 99)


@pytest.mark.parametrize(
    ("given", "problem", "message"),
    [
        ({}, InvalidRule, "rule: write all, any or none"),
        ({"rule": PAYING, "segment": "nobodys"}, Unacceptable, "no segment nobodys; there are "),
        ({"rule": PAYING, "sort": "shoe_size"}, Unacceptable, "no field shoe_size to sort by"),
        ({"rule": PAYING, "sort": "mrr"}, Unacceptable, "nothing can be sorted by mrr"),
        ({"rule": PAYING, "columns": ["shoe_size"]}, Unacceptable, "no field shoe_size"),
        ({"rule": PAYING, "columns": "email"}, Unacceptable, "columns are a list"),
    ],
    ids=["no rule", "segment", "sort", "several values", "column", "no list"],
)
def test_what_cannot_be_asked_is_refused(
    world: TaskWorld, given: dict[str, Any], problem: type[Exception], message: str
) -> None:
    with pytest.raises(problem, match=message):
        world.tasks.start("main", given)
    assert world.overview.all() == []


def test_an_id_or_a_cursor_that_is_none_is_refused(world: TaskWorld) -> None:
    for wrong in ("a b", "a#b", "x" * 65, "ü"):
        with pytest.raises(Unacceptable, match="letters, digits"):
            world.tasks.start("main", {"rule": PAYING}, wrong)
    world.tasks.start("main", {"rule": PAYING}, "mine")
    with pytest.raises(Unacceptable, match="begins no page"):
        world.overview.page("mine", "per_1", 10)
