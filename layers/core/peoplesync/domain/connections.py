"""Connections: one Stripe account in one mode, and its epochs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from peoplesync.domain.quiet_period import QuietPeriodBaseline
from peoplesync.domain.sweep_progress import SweepProgress

NAME_PATTERN: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")


@dataclass(frozen=True)
class Epoch:
    """What all data is keyed by: a connection's life in one mode. A new one begins when a test key is
    replaced by a live one, so that nothing of the test people can reach the live ones."""

    connection: str
    number: int

    def __str__(self) -> str:
        return f"{self.connection}#{self.number}"


@dataclass(frozen=True)
class Connection:
    """A connected Stripe account. `livemode` is Stripe's word for "not test mode".

    `endpoint_id` is the webhook endpoint's at Stripe, None where events are only polled; `permissions` says
    by their slugs what the key may do. All events up to `reconciled_until`, the checkpoint, have been taken
    over; those from `gap_since` on were missed for longer than Stripe keeps them, so that only an import can
    make up for it. `missed_events` counts what the reconciler found and the webhook had not delivered.
    `key_refused_at` is when Stripe began to refuse the key.

    Of the webhook: `webhook_since` is when it was connected, `webhook_heard_at` when its last event was
    applied, `webhook_refused_since` since when the signatures of all that comes are wrong,
    `webhook_missed_at` when the newest event happened that only the reconciler brought, `endpoint_problem`
    what Stripe says of the endpoint: gone or disabled.

    `erased_since` is when the first of its people was to be erased, None where nobody ever was.

    `definitions_changed_at` is when segments or fields were last changed, None where they are as the
    connection began with them.

    `counted` says whether the read models know everybody: those of a connection from before there were any
    begin with `peoplesync reindex`.

    `lag_seconds` is how long the newest event took from Stripe's `created` until it was applied; `sweep` is
    how far those whom the clock may have moved are handed out, `rhythm` how long the account is usually quiet
    between two events.
    """

    name: str
    livemode: bool
    epoch_number: int
    definitions_version: int
    created_at: int
    last_event_at: int | None = None
    endpoint_id: str | None = None
    permissions: Mapping[str, bool] = field(default_factory=dict)
    reconciled_until: int | None = None
    gap_since: int | None = None
    missed_events: int = 0
    key_refused_at: int | None = None
    disconnected_at: int | None = None
    lag_seconds: int | None = None
    webhook_since: int | None = None
    webhook_heard_at: int | None = None
    webhook_refused_since: int | None = None
    webhook_missed_at: int | None = None
    endpoint_problem: str | None = None
    definitions_changed_at: int | None = None
    erased_since: int | None = None
    counted: bool = True
    sweep: SweepProgress = field(default_factory=SweepProgress)
    rhythm: QuietPeriodBaseline = field(default_factory=QuietPeriodBaseline)

    @property
    def epoch(self) -> Epoch:
        return Epoch(self.name, self.epoch_number)


def is_connection_name(name: str) -> bool:
    """Whether a connection may be called that: it becomes part of the webhook's URL and of secrets' names."""
    return NAME_PATTERN.fullmatch(name) is not None
