"""Sweep: people for whom the clock alone may have changed something are reviewed.

Only people whose `review_at` has passed are found, through an index: the work is proportional to what is
due, not to how many people there are. Their reviews go through a queue of their own, past whatever an import
has put on the bulk queue, to the one worker that writes people.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.sweep_progress import SweepProgress
from peoplesync.use_cases.messages.message import Message

PEOPLE_A_MESSAGE: Final = 10
"""A worker takes four messages at a time, and must review all their people well within its timeout."""

PEOPLE_A_SWEEP: Final = 2_000
"""A backlog is worked off in bounded batches; the next sweep continues once the worker has taken this one."""


class Connections(Protocol):
    def all(self) -> Iterable[Connection]: ...

    def note_sweep(self, epoch: Epoch, sweep: SweepProgress) -> None:
        """Stores how far the connection is swept."""


class Due(Protocol):
    @property
    def shards(self) -> int: ...

    def due(self, epoch: Epoch, shard: int, after: int, until: int, most: int) -> Sequence[tuple[int, str]]:
        """The people of a shard who are due after `after` and until `until`: when, and the person's id. The
        longest overdue first, at most `most`."""


class Queue(Protocol):
    def send_all(self, bodies: Sequence[str]) -> None: ...

    def visible(self) -> int:
        """Messages that no worker has taken yet."""


@dataclass(frozen=True)
class Swept:
    """What a sweep did: how many people were `due`, in how many `messages`; or that it was `held_back`."""

    due: int = 0
    messages: int = 0
    held_back: bool = False


def sweep(connections: Connections, people: Due, reviews: Queue, now: int) -> Swept:
    """Puts the reviews that are due on the queue, unless the worker has not taken the last ones yet."""
    if reviews.visible():
        return Swept(held_back=True)
    due = messages = 0
    wanted = list(connections.all())
    for place, connection in enumerate(wanted):
        room = (PEOPLE_A_SWEEP - due) // (len(wanted) - place)
        found, swept = _find(connection, people, room, now)
        if not found:
            continue
        bodies = [
            Message(
                connection.epoch, review=tuple(found[start : start + PEOPLE_A_MESSAGE]), cause="sweep"
            ).encode()
            for start in range(0, len(found), PEOPLE_A_MESSAGE)
        ]
        reviews.send_all(bodies)
        connections.note_sweep(connection.epoch, swept)
        due += len(found)
        messages += len(bodies)
    return Swept(due, messages)


def _find(connection: Connection, people: Due, room: int, now: int) -> tuple[list[str], SweepProgress]:
    """The people to review now, and how far the connection is swept then."""
    swept = connection.sweep.at(now)
    found: list[str] = []
    for shard in range(people.shards):
        most = (room - len(found)) // (people.shards - shard)
        if most == 0:
            continue
        rows = people.due(connection.epoch, shard, swept.after(shard), now, most)
        # Where more are due than there is room for, the last second may not have been handed out whole.
        until = now if len(rows) < most else rows[-1][0] - 1
        swept = swept.handed_out(shard, until, now)
        found += [person for _, person in rows]
    return found, swept
