"""The keyed hash by which the erased are remembered.

An e-mail and the id of an app user are personal by themselves, so of who was erased only an HMAC-SHA256 of
them is kept, under a key that each connection has for itself: without it nobody can try addresses. A Stripe
customer's id says nothing of a person, and is kept as it is.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.people.person import email_identity
from peoplesync.domain.records.activity import USER
from peoplesync.use_cases.ports import Unavailable

PERSONAL: Final = (email_identity(""), USER)
"""The prefixes of identities that are personal by themselves."""


def is_personal(identity: str) -> bool:
    """Whether an identity is never to be kept as it is once its person is erased."""
    return identity.startswith(PERSONAL)


def marker_of(key: str, identity: str) -> str:
    """The identity under which an erased one is remembered; `key` is the connection's, 32 bytes in hex."""
    hashed = hmac.new(bytes.fromhex(key), identity.encode(), hashlib.sha256)
    return f"erased:{hashed.hexdigest()}"


class Connections(Protocol):
    def get_even_disconnected(self, name: str) -> Connection | None:
        """The connection as it is now. Raises Unavailable."""


@dataclass(frozen=True)
class ErasureKeys:
    """Makes the markers to look for somebody by. `key` gives a connection's key, or raises Unavailable; what
    `connections` answers must not be older than the call."""

    connections: Connections
    key: Callable[[str], str | None]
    _begun: set[Epoch] = field(default_factory=set)

    def markers(self, epoch: Epoch, identities: Collection[str]) -> Mapping[str, str]:
        """The markers of the personal ones of these identities; none where nobody was ever erased.

        Raises Unavailable where somebody was, and the key cannot be had: then nobody can be recognized.
        """
        personal = [identity for identity in identities if is_personal(identity)]
        if not personal or not self._has_begun(epoch):
            return {}
        key = self._key(epoch.connection)
        return {identity: marker_of(key, identity) for identity in personal}

    def known_markers(self, epoch: Epoch, identities: Collection[str]) -> Mapping[str, str]:
        """The same, going by the connections that were seen before."""
        return self.markers(epoch, identities) if epoch in self._begun else {}

    def notice(self, connection: Connection | None) -> None:
        """Remembers whether anybody of a connection, as it was just read, was erased."""
        if connection is not None and connection.erased_since is not None:
            self._begun.add(connection.epoch)

    def _has_begun(self, epoch: Epoch) -> bool:
        if epoch in self._begun:
            return True
        self.notice(self.connections.get_even_disconnected(epoch.connection))
        return epoch in self._begun

    def _key(self, connection: str) -> str:
        key = self.key(connection)
        if key is None:
            raise Unavailable("the key by which the erased are known is missing")
        return key
