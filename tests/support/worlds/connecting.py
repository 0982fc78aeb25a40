"""Connecting in memory: Stripe's accounts, the table of connections and the store of secrets.

Every call to any of them is noted, and any of them can be the last before the process is killed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, Final

from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.fields.built_in import FIELDS, Field
from peoplesync.domain.segments.definitions import PREDEFINED, Segment
from peoplesync.use_cases.connecting.connect import Connected, Connector
from peoplesync.use_cases.connecting.disconnect import Disconnector
from peoplesync.use_cases.connecting.endpoints import API_VERSION, EVENTS, Account, Endpoint, EndpointRefused
from peoplesync.use_cases.connecting.permissions import PERMISSIONS
from peoplesync.use_cases.connecting.rotate_secret import rotate_secret
from peoplesync.use_cases.ports import KeyRefused, NotPermitted, VersionConflict
from tests.support.builders.stripe import NOW
from tests.support.fakes.world import FakeQueue

MENDED: Final = {"endpoint_problem": None, "webhook_refused_since": None, "webhook_missed_at": None}
"""What a row says of a webhook of which nothing bad is known."""

TEST_KEY, LIVE_KEY = "rk_test_one", "rk_live_one"
ALL = frozenset(one.slug for one in PERMISSIONS)


class Killed(BaseException):
    """The process is no more."""


@dataclass
class Calls:
    """What was asked of the world, in order; the process is killed before the call numbered `last`."""

    made: list[str] = field(default_factory=list)
    last: int | None = None
    before_each: Callable[[], None] = lambda: None

    def note(self, name: str) -> None:
        if len(self.made) == self.last:
            raise Killed
        self.before_each()
        self.made.append(name)


class Noted:
    """Something whose every method's call is noted first."""

    def __init__(self, one: Any, calls: Calls) -> None:
        self._one, self._calls = one, calls

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._one, name)

        def called(*arguments: Any, **named: Any) -> Any:
            self._calls.note(f"{type(self._one).__name__}.{name}")
            return method(*arguments, **named)

        return called


@dataclass
class FakeStripe:
    """Stripe: the endpoints of one company in both modes, and what its keys may do. `refuses` is what it has
    to say against new endpoints; `events_version` is of its newest event."""

    keys: dict[str, frozenset[str]] = field(default_factory=lambda: {TEST_KEY: ALL, LIVE_KEY: ALL})
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    live: set[str] = field(default_factory=set)
    refuses: str = ""
    events_version: str | None = None
    numbers: Iterable[int] = field(default_factory=lambda: count(1))

    def account(self, key: str) -> FakeAccount:
        return FakeAccount(self, key)

    def sees(self, key: str) -> list[Endpoint]:
        """The endpoints of the key's mode."""
        return [one for one in self.endpoints.values() if (one.id in self.live) is ("_live_" in key)]

    def hold(self, key: str, **facts: Any) -> Endpoint:
        """An endpoint that is there already."""
        number = next(iter(self.numbers))
        made = Endpoint(**{"id": f"we_{number}", "secret": f"whsec_{number}", "api_version": None, **facts})
        self.endpoints[made.id] = made
        self.live |= {made.id} if "_live_" in key else set()
        return made


