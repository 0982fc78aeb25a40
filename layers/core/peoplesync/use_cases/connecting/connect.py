"""Connect: from a restricted key to a connection with its fields, segments, endpoint and secrets.

First everything is checked and nothing changed; then it is done in an order that lets an interrupted command
begin again: the connection itself comes last, so that no event is accepted before it can be dealt with.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from peoplesync.domain.connections import NAME_PATTERN, Connection, Epoch, is_connection_name
from peoplesync.domain.fields.built_in import FIELDS, Field
from peoplesync.domain.people.person import EVERYONE
from peoplesync.domain.segments.definitions import PREDEFINED, Segment
from peoplesync.use_cases.connecting.endpoints import Account, Secrets, Webhook
from peoplesync.use_cases.connecting.permissions import PERMISSIONS, MissingPermissions, livemode_of, missing
from peoplesync.use_cases.messages.message import Message, Purge
from peoplesync.use_cases.ports import NotPermitted, Unavailable, VersionConflict

LATE_WRITES: Final = 120
"""Seconds after which nobody still writes in an epoch that is over: a worker's batch lasts 15, one of the
people's stream, which adds to the read models, up to 60. Both look first whether the epoch is over."""


OLDEST_VERSION: Final = "2019-03-14"
"""The first of Stripe's API versions whose events show all that is read."""

_VERSION: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


class InvalidConnection(ValueError):
    """A connection that cannot be made or changed like this; the message says what to do instead."""


class Unconfirmed(Exception):
    """People would be deleted, and nobody has agreed to it."""


class Connections(Protocol):
    def get_even_disconnected(self, name: str) -> Connection | None: ...

    def create(self, connection: Connection) -> None:
        """Does nothing where the connection is there already."""

    def begin_epoch(self, connection: Connection) -> None:
        """Raises VersionConflict where another epoch has begun."""

    def renew(self, epoch: Epoch, endpoint: str | None, permissions: Mapping[str, bool], at: int) -> None:
        """Clears the problems of key and webhook. Raises VersionConflict where another epoch has
        begun."""

    def fields(self, epoch: Epoch) -> Sequence[Field]: ...

    def segments(self, epoch: Epoch) -> Sequence[Segment]: ...

    def define(self, epoch: Epoch, fields: Sequence[Field], segments: Sequence[Segment]) -> None: ...


class People(Protocol):
    def count(self, epoch: Epoch, index: str) -> int: ...


class Queue(Protocol):
    def send(self, body: str, delay: int = 0) -> None: ...


