"""The keys with which Stripe is asked on behalf of connections."""

from __future__ import annotations

from dataclasses import dataclass

from peoplesync.adapters.aws.secrets import Secrets
from peoplesync.adapters.dynamodb.connections import ConnectionsStore
from peoplesync.use_cases.connecting.permissions import is_live


@dataclass(frozen=True)
class ApiKeys:
    """A connection's key, of the mode that the connection is in.

    A key is cached for a minute, which may outlive its epoch: with it, test people would be listed for a
    connection that has just gone live. So a caller that knows an epoch *before* asking Stripe gets the
    objects of that epoch's mode, or of a later one's, in which what it does with them no longer counts.
    """

    connections: ConnectionsStore
    secrets: Secrets

    def __call__(self, connection: str) -> str | None:
        """The key; None where the connection has none that it may use."""
        return self._of_its_mode(connection) or self.fresh(connection)

    def fresh(self, connection: str) -> str | None:
        """The same, not from the cache."""
        return self._of_its_mode(connection, fresh=True)

    def _of_its_mode(self, connection: str, *, fresh: bool = False) -> str | None:
        found = self.connections.get(connection)
        key = self.secrets.api_key(connection, fresh=fresh) if found else None
        return key if key and found and is_live(key) is found.livemode else None
