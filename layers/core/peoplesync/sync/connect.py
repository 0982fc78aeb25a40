"""Connect: a connection with its built-in fields, its eight segments and its secrets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from peoplesync.domain.connections import NAME_PATTERN, Connection, Epoch, is_connection_name
from peoplesync.domain.fields import FIELDS, Field
from peoplesync.domain.segments import PREDEFINED, Segment


class InvalidConnection(ValueError):
    """A connection that cannot be made; the message says what to change."""


class Connections(Protocol):
    def create(self, connection: Connection) -> None:
        """Does nothing where the connection is there already."""

    def define(self, epoch: Epoch, fields: Sequence[Field], segments: Sequence[Segment]) -> None: ...


class Secrets(Protocol):
    def store(self, connection: str, signing_secret: str, api_key: str) -> None: ...


def connect(
    name: str, api_key: str, signing_secret: str, connections: Connections, secrets: Secrets, now: int
) -> Connection:
    """Makes the connection, or completes one that was half made: running it twice doubles nothing.

    The connection itself comes last, so that no event is accepted before it can be dealt with.
    """
    if not is_connection_name(name):
        raise InvalidConnection(f"a connection's name matches {NAME_PATTERN.pattern}; {name!r} does not")
    livemode = api_key.startswith("rk_live_")
    connection = Connection(name, livemode, epoch_number=1, definitions_version=1, created_at=now)
    secrets.store(name, signing_secret, api_key)
    connections.define(connection.epoch, FIELDS, PREDEFINED)
    connections.create(connection)
    return connection
