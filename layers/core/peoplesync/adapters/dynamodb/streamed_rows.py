"""Rows as the tables' streams show them: what was written, read from a record of a stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from peoplesync.adapters.dynamodb.people.stored_people import from_row
from peoplesync.adapters.dynamodb.tables import CHARGE, MARKER, FeedRow, PersonRow
from peoplesync.domain.billing_events import BillingEvent
from peoplesync.domain.connections import Epoch
from peoplesync.domain.publishing import EntryWritten, PersonWritten, Written

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Streamed:
    """What a batch of a stream holds, by sequence number; `unread` are records that cannot be read, with
    the kind of fault."""

    writes: Mapping[str, Written]
    unread: Mapping[str, str]


def read_batch(records: Sequence[Json]) -> Streamed:
    """The writes in a Lambda event of either stream, without what has expired."""
    writes: dict[str, Written] = {}
    unread: dict[str, str] = {}
    for record in records:
        number = record["dynamodb"]["SequenceNumber"]
        try:
            written = read_record(record)
        except Exception as fault:
            unread[number] = type(fault).__name__
        else:
            if written is not None:
                writes[number] = written
    return Streamed(writes, unread)


def read_record(record: Json) -> Written | None:
    """The write that a record shows; None where an entry of the feed is gone, where a row is not an entry, or
    where DynamoDB itself deleted something, since its time to live was over."""
    if record.get("userIdentity", {}).get("type") == "Service":
        return None
    change = record["dynamodb"]
    if "sk" in change["Keys"]:
        return _entry(change) if record["eventName"] == "INSERT" else None
    return _person(change)


def _person(change: Json) -> PersonWritten:
    before, after = (_row(change, image) for image in ("OldImage", "NewImage"))
    newest = after or before
    if newest is None:
        raise ValueError("the stream shows neither how the person was nor how they are")
    return PersonWritten(
        epoch=_epoch(newest.pk),
        before=None if before is None else from_row(before),
        after=None if after is None else from_row(after),
        cause=newest.cause,
        written_at=int(change["ApproximateCreationDateTime"]),
    )


def _row(change: Json, image: str) -> PersonRow | None:
    return PersonRow.from_raw_data(change[image]) if change.get(image) else None


def _entry(change: Json) -> EntryWritten | None:
    row = FeedRow.from_raw_data(change["NewImage"])
    if row.kind in (MARKER, CHARGE):
        return None
    at, key = row.at_and_key
    return EntryWritten(
        epoch=_epoch(row.pk),
        record=str(row.pk).split("#", 2)[2],
        event=BillingEvent(row.kind, key, at, row.content_json),
        cause=row.cause,
        written_at=int(row.written_at),
    )


def _epoch(pk: str) -> Epoch:
    connection, number, _ = pk.split("#", 2)
    return Epoch(connection, int(number))
