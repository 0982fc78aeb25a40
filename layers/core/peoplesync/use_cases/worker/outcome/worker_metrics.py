"""Worker metrics: what a batch shows of the sync itself, beside what it does to people.

How long live events took, which of them only the reconciler brought, and how late the clock's reviews were.
These are metrics only: a failure to store them does not have a batch applied again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from peoplesync.domain.connections import Connection
from peoplesync.domain.people.write_set import WriteSet
from peoplesync.use_cases.ports import Connections
from peoplesync.use_cases.worker.outcome.batch_results import BatchResults
from peoplesync.use_cases.worker.outcome.missed_events import missed_by_the_webhook
from peoplesync.use_cases.worker.outcome.report import Report
from peoplesync.use_cases.worker.tasks import PeopleTasks, ReviewPerson, Tasks


@dataclass
class WorkerMetrics:
    """Measures the tasks of one connection's epoch in a batch."""

    connection: Connection
    report: Report
    clock: Callable[[], int]
    missed: list[int] = field(default_factory=list)

    def note_written(self, write_set: WriteSet, tasks: PeopleTasks) -> None:
        """A write set was written for these tasks."""
        now = self.clock()
        happened = missed_by_the_webhook(write_set, tasks.values(), now)
        # Without an endpoint, and before it was connected, no webhook could have delivered it.
        if self.connection.endpoint_id is not None:
            self.missed += [at for at in happened if at >= self.connection.created_at]
        for task in tasks.values():
            if isinstance(task, ReviewPerson) and task.origin.message.cause == "sweep":
                self._note_review(write_set, task.person, now)

    def _note_review(self, write_set: WriteSet, person: str, now: int) -> None:
        before, after = write_set.before.get(person), write_set.after.get(person)
        if before is None:
            return
        if before.review_at is not None:
            self.report.late.append(max(0, now - before.review_at))
        flipped = after is None or after.segments.keys() != before.segments.keys()
        self.report.counts["flipped"] += flipped

    def note_missed(self, connections: Connections) -> None:
        """Adds the events that the webhook had not delivered to the connection's count."""
        missed, self.missed = self.missed, []
        if missed:
            self.report.counts["missed"] += len(missed)
            with suppress(Exception):
                connections.note_missed(self.connection.epoch, len(missed), max(missed))

    def note_heard(self, tasks: Tasks, results: BatchResults, connections: Connections) -> None:
        """Stores when the newest event happened, and the newest by the webhook. Raises
        Unavailable."""
        origins = [task.origin for task in tasks.values()]
        heard = [origin.heard_at for origin in origins if origin.heard_at is not None]
        live = [origin for origin in origins if origin.message.cause == "live"]
        delivered = [one.heard_at for one in live if one.heard_at and results.is_complete(one.delivery)]
        now = self.clock()
        lags = [max(0, now - at) for at in delivered]
        self.report.lags += lags
        if heard:
            connections.note_heard(self.connection, max(heard), now if lags else None, min(lags, default=0))
