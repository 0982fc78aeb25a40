"""Observing: what a batch tells about the sync itself, beside what it does to people.

How long live events took, which of them only the reconciler brought, and how late the clock's reviews were.
These are measures only: what was applied is not applied again for their sake.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from peoplesync.domain.connections import Connection
from peoplesync.domain.households import WriteSet
from peoplesync.sync.fates import BatchResults, Report, Tasks
from peoplesync.sync.missed import missed_by_the_webhook
from peoplesync.sync.ports import Connections


@dataclass
class WorkerMetrics:
    """Watches the tasks of one connection's epoch in a batch."""

    connection: Connection
    report: Report
    clock: Callable[[], int]
    missed: list[int] = field(default_factory=list)

    def written(self, write_set: WriteSet, tasks: Tasks) -> None:
        """A write set was written for these tasks."""
        now = self.clock()
        happened = missed_by_the_webhook(write_set, tasks.values(), now)
        # Without an endpoint, and before it was connected, no webhook could have delivered it.
        if self.connection.endpoint_id is not None:
            self.missed += [at for at in happened if at >= self.connection.created_at]
        for person in write_set.reviewed & tasks.keys():
            before, after = write_set.before.get(person), write_set.after.get(person)
            if tasks[person].message.cause != "sweep" or before is None:
                continue
            if before.review_at is not None:
                self.report.late.append(max(0, now - before.review_at))
            flipped = after is None or after.segments.keys() != before.segments.keys()
            self.report.counts["flipped"] += flipped

    def note_missed(self, connections: Connections) -> None:
        """Tells the connection what its webhook had not delivered."""
        missed, self.missed = self.missed, []
        if missed:
            self.report.counts["missed"] += len(missed)
            with suppress(Exception):
                connections.note_missed(self.connection.epoch, len(missed), max(missed))

    def note_heard(self, tasks: Tasks, fates: BatchResults, connections: Connections) -> None:
        """Tells the connection what was heard of Stripe, and what of it came by the webhook. Raises
        Unavailable."""
        heard = [task.heard_at for task in tasks.values() if task.heard_at is not None]
        if heard:
            connections.note_event(self.connection.epoch, max(heard))
        live = [task for task in tasks.values() if task.message.cause == "live"]
        delivered = [task.heard_at for task in live if task.heard_at and fates.is_complete(task.delivery)]
        if delivered:
            now = self.clock()
            lags = [max(0, now - at) for at in delivered]
            self.report.lags += lags
            connections.note_delivery(self.connection, now, min(lags))
