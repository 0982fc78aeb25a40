"""Connections and their definitions in DynamoDB."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

from pynamodb.exceptions import PutError, UpdateError

from peoplesync.adapters.busy import busy_as_unavailable
from peoplesync.adapters.tables import ConnectionRow, FieldRow, SegmentRow, whole
from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.fields import BuiltinField, Field, FieldType
from peoplesync.domain.segments import Definitions, Segment

LAST_EVENT_STEP: Final = 60
"""Seconds by which `last_event_at` must rise to be worth a write."""


@dataclass
class ConnectionsStore:
    """The connections of a stack.

    `cache_seconds` is how long an answer may be old: a function that only labels messages may be content
    with some seconds, the fold is not. `monotonic` is a stopwatch, not the system's time.
    """

    cache_seconds: float = 0
    monotonic: Callable[[], float] = time.monotonic
    _cached: dict[str, tuple[float, Connection]] = field(default_factory=dict)
    _definitions: dict[Epoch, Definitions] = field(default_factory=dict)

    def get(self, name: str) -> Connection | None:
        """The connection; None where there is none of that name."""
        asked_at = self.monotonic()
        if name in self._cached:
            cached_at, cached = self._cached[name]
            if asked_at - cached_at < self.cache_seconds:
                return cached
        try:
            with busy_as_unavailable():
                connection = _from_row(ConnectionRow.get(name, consistent_read=True))
        except ConnectionRow.DoesNotExist:
            return None
        self._cached[name] = asked_at, connection
        return connection

    def definitions(self, connection: Connection) -> Definitions:
        """The segments of the connection's epoch, read again only when their version has risen."""
        epoch = connection.epoch
        known = self._definitions.get(epoch)
        if known is None or known.version != connection.definitions_version:
            with busy_as_unavailable():
                segments = tuple(self.segments(epoch))
            known = self._definitions[epoch] = Definitions(connection.definitions_version, segments)
        return known

    def all(self) -> list[Connection]:
        """All connections, by name."""
        return sorted(map(_from_row, ConnectionRow.scan()), key=lambda connection: connection.name)

    def create(self, connection: Connection) -> None:
        """Adds a connection; one that is there already stays as it is."""
        row = ConnectionRow(
            pk=connection.name,
            livemode=connection.livemode,
            epoch_number=connection.epoch_number,
            definitions_version=connection.definitions_version,
            created_at=connection.created_at,
            reconciled_until=connection.reconciled_until,
            endpoint_id=connection.endpoint_id,
            permissions_json=dict(connection.permissions),
        )
        try:
            row.save(condition=ConnectionRow.pk.does_not_exist())
        except PutError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise

    def define(self, epoch: Epoch, fields: Sequence[Field], segments: Sequence[Segment]) -> None:
        """Stores the definitions of an epoch."""
        with FieldRow.batch_write() as batch:
            for position, one in enumerate(fields):
                batch.save(
                    FieldRow(
                        pk=str(epoch),
                        sk=one.key,
                        position=position,
                        title=one.title,
                        group=one.group,
                        type=one.type,
                        source=one.source,
                        builtin=isinstance(one, BuiltinField),
                    )
                )
        with SegmentRow.batch_write() as batch:
            for position, segment in enumerate(segments):
                batch.save(
                    SegmentRow(
                        pk=str(epoch),
                        sk=segment.id,
                        position=position,
                        title=segment.title,
                        rule_json=dict(segment.rule),
                    )
                )

    def fields(self, epoch: Epoch) -> list[tuple[Field, bool]]:
        """The epoch's fields in the catalogue's order, each with whether it is built in."""
        rows = sorted(FieldRow.query(str(epoch)), key=lambda row: row.position)
        return [
            (Field(row.sk, row.title, row.group, cast(FieldType, row.type), row.source), row.builtin)
            for row in rows
        ]

    def segments(self, epoch: Epoch) -> list[Segment]:
        """The epoch's segments, in order."""
        rows = sorted(SegmentRow.query(str(epoch), consistent_read=True), key=lambda row: row.position)
        return [Segment(row.sk, row.title, row.rule_json) for row in rows]

    def note_event(self, epoch: Epoch, at: int) -> None:
        """Remembers when the newest event happened, at most once a minute of events' time."""
        cached = self._cached.get(epoch.connection)
        last = cached[1].last_event_at if cached else None
        if last is not None and at < last + LAST_EVENT_STEP:
            return
        row = ConnectionRow(epoch.connection)
        try:
            row.update(
                actions=[ConnectionRow.last_event_at.set(at)],
                condition=(ConnectionRow.epoch_number == epoch.number)
                & (
                    ConnectionRow.last_event_at.does_not_exist()
                    | (ConnectionRow.last_event_at <= at - LAST_EVENT_STEP)
                ),
            )
        except UpdateError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise


def _from_row(row: ConnectionRow) -> Connection:
    return Connection(
        name=row.pk,
        livemode=row.livemode,
        epoch_number=int(row.epoch_number),
        definitions_version=int(row.definitions_version),
        created_at=int(row.created_at),
        last_event_at=whole(row.last_event_at),
        endpoint_id=row.endpoint_id,
        permissions=row.permissions_json or {},
        reconciled_until=whole(row.reconciled_until),
        gap_since=whole(row.gap_since),
        missed_events=int(row.missed_events or 0),
        key_refused_at=whole(row.key_refused_at),
        disconnected_at=whole(row.disconnected_at),
    )
