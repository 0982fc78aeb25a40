"""Connections and their definitions in DynamoDB."""

from __future__ import annotations

from dataclasses import replace

import pytest

from peoplesync.adapters.dynamodb.connections import SETTLED_AFTER, ConnectionsStore
from peoplesync.adapters.dynamodb.tables import ConnectionRow, SegmentRow
from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.fields.built_in import FIELDS, Field
from peoplesync.domain.segments.definitions import PREDEFINED, Definitions, Segment
from peoplesync.use_cases.connecting.connect import InvalidConnection
from peoplesync.use_cases.ports import Unavailable
from tests.support.builders.stripe import DAY, NOW
from tests.support.fakes.ready_connections import connect
from tests.support.stacks.moto_stack import MotoStack, break_operation

MAIN = Connection("main", False, 1, 1, NOW)
EPOCH = MAIN.epoch


@pytest.fixture
def store(aws: MotoStack) -> ConnectionsStore:
    return ConnectionsStore()


def set_version(aws: MotoStack, version: int) -> None:
    aws.client("dynamodb").update_item(
        TableName=aws.stack.connections_table,
        Key={"pk": {"S": "main"}},
        UpdateExpression="SET definitions_version = :version",
        ExpressionAttributeValues={":version": {"N": str(version)}},
    )


def test_a_connection_is_read_as_it_was_created(store: ConnectionsStore) -> None:
    live = Connection("shop-2", True, 4, 9, NOW)
    store.create(live)

    assert store.get("shop-2") == live
    assert store.get("main") is None


def test_a_connection_that_is_there_stays_as_it_is(store: ConnectionsStore) -> None:
    store.create(MAIN)
    store.create(replace(MAIN, livemode=True, epoch_number=2))

    assert store.get("main") == MAIN


def test_connections_are_listed_by_name(store: ConnectionsStore) -> None:
    for name in ("shop", "main", "old"):
        store.create(replace(MAIN, name=name))

    assert [one.name for one in store.all()] == ["main", "old", "shop"]
    assert store.all()[0] == MAIN


def test_the_worker_always_reads_the_connection_as_it_is_now(aws: MotoStack, store: ConnectionsStore) -> None:
    store.create(MAIN)
    store.get("main")
    set_version(aws, 2)

    assert store.get("main") == replace(MAIN, definitions_version=2)


def test_the_door_may_answer_from_memory_for_some_seconds(aws: MotoStack, store: ConnectionsStore) -> None:
    store.create(MAIN)
    clock = [100.0]
    door = ConnectionsStore(cache_seconds=10, monotonic=lambda: clock[0])
    versions = []
    for instant, version in ((100.0, 1), (109.9, 2), (110.0, 3), (119.9, 4), (120.0, 5)):
        clock[0] = instant
        set_version(aws, version)
        found = door.get("main")
        versions.append(found.definitions_version if found else None)

    assert versions == [1, 1, 3, 3, 5]


def test_a_connection_made_a_moment_ago_is_known_at_once(store: ConnectionsStore) -> None:
    door = ConnectionsStore(cache_seconds=10, monotonic=lambda: 100.0)

    assert door.get("main") is None
    store.create(MAIN)
    assert door.get("main") == MAIN


def test_definitions_are_read_as_they_were_defined(store: ConnectionsStore) -> None:
    store.define(EPOCH, FIELDS, PREDEFINED)

    assert store.fields(EPOCH) == list(FIELDS)
    assert store.segments(EPOCH) == list(PREDEFINED)


def test_definitions_belong_to_an_epoch(store: ConnectionsStore) -> None:
    own = Field("shoe_size", "Shoe size", "Mine", "number", "customer.metadata.shoe_size")
    store.define(EPOCH, [*FIELDS, own], PREDEFINED)

    assert store.fields(Epoch("main", 2)) == list(FIELDS)
    assert store.segments(Epoch("main", 2)) == []


def test_definitions_are_read_again_only_when_their_version_has_risen(store: ConnectionsStore) -> None:
    store.define(EPOCH, (), PREDEFINED[:1])
    first = store.definitions(MAIN)
    store.define(EPOCH, (), [Segment("later", "Later", {"has": "stripe_customer"})])

    assert first == Definitions(1, PREDEFINED[:1])
    assert store.definitions(MAIN) is first
    second = store.definitions(replace(MAIN, definitions_version=2, definitions_changed_at=NOW))
    assert (second.version, {one.id for one in second.segments}) == (2, {PREDEFINED[0].id, "later"})


