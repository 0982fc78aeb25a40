"""Tasks, and what becomes of them: whether they are applied, stale, dropped, waiting or dead."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from peoplesync.domain.catalogue import CatalogueChange, CatalogueKey
from peoplesync.domain.changes import Change
from peoplesync.sync.messages import Message
from peoplesync.sync.ports import Queue

SHORTEST_DELAY, LONGEST_DELAY = 30, 900

NAMED = 3
"""So many parts of a chunk are named to an import that could never be applied."""

ATTEMPTS_OF_THE_SWEEP = 3
"""So often a review by the clock is tried, over minutes; then the sweep finds the person again, where it is
still needed. Were it to wait on, its copies would pile up."""


@dataclass(frozen=True)
class Delivery:
    """A message as a queue delivered it, with the queue to which it returns when it must wait."""

    id: str
    body: str
    queue: Queue


@dataclass(frozen=True)
class Task:
    """One thing to do for a message: fold a change into people or the catalogue, ask Stripe for an entry of
    it, or review a person.

    `part` is the part of a chunk that it comes from; `heard_at` is when the event happened that told of it.
    """

    delivery: Delivery
    message: Message
    change: Change | None = None
    entry: CatalogueChange | None = None
    asked: CatalogueKey | None = None
    person: str = ""
    part: int = 0
    heard_at: int | None = None


Tasks = Mapping[str, Task]
"""Tasks by the name under which the fold reports them: a change's message, a reviewed person's id."""


@dataclass
class Report:
    """What became of a batch: how many of its changes and reviews were `applied`, `stale` (they told nothing
    new; of these `duplicate`: they told again what was known), `dropped` (another epoch, no such
    connection, or somebody who was erased), `waiting` or `dead`; and how many `ties` were fetched (of which
    `not_found` or `unreadable`), `races` lost, feed `entries` added, events `missed` by the webhook, and
    people `flipped` by the clock.

    `buried` holds the reasons of the dead, `crashed` the messages to be delivered again; `lags` are the
    seconds from a live event until it was applied, `late` those from when somebody was due by the clock."""

    counts: Counter[str] = field(default_factory=Counter)
    buried: list[str] = field(default_factory=list)
    crashed: dict[str, Exception] = field(default_factory=dict)
    lags: list[int] = field(default_factory=list)
    late: list[int] = field(default_factory=list)


@dataclass
class BatchResults:
    """Keeps the report of a batch, and in the end sends what must wait. `done` names the tasks that were
    dealt with; `jitter` draws from [0, 1)."""

    jitter: Callable[[], float]
    report: Report = field(default_factory=Report)
    done: set[str] = field(default_factory=set)
    _waiting: defaultdict[str, list[Task]] = field(default_factory=lambda: defaultdict(list))
    _buried_parts: defaultdict[str, dict[int, str]] = field(default_factory=lambda: defaultdict(dict))

    def wait(self, tasks: Tasks) -> None:
        """What could not be done now is to be sent again."""
        for task in tasks.values():
            self._waiting[task.delivery.id].append(task)
        self.finish("waiting", tasks)

    def send_what_waits(self) -> None:
        """Sends a message again for each that has something left to do, and only with that. What crashed is
        delivered again as it is."""
        for delivery_id, tasks in self._waiting.items():
            if delivery_id in self.report.crashed:
                continue
            delivery, message = tasks[0].delivery, tasks[0].message
            if message.cause == "sweep" and message.attempt + 1 >= ATTEMPTS_OF_THE_SWEEP:
                continue
            longest = min(LONGEST_DELAY, SHORTEST_DELAY * 2**message.attempt)
            again = self._left(delivery_id, message, tasks).next_attempt()
            try:
                delivery.queue.send(again.encode(), max(1, int(longest * self.jitter())))
            except Exception as crash:
                self.report.crashed[delivery_id] = crash

    def _left(self, delivery_id: str, message: Message, tasks: Sequence[Task]) -> Message:
        if message.chunk:
            rest = message.chunk.only({task.part for task in tasks})
            failed = message.chunk.failed + len(self._buried_parts[delivery_id])
            return replace(message, chunk=replace(rest, failed=failed))
        if people := tuple(task.person for task in tasks if task.person):
            return replace(message, review=people, walk=None)
        return message

    def is_complete(self, delivery: Delivery) -> bool:
        """Whether nothing of a message waits or has to be delivered again."""
        return delivery.id not in self.report.crashed and delivery.id not in self._waiting

    def failed_parts(self, delivery: Delivery, message: Message) -> int:
        """How many parts of a chunk could never be applied."""
        before = message.chunk.failed if message.chunk else 0
        return before + len(self._buried_parts[delivery.id])

    def reasons(self, delivery: Delivery) -> list[str]:
        """Why some of them could not: they name their objects."""
        return list(self._buried_parts[delivery.id].values())[:NAMED]

    def dead_letter(self, delivery: Delivery, reason: str) -> None:
        """A message that no later attempt can apply goes where dead letters are kept."""
        self._bury(delivery, delivery.body, reason)

    def bury_task(self, task: Task, reason: str) -> None:
        """The same for a task: of a chunk only its part dies."""
        chunk = task.message.chunk
        if chunk is None:
            self.dead_letter(task.delivery, reason)
        else:
            self.bury_part(task.delivery, task.message, task.part, reason)

    def bury_part(self, delivery: Delivery, message: Message, part: int, reason: str) -> None:
        """One part of a chunk dies, once; the others go on."""
        if message.chunk is None or part in self._buried_parts[delivery.id]:
            return
        self._buried_parts[delivery.id][part] = reason
        alone = replace(message, chunk=replace(message.chunk.only({part}), run="", failed=0))
        self._bury(delivery, alone.encode(), reason)

    def _bury(self, delivery: Delivery, body: str, reason: str) -> None:
        delivery.queue.dead_letter(body, reason)
        self.report.counts["dead"] += 1
        self.report.buried.append(reason)

    def finish(self, fate: str, tasks: Tasks) -> None:
        self.report.counts[fate] += len(tasks)
        self.done.update(tasks)
