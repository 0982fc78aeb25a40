"""Tasks, and what becomes of them: whether they are applied, stale, dropped, waiting or dead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from peoplesync.domain.catalogue import CatalogueChange
from peoplesync.domain.changes import Change
from peoplesync.sync.messages import Message
from peoplesync.sync.ports import Queue

SHORTEST_DELAY, LONGEST_DELAY = 30, 900


@dataclass(frozen=True)
class Delivery:
    """A message as a queue delivered it, with the queue to which it returns when it must wait."""

    id: str
    body: str
    queue: Queue


@dataclass(frozen=True)
class Task:
    """One thing to do for a message: fold a change into people or the catalogue, or review a person."""

    delivery: Delivery
    message: Message
    change: Change | None = None
    entry: CatalogueChange | None = None
    person: str = ""


Tasks = Mapping[str, Task]
"""Tasks by the name under which the fold reports them: a change's message, a reviewed person's id."""


@dataclass
class Report:
    """What became of a batch: how many of its changes and reviews were `applied`, `stale` (they told nothing
    new), `dropped` (another epoch, or no such connection), `waiting` or `dead`; and how many `ties` were
    fetched (of which `not_found`), `races` lost and feed `entries` added. `buried` holds the reasons of the
    dead, `crashed` the messages to be delivered again."""

    counts: Counter[str] = field(default_factory=Counter)
    buried: list[str] = field(default_factory=list)
    crashed: dict[str, Exception] = field(default_factory=dict)


@dataclass
class Fates:
    """Keeps the report of a batch, sends what must wait, and buries what is dead. `done` names the tasks that
    were dealt with; `jitter` draws from [0, 1)."""

    jitter: Callable[[], float]
    report: Report = field(default_factory=Report)
    done: set[str] = field(default_factory=set)

    def wait(self, tasks: Tasks) -> None:
        """Sends what could not be done now again; of a message with many reviews only those."""
        people: dict[str, list[str]] = {}
        for task in tasks.values():
            people.setdefault(task.delivery.id, []).extend([task.person] if task.person else [])
        for task in {task.delivery.id: task for task in tasks.values()}.values():
            longest = min(LONGEST_DELAY, SHORTEST_DELAY * 2**task.message.attempt)
            again = task.message.next_attempt()
            if left := people[task.delivery.id]:
                again = replace(again, review=tuple(left), walk=None)
            task.delivery.queue.send(again.encode(), max(1, int(longest * self.jitter())))
        self.finish("waiting", tasks)

    def bury(self, delivery: Delivery, reason: str) -> None:
        delivery.queue.bury(delivery.body, reason)
        self.report.counts["dead"] += 1
        self.report.buried.append(reason)

    def finish(self, fate: str, tasks: Tasks) -> None:
        self.report.counts[fate] += len(tasks)
        self.done.update(tasks)
