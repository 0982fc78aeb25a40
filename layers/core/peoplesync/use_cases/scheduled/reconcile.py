"""Reconcile: what the webhook may have missed is read from Stripe's list of events.

It reads forward from the checkpoint, in slices of time. A slice is finished when all its events are on the
bulk queue; only then the checkpoint moves to its end, so that an interruption anywhere loses nothing, and the
longest outage needs no single long run. That events come twice does not matter: the fold counts each once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, cast

from peoplesync.domain.catalogue import CatalogueKey
from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.quiet_period import QuietPeriodBaseline
from peoplesync.domain.stripe_objects import UnreadableStripeObject
from peoplesync.domain.stripe_objects.reading import created_of
from peoplesync.use_cases.messages.message import MAX_BYTES, Ask, AskedKind, BulkBatch, Message
from peoplesync.use_cases.messages.packing import chunks_of_events
from peoplesync.use_cases.ports import Endpoints, KeyRefused, Lists, NotPermitted, RateLimited, Unavailable
from peoplesync.use_cases.stripe_reads.event_lists import Patient, SliceTooLarge, WrongMode, events_between

OVERLAP: Final = 600
"""Seconds before the checkpoint that are read again: events can become visible so much later."""

KEPT_BY_STRIPE: Final = 30 * 86_400
"""Seconds for which Stripe keeps events."""

ASKED_EVERY: Final = 86_400
ASKED_AT_ONCE: Final = 100
"""Seconds after which Stripe is asked again for what it did not show, and for how many things in a turn."""

FIRST_SLICE: Final = 3_600
LONGEST_SLICE: Final = 86_400
NAMED: Final = 20
"""How many unreadable objects are named at most."""

FEW_PAGES: Final = 6
"""After a slice of so few pages the next one may be longer."""


class Connections(Protocol):
    """All writes are bound to the epoch: in another one they do nothing."""

    def all(self) -> Iterable[Connection]: ...

    def get(self, name: str) -> Connection | None: ...

    def advance(self, epoch: Epoch, until: int, rhythm: QuietPeriodBaseline) -> None:
        """Moves the checkpoint forward, never back, and with it the rhythm: a slower run sets neither."""

    def note_gap(self, epoch: Epoch, since: int) -> None:
        """Remembers that events are lost from then on; of two gaps the older one."""

    def note_key(self, epoch: Epoch, refused_at: int | None) -> None:
        """Remembers since when the key is refused; None: it is accepted."""

    def note_endpoint_problem(self, epoch: Epoch, endpoint: str, problem: str | None) -> None:
        """Remembers that the endpoint is gone or disabled; None: it is fine. With another endpoint than this
        one it does nothing."""


class Catalogue(Protocol):
    def refused(self, epoch: Epoch, before: int, most: int) -> Sequence[tuple[CatalogueKey, int]]:
        """At most so many things that Stripe did not show when last asked, and when that was, if before
        that instant. Raises Unavailable."""


class Queue(Protocol):
    def send(self, body: str, delay: int = 0) -> None: ...


@dataclass
class Reconciled:
    """The result of a connection's turn: so many `events` in so many `messages`, which were created
    from `since` on and before `until`; `done` when that is now. `problem` is the word for what stopped it:
    key_refused, not_permitted, rate_limited, unavailable, wrong_mode or replaced. `too_large` counts events
    that no message can carry. `unreadable` are what could not be read, by its message: it is on its way to
    the dead letters, with its reason, and the others go on."""

    connection: str
    since: int
    until: int
    events: int = 0
    messages: int = 0
    too_large: int = 0
    unreadable: dict[str, UnreadableStripeObject] = field(default_factory=dict)
    done: bool = False
    problem: str | None = None

    def public(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "connection": self.connection,
            "events": self.events,
            "messages": self.messages,
            "too_large": self.too_large,
            "unreadable": [one.public() for one in list(self.unreadable.values())[:NAMED]],
            "from": self.since,
            "to": self.until,
            "done": self.done,
            "problem": self.problem,
        }


@dataclass(frozen=True)
class Reconciler:
    """The use case with what it needs. `monotonic` is a stopwatch, not the system's time; `sleep` waits."""

    lists: Lists
    endpoints: Endpoints
    connections: Connections
    catalogue: Catalogue
    bulk: Queue
    clock: Callable[[], int]
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]

    def reconcile(
        self, seconds: float, name: str | None = None, since: int | None = None
    ) -> Sequence[Reconciled]:
        """Gives every connection, or the one of that name, its turn within about so many seconds; each gets
        beyond what it reads again, unless Stripe refuses. With `since`, events are read again from there.

        The one least behind goes first and leaves the others its time. A crash of one turn is raised when all
        have had theirs.
        """
        wanted = [one for one in self.connections.all() if name in (None, one.name)]
        wanted = [one for one in wanted if one.disconnected_at is None]
        wanted.sort(key=_checkpoint, reverse=True)
        ends_at = self.monotonic() + seconds
        crash: Exception | None = None
        turns: list[Reconciled] = []
        for place, connection in enumerate(wanted):
            share = (ends_at - self.monotonic()) / (len(wanted) - place)
            turn = self._begin(connection, since)
            turns.append(turn)
            try:
                self._walk(connection, turn, self.monotonic() + share)
            except Exception as error:
                crash = crash or error
        if crash is not None:
            raise crash
        return turns

    def _begin(self, connection: Connection, since: int | None) -> Reconciled:
        """Where a turn begins: never after the checkpoint, or the events in between would be skipped."""
        begins_at = _checkpoint(connection) - OVERLAP
        if since is not None:
            begins_at = min(begins_at, since)
        begins_at = max(begins_at, self.clock() - KEPT_BY_STRIPE)
        return Reconciled(connection.name, begins_at, begins_at)

    def _walk(self, connection: Connection, turn: Reconciled, ends_at: float) -> None:
        try:
            if _checkpoint(connection) < self.clock() - KEPT_BY_STRIPE:
                self.connections.note_gap(connection.epoch, _checkpoint(connection))
            self._slices(connection, turn, ends_at)
            self._look_at_endpoint(connection)
            self._ask_again(connection)
        except KeyRefused:
            turn.problem = "key_refused"
            if connection.key_refused_at is None:
                self.connections.note_key(connection.epoch, self.clock())
        except NotPermitted:
            turn.problem = "not_permitted"
        except WrongMode:
            turn.problem = "wrong_mode"
        except RateLimited:
            turn.problem = "rate_limited"
        except Unavailable:
            turn.problem = "unavailable"

    def _slices(self, connection: Connection, turn: Reconciled, ends_at: float) -> None:
        lists = Patient(self.lists, self.sleep)
        end, length = self.clock() + 1, FIRST_SLICE
        times: list[int] = []
        while turn.until < end:
            now = self.connections.get(connection.name)
            if now is None or now.epoch != connection.epoch or now.disconnected_at is not None:
                turn.problem = "replaced"
                return
            until = min(turn.until + length, end)
            try:
                found = events_between(lists, now.name, now.livemode, turn.until, until)
            except SliceTooLarge as unsharing:
                length = unsharing.length
                continue
            for events in chunks_of_events(found.events):
                self._send(now.epoch, events, turn)
            times = [at for at in times if at >= now.rhythm.until]
            created = (created_of(event) or 0 for event in found.events)
            times += (at for at in created if turn.until <= at < until)
            turn.unreadable |= {str(one): one for one in found.unreadable}
            # An event may become visible late: the time in which one still can is not counted yet.
            rhythm = now.rhythm.with_events(times, min(until, found.as_of - OVERLAP))
            # Stripe's answer holds only what it knew when it was asked.
            self.connections.advance(now.epoch, min(until, found.as_of), rhythm)
            if now.key_refused_at is not None:
                self.connections.note_key(now.epoch, None)
            turn.events += len(found.events)
            turn.until = until
            if found.pages <= FEW_PAGES:
                length = min(2 * length, LONGEST_SLICE)
            # What is read again must not take all of every run's time, or no run would get beyond it.
            if self.monotonic() >= ends_at and until - turn.since > OVERLAP:
                break
        turn.done = turn.until >= end

    def _ask_again(self, connection: Connection) -> None:
        """Asks again for what Stripe did not show a day ago, or to the key before: it may show it now."""
        before = max(self.clock() - ASKED_EVERY, connection.webhook_since or 0)
        for key, asked_at in self.catalogue.refused(connection.epoch, before, ASKED_AT_ONCE):
            ask = Ask(cast(AskedKind, key.kind), key.id, after=asked_at)
            self.bulk.send(Message(connection.epoch, ask=ask, cause="reconcile").encode())

    def _look_at_endpoint(self, connection: Connection) -> None:
        """A deleted webhook cannot report it, so Stripe is asked. Without Stripe's answer nothing is
        known."""
        endpoint = connection.endpoint_id
        if endpoint is None:
            return
        try:
            state = self.endpoints.endpoint_state(connection.name, endpoint)
            problem = None if state == "enabled" else state
            if problem != connection.endpoint_problem:
                self.connections.note_endpoint_problem(connection.epoch, endpoint, problem)
        except (Unavailable, NotPermitted):
            return

    def _send(self, epoch: Epoch, events: tuple[Any, ...], turn: Reconciled) -> None:
        body = Message(epoch, chunk=BulkBatch(events=events), cause="reconcile").encode()
        if len(body.encode()) > MAX_BYTES:
            turn.too_large += len(events)
            return
        self.bulk.send(body)
        turn.messages += 1


def _checkpoint(connection: Connection) -> int:
    """Up to when all events are known: before it was connected, none are asked for."""
    return connection.created_at if connection.reconciled_until is None else connection.reconciled_until
