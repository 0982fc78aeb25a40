"""Health: whether people are in step with Stripe, from the tables and queues themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from peoplesync.domain.catalogue import CatalogueKey
from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.people.person import CUSTOMERS_IN_SYNC, EVERYONE
from peoplesync.use_cases.connecting.permissions import missing
from peoplesync.use_cases.health.checks import HealthInputs, health_checks, is_outdated
from peoplesync.use_cases.public_json import iso
from peoplesync.use_cases.read_models.read import Sizes

NOT_SHOWN: Final = 100
NAMED: Final = 3
"""How many things that Stripe did not show are counted at most, and how many of them are named."""


class People(Protocol):
    def due_since(self, epoch: Epoch, now: int) -> int | None:
        """Since when the review of a person has been due; None where none is."""


class Depths(Protocol):
    def by_queue(self) -> Mapping[str, int]:
        """Messages on the live, bulk and review queue: visible, in flight and delayed."""

    def dead(self) -> int:
        """Messages in the dead-letter queues."""


class Worker(Protocol):
    def paused_since(self) -> int | None:
        """Since when changes are not applied; None where they are."""


class Publisher(Protocol):
    def paused_since(self) -> int | None:
        """Since when changes are not published; None where they are."""


class Catalogue(Protocol):
    def refused(self, epoch: Epoch, before: int, most: int) -> Sequence[tuple[CatalogueKey, int]]:
        """At most `most` of what Stripe did not show when last asked, if that was before that instant."""


@dataclass(frozen=True)
class Health:
    """The use case with what it needs."""

    people: People
    counts: Sizes
    catalogue: Catalogue
    depths: Depths
    worker: Worker
    publisher: Publisher
    clock: Callable[[], int]

    def status(
        self,
        connection: Connection,
        last_import: Mapping[str, Any] | None = None,
        last_reevaluation: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The status and the facts behind it, as public JSON.

        `state` is in_sync, importing, reevaluating, behind, paused, attention or stopped, `headline` and
        `reason` say it in words; `what_to_do` and `runbook`, a page of docs/runbooks, are null where there is
        nothing to do; `also` are the headlines of all other checks.

        `customers_in_sync` and `people` are as they were counted at `counted_as_of`; null where
        `peoplesync reindex` has not counted them yet.

        `queue` counts the messages on all queues, `queues` on each; `dead` those in the dead-letter queues.
        `lag_seconds` is how long the newest live event took until it was applied. All events up to
        `checkpoint` are known, `behind_seconds` is how long ago that is, null where the reconciler has not
        run yet. `silence` is the time since the last event, divided by the account's 99th-percentile gap.
        `due_seconds` is for how long the review of a person has been overdue. `webhook` is endpoint or
        polling, `webhook_missed` counts events that only the reconciler brought, `gap_since` is since when
        events are lost for good, `degraded` names optional permissions that the key lacks, and prices and
        coupons that Stripe did not show, `last_import` is as `import list` shows it, `last_reevaluation` as
        `reevaluate list` does.
        """
        return self.status_of(self.facts(connection, last_import, last_reevaluation))

    def facts(
        self,
        connection: Connection,
        last_import: Mapping[str, Any] | None = None,
        last_reevaluation: Mapping[str, Any] | None = None,
    ) -> HealthInputs:
        """The inputs of the health checks."""
        now = self.clock()
        return HealthInputs(
            connection,
            now,
            self.depths.by_queue(),
            self.depths.dead(),
            self.worker.paused_since(),
            self.people.due_since(connection.epoch, now),
            last_import,
            self.publisher.paused_since(),
            last_reevaluation,
            is_outdated(connection, last_reevaluation) and self._has_people(connection),
        )

    def status_of(self, facts: HealthInputs) -> dict[str, Any]:
        """`status` from its inputs."""
        connection, now = facts.connection, facts.now
        first, *others = health_checks(facts)
        checkpoint = connection.reconciled_until
        sizes = self.counts.sizes(connection)
        return {
            "state": first.state,
            "headline": first.headline,
            "reason": first.reason,
            "what_to_do": first.what_to_do or None,
            "runbook": first.runbook or None,
            "also": [one.headline for one in others if one.state != "in_sync"],
            "customers_in_sync": sizes.of(CUSTOMERS_IN_SYNC) if sizes else None,
            "people": sizes.of(EVERYONE) if sizes else None,
            "counted_as_of": _iso(sizes.as_of) if sizes else None,
            "last_event_at": _iso(connection.last_event_at),
            "silence": connection.rhythm.silence(now, connection.last_event_at),
            "lag_seconds": connection.lag_seconds,
            "queue": facts.waiting,
            "queues": dict(facts.queues),
            "dead": facts.dead,
            "due_seconds": facts.due_for,
            "checkpoint": _iso(checkpoint),
            "behind_seconds": None if checkpoint is None else max(0, now - checkpoint),
            "webhook": "polling" if connection.endpoint_id is None else "endpoint",
            "webhook_heard_at": _iso(connection.webhook_heard_at),
            "webhook_missed": connection.missed_events,
            "gap_since": _iso(connection.gap_since),
            "degraded": [*_degraded(connection), *self._not_shown(connection, now)],
            "last_import": None if facts.last_import is None else dict(facts.last_import),
            "last_reevaluation": None if facts.last_reevaluation is None else dict(facts.last_reevaluation),
        }

    def _has_people(self, connection: Connection) -> bool:
        sizes = self.counts.sizes(connection)
        return sizes is None or sizes.of(EVERYONE) > 0

    def _not_shown(self, connection: Connection, now: int) -> list[str]:
        """The prices and coupons without whose terms some MRR is not known, or is an estimate."""
        keys = [key for key, _ in self.catalogue.refused(connection.epoch, now + 1, NOT_SHOWN)]
        named = ", ".join(f"{key.kind} {key.id}" for key in keys[:NAMED])
        more = f" and {len(keys) - NAMED} more" if len(keys) > NAMED else ""
        return [f"not shown by Stripe when it was asked: {named}{more}"] if keys else []


def _degraded(connection: Connection) -> list[str]:
    """The optional permissions that the key lacks; none where it is not known what the key may do."""
    if not connection.permissions:
        return []
    return [f"{one.name}: {one.access}" for one in missing(connection.permissions, required=False)]


def _iso(instant: int | None) -> str | None:
    return None if instant is None else iso(instant)
