"""Duplicates: what came a second time, as opposed to what came too late."""

from __future__ import annotations

from peoplesync.domain.people.write_set import LoadedState
from peoplesync.domain.records.changes import Change
from peoplesync.domain.records.record import Record


def is_duplicate(loaded: LoadedState, change: Change) -> bool:
    """Whether a change that made no difference is one that is known: its entries are in the feed, or its
    event gave its object the state that it has."""
    if change.events:
        theirs = loaded.entries.get(change.record, ())
        return all(event.is_known(theirs) for event in change.events)
    record = _record(loaded, change.record)
    if record is None or change.snapshot is None:
        return False
    stored = record.snapshot_of(change.object)
    return stored is not None and (stored.event, stored.as_of) == (
        change.snapshot.event,
        change.snapshot.as_of,
    )


def _record(loaded: LoadedState, name: str) -> Record | None:
    return next((one.records[name] for one in loaded.people.values() if name in one.records), None)
