"""Sweep: whoever something may have changed for by the clock alone is looked at again.

Only people whose `review_at` has passed are found, through an index: the work is proportional to what is
due, not to how many people there are. Their reviews go through the bulk queue, to the one worker that writes
people.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from peoplesync.domain.connections import Connection, Epoch
from peoplesync.sync.messages import Message

PEOPLE_A_MESSAGE: Final = 10
"""A worker takes ten messages at a time, and must review all their people well within its timeout."""

PEOPLE_A_SWEEP: Final = 2_000
"""A backlog is worked off in bounded batches; the next sweep goes on as soon as this one is done."""


class Connections(Protocol):
    def all(self) -> Iterable[Connection]: ...


class Due(Protocol):
    def due(self, epoch: Epoch, now: int, most: int) -> Sequence[str]:
        """Ids of people whose `review_at` is not after `now`, the longest overdue of each shard first."""


class Queue(Protocol):
    def send(self, body: str, delay: int = 0) -> None: ...

    def depth(self) -> int: ...


@dataclass(frozen=True)
class Swept:
    """What a sweep did: how many people were `due`, in how many `messages`; or that it was `held_back`."""

    due: int = 0
    messages: int = 0
    held_back: bool = False


def sweep(connections: Connections, people: Due, bulk: Queue, now: int) -> Swept:
    """Puts the reviews that are due on the bulk queue, unless the last ones are still on it."""
    if bulk.depth():
        return Swept(held_back=True)
    due = messages = 0
    for connection in connections.all():
        found = people.due(connection.epoch, now, PEOPLE_A_SWEEP - due)
        for start in range(0, len(found), PEOPLE_A_MESSAGE):
            review = tuple(found[start : start + PEOPLE_A_MESSAGE])
            bulk.send(Message(connection.epoch, review=review, cause="sweep").encode())
            messages += 1
        due += len(found)
    return Swept(due, messages)
