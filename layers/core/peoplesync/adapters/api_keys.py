"""The keys with which Stripe is asked on behalf of connections."""

from __future__ import annotations

from dataclasses import dataclass

from peoplesync.adapters.connections_store import ConnectionsStore
from peoplesync.adapters.secrets import Secrets
from peoplesync.sync.permissions import is_live


@dataclass(frozen=True)
class ApiKeys:
    """A connection's key, of the mode that the connection is in.

    A key is cached for a minute, which may outlive its epoch: with it, test people would be listed for a
    connection that has just gone live. So whoever knows an epoch *before* asking Stripe gets the objects of
    that epoch's mode, or of a later one's, in which what they do with them counts no more.
    """

    connections: ConnectionsStore
    secrets: Secrets

    def __call__(self, connection: str) -> str | None:
        """The key; None where the connection has none that it may use."""
        found = self.connections.get(connection)
        if found is None:
            return None
        key = self.secrets.api_key(connection)
        if key and is_live(key) is not found.livemode:
            key = self.secrets.api_key(connection, fresh=True)
        return key if key and is_live(key) is found.livemode else None
