"""Connections in DynamoDB as those see them who take something in: apart from what is defined in them, which
takes a while to load."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from pynamodb.exceptions import UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from peoplesync.adapters.dynamodb.errors import busy_as_unavailable, condition_failed
from peoplesync.adapters.dynamodb.tables import ConnectionRow, whole
from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.quiet_period import QuietPeriodBaseline, read_baseline
from peoplesync.domain.sweep_progress import SweepProgress, read_sweep_progress


@dataclass
class ConnectionsReader:
    """The connections of a stack.

    `cache_seconds` is how long an answer may be old: a function that only labels messages may be content
    with some seconds, the fold is not. `monotonic` is a stopwatch, not the system's time.
    """

    cache_seconds: float = 0
    monotonic: Callable[[], float] = time.monotonic
    _cached: dict[str, tuple[float, Connection]] = field(default_factory=dict)

    def get(self, name: str) -> Connection | None:
        """The connection; None where there is none of that name, or it is disconnected."""
        connection = self.get_even_disconnected(name)
        return None if connection is None or connection.disconnected_at is not None else connection

    def get_even_disconnected(self, name: str) -> Connection | None:
        """The connection of that name, if there ever was one."""
        asked_at = self.monotonic()
        if name in self._cached:
            cached_at, cached = self._cached[name]
            if asked_at - cached_at < self.cache_seconds:
                return cached
        try:
            with busy_as_unavailable():
                connection = connection_of(ConnectionRow.get(name, consistent_read=True))
        except ConnectionRow.DoesNotExist:
            return None
        self._cached[name] = asked_at, connection
        return connection

    def note_refused_signature(self, connection: Connection, at: int) -> None:
        """Remembers since when the webhook's signatures have been failing."""
        if connection.webhook_refused_since is None:
            self._cached.pop(connection.name, None)  # or a flood of requests would have each one written
            since = ConnectionRow.webhook_refused_since
            self._change(connection.epoch, [since.set(at)], since.does_not_exist())

    def _change(self, epoch: Epoch, actions: list[Action], only_if: Condition | None = None) -> bool:
        """Changes the connection's row, if it is still in this epoch and the condition holds; whether it did
        so."""
        current = ConnectionRow.epoch_number == epoch.number
        try:
            with busy_as_unavailable():
                ConnectionRow(epoch.connection).update(
                    actions=actions, condition=current if only_if is None else current & only_if
                )
        except UpdateError as error:
            if not condition_failed(error):
                raise
            return False
        return True


def connection_of(row: ConnectionRow) -> Connection:
    """The connection that a row holds."""
    return Connection(
        name=row.pk,
        livemode=row.livemode,
        epoch_number=int(row.epoch_number),
        definitions_version=int(row.definitions_version),
        created_at=int(row.created_at),
        last_event_at=whole(row.last_event_at),
        endpoint_id=row.endpoint_id,
        permissions=row.permissions_json or {},
        reconciled_until=whole(row.reconciled_until),
        gap_since=whole(row.gap_since),
        missed_events=int(row.missed_events or 0),
        key_refused_at=whole(row.key_refused_at),
        disconnected_at=whole(row.disconnected_at),
        lag_seconds=whole(row.lag_seconds),
        webhook_since=whole(row.webhook_since),
        webhook_heard_at=whole(row.webhook_heard_at),
        webhook_refused_since=whole(row.webhook_refused_since),
        webhook_missed_at=whole(row.webhook_missed_at),
        endpoint_problem=row.endpoint_problem,
        definitions_changed_at=whole(row.definitions_changed_at),
        erased_since=whole(row.erased_since),
        counted=bool(row.counted),
        sweep=read_sweep_progress(row.swept_json) if row.swept_json else SweepProgress(),
        rhythm=read_baseline(row.rhythm_json) if row.rhythm_json else QuietPeriodBaseline(),
    )
