"""What the worker is given, and what it reports: deliveries, and what became of all that they ask for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from peoplesync.use_cases.ports import Queue


@dataclass(frozen=True)
class Delivery:
    """A message as a queue delivered it, with the queue to which it returns when it must wait."""

    id: str
    body: str
    queue: Queue


class Disposition(StrEnum):
    """What became of a task.

    A task is applied, or stale if it brought nothing new; dropped if it is of another epoch, of no
    connection, or about somebody who was erased; waiting if it is sent again later; dead if no later attempt
    can apply it.
    """

    APPLIED = "applied"
    STALE = "stale"
    DROPPED = "dropped"
    WAITING = "waiting"
    DEAD = "dead"


@dataclass
class Report:
    """What became of a batch.

    `counts` has the number of tasks by disposition (of the `stale`, `duplicate` ones repeated what was
    known), of `ties` that were fetched (of which `not_found` or `unreadable`), of tasks folded again after
    `races`, feed `entries` added, events `missed` by the webhook, people `flipped` by the clock, and looks at
    old rows that were `purged`.

    `dead_lettered` holds the reasons of dead tasks, `crashed` the messages to be delivered again; `lags` are
    the seconds from a live event until it was applied, `late` those from when somebody was due by the clock.
    """

    counts: Counter[str] = field(default_factory=Counter)
    dead_lettered: list[str] = field(default_factory=list)
    crashed: dict[str, Exception] = field(default_factory=dict)
    lags: list[int] = field(default_factory=list)
    late: list[int] = field(default_factory=list)