@dataclass(frozen=True)
class Examined:
    """A key that could become a connection's. `current` is the connection as it is, if there ever was one;
    `people` are those who would be deleted, since they belong to the other mode; `events_version` is the API
    version of Stripe's newest event, None where that is not known."""

    name: str
    api_key: str = field(repr=False)
    livemode: bool
    permissions: Mapping[str, bool]
    current: Connection | None = None
    people: int = 0
    events_version: str | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings that do not stop the command, in sentences."""
        version = self.events_version
        if version is None or not _VERSION.match(version) or version[:10] >= OLDEST_VERSION:
            return ()
        return (
            f"Stripe lists this account's events in API version {version}. Those before {OLDEST_VERSION} "
            "show less than peoplesync reads: what import and reconcile replay of them may be incomplete. "
            "What Stripe sends to peoplesync's endpoint is of a current version. Upgrade the API version in "
            "Stripe's Workbench: https://dashboard.stripe.com/workbench",
        )

    @property
    def begins_epoch(self) -> bool:
        """Whether the connection changes its mode, so that the people there are go."""
        return self.current is not None and self.current.livemode is not self.livemode


@dataclass(frozen=True)
class Connected:
    """A connection that was made. `left_endpoint` is the id of an endpoint that is no longer of use, but
    could not be deleted with the key it was made with."""

    connection: Connection
    left_endpoint: str | None = None


@dataclass(frozen=True)
class Connector:
    """The use case with what it needs: `account` opens Stripe's account with a key, `webhook_url` says where
    a connection's events are to be sent."""

    connections: Connections
    people: People
    secrets: Secrets
    account: Callable[[str], Account]
    bulk: Queue
    webhook_url: Callable[[str], str]

    def examine(self, name: str, api_key: str) -> Examined:
        """Looks at everything and changes nothing. Raises InvalidConnection, UnusableKey or Unavailable."""
        if not is_connection_name(name):
            raise InvalidConnection(f"a connection's name matches {NAME_PATTERN.pattern}; {name!r} does not")
        livemode = livemode_of(api_key)
        current = self.connections.get_even_disconnected(name)
        people = 0
        if current is not None and current.livemode is not livemode:
            people = self.people.count(current.epoch, EVERYONE)
            if current.livemode and (people or current.disconnected_at is None):
                raise InvalidConnection(
                    f"{name} is a live connection, and does not go back to test mode. Connect the test key "
                    "beside it, under another name: --connection NAME"
                )
        account = self.account(api_key)
        permissions = {one.slug: account.may(one.slug) for one in PERMISSIONS}
        return Examined(name, api_key, livemode, permissions, current, people, account.events_version())

    def connect(
        self, examined: Examined, now: int, *, webhook: bool = True, people_may_go: bool = False
    ) -> Connected:
        """Makes the connection, or completes one that was half made: running it twice doubles nothing.

        Raises MissingPermissions or Unconfirmed before anything is done; later InvalidConnection,
        EndpointRefused, NotPermitted, VersionConflict or Unavailable, and can be run again.
        """
        if lacking := missing(examined.permissions, required=True):
            raise MissingPermissions(lacking)
        if examined.begins_epoch and not people_may_go:
            raise Unconfirmed(f"{examined.people} people of {examined.name} would be deleted")
        examined = self._as_it_is_now(examined)
        current, made = examined.current, _made(examined, now)
        if current is None or current.disconnected_at is not None or made.epoch != current.epoch:
            self._define(made.epoch, current)
        old_key = self.secrets.api_key(examined.name, fresh=True)
        made, left = self._with_endpoint(examined, made, old_key, webhook=webhook)
        self.secrets.store_api_key(examined.name, examined.api_key)
        if current is None:
            self.connections.create(made)
        elif made.epoch == current.epoch:
            self.connections.renew(made.epoch, made.endpoint_id, made.permissions, now)
        else:
            end_epoch(current.epoch, self.bulk, lambda: self.connections.begin_epoch(made))
        return Connected(self.connections.get_even_disconnected(examined.name) or made, left)

    def _as_it_is_now(self, examined: Examined) -> Examined:
        """The connection now, since the examination may be long ago; raises VersionConflict where it has
        changed."""
        now = self.connections.get_even_disconnected(examined.name)
        before = examined.current
        if (now and now.epoch) != (before and before.epoch):
            raise VersionConflict(f"somebody else has changed {examined.name}")
        return replace(examined, current=now)

    def _define(self, epoch: Epoch, source: Connection | None) -> None:
        """The built-in fields and predefined segments; or all as the connection had it before, with what was
        added, renamed and disabled."""
        fields = self.connections.fields(source.epoch) if source else ()
        segments = self.connections.segments(source.epoch) if source else ()
        self.connections.define(epoch, fields or FIELDS, segments or PREDEFINED)

    def _with_endpoint(
        self, examined: Examined, made: Connection, old_key: str | None, *, webhook: bool
    ) -> tuple[Connection, str | None]:
        """The connection with its endpoint at Stripe, and the one that had to be left."""
        known = examined.current.endpoint_id if examined.current else None
        url = self.webhook_url(made.name)
        theirs = Webhook(made.name, url, known, self.account(examined.api_key), self.secrets)
        if webhook:
            made = replace(made, endpoint_id=theirs.settle())
        else:
            theirs.remove()
        if known is None or known == made.endpoint_id or old_key in (None, examined.api_key):
            return made, None
        # Of another mode or account, the new key does not see the old endpoint. A key that is not accepted
        # any more cannot delete it; nothing waits for that.
        with suppress(Unavailable, NotPermitted):
            self.account(old_key).delete_endpoint(known)
            return made, None
        return made, known


def _made(examined: Examined, now: int) -> Connection:
    """The new connection, but for its endpoint."""
    current = examined.current
    if current is None:
        made = Connection(examined.name, examined.livemode, 1, 1, now, reconciled_until=now)
    elif examined.begins_epoch:
        made = Connection(
            examined.name,
            examined.livemode,
            current.epoch_number + 1,
            current.definitions_version,
            current.created_at,
            reconciled_until=now,
        )
    else:
        made = replace(
            current,
            key_refused_at=None,
            disconnected_at=None,
            endpoint_problem=None,
            webhook_refused_since=None,
            webhook_missed_at=None,
        )
    return replace(made, endpoint_id=None, permissions=examined.permissions, webhook_since=now)


def end_epoch(epoch: Epoch, bulk: Queue, end: Callable[[], None]) -> None:
    """Ends an epoch, and has its rows deleted: at once, and once more when nobody can still be writing.
    The second order is given first, so that an interruption in between cannot skip it."""
    purge = Message(epoch, purge=Purge(), cause="moved").encode()
    bulk.send(purge, LATE_WRITES)
    end()
    bulk.send(purge)
