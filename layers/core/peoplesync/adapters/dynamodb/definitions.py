"""Definitions of segments and fields in DynamoDB.

An epoch's rows are read together; a change of some of them is written in one transaction with the
connection's version of the definitions, so that nobody uses a half-written version.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from pynamodb.exceptions import TransactWriteError
from pynamodb.transactions import TransactWrite

from peoplesync.adapters.dynamodb.errors import busy_as_unavailable, error_codes
from peoplesync.adapters.dynamodb.tables import ConnectionRow, FieldRow, SegmentRow
from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.fields.built_in import FIELDS, BuiltinField, Field, FieldType
from peoplesync.domain.segments.definitions import Definitions, Segment
from peoplesync.use_cases.ports import VersionConflict

LOST = frozenset({"ConditionalCheckFailed", "TransactionConflict"})


class StoredDefinitions:
    """What is defined in the epochs of a stack."""

    def fields(self, epoch: Epoch) -> list[Field]:
        """The built-in fields, with the titles and states they were given, then the custom ones, in the order
        in which they were added. Consistent."""
        with busy_as_unavailable():
            rows = {row.sk: row for row in FieldRow.query(str(epoch), consistent_read=True)}
        # A later version of ours may have a field built in whose key a user took before: it stays theirs.
        own = {key: row for key, row in rows.items() if not row.builtin}
        built_in = [_with_title_and_state(one, rows.get(one.key)) for one in FIELDS if one.key not in own]
        return [*built_in, *map(_field, _in_order(own.values()))]

    def fields_of(self, connection: Connection) -> Sequence[Field]:
        """The same as of when the connection was read: none need be read where they were never changed."""
        return FIELDS if connection.definitions_changed_at is None else self.fields(connection.epoch)

    def segments(self, epoch: Epoch) -> list[Segment]:
        """The segments, in the order in which they were added. Consistent."""
        with busy_as_unavailable():
            rows = list(SegmentRow.query(str(epoch), consistent_read=True))
        return [
            Segment(row.sk, row.title, row.rule_json, enabled=row.enabled is not False)
            for row in _in_order(rows)
        ]

    def define(self, epoch: Epoch, fields: Sequence[Field], segments: Sequence[Segment]) -> None:
        """Stores the definitions of an epoch that is not in use yet."""
        with FieldRow.batch_write() as field_rows:
            for position, one in enumerate(fields):
                field_rows.save(_field_row(epoch, one, position))
        with SegmentRow.batch_write() as segment_rows:
            for position, segment in enumerate(segments):
                segment_rows.save(_segment_row(epoch, segment, position))


class DefinitionsStore(StoredDefinitions):
    """The definitions, to be changed; see `use_cases.defining.changes.Store`."""

    def definitions(self, epoch: Epoch) -> Definitions:
        """The definitions as they are now; raises VersionConflict where the epoch is over, or Unavailable."""
        try:
            with busy_as_unavailable():
                row = ConnectionRow.get(epoch.connection, consistent_read=True)
        except ConnectionRow.DoesNotExist as error:
            raise VersionConflict(f"there is no connection {epoch.connection} any more") from error
        if int(row.epoch_number) != epoch.number:
            raise VersionConflict(f"{epoch.connection} was connected anew meanwhile")
        # The version first: what is newer than it says fails when it is written.
        version = int(row.definitions_version)
        return Definitions(version, tuple(self.segments(epoch)), tuple(self.fields(epoch)))

    def change(self, epoch: Epoch, before: Definitions, after: Definitions, now: int) -> None:
        """Writes what differs, whole or not at all. Raises VersionConflict where the epoch, the version or
        one of these rows is not as it was read, or Unavailable."""
        with busy_as_unavailable():
            write = TransactWrite(connection=ConnectionRow._get_connection().connection)
            _add_version(write, epoch, before, after, now)
            if after.segments != before.segments:
                _add_segments(write, epoch, before, after)
            if after.fields != before.fields:
                _add_fields(write, epoch, before, after)
            try:
                write._commit()
            except TransactWriteError as error:
                if error_codes(error) & LOST:
                    raise VersionConflict("somebody else has changed segments or fields") from error
                raise


def _add_version(
    write: TransactWrite, epoch: Epoch, before: Definitions, after: Definitions, now: int
) -> None:
    same = (ConnectionRow.epoch_number == epoch.number) & (
        ConnectionRow.definitions_version == before.version
    )
    if after.version == before.version:
        write.condition_check(ConnectionRow, epoch.connection, condition=same)
        return
    write.update(
        ConnectionRow(epoch.connection),
        actions=[
            ConnectionRow.definitions_version.set(after.version),
            ConnectionRow.definitions_changed_at.set(now),
        ],
        condition=same,
    )


def _add_segments(write: TransactWrite, epoch: Epoch, before: Definitions, after: Definitions) -> None:
    old, new = ({one.id: one for one in some.segments} for some in (before, after))
    for position, id_ in _changed(old, new, SegmentRow, epoch):
        row = _segment_row(epoch, new.get(id_) or old[id_], position)
        if id_ not in old:
            write.save(row, condition=SegmentRow.pk.does_not_exist())
        elif id_ not in new:
            write.delete(row, condition=SegmentRow.title == old[id_].title)
        else:
            write.save(row, condition=SegmentRow.title == old[id_].title)


def _add_fields(write: TransactWrite, epoch: Epoch, before: Definitions, after: Definitions) -> None:
    old, new = ({one.key: one for one in some.fields} for some in (before, after))
    for position, key in _changed(old, new, FieldRow, epoch):
        row = _field_row(epoch, new.get(key) or old[key], position)
        if key not in old:
            write.save(row, condition=FieldRow.pk.does_not_exist())
        elif key not in new:
            write.delete(row, condition=FieldRow.title == old[key].title)
        else:
            # One that is built in may have no row yet.
            write.save(row, condition=FieldRow.pk.does_not_exist() | (FieldRow.title == old[key].title))


def _changed(
    old: Mapping[str, Any], new: Mapping[str, Any], model: Any, epoch: Epoch
) -> Iterator[tuple[int, str]]:
    """The names of what differs, each with the position that its row has, or is going to have."""
    rows = model.query(str(epoch), consistent_read=True, attributes_to_get=["pk", "sk", "position"])
    positions = {row.sk: int(row.position) for row in rows}
    last = max(positions.values(), default=-1)
    for name in [*old, *(name for name in new if name not in old)]:
        if old.get(name) == new.get(name):
            continue
        if name not in positions:
            last += 1
        yield positions.get(name, last), name


def _in_order(rows: Iterable[Any]) -> list[Any]:
    return sorted(rows, key=lambda row: (row.position, row.sk))


def _with_title_and_state(field: BuiltinField, row: FieldRow | None) -> BuiltinField:
    return field if row is None else replace(field, title=row.title, enabled=row.enabled is not False)


def _field(row: FieldRow) -> Field:
    field_type = cast(FieldType, row.type)
    return Field(row.sk, row.title, row.group, field_type, row.source, enabled=row.enabled is not False)


def _field_row(epoch: Epoch, field: Field, position: int) -> FieldRow:
    return FieldRow(
        pk=str(epoch),
        sk=field.key,
        position=position,
        title=field.title,
        group=field.group,
        type=field.type,
        source=field.source,
        builtin=isinstance(field, BuiltinField),
        enabled=field.enabled,
    )


def _segment_row(epoch: Epoch, segment: Segment, position: int) -> SegmentRow:
    return SegmentRow(
        pk=str(epoch),
        sk=segment.id,
        position=position,
        title=segment.title,
        rule_json=dict(segment.rule),
        enabled=segment.enabled,
    )
