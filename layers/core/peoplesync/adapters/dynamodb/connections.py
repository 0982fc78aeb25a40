"""Connections and their definitions in DynamoDB."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from pynamodb.attributes import Attribute
from pynamodb.exceptions import PutError, UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from peoplesync.adapters.dynamodb.connections_reader import ConnectionsReader, connection_of
from peoplesync.adapters.dynamodb.definitions import StoredDefinitions
from peoplesync.adapters.dynamodb.errors import busy_as_unavailable, condition_failed
from peoplesync.adapters.dynamodb.tables import ConnectionRow
from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.quiet_period import QuietPeriodBaseline
from peoplesync.domain.segments.definitions import Definitions
from peoplesync.domain.sweep_progress import SweepProgress
from peoplesync.use_cases.ports import VersionConflict

LAST_EVENT_STEP: Final = 60
"""Seconds by which `last_event_at` must rise to be worth a write."""

HEARD_STEP: Final = 60
"""Seconds by which `webhook_heard_at` must rise to be worth a write."""


SETTLED_AFTER: Final = 2
"""Seconds after which all that was written with a version of the definitions shows."""


@dataclass(frozen=True)
class _Known:
    """Definitions as they were read, of a version that was first seen at `since`, by the stopwatch."""

    definitions: Definitions
    since: float
    settled: bool


@dataclass
class ConnectionsStore(StoredDefinitions, ConnectionsReader):
    """The connections of a stack, with what is defined in their epochs."""

    _definitions: dict[Epoch, _Known] = field(default_factory=dict)

    def definitions(self, connection: Connection) -> Definitions:
        """The definitions of the connection's epoch, read again only when their version has risen.

        For some seconds after a change they are read with each call: a row that was written with the version
        may show a moment later than the version does, and this process would go by the older one for good.
        """
        epoch, version, now = connection.epoch, connection.definitions_version, self.monotonic()
        known = self._definitions.get(epoch)
        if known is not None and known.definitions.version == version and known.settled:
            return known.definitions
        since = known.since if known is not None and known.definitions.version == version else now
        read = Definitions(version, tuple(self.segments(epoch)), tuple(self.fields(epoch)))
        never_changed = connection.definitions_changed_at is None
        settled = never_changed or now >= since + SETTLED_AFTER
        self._definitions[epoch] = _Known(read, since, settled)
        return read

    def all(self) -> list[Connection]:
        """All connections but the disconnected ones, by name."""
        return [one for one in self.all_even_disconnected() if one.disconnected_at is None]

    def all_even_disconnected(self) -> list[Connection]:
        """All connections that there ever were, by name."""
        return sorted(map(connection_of, ConnectionRow.scan()), key=lambda connection: connection.name)

    def create(self, connection: Connection) -> None:
        """Adds a connection; one that is there already stays as it is."""
        with suppress(VersionConflict):
            self._put(connection, ConnectionRow.pk.does_not_exist())

    def begin_epoch(self, connection: Connection) -> None:
        """The connection from now on: nothing of the epoch before counts. Raises VersionConflict
        where it is not the epoch before that is there."""
        self._put(connection, ConnectionRow.epoch_number == connection.epoch_number - 1)

    def renew(self, epoch: Epoch, endpoint: str | None, permissions: Mapping[str, bool], at: int) -> None:
        """The connection is connected, by a key that may do this. Raises VersionConflict in another epoch."""
        self._update(
            epoch,
            *_another_webhook(endpoint, at),
            ConnectionRow.permissions_json.set(dict(permissions)),
            ConnectionRow.key_refused_at.remove(),
            ConnectionRow.disconnected_at.remove(),
        )

    def note_endpoint(self, epoch: Epoch, endpoint: str | None, at: int) -> None:
        """The connection has this webhook endpoint now. Raises VersionConflict in another epoch."""
        self._update(epoch, *_another_webhook(endpoint, at))

    def disconnect(self, epoch: Epoch, at: int, *, for_good: bool) -> None:
        """The connection is no longer used; `for_good` ends its epoch too, so that nothing can be
        done to its people but to delete them. Raises VersionConflict in another epoch."""
        next_epoch = ConnectionRow.epoch_number.set(epoch.number + 1)
        ended = [next_epoch, ConnectionRow.erased_since.remove()] if for_good else []
        self._update(epoch, ConnectionRow.disconnected_at.set(at), *ended)

    def note_erasing(self, epoch: Epoch, at: int) -> None:
        """Remembers that from now on some people are known to be erased. Raises VersionConflict in another
        epoch."""
        self._update(epoch, ConnectionRow.erased_since.set(ConnectionRow.erased_since | at))

    def note_counted(self, epoch: Epoch) -> None:
        """Remembers that the read models know everybody. Raises VersionConflict in another epoch."""
        self._update(epoch, ConnectionRow.counted.set(True))

    def _put(self, connection: Connection, condition: Condition) -> None:
        self._cached.pop(connection.name, None)
        try:
            with busy_as_unavailable():
                _to_row(connection).save(condition=condition)
        except PutError as error:
            _raise_version_conflict(error)
            raise

    def _update(self, epoch: Epoch, *actions: Action) -> None:
        self._cached.pop(epoch.connection, None)
        try:
            with busy_as_unavailable():
                ConnectionRow(epoch.connection).update(
                    actions=list(actions), condition=ConnectionRow.epoch_number == epoch.number
                )
        except UpdateError as error:
            _raise_version_conflict(error)
            raise

    def note_heard(self, connection: Connection, newest: int, delivered_at: int | None, lag: int) -> None:
        """See `ports.Connections`. Each is noted once a minute at most; a delivery at once where the webhook
        was thought to be refused."""
        heard, last = ConnectionRow.last_event_at, connection.last_event_at
        event: list[Action] = []
        if last is None or newest >= last + LAST_EVENT_STEP:
            event = [heard.set(newest)]
        delivery: list[Action] = []
        if delivered_at is not None and _is_worth_noting(connection, delivered_at):
            delivery = [
                ConnectionRow.webhook_heard_at.set(delivered_at),
                ConnectionRow.lag_seconds.set(lag),
                ConnectionRow.webhook_refused_since.remove(),
            ]
        if event:
            is_newer = heard.does_not_exist() | (heard <= newest - LAST_EVENT_STEP)
            if self._change(connection.epoch, event + delivery, is_newer):
                return
        if delivery:
            self._change(connection.epoch, delivery)

    def advance(self, epoch: Epoch, until: int, rhythm: QuietPeriodBaseline) -> None:
        """Moves the checkpoint forward, never back, and with it the rhythm."""
        checkpoint = ConnectionRow.reconciled_until
        self._change(
            epoch,
            [checkpoint.set(until), ConnectionRow.rhythm_json.set(rhythm.as_json())],
            checkpoint.does_not_exist() | (checkpoint < until),
        )

    def note_gap(self, epoch: Epoch, since: int) -> None:
        """Remembers that events are lost from then on; of two gaps the older one."""
        gap = ConnectionRow.gap_since
        self._change(epoch, [gap.set(since)], gap.does_not_exist() | (gap > since))

    def close_gap(self, epoch: Epoch, at: int) -> None:
        """A full import that started at `at` made up for a gap that began before."""
        gap = ConnectionRow.gap_since
        self._change(epoch, [gap.remove()], gap <= at)

    def note_key(self, epoch: Epoch, refused_at: int | None) -> None:
        """Remembers since when the API key is refused; None: it is accepted."""
        refused = ConnectionRow.key_refused_at
        if refused_at is None:
            self._change(epoch, [refused.remove()], refused.exists())
        else:
            self._change(epoch, [refused.set(refused_at)], refused.does_not_exist())

    def note_endpoint_problem(self, epoch: Epoch, endpoint: str, problem: str | None) -> None:
        """Remembers what Stripe says of the connection's endpoint, unless it has another one meanwhile."""
        self._change(
            epoch,
            [_set(ConnectionRow.endpoint_problem, problem)],
            ConnectionRow.endpoint_id == endpoint,
        )

    def note_missed(self, epoch: Epoch, count: int, newest: int) -> None:
        """Adds to the count of events that the webhook had not delivered; the newest happened at that
        instant."""
        self._change(epoch, [ConnectionRow.missed_events.add(count)])
        at = ConnectionRow.webhook_missed_at
        self._change(epoch, [at.set(newest)], at.does_not_exist() | (at < newest))

    def note_sweep(self, epoch: Epoch, sweep: SweepProgress) -> None:
        """Stores how far the sweep has handed out due people."""
        self._change(epoch, [ConnectionRow.swept_json.set(sweep.as_json())])


