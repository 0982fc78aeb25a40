"""The webhook endpoint at Stripe: one for each connection, found by its URL.

Stripe shows an endpoint's secret once, when it is created, and fixes its API version then. So an endpoint is
kept only where its one secret is known for sure, and is replaced otherwise: the new one is there, and its
secret known beside the old, before the old one goes. After an interruption, running it again ends the same.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from peoplesync.domain.catalogue import EVENT_TYPES as CATALOGUE_EVENT_TYPES
from peoplesync.domain.records.changes import EVENT_TYPES

API_VERSION: Final = "2026-10-28.endive"
"""The API version of the events that Stripe sends us, whatever the account's own version is."""

EVENTS: Final = EVENT_TYPES | CATALOGUE_EVENT_TYPES
"""The types of events that are of use."""

ALL: Final = "*"


class EndpointRefused(Exception):
    """Stripe does not take an endpoint: its URL cannot be reached from outside, or there are 16 already."""


@dataclass(frozen=True)
class Endpoint:
    """A webhook endpoint; its `secret` is known only where it was created a moment ago."""

    id: str
    url: str
    api_version: str | None
    events: frozenset[str]
    enabled: bool = True
    secret: str = ""


class Account(Protocol):
    """A Stripe account, as one of its keys opens it. Everything raises Unavailable (among it KeyRefused), and
    NotPermitted where not said otherwise."""

    def may(self, permission: str) -> bool:
        """Whether the key has the permission of that slug."""

    def events_version(self) -> str | None:
        """The API version of the newest event, as `may` saw it; None where there is none or it says none."""

    def endpoints(self) -> Sequence[Endpoint]: ...

    def create_endpoint(
        self, url: str, events: Collection[str], api_version: str, connection: str
    ) -> Endpoint:
        """Raises EndpointRefused."""

    def update_endpoint(self, endpoint: str, events: Collection[str]) -> None:
        """Lets the endpoint have these events, and enables it."""

    def delete_endpoint(self, endpoint: str) -> None:
        """An endpoint that is gone already is fine."""


class Secrets(Protocol):
    def api_key(self, connection: str, *, fresh: bool = False) -> str | None: ...

    def signing_secrets(self, connection: str, *, fresh: bool = False) -> Sequence[str]: ...

    def store_api_key(self, connection: str, api_key: str) -> None: ...

    def store_signing_secrets(self, connection: str, secrets: Sequence[str]) -> None: ...

    def forget_signing_secrets(self, connection: str) -> None: ...

    def forget_api_key(self, connection: str) -> None: ...


@dataclass(frozen=True)
class Webhook:
    """The endpoint of the connection `name` in `account`. `known` is the id of the one whose secret was the
    only one stored when it was noted down."""

    name: str
    url: str
    known: str | None
    account: Account
    secrets: Secrets

    def settle(self) -> str:
        """Creates the endpoint, or adopts the one that is there; its id."""
        ours = self._ours()
        kept = next((one for one in ours if self._is_usable(one)), None)
        if kept is None:
            return self._replace(ours)
        for other in ours:
            if other.id != kept.id:
                self.account.delete_endpoint(other.id)
        if not kept.enabled or not (kept.events >= EVENTS or ALL in kept.events):
            self.account.update_endpoint(kept.id, kept.events if ALL in kept.events else kept.events | EVENTS)
        return kept.id

    def replace(self) -> str:
        """Creates another endpoint with another secret in place of what is there; its id."""
        return self._replace(self._ours())

    def remove(self) -> None:
        """Deletes the endpoint, and forgets its secret."""
        for one in self._ours():
            self.account.delete_endpoint(one.id)
        self.secrets.forget_signing_secrets(self.name)

    def _ours(self) -> list[Endpoint]:
        return [one for one in self.account.endpoints() if one.url == self.url or one.id == self.known]

    def _is_usable(self, one: Endpoint) -> bool:
        """Two secrets are what an interrupted replacement left behind: nobody knows whose they are."""
        return (one.id, one.url, one.api_version) == (self.known, self.url, API_VERSION) and len(
            self.secrets.signing_secrets(self.name, fresh=True)
        ) == 1

    def _replace(self, old: Sequence[Endpoint]) -> str:
        made = self.account.create_endpoint(self.url, EVENTS, API_VERSION, self.name)
        before = self.secrets.signing_secrets(self.name, fresh=True)
        self.secrets.store_signing_secrets(self.name, [made.secret, *before])
        for one in old:
            self.account.delete_endpoint(one.id)
        if before:
            self.secrets.store_signing_secrets(self.name, [made.secret])
        return made.id