@dataclass
class FakeAccount:
    """The account as a key opens it."""

    stripe: FakeStripe
    key: str

    def may(self, permission: str) -> bool:
        return permission in self._permissions()

    def events_version(self) -> str | None:
        return self.stripe.events_version

    def endpoints(self) -> Sequence[Endpoint]:
        self._needs_webhooks()
        return [replace(one, secret="") for one in self.stripe.sees(self.key)]

    def create_endpoint(
        self, url: str, events: Collection[str], api_version: str, connection: str
    ) -> Endpoint:
        self._needs_webhooks()
        if self.stripe.refuses:
            raise EndpointRefused(self.stripe.refuses)
        return self.stripe.hold(self.key, url=url, events=frozenset(events), api_version=api_version)

    def update_endpoint(self, endpoint: str, events: Collection[str]) -> None:
        self._needs_webhooks()
        known = self.stripe.endpoints[endpoint]
        self.stripe.endpoints[endpoint] = replace(known, events=frozenset(events), enabled=True)

    def delete_endpoint(self, endpoint: str) -> None:
        self._needs_webhooks()
        if endpoint in {one.id for one in self.stripe.sees(self.key)}:
            del self.stripe.endpoints[endpoint]

    def _permissions(self) -> frozenset[str]:
        if self.key not in self.stripe.keys:
            raise KeyRefused("Stripe does not accept the API key")
        return self.stripe.keys[self.key]

    def _needs_webhooks(self) -> None:
        if "rak_webhook_write" not in self._permissions():
            raise NotPermitted("the key may not", "rak_webhook_write")


@dataclass
class FakeSecrets:
    """The store of secrets."""

    keys: dict[str, str] = field(default_factory=dict)
    signing: dict[str, list[str]] = field(default_factory=dict)
    erasure: set[str] = field(default_factory=set)

    def forget_erasure_key(self, connection: str) -> None:
        self.erasure.discard(connection)

    def api_key(self, connection: str, *, fresh: bool = False) -> str | None:
        return self.keys.get(connection)

    def signing_secrets(self, connection: str, *, fresh: bool = False) -> Sequence[str]:
        return self.signing.get(connection, [])

    def store_api_key(self, connection: str, api_key: str) -> None:
        self.keys[connection] = api_key

    def store_signing_secrets(self, connection: str, secrets: Sequence[str]) -> None:
        self.signing[connection] = list(secrets)

    def forget_api_key(self, connection: str) -> None:
        self.keys.pop(connection, None)

    def forget_signing_secrets(self, connection: str) -> None:
        self.signing.pop(connection, None)


@dataclass
class FakeConnections:
    """The tables of connections and of definitions."""

    rows: dict[str, Connection] = field(default_factory=dict)
    defined_fields: dict[Epoch, list[Field]] = field(default_factory=dict)
    defined_segments: dict[Epoch, list[Segment]] = field(default_factory=dict)

    def get(self, name: str) -> Connection | None:
        found = self.rows.get(name)
        return found if found and found.disconnected_at is None else None

    def get_even_disconnected(self, name: str) -> Connection | None:
        return self.rows.get(name)

    def create(self, connection: Connection) -> None:
        self.rows.setdefault(connection.name, connection)

    def begin_epoch(self, connection: Connection) -> None:
        self._check(Epoch(connection.name, connection.epoch_number - 1))
        self.rows[connection.name] = connection

    def renew(self, epoch: Epoch, endpoint: str | None, permissions: Mapping[str, bool], at: int) -> None:
        connected = {"endpoint_id": endpoint, "permissions": permissions, "webhook_since": at}
        self._change(epoch, **connected, **MENDED, key_refused_at=None, disconnected_at=None)

    def note_endpoint(self, epoch: Epoch, endpoint: str | None, at: int) -> None:
        self._change(epoch, **MENDED, endpoint_id=endpoint, webhook_since=at)

    def disconnect(self, epoch: Epoch, at: int, *, for_good: bool) -> None:
        self._change(epoch, disconnected_at=at, epoch_number=epoch.number + for_good)

    def fields(self, epoch: Epoch) -> Sequence[Field]:
        return self.defined_fields.get(epoch, [])

    def segments(self, epoch: Epoch) -> Sequence[Segment]:
        return self.defined_segments.get(epoch, [])

    def define(self, epoch: Epoch, fields: Sequence[Field], segments: Sequence[Segment]) -> None:
        self.defined_fields[epoch] = list(fields)
        self.defined_segments[epoch] = list(segments)

    def _change(self, epoch: Epoch, **facts: Any) -> None:
        self._check(epoch)
        self.rows[epoch.connection] = replace(self.rows[epoch.connection], **facts)

    def _check(self, epoch: Epoch) -> None:
        if self.rows[epoch.connection].epoch != epoch:
            raise VersionConflict


