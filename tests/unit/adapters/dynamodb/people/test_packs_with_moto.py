"""Packs: several people in one transaction, each of whom fares as if they were written alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from peoplesync.adapters.dynamodb.people.people_store import PeopleStore
from peoplesync.adapters.dynamodb.people.plans import MAX_ITEMS
from peoplesync.adapters.dynamodb.tables import ConnectionRow
from peoplesync.domain.connections import Epoch
from peoplesync.domain.people.write_set import WriteSet
from peoplesync.use_cases.ports import TooLarge, Unavailable, VersionConflict
from tests.support.builders.stored_stories import changed, newcomer, paid, person, record, write_set
from tests.support.builders.stripe import NOW
from tests.support.stacks.moto_stack import MotoStack, people_store

MAIN = Epoch("main", 1)


@pytest.fixture
def store(aws: MotoStack) -> PeopleStore:
    return people_store()


def one(number: int, entries: int = 1) -> WriteSet:
    theirs = [(f"cus_{number}", paid(f"ch_{number}_{entry}", NOW - entry)) for entry in range(entries)]
    return newcomer(person(f"per_{number}", record(f"cus_{number}")), theirs)


def outcomes(store: PeopleStore, *write_sets: WriteSet) -> list[Exception | None]:
    return list(store.write(MAIN, [(one, "live") for one in write_sets], NOW))


def requests(store: PeopleStore, operation: str) -> list[dict[str, Any]]:
    """The requests for an operation, as they leave."""
    seen: list[dict[str, Any]] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        seen.append(json.loads(params["body"]))

    store.connection.client.meta.events.register(f"before-call.dynamodb.{operation}", note)
    return seen


def stored(store: PeopleStore, *numbers: int) -> list[int]:
    found = store.read(MAIN, [f"customer:cus_{number}" for number in numbers], {})
    return [number for number in numbers if f"per_{number}" in found.people]


def once(store: PeopleStore, operation: str, answer: Callable[[dict[str, Any]], Exception | None]) -> None:
    """Has the first request for an operation fail with what `answer` makes of it."""
    left = [answer]

    def fail(params: dict[str, Any], **_: Any) -> None:
        while left:
            error = left.pop()(json.loads(params["body"]))
            if error is not None:
                raise error

    store.connection.client.meta.events.register(f"before-call.dynamodb.{operation}", fail)


def canceled(codes: dict[str, str]) -> Callable[[dict[str, Any]], Exception]:
    """A transaction that is cancelled with a reason for each item of these people."""

    def error(body: dict[str, Any]) -> Exception:
        reasons = []
        for item in body["TransactItems"]:
            (request,) = item.values()
            key = (request.get("Item") or request["Key"])["pk"]["S"]
            reasons.append({"Code": codes.get(key.removeprefix("main#1#"), "None")})
        answer = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
        return ClientError(answer, "TransactWriteItems")  # type: ignore[arg-type]  # the stubs do not know reasons

    return error


def test_several_people_are_written_in_one_transaction(store: PeopleStore) -> None:
    sent = requests(store, "TransactWriteItems")

    assert outcomes(store, one(1), one(2), one(3)) == [None] * 3

    assert len(sent) == 1
    assert stored(store, 1, 2, 3) == [1, 2, 3]


def test_a_pack_takes_no_more_than_a_transaction_does(store: PeopleStore) -> None:
    sent = requests(store, "TransactWriteItems")

    assert outcomes(store, *(one(number, entries=30) for number in range(7))) == [None] * 7

    assert all(len(request["TransactItems"]) <= MAX_ITEMS for request in sent)
    assert len(sent) == 4
    assert stored(store, *range(7)) == list(range(7))


def test_one_persons_conflict_is_no_others(store: PeopleStore) -> None:
    outcomes(store, one(2))
    sent = requests(store, "TransactWriteItems")

    first, conflict, third = outcomes(store, one(1), one(2), one(3))

    assert (first, third) == (None, None)
    assert isinstance(conflict, VersionConflict)
    assert len(sent) == 2
    assert stored(store, 1, 3) == [1, 3]


def test_one_persons_throttling_is_no_others(store: PeopleStore) -> None:
    once(store, "TransactWriteItems", canceled({"per_1": "ThrottlingError", "per_3": "TransactionConflict"}))

    throttled, second, conflict = outcomes(store, one(1), one(2), one(3))

    assert isinstance(throttled, Unavailable)
    assert second is None
    assert isinstance(conflict, VersionConflict)
    assert stored(store, 1, 2, 3) == [2]


def test_what_nobody_can_write_fails_alone(store: PeopleStore) -> None:
    first, large, third = outcomes(store, one(1), one(2, entries=MAX_ITEMS), one(3))

    assert (first, third) == (None, None)
    assert isinstance(large, TooLarge)
    assert stored(store, 1, 2, 3) == [1, 3]


def test_what_changes_nothing_is_no_request(store: PeopleStore) -> None:
    nobody = write_set((None, None))
    sent = requests(store, "TransactWriteItems")

    assert outcomes(store, nobody) == [None]
    assert outcomes(store, nobody, one(1)) == [None, None]

    assert len(sent) == 1


def test_moves_are_written_alone(store: PeopleStore) -> None:
    one_, two = person("per_1", record("cus_1"), record("cus_2")), person("per_2", record("cus_3"))
    assert outcomes(store, newcomer(one_), newcomer(two)) == [None, None]
    sent = requests(store, "TransactWriteItems")
    moved = write_set(
        (one_, changed(one_, records={"cus_1": record("cus_1")})),
        (two, changed(two, records={"cus_2": record("cus_2"), "cus_3": record("cus_3")})),
    )

    assert outcomes(store, one(4), moved, one(5)) == [None] * 3

    assert len(sent) == 2


def test_a_move_is_not_written_once_the_definitions_are_newer(store: PeopleStore) -> None:
    left, home = person("per_1", record("cus_1"), record("cus_2")), person("per_2", record("cus_3"))
    assert outcomes(store, newcomer(left), newcomer(home)) == [None, None]
    moved = write_set(
        (left, changed(left, records={"cus_1": record("cus_1")})),
        (home, changed(home, records={"cus_2": record("cus_2"), "cus_3": record("cus_3")})),
    )
    ConnectionRow("main").update(actions=[ConnectionRow.definitions_version.set(2)])

    (refusal,) = outcomes(store, moved)

    assert isinstance(refusal, VersionConflict)
    found = store.read(MAIN, ["customer:cus_2"], {})
    assert found.identities == {"customer:cus_2": "per_1"}


def test_one_item_is_put_without_a_transaction(store: PeopleStore) -> None:
    before = person("per_1", record("cus_1"))
    outcomes(store, newcomer(before))
    sent = requests(store, "TransactWriteItems")

    later = write_set((before, changed(before, last_sync_at=NOW + 1)))
    assert outcomes(store, later) == [None]
    (refusal,) = outcomes(store, write_set((before, changed(before, last_sync_at=NOW + 2))))

    assert isinstance(refusal, VersionConflict)
    assert not sent


@pytest.mark.parametrize("code", ["TransactionConflictException", "ConditionalCheckFailedException"])
def test_a_put_that_meets_another_write_is_a_version_conflict(store: PeopleStore, code: str) -> None:
    before = person("per_1", record("cus_1"))
    outcomes(store, newcomer(before))
    once(store, "PutItem", lambda _: ClientError({"Error": {"Code": code}}, "PutItem"))

    (refusal,) = outcomes(store, write_set((before, changed(before, last_sync_at=NOW + 1))))

    assert isinstance(refusal, VersionConflict)


def test_a_put_whose_answer_was_lost_has_succeeded(store: PeopleStore) -> None:
    """The client tries again by itself, and meets what it has written."""
    before = person("per_1", record("cus_1"))
    outcomes(store, newcomer(before))
    later = write_set((before, changed(before, last_sync_at=NOW + 1)))

    assert outcomes(store, later) == [None]
    assert outcomes(store, later) == [None]
