"""Rotate: the webhook endpoint gets another signing secret.

Stripe's API rolls no secrets, so the endpoint is replaced. Until the old one is gone both sign, and both
secrets are accepted; what is delivered twice meanwhile counts once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from peoplesync.domain.connections import Connection, Epoch
from peoplesync.use_cases.connecting.connect import InvalidConnection
from peoplesync.use_cases.connecting.endpoints import Account, Secrets, Webhook


class Connections(Protocol):
    def get(self, name: str) -> Connection | None: ...

    def note_endpoint(self, epoch: Epoch, endpoint: str | None, at: int) -> None:
        """Clears the problems of the webhook. Raises VersionConflict where another epoch has begun."""


def rotate_secret(
    name: str,
    url: str,
    connections: Connections,
    secrets: Secrets,
    account: Callable[[str], Account],
    now: int,
) -> str:
    """Replaces the connection's endpoint at `url`, also one whose replacement was interrupted; its new id.

    Raises InvalidConnection, EndpointRefused, NotPermitted, VersionConflict or Unavailable, and can be run
    again.
    """
    connection = connections.get(name)
    if connection is None:
        raise InvalidConnection(f"there is no connection {name}")
    key = secrets.api_key(name, fresh=True)
    if connection.endpoint_id is None or key is None:
        raise InvalidConnection(f"{name} has no webhook endpoint: its events are polled")
    made = Webhook(name, url, connection.endpoint_id, account(key), secrets).replace()
    connections.note_endpoint(connection.epoch, made, now)
    return made
