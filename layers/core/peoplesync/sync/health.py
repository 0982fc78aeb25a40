"""Health: one verdict in one word, with its reason, from the tables and queues themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.people import CUSTOMERS_IN_SYNC, EVERYONE
from peoplesync.sync.browse import iso
from peoplesync.sync.permissions import missing
from peoplesync.sync.reconcile import KEPT_BY_STRIPE

OVERDUE: Final = 45 * 60
"""Seconds after which a checkpoint is too old: the reconciler has failed to move it three times in a row."""


class People(Protocol):
    def count(self, epoch: Epoch, index: str) -> int: ...


class Depths(Protocol):
    def waiting(self) -> int:
        """Changes on the queues: visible, in flight and delayed."""

    def dead(self) -> int:
        """Messages in the dead-letter queues."""


@dataclass(frozen=True)
class Health:
    """Whether people are in step with Stripe."""

    people: People
    depths: Depths
    clock: Callable[[], int]

    def status(self, connection: Connection, last_import: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The verdict as public JSON. `state` is in_sync, importing, behind or attention.

        `checkpoint` is up to when all events are known, `behind_seconds` how long ago that is, null where
        the reconciler has not run yet; `webhook_missed` counts events that only the reconciler brought.
        `gap_since` is from when on events are lost for good, `degraded` names optional permissions that the
        key lacks, `webhook` is endpoint or polling, `last_import` as `import list` shows it.
        """
        now, waiting, dead = self.clock(), self.depths.waiting(), self.depths.dead()
        state, reason = next(_verdicts(connection, waiting, dead, last_import, now))
        checkpoint = connection.reconciled_until
        return {
            "state": state,
            "reason": reason,
            "customers_in_sync": self.people.count(connection.epoch, CUSTOMERS_IN_SYNC),
            "people": self.people.count(connection.epoch, EVERYONE),
            "last_event_at": _iso(connection.last_event_at),
            "queue": waiting,
            "dead": dead,
            "checkpoint": _iso(checkpoint),
            "behind_seconds": None if checkpoint is None else max(0, now - checkpoint),
            "webhook": "polling" if connection.endpoint_id is None else "endpoint",
            "webhook_missed": connection.missed_events,
            "gap_since": _iso(connection.gap_since),
            "degraded": _degraded(connection),
            "last_import": None if last_import is None else dict(last_import),
        }


def _verdicts(
    connection: Connection, waiting: int, dead: int, last_import: Mapping[str, Any] | None, now: int
) -> Iterator[tuple[str, str]]:
    """What there is to say, the most pressing first."""
    for reason in _causes_for_attention(connection, dead, last_import, now):
        yield "attention", reason
    if last_import is not None and last_import["status"] == "running":
        applied, enqueued = last_import["applied"], last_import["enqueued"]
        percent = 100 * applied // enqueued if enqueued else 0
        yield "importing", f"{percent} %: {applied:,} of {enqueued:,} listed objects are applied so far"
    if waiting:
        yield "behind", f"{waiting} change{'s' * (waiting != 1)} on the queue"
    if connection.last_event_at is None:
        yield "in_sync", "no event has arrived yet"
    missed = connection.missed_events
    if missed and connection.endpoint_id is not None:
        told = f"{missed:,} event{'s' * (missed != 1)} that the webhook missed"
        yield "in_sync", f"every event is applied, also {told}"
    yield "in_sync", "every event that arrived is applied"


def _causes_for_attention(
    connection: Connection, dead: int, last_import: Mapping[str, Any] | None, now: int
) -> Iterator[str]:
    if connection.disconnected_at is not None:
        yield f"disconnected since {iso(connection.disconnected_at)}"
    if connection.key_refused_at is not None:
        since = iso(connection.key_refused_at)
        yield f"Stripe refuses the API key since {since}; connect again with a new one"
    if dead:
        yield f"{dead} message{'s' * (dead != 1)} in the dead-letter queue could not be applied"
    known_until = _known_until(connection)
    lost_since = connection.gap_since
    if lost_since is None and known_until < now - KEPT_BY_STRIPE:
        lost_since = known_until
    if lost_since is not None:
        yield f"events since {iso(lost_since)} are lost, since Stripe keeps them for 30 days; import again"
    if now - known_until > OVERDUE:
        yield f"reconcile has not run for {_duration(now - known_until)}; events may be missing"
    if last_import is not None and last_import["status"] == "failed":
        yield "the last import failed; `peoplesync import list` tells why"


def _known_until(connection: Connection) -> int:
    return connection.created_at if connection.reconciled_until is None else connection.reconciled_until


def _degraded(connection: Connection) -> list[str]:
    """Where it is not known what the key may do, nothing is said of it."""
    if not connection.permissions:
        return []
    return [f"{one.name}: {one.access}" for one in missing(connection.permissions, required=False)]


def _duration(seconds: int) -> str:
    for length, unit in ((86_400, "day"), (3_600, "hour")):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}s"
    return f"{seconds // 60} minutes"


def _iso(instant: int | None) -> str | None:
    return None if instant is None else iso(instant)
