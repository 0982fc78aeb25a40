"""Disconnect: events are no longer accepted; the endpoint and the secrets go, and on request the people.

The connection itself stays, to remember its epochs: messages of an old one that are still under way must
never count as new.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from peoplesync.domain.connections import Connection, Epoch
from peoplesync.use_cases.connecting.connect import InvalidConnection, Queue, end_epoch
from peoplesync.use_cases.connecting.endpoints import Account, Webhook
from peoplesync.use_cases.connecting.endpoints import Secrets as EndpointsSecrets
from peoplesync.use_cases.ports import KeyRefused, NotPermitted


class Connections(Protocol):
    def get_even_disconnected(self, name: str) -> Connection | None: ...

    def disconnect(self, epoch: Epoch, at: int, *, for_good: bool) -> None:
        """Raises VersionConflict where another epoch has begun."""

    def note_endpoint(self, epoch: Epoch, endpoint: str | None, at: int) -> None:
        """Raises VersionConflict where another epoch has begun."""


class Secrets(EndpointsSecrets, Protocol):
    def forget_erasure_key(self, connection: str) -> None: ...


@dataclass(frozen=True)
class Disconnector:
    """The use case with what it needs; see `Connector`."""

    connections: Connections
    secrets: Secrets
    account: Callable[[str], Account]
    bulk: Queue
    webhook_url: Callable[[str], str]

    def disconnect(self, name: str, now: int, *, with_people: bool = False) -> str | None:
        """Disconnects, or completes a disconnecting that was interrupted. Returns the id of an endpoint that
        had to be left, since the key is no longer accepted.

        Raises InvalidConnection, VersionConflict, or Unavailable: then it is disconnected, and can be run
        again.
        """
        current = self.connections.get_even_disconnected(name)
        if current is None:
            raise InvalidConnection(f"there is no connection {name}")
        epoch = current.epoch
        if with_people:
            end_epoch(epoch, self.bulk, lambda: self.connections.disconnect(epoch, now, for_good=True))
            epoch = Epoch(name, epoch.number + 1)
        elif current.disconnected_at is None:
            self.connections.disconnect(epoch, now, for_good=False)
        left = self._remove_endpoint(current)
        self.secrets.forget_signing_secrets(name)
        self.secrets.forget_api_key(name)
        if with_people:
            # The markers of the erased go with the people. Where these stay, so does who is erased.
            self.secrets.forget_erasure_key(name)
        if current.endpoint_id is not None:
            self.connections.note_endpoint(epoch, None, now)
        return left

    def _remove_endpoint(self, connection: Connection) -> str | None:
        name, known = connection.name, connection.endpoint_id
        key = self.secrets.api_key(name, fresh=True)
        if key is None:
            return None
        try:
            Webhook(name, self.webhook_url(name), known, self.account(key), self.secrets).remove()
        except (KeyRefused, NotPermitted):
            return known
        return None