def _is_worth_noting(connection: Connection, delivered_at: int) -> bool:
    last = connection.webhook_heard_at
    is_refused = connection.webhook_refused_since is not None
    return is_refused or last is None or delivered_at >= last + HEARD_STEP


def _another_webhook(endpoint: str | None, at: int) -> list[Action]:
    """Clears the problems of the webhook."""
    return [
        ConnectionRow.webhook_since.set(at),
        _set(ConnectionRow.endpoint_id, endpoint),
        ConnectionRow.endpoint_problem.remove(),
        ConnectionRow.webhook_refused_since.remove(),
        ConnectionRow.webhook_missed_at.remove(),
    ]


def _set(attribute: Attribute[Any], value: Any) -> Action:
    return attribute.remove() if value is None else attribute.set(value)


def _raise_version_conflict(error: PutError | UpdateError) -> None:
    if condition_failed(error):
        raise VersionConflict("somebody else has changed this connection") from error


def _to_row(connection: Connection) -> ConnectionRow:
    return ConnectionRow(
        pk=connection.name,
        livemode=connection.livemode,
        epoch_number=connection.epoch_number,
        definitions_version=connection.definitions_version,
        created_at=connection.created_at,
        last_event_at=connection.last_event_at,
        endpoint_id=connection.endpoint_id,
        permissions_json=dict(connection.permissions),
        reconciled_until=connection.reconciled_until,
        gap_since=connection.gap_since,
        missed_events=connection.missed_events,
        key_refused_at=connection.key_refused_at,
        disconnected_at=connection.disconnected_at,
        lag_seconds=connection.lag_seconds,
        webhook_since=connection.webhook_since,
        webhook_heard_at=connection.webhook_heard_at,
        webhook_refused_since=connection.webhook_refused_since,
        webhook_missed_at=connection.webhook_missed_at,
        endpoint_problem=connection.endpoint_problem,
        definitions_changed_at=connection.definitions_changed_at,
        erased_since=connection.erased_since,
        counted=connection.counted,
        swept_json=connection.sweep.as_json(),
        rhythm_json=connection.rhythm.as_json(),
    )