def test_a_row_that_shows_a_moment_after_its_version_is_read_as_well(aws: MotoStack) -> None:
    stopwatch, changed = [100.0], replace(MAIN, definitions_version=2, definitions_changed_at=NOW)
    store = ConnectionsStore(monotonic=lambda: stopwatch[0])
    store.define(EPOCH, (), PREDEFINED[:1])
    assert len(store.definitions(changed).segments) == 1

    store.define(EPOCH, (), PREDEFINED[:2])
    assert len(store.definitions(changed).segments) == 2
    stopwatch[0] += SETTLED_AFTER
    store.definitions(changed)
    store.define(EPOCH, (), PREDEFINED[:3])
    assert len(store.definitions(changed).segments) == 2


def test_the_definitions_of_two_epochs_are_kept_apart(store: ConnectionsStore) -> None:
    store.define(EPOCH, (), PREDEFINED)
    store.definitions(MAIN)

    assert store.definitions(replace(MAIN, epoch_number=2)).segments == ()


def last_event(store: ConnectionsStore) -> int | None:
    found = store.get("main")
    return found.last_event_at if found else None


@pytest.mark.parametrize("remembered", [True, False], ids=["having read it", "without having read it"])
def test_the_last_event_is_written_at_most_once_a_minute_and_never_backwards(
    store: ConnectionsStore, remembered: bool
) -> None:
    store.create(MAIN)
    steps = [(NOW, NOW), (NOW + 59, NOW), (NOW + 60, NOW + 60), (NOW - DAY, NOW + 60), (NOW + 61, NOW + 60)]
    for at, expected in steps:
        known = store.get("main") if remembered else MAIN
        assert known is not None
        store.note_heard(known, at, None, 0)
        assert last_event(store) == expected


def test_an_event_within_the_minute_costs_no_request(store: ConnectionsStore) -> None:
    store.create(MAIN)
    store.note_heard(MAIN, NOW, None, 0)
    known = store.get("main")
    assert known is not None
    calls = break_operation(ConnectionRow._get_connection().connection, "UpdateItem", "ValidationException")

    store.note_heard(known, NOW + 59, None, 0)

    assert calls() == 0


def test_an_event_of_an_old_epoch_is_not_noted(store: ConnectionsStore) -> None:
    store.create(replace(MAIN, epoch_number=2))

    store.note_heard(MAIN, NOW, None, 0)

    assert last_event(store) is None


def test_an_event_of_no_connection_makes_none(store: ConnectionsStore) -> None:
    store.note_heard(MAIN, NOW, None, 0)

    assert store.all() == []


def test_while_somebody_changes_definitions_the_connection_can_be_written_later(
    store: ConnectionsStore,
) -> None:
    store.create(MAIN)
    connection = ConnectionRow._get_connection().connection
    break_operation(connection, "UpdateItem", "TransactionConflictException")

    with pytest.raises(Unavailable):
        store.note_heard(MAIN, NOW, None, 0)


def test_a_throttled_table_of_connections_can_be_asked_later(store: ConnectionsStore) -> None:
    break_operation(ConnectionRow._get_connection().connection, "GetItem", "ThrottlingException")
    break_operation(SegmentRow._get_connection().connection, "Query", "ThrottlingException")

    with pytest.raises(Unavailable):
        store.get("main")
    with pytest.raises(Unavailable):
        store.definitions(MAIN)


@pytest.mark.parametrize(
    ("key", "livemode"), [("rk_test_1", False), ("sk_test_1", False), ("rk_live_1", True)]
)
def test_connecting_makes_a_connection_that_is_complete(
    aws: MotoStack, store: ConnectionsStore, key: str, livemode: bool
) -> None:
    made = connect("main", key, "whsec_1", store, aws.secrets, NOW)

    assert made == store.get("main") == Connection("main", livemode, 1, 1, NOW)
    assert len(store.fields(EPOCH)) == len(FIELDS)
    assert store.segments(EPOCH) == list(PREDEFINED)
    assert (aws.secrets.signing_secrets("main"), aws.secrets.api_key("main")) == (["whsec_1"], key)


def test_connecting_twice_doubles_nothing_and_takes_the_newer_secrets(
    aws: MotoStack, store: ConnectionsStore
) -> None:
    connect("main", "rk_test_1", "whsec_1", store, aws.secrets, NOW)
    connect("main", "rk_test_2", "whsec_2", store, aws.secrets, NOW + DAY)

    assert store.get("main") == MAIN
    assert len(store.fields(EPOCH)) == len(FIELDS)
    assert len(store.segments(EPOCH)) == len(PREDEFINED)
    assert aws.secrets.signing_secrets("main") == ["whsec_2"]


@pytest.mark.parametrize("name", ["", "Main", "1st", "a/b", "a" * 33, "main#1"])
def test_a_name_that_cannot_be_in_an_address_is_refused_and_nothing_is_stored(
    aws: MotoStack, store: ConnectionsStore, name: str
) -> None:
    with pytest.raises(InvalidConnection, match="a connection's name matches"):
        connect(name, "rk_test_1", "whsec_1", store, aws.secrets, NOW)

    assert store.all() == []
    assert aws.client("ssm").describe_parameters()["Parameters"] == []
