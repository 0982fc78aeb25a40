"""Missed: what the reconciler brought and the webhook had not delivered, the honest measure of the webhook.

The reconciler brings every event again. It was missed if it still brought something new after all that time:
a feed entry that was not there, or a state of its object that was not known.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from peoplesync.domain.people.write_set import WriteSet
from peoplesync.domain.records.changes import Change
from peoplesync.domain.records.record import STATES, Record
from peoplesync.domain.records.snapshots import Snapshot
from peoplesync.use_cases.worker.tasks import FoldChange, Task

PATIENCE: Final = 120
"""Seconds for which an event may be on its way through the webhook."""


def missed_by_the_webhook(write_set: WriteSet, tasks: Iterable[Task], now: int) -> list[int]:
    """When the reconciler's events that were new to a write set just written happened."""
    records = {
        name: record
        for person in write_set.before.values()
        for name, record in (person.records.items() if person else ())
    }
    entries = {(record, entry.memory) for record, entry in write_set.entries}
    missed: dict[tuple[object, ...], int] = {}
    for task in tasks:
        origin = task.origin
        if not isinstance(task, FoldChange) or origin.heard_at is None or origin.message.cause != "reconcile":
            continue
        change = task.change
        new_entry = any((change.record, event.memory) in entries for event in change.events)
        if origin.heard_at <= now - PATIENCE and (new_entry or _is_news(records.get(change.record), change)):
            missed[_event_of(change)] = origin.heard_at
    return list(missed.values())


def _is_news(record: Record | None, change: Change) -> bool:
    if record is None or (change.deleted and not record.deleted):
        return True
    if change.snapshot is None or change.object.kind not in STATES:
        return False  # of payments and checkouts, what is new is a feed entry
    known = record.snapshot_of(change.object)
    return known is None or _order(known) < _order(change.snapshot)


def _order(snapshot: Snapshot) -> tuple[int, int, str]:
    return snapshot.rank, *snapshot.order


def _event_of(change: Change) -> tuple[object, ...]:
    """One event may be in two chunks of a batch."""
    event = change.snapshot.event if change.snapshot else ""
    return change.object, change.occurred_at, event, tuple(one.memory for one in change.events)