@dataclass
class FakePeople:
    """How many people there are."""

    counts: dict[Epoch, int] = field(default_factory=dict)

    def count(self, epoch: Epoch, index: str) -> int:
        return self.counts.get(epoch, 0)


def url_of(connection: str) -> str:
    return f"https://hooks.example.com/webhooks/stripe/{connection}"


@dataclass
class Company:
    """A company that connects its Stripe account."""

    stripe: FakeStripe = field(default_factory=FakeStripe)
    secrets: FakeSecrets = field(default_factory=FakeSecrets)
    connections: FakeConnections = field(default_factory=FakeConnections)
    people: FakePeople = field(default_factory=FakePeople)
    bulk: FakeQueue = field(default_factory=FakeQueue)
    calls: Calls = field(default_factory=Calls)

    @property
    def connector(self) -> Connector:
        connections, secrets = Noted(self.connections, self.calls), Noted(self.secrets, self.calls)
        bulk, people = Noted(self.bulk, self.calls), Noted(self.people, self.calls)
        return Connector(connections, people, secrets, self._account, bulk, url_of)

    def connect(self, key: str = TEST_KEY, name: str = "main", at: int = NOW, **how: Any) -> Connected:
        connector = self.connector
        how = {"people_may_go": True} | how
        return connector.connect(connector.examine(name, key), at, **how)

    def disconnect(self, name: str = "main", at: int = NOW, *, with_people: bool = False) -> str | None:
        connections, secrets = Noted(self.connections, self.calls), Noted(self.secrets, self.calls)
        bulk = Noted(self.bulk, self.calls)
        disconnector = Disconnector(connections, secrets, self._account, bulk, url_of)
        return disconnector.disconnect(name, at, with_people=with_people)

    def rotate(self, name: str = "main") -> str:
        connections, secrets = Noted(self.connections, self.calls), Noted(self.secrets, self.calls)
        return rotate_secret(name, url_of(name), connections, secrets, self._account, NOW)

    def row(self, name: str = "main") -> Connection:
        return self.connections.rows[name]

    def endpoint(self, name: str = "main") -> Endpoint:
        """The connection's one endpoint."""
        (found,) = [one for one in self.stripe.endpoints.values() if one.url == url_of(name)]
        return found

    def _account(self, key: str) -> Account:
        return Noted(self.stripe.account(key), self.calls)


def calls_of(act: Callable[[Company], object], company: Callable[[], Company]) -> int:
    """How many calls of the world an undisturbed run makes."""
    undisturbed = company()
    undisturbed.calls = Calls()
    act(undisturbed)
    return len(undisturbed.calls.made)


def killed_at(call: int, act: Callable[[Company], object], company: Company) -> Company:
    """The company after the act was killed before one of its calls, and was done again."""
    company.calls = Calls(last=call)
    try:
        act(company)
    except Killed:
        company.calls = Calls()
        act(company)
    return company


def connected(key: str = TEST_KEY) -> Company:
    """A company that has connected with this key."""
    company = Company()
    company.connect(key)
    return company


def assert_complete(company: Company, key: str = TEST_KEY, name: str = "main") -> None:
    """One endpoint, whose one secret is known, and all that belongs to a connection."""
    endpoint, row = company.endpoint(name), company.row(name)
    assert (endpoint.api_version, endpoint.events, endpoint.enabled) == (API_VERSION, EVENTS, True)
    assert company.secrets.signing[name] == [endpoint.secret]
    assert company.secrets.keys[name] == key
    assert (row.endpoint_id, row.livemode) == (endpoint.id, key == LIVE_KEY)
    assert row.permissions == dict.fromkeys(ALL, True)
    assert (row.disconnected_at, row.key_refused_at) == (None, None)
    assert company.connections.fields(row.epoch) == list(FIELDS)
    assert company.connections.segments(row.epoch) == list(PREDEFINED)
