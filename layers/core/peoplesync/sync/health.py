"""Health: one verdict, with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.people import CUSTOMERS_IN_SYNC, EVERYONE
from peoplesync.sync.browse import iso


class People(Protocol):
    def count(self, epoch: Epoch, index: str) -> int: ...


class Depths(Protocol):
    def waiting(self) -> int:
        """Changes on the queues: visible, in flight and delayed."""

    def dead(self) -> int:
        """Messages in the dead-letter queues."""


@dataclass(frozen=True)
class Health:
    """Whether people are in step with Stripe, read from tables and queues themselves."""

    people: People
    depths: Depths

    def status(self, connection: Connection) -> dict[str, Any]:
        """The verdict as public JSON. `state` is in_sync, behind or attention."""
        waiting, dead = self.depths.waiting(), self.depths.dead()
        state, reason = _verdict(waiting, dead, connection)
        last = connection.last_event_at
        return {
            "state": state,
            "reason": reason,
            "customers_in_sync": self.people.count(connection.epoch, CUSTOMERS_IN_SYNC),
            "people": self.people.count(connection.epoch, EVERYONE),
            "last_event_at": None if last is None else iso(last),
            "queue": waiting,
            "dead": dead,
        }


def _verdict(waiting: int, dead: int, connection: Connection) -> tuple[str, str]:
    if dead:
        return "attention", f"{dead} message{'s' * (dead != 1)} in the dead-letter queue could not be applied"
    if waiting:
        return "behind", f"{waiting} change{'s' * (waiting != 1)} on the queue"
    if connection.last_event_at is None:
        return "in_sync", "no event has arrived yet"
    return "in_sync", "every event that arrived is applied"
