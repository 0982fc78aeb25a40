"""Writes that lost a race, or that DynamoDB cannot take now: nothing of them is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ConnectionClosedError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from pynamodb.connection import Connection
from pynamodb.exceptions import PynamoDBException

from peoplesync.adapters.dynamodb.people.people_store import PeopleStore
from peoplesync.adapters.dynamodb.tables import ReceiptRow
from peoplesync.domain.connections import Epoch
from peoplesync.domain.people.write_set import WriteSet
from peoplesync.use_cases.ports import Unavailable, VersionConflict
from tests.support.builders.stored_stories import changed, newcomer, paid, person, record, write_set
from tests.support.builders.stripe import NOW
from tests.support.fakes.world import nobody_erased
from tests.support.stacks.moto_stack import REGION, MotoStack, break_operation, write_one

MAIN = Epoch("main", 1)
ANN = person("per_1", record("cus_1"), email="one@example.com", segments={"customers": NOW})


@pytest.fixture
def store(aws: MotoStack) -> PeopleStore:
    return PeopleStore(Connection(region=REGION), 400, nobody_erased())


NEXT = changed(ANN, email="new@example.com", segments={})

LOST: list[tuple[str, WriteSet]] = [
    (
        "the person was written since",
        write_set((replace(ANN, version=7), replace(NEXT, version=8)), entries=[("cus_1", paid("ch_2"))]),
    ),
    ("the person is there already", newcomer(person("per_1", record("cus_7")))),
    ("the person is gone", write_set((person("per_9", record("cus_9")), person("per_9", record("cus_8"))))),
    ("the removed person was written since", write_set((replace(ANN, version=7), None))),
    ("a new customer has a person already", newcomer(person("per_2", record("cus_1")))),
    (
        "a new e-mail was taken by somebody else",
        newcomer(person("per_2", record("cus_2"), email="one@example.com")),
    ),
    (
        "a record was moved to somebody else",
        write_set(
            (person("per_3", record("cus_1")), changed(person("per_3", record("cus_4")))),
        ),
    ),
    ("an entry is in the feed already", write_set((ANN, NEXT), entries=[("cus_1", paid("ch_1"))])),
    (
        "the last of many entries is in the feed already",
        write_set(
            (ANN, NEXT), entries=[*(("cus_1", paid(f"ch_{n}")) for n in range(9, 1, -1)), ("cus_1", paid())]
        ),
    ),
    (
        "one of two people was written since",
        write_set(
            (ANN, NEXT),
            (person("per_3", record("cus_3"), version=9), person("per_3", record("cus_3"), version=10)),
        ),
    ),
]


@pytest.mark.parametrize("late", [late for _, late in LOST], ids=[why for why, _ in LOST])
def test_a_write_that_comes_too_late_is_lost_as_a_whole(
    aws: MotoStack, store: PeopleStore, late: WriteSet
) -> None:
    write_one(store, MAIN, newcomer(ANN, [("cus_1", paid("ch_1"))]), "live", NOW)
    write_one(store, MAIN, newcomer(person("per_3", record("cus_3"))), "live", NOW)
    before = aws.people()

    with pytest.raises(VersionConflict):
        write_one(store, MAIN, late, "live", NOW)

    assert aws.people() == before


def test_of_two_writes_of_one_reading_the_second_is_lost(aws: MotoStack, store: PeopleStore) -> None:
    write_one(store, MAIN, newcomer(ANN), "live", NOW)
    write_one(store, MAIN, write_set((ANN, NEXT)), "live", NOW)
    first = aws.people()

    with pytest.raises(VersionConflict):
        write_one(store, MAIN, write_set((ANN, changed(ANN, last_sync_at=NOW))), "live", NOW)

    assert aws.people() == first


def test_a_transaction_in_conflict_with_another_is_a_version_conflict(store: PeopleStore) -> None:
    break_operation(
        store.connection, "TransactWriteItems", "TransactionCanceledException", "None", "TransactionConflict"
    )

    with pytest.raises(VersionConflict):
        write_one(store, MAIN, newcomer(ANN), "live", NOW)


@pytest.mark.parametrize(
    ("code", "reasons"),
    [
        ("ThrottlingException", ()),
        ("ProvisionedThroughputExceededException", ()),
        ("RequestLimitExceeded", ()),
        ("InternalServerError", ()),
        ("ServiceUnavailable", ()),
        ("TransactionInProgressException", ()),
        ("TransactionCanceledException", ("None", "ThrottlingError")),
        ("TransactionCanceledException", ("ProvisionedThroughputExceeded",)),
    ],
)
def test_a_throttled_write_can_be_done_later(
    aws: MotoStack, store: PeopleStore, code: str, reasons: tuple[str, ...]
) -> None:
    calls = break_operation(store.connection, "TransactWriteItems", code, *reasons)

    with pytest.raises(Unavailable, match="throttled"):
        write_one(store, MAIN, newcomer(ANN), "live", NOW)

    assert calls() == 1
    assert not any(aws.people().values())


@pytest.mark.parametrize(
    ("code", "reasons"),
    [
        ("ValidationException", ()),
        ("AccessDeniedException", ()),
        ("TransactionCanceledException", ("None", "ValidationError")),
    ],
)
def test_what_is_wrong_is_no_matter_of_waiting(
    store: PeopleStore, code: str, reasons: tuple[str, ...]
) -> None:
    break_operation(store.connection, "TransactWriteItems", code, *reasons)

    with pytest.raises(PynamoDBException):
        write_one(store, MAIN, newcomer(ANN), "live", NOW)


def test_a_throttled_read_can_be_done_later(store: PeopleStore) -> None:
    write_one(store, MAIN, newcomer(ANN), "live", NOW)
    calls = break_operation(store.connection, "BatchGetItem", "ThrottlingException")

    with pytest.raises(Unavailable):
        store.read(MAIN, ["customer:cus_1"], {"cus_1": [paid()]})

    assert calls() == 1


@pytest.mark.parametrize("lost", [EndpointConnectionError, ConnectionClosedError, ReadTimeoutError])
@pytest.mark.parametrize("does", ["read", "write", "put", "note"])
def test_tables_out_of_reach_can_be_reached_later(
    store: PeopleStore, does: str, lost: type[BotoCoreError]
) -> None:
    write_one(store, MAIN, newcomer(ANN), "live", NOW)

    def unplugged(**_: Any) -> None:
        raise lost(endpoint_url="https://dynamodb.us-east-1.amazonaws.com")

    synced = write_set((ANN, changed(ANN, last_sync_at=NOW)))
    actions: dict[str, Callable[[], Any]] = {
        "read": lambda: store.read(MAIN, ["customer:cus_1"], {}),
        "write": lambda: write_one(store, MAIN, newcomer(person("per_9", record("cus_9"))), "live", NOW),
        "put": lambda: write_one(store, MAIN, synced, "live", NOW),
        "note": lambda: store.note_forgotten(MAIN, ANN.id, 1, NOW, all_gone=True),
    }
    for client in (store.connection.client, ReceiptRow._get_connection().connection.client):
        client.meta.events.register("before-call.dynamodb.*", unplugged)

    with pytest.raises(Unavailable, match="out of reach"):
        actions[does]()
