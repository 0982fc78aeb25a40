"""Definitions in DynamoDB: what is read, and that a change is one transaction with its version."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from peoplesync.adapters.dynamodb.connections import ConnectionsStore
from peoplesync.adapters.dynamodb.definitions import DefinitionsStore
from peoplesync.adapters.dynamodb.tables import ConnectionRow, FieldRow, SegmentRow
from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.fields.built_in import FIELDS
from peoplesync.domain.segments.definitions import PREDEFINED, Definitions, Segment
from peoplesync.use_cases.ports import Unavailable, VersionConflict
from tests.support.builders.defined import TIER, TRIALS
from tests.support.builders.stripe import NOW
from tests.support.stacks.moto_stack import MotoStack, break_operation

MAIN = Connection("main", False, 1, 1, NOW)
EPOCH = MAIN.epoch
MINE = Segment("mine", "Mine", TRIALS)
BEFORE = Definitions(1, PREDEFINED)
AFTER = Definitions(2, (*PREDEFINED, MINE), (*FIELDS, TIER))


@pytest.fixture
def store(aws: MotoStack) -> DefinitionsStore:
    connections = ConnectionsStore()
    connections.create(MAIN)
    connections.define(EPOCH, FIELDS, PREDEFINED)
    return DefinitionsStore()


def everything(aws: MotoStack) -> list[object]:
    """All rows of the three tables."""
    stack = aws.stack
    tables = (stack.connections_table, stack.segments_table, stack.fields_table)
    return [sorted(map(repr, aws.items(table))) for table in tables]


def connection() -> Connection:
    found = ConnectionsStore().get("main")
    assert found is not None
    return found


def test_definitions_are_read_with_their_version(store: DefinitionsStore) -> None:
    assert store.definitions(EPOCH) == BEFORE


def test_what_is_added_comes_last(store: DefinitionsStore) -> None:
    store.change(EPOCH, BEFORE, AFTER, NOW + 5)

    assert store.definitions(EPOCH) == AFTER
    assert ConnectionsStore().definitions(connection()) == AFTER
    assert connection() == replace(MAIN, definitions_version=2, definitions_changed_at=NOW + 5)


def test_what_is_changed_or_renamed_keeps_its_place(store: DefinitionsStore) -> None:
    segments = (replace(PREDEFINED[0], title="In sync", enabled=False), *PREDEFINED[1:])
    fields = (replace(FIELDS[0], title="Address", enabled=False), *FIELDS[1:])
    after = Definitions(2, segments, fields)

    store.change(EPOCH, BEFORE, after, NOW)

    assert store.definitions(EPOCH) == after


def test_what_is_removed_leaves_the_rest_in_order(store: DefinitionsStore) -> None:
    store.change(EPOCH, BEFORE, AFTER, NOW)
    second = replace(MINE, id="a_second")
    with_two = replace(AFTER, version=3, segments=(*AFTER.segments, second))
    store.change(EPOCH, AFTER, with_two, NOW)
    left = Definitions(4, (*PREDEFINED, second))

    store.change(EPOCH, with_two, left, NOW)

    assert store.definitions(EPOCH) == left


def test_a_new_title_leaves_the_version_as_it_is(store: DefinitionsStore) -> None:
    after = replace(BEFORE, segments=(replace(PREDEFINED[0], title="In sync"), *PREDEFINED[1:]))

    store.change(EPOCH, BEFORE, after, NOW + 5)

    assert store.definitions(EPOCH) == after
    assert connection() == MAIN


def raise_version() -> None:
    store = DefinitionsStore()
    now = store.definitions(EPOCH)
    store.change(EPOCH, now, replace(now, version=now.version + 1), NOW)


def begin_epoch() -> None:
    ConnectionsStore().begin_epoch(replace(MAIN, epoch_number=2))


def rename_segment() -> None:
    SegmentRow(str(EPOCH), PREDEFINED[0].id).update(actions=[SegmentRow.title.set("Theirs")])


def rename_field() -> None:
    FieldRow(str(EPOCH), FIELDS[0].key).update(actions=[FieldRow.title.set("Theirs")])


def take_the_id() -> None:
    SegmentRow(str(EPOCH), "mine", position=20, title="Theirs", rule_json={}).save()


def take_the_key() -> None:
    FieldRow(
        str(EPOCH), "tier", position=99, title="T", group="G", type="text", source="traits.t", builtin=False
    ).save()


def delete_connection() -> None:
    ConnectionRow("main").delete()


@pytest.mark.parametrize(
    "meanwhile",
    [
        raise_version,
        begin_epoch,
        rename_segment,
        rename_field,
        take_the_id,
        take_the_key,
        delete_connection,
    ],
)
@pytest.mark.parametrize("version", [1, 2], ids=["titles only", "a newer version"])
def test_a_race_that_is_lost_leaves_nothing_behind(
    aws: MotoStack, store: DefinitionsStore, meanwhile: Callable[[], None], version: int
) -> None:
    renamed = (replace(PREDEFINED[0], title="Ours"), *PREDEFINED[1:], MINE)
    after = Definitions(version, renamed, (replace(FIELDS[0], title="Ours"), *FIELDS[1:], TIER))
    meanwhile()
    theirs = everything(aws)

    with pytest.raises(VersionConflict):
        store.change(EPOCH, BEFORE, after, NOW)

    assert everything(aws) == theirs


@pytest.mark.parametrize("table", ["segment", "field"])
def test_what_somebody_else_has_renamed_is_not_removed(
    aws: MotoStack, store: DefinitionsStore, table: str
) -> None:
    store.change(EPOCH, BEFORE, AFTER, NOW)
    if table == "segment":
        SegmentRow(str(EPOCH), "mine").update(actions=[SegmentRow.title.set("Theirs")])
    else:
        FieldRow(str(EPOCH), "tier").update(actions=[FieldRow.title.set("Theirs")])
    theirs = everything(aws)

    with pytest.raises(VersionConflict):
        store.change(EPOCH, AFTER, replace(BEFORE, version=3), NOW)

    assert everything(aws) == theirs


@pytest.mark.parametrize("meanwhile", [begin_epoch, delete_connection])
def test_an_epoch_that_is_over_is_not_read(store: DefinitionsStore, meanwhile: Callable[[], None]) -> None:
    meanwhile()

    with pytest.raises(VersionConflict):
        store.definitions(EPOCH)


@pytest.mark.parametrize(
    ("code", "reasons", "error"),
    [
        ("TransactionCanceledException", ["None", "TransactionConflict"], VersionConflict),
        ("TransactionCanceledException", ["ThrottlingError"], Unavailable),
        ("ThrottlingException", [], Unavailable),
    ],
)
def test_a_busy_table_can_be_asked_again(
    store: DefinitionsStore, code: str, reasons: list[str], error: type[Exception]
) -> None:
    calls = break_operation(ConnectionRow._get_connection().connection, "TransactWriteItems", code, *reasons)

    with pytest.raises(error):
        store.change(EPOCH, BEFORE, AFTER, NOW)

    assert calls() >= 1
    assert store.definitions(EPOCH) == BEFORE


def test_a_change_of_as_many_segments_as_can_be_imported_is_one_transaction(store: DefinitionsStore) -> None:
    many = [replace(MINE, id=f"s_{number:02}", enabled=False) for number in range(90)]
    after = Definitions(2, (*PREDEFINED, *many))

    store.change(EPOCH, BEFORE, after, NOW)

    assert store.definitions(EPOCH) == after


def test_what_an_older_version_stored_is_enabled(aws: MotoStack, store: DefinitionsStore) -> None:
    for table in (aws.stack.segments_table, aws.stack.fields_table):
        for row in aws.items(table):
            aws.client("dynamodb").update_item(
                TableName=table,
                Key={"pk": row["pk"], "sk": row["sk"]},
                UpdateExpression="REMOVE enabled",
            )

    assert store.definitions(EPOCH) == BEFORE


def test_a_field_built_in_by_a_newer_version_is_there_without_a_row(store: DefinitionsStore) -> None:
    FieldRow(str(EPOCH), FIELDS[3].key).delete()
    assert store.definitions(EPOCH) == BEFORE
    after = replace(BEFORE, version=2, fields=(*FIELDS[:3], replace(FIELDS[3], enabled=False), *FIELDS[4:]))

    store.change(EPOCH, BEFORE, after, NOW)

    assert store.definitions(EPOCH) == after


def test_a_field_of_the_users_own_stays_theirs_where_one_like_it_is_built_in_later(
    store: DefinitionsStore,
) -> None:
    own = replace(TIER, key=FIELDS[3].key)
    ConnectionsStore().define(EPOCH, [own], PREDEFINED)

    fields = store.fields(EPOCH)

    assert [one for one in fields if one.key == own.key] == [own]
    assert len(fields) == len(FIELDS)


def test_a_field_that_is_not_built_in_any_more_is_gone(store: DefinitionsStore) -> None:
    FieldRow(
        str(EPOCH), "old", position=3, title="Old", group="G", type="text", source="", builtin=True
    ).save()

    assert store.fields(EPOCH) == list(FIELDS)


def test_another_epoch_has_definitions_of_its_own(store: DefinitionsStore) -> None:
    store.change(EPOCH, BEFORE, AFTER, NOW)

    assert store.segments(Epoch("main", 2)) == []
    assert store.fields(Epoch("shop", 1)) == list(FIELDS)
