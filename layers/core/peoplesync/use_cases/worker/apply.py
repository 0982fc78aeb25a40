"""The worker: changes from a queue are folded into people. Only this writes people.

A batch is parsed into tasks. The tasks of an epoch are folded together, their write sets written, each in
full or not at all, and the tasks finished. Only poison is dead-lettered; what cannot be done now is sent
again with a delay, and nothing is lost:

- A message that cannot be parsed, or that exceeds a limit, is dead-lettered with its reason.
- A tie that Stripe cannot settle now, throttling, or five version conflicts and one more: the message waits.
- Anything else is a crash: the queue delivers the message again, and dead-letters it after five crashes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from peoplesync.domain.connections import Epoch
from peoplesync.use_cases.messages.message import Message
from peoplesync.use_cases.ports import Catalogues, Connections, EpochPurge, People, Runs, Stripe
from peoplesync.use_cases.worker.epoch_batch import EpochBatch
from peoplesync.use_cases.worker.long_running import LongRunning
from peoplesync.use_cases.worker.message_parser import MessageParser
from peoplesync.use_cases.worker.outcome.batch_results import BatchResults
from peoplesync.use_cases.worker.outcome.report import Delivery, Report
from peoplesync.use_cases.worker.tasks import Task


@dataclass
class Applier:
    """The use case with what it needs. `jitter` draws from [0, 1); `new_id` names new people; `sleep`
    is between two races."""

    people: People
    catalogue: Catalogues
    stripe: Stripe
    connections: Connections
    runs: Runs
    old_rows: EpochPurge
    clock: Callable[[], int]
    new_id: Callable[[], str]
    jitter: Callable[[], float]
    sleep: Callable[[float], None]

    def apply(self, deliveries: Sequence[Delivery]) -> Report:
        """Folds a batch; every message has been dealt with when it returns, but for those that crashed."""
        results = BatchResults(self.jitter)
        parser = MessageParser(LongRunning(self.people, self.connections, self.old_rows, results), results)
        by_epoch: defaultdict[Epoch, dict[str, Task]] = defaultdict(dict)
        for delivery in deliveries:
            for name, task in parser.parse(delivery).items():
                by_epoch[task.origin.message.epoch][name] = task
        for epoch, tasks in by_epoch.items():
            EpochBatch(self, epoch, results).apply(tasks)
        for delivery, message in parser.chunks:
            self._note_applied(delivery, message, results)
        results.send_what_waits()
        return results.report

    def _note_applied(self, delivery: Delivery, message: Message, results: BatchResults) -> None:
        """Notes for the import what is applied; a chunk that is not noted is delivered again."""
        if message.chunk is None or not message.chunk.run or not results.is_complete(delivery):
            return
        try:
            connection = self.connections.get(message.epoch.connection)
            if connection is None or connection.epoch != message.epoch:
                return
            failed = results.failed_parts(delivery, message)
            reasons = results.reasons(delivery)
            self.runs.applied(message.epoch, message.chunk.run, message.chunk.id, failed, reasons)
        except Exception as crash:
            results.report.crashed[delivery.id] = crash
