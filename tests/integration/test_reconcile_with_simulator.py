"""What the webhook missed, the reconciler brings: the use cases on the simulator, through Stripe's client."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from peoplesync.adapters.stripe_api import StripeApi
from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.people import CUSTOMERS_IN_SYNC, EVERYONE
from peoplesync.sync.health import Health
from peoplesync.sync.receive import Receiver
from peoplesync.sync.reconcile import Reconciled, Reconciler
from peoplesync.sync.verify import Verdict, Verifier
from peoplesync_local.stripe_simulator.control import Simulator
from tests.builders import DAY, HOUR, MINUTE
from tests.fakes import FakeConnections, World
from tests.simulated_stripe import KEY, NOW, client, simulated_stripe
from tests.verifying import WorldsRecords


@dataclass
class Connections(FakeConnections):
    """One connection, whose row the reconciler and the worker change."""

    def all(self) -> list[Connection]:
        return [self.current]

    @property
    def current(self) -> Connection:
        assert self.connection is not None
        return self.connection

    def advance(self, epoch: Epoch, until: int) -> None:
        until = max(until, self.current.reconciled_until or 0)
        self.connection = replace(self.current, reconciled_until=until)

    def note_gap(self, epoch: Epoch, since: int) -> None:
        self.connection = replace(self.current, gap_since=since)

    def note_key(self, epoch: Epoch, refused_at: int | None) -> None:
        self.connection = replace(self.current, key_refused_at=refused_at)

    def note_missed(self, epoch: Epoch, count: int) -> None:
        self.connection = replace(self.current, missed_events=self.current.missed_events + count)

    def note_event(self, epoch: Epoch, at: int) -> None:
        self.connection = replace(self.current, last_event_at=max(at, self.current.last_event_at or 0))


@dataclass
class System:
    """The use cases, with the simulator as Stripe and its clock as the time."""

    url: str
    key: str = KEY
    world: World = field(init=False)
    connections: Connections = field(init=False)

    def __post_init__(self) -> None:
        self.connections = Connections(
            Connection("main", False, 1, 1, NOW, reconciled_until=NOW, endpoint_id="we_1")
        )
        self.world = World(NOW, connections=self.connections)
        self.world.applier.stripe = self.stripe

    @property
    def stripe(self) -> StripeApi:
        return StripeApi(lambda _: self.key, self.url)

    def now(self) -> int:
        self.world.now = Simulator(self.url).now()
        return self.world.now

    def reconcile(self, seconds: float = 150) -> Reconciled:
        """A run of the reconciler, and of the worker until the queues are empty."""
        reconciler = Reconciler(
            self.stripe, self.connections, self.world.queue, self.now, lambda: 0, lambda _: None
        )
        (turn,) = reconciler.reconcile(seconds)
        self.settle()
        return turn

    def settle(self) -> None:
        self.now()
        self.world.settle()

    def verify(self) -> Verdict:
        verifier = Verifier(
            self.stripe,
            self.stripe,
            WorldsRecords(self.world),
            waiting=lambda: 0,
            sleep=lambda _: None,
            tell=lambda _: None,
            rng=random.Random(1),
        )
        return verifier.verify(self.connections.current)

    def health(self) -> dict[str, Any]:
        return Health(self, self, self.now).status(self.connections.current)

    def count(self, epoch: Epoch, index: str) -> int:
        assert index in (CUSTOMERS_IN_SYNC, EVERYONE)
        return sum(name == index for name, _ in self.world.people.members)

    def waiting(self) -> int:
        return len(self.world.queue.sent)

    def dead(self) -> int:
        return len(self.world.queue.buried)


class Webhook(ThreadingHTTPServer):
    """The door, as the deployed function answers at it."""

    daemon_threads = True

    def __init__(self, system: System) -> None:
        super().__init__(("127.0.0.1", 0), _Door)
        self.system = system
        self.secret = ""

    def signing_secrets(self, connection: str, *, fresh: bool = False) -> list[str]:
        return [self.secret]


class _Door(BaseHTTPRequestHandler):
    server: Webhook
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        system = self.server.system
        body = self.rfile.read(int(self.headers["Content-Length"]))
        receiver = Receiver(system.connections, self.server, system.world.queue)
        receipt = receiver.receive("main", body, self.headers["Stripe-Signature"], system.now())
        self.send_response(receipt.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def system() -> Iterator[System]:
    with simulated_stripe() as url:
        yield System(url)


@pytest.fixture
def webhook(system: System) -> Iterator[Webhook]:
    """The endpoint, connected."""
    with Webhook(system) as door:
        threading.Thread(target=door.serve_forever, args=(0.01,), daemon=True).start()
        address = f"http://127.0.0.1:{door.server_port}/webhooks/stripe/main"
        asked: Any = {"url": address, "enabled_events": ["*"]}
        door.secret = str(client(system.url).v1.webhook_endpoints.create(asked).secret)
        yield door
        door.shutdown()


def sign_up(system: System, count: int) -> list[str]:
    """Customers that sign up now."""
    made = []
    for number in range(count):
        asked: Any = {"email": f"trial-{system.now()}-{number}@example.com", "name": f"Trial {number}"}
        made.append(client(system.url).v1.customers.create(asked).id)
    return made


def subscribe(system: System, customers: list[str]) -> list[str]:
    """A subscription of $19 a month each, paid by what Stripe charges."""
    stripe = client(system.url)
    product = stripe.v1.products.create({"name": "Starter"})
    price = stripe.v1.prices.create(
        {
            "product": product.id,
            "unit_amount": 1900,
            "currency": "usd",
            "recurring": {"interval": "month"},
        }
    )
    made = []
    for one in customers:
        asked: Any = {"customer": one, "items": [{"price": price.id}]}
        made.append(stripe.v1.subscriptions.create(asked).id)
    return made


def rename(system: System, customers: list[str], name: str) -> None:
    for one in customers:
        client(system.url).v1.customers.update(one, {"name": name})


def test_the_endpoint_was_refused_for_three_days_and_nothing_is_missing(
    system: System, webhook: Webhook
) -> None:
    simulator = Simulator(system.url)
    before = sign_up(system, 20)
    subscribe(system, before[:10])
    simulator.flush()
    system.settle()
    simulator.advance(15 * MINUTE)
    system.reconcile()
    assert system.health()["state"] == "in_sync"
    assert system.health()["webhook_missed"] == 0

    simulator.deliver(refuse=True)
    missed = 0
    for day in range(3):
        new = sign_up(system, 90)
        subscribed = subscribe(system, new[:20])
        simulator.advance(12 * HOUR)
        rename(system, new[20:80], f"Renamed on day {day}")
        for one in subscribed[:5]:
            client(system.url).v1.subscriptions.cancel(one)
        client(system.url).v1.customers.delete(new[80])
        simulator.advance(12 * HOUR)
        missed += 90 + 60 + 20 + 5 + 1
    assert missed > 500

    during = system.health()
    assert (during["state"], during["reason"]) == (
        "attention",
        "reconcile has not run for 3 days; events may be missing",
    )
    assert during["behind_seconds"] >= 3 * DAY
    assert len(system.verify().differences) > 200

    turn = system.reconcile()

    assert (turn.done, turn.problem) == (True, None)
    verdict = system.verify()
    assert verdict.differences == {}
    assert verdict.customers == 20 + 3 * 89
    after = system.health()
    assert after["state"] == "in_sync"
    assert after["webhook_missed"] >= missed
    assert "that the webhook missed" in after["reason"]
    assert after["dead"] == 0


def test_what_the_webhook_delivered_late_counts_once(system: System, webhook: Webhook) -> None:
    simulator = Simulator(system.url)
    simulator.deliver(refuse=True)
    subscribe(system, sign_up(system, 10))
    simulator.flush()
    simulator.advance(15 * MINUTE)
    system.reconcile()
    feeds = {record: set(feed) for record, feed in system.world.people.feeds.items()}
    assert feeds

    simulator.deliver(duplicate=0.5, seed=3)
    simulator.advance(DAY)
    simulator.flush()
    system.settle()

    assert {record: set(feed) for record, feed in system.world.people.feeds.items()} == feeds
    assert system.verify().differences == {}


def test_without_an_endpoint_polling_alone_keeps_people_in_step(system: System) -> None:
    simulator = Simulator(system.url)
    simulator.deliver(listed_late_seconds=30)
    customers: list[str] = []
    for _ in range(6):
        new = sign_up(system, 3)
        subscribe(system, new[:1])
        rename(system, customers[:2], f"Renamed at {simulator.now()}")
        customers += new
        simulator.advance(20)
        system.reconcile()
    simulator.advance(MINUTE)
    system.reconcile()

    verdict = system.verify()
    assert (verdict.customers, verdict.differences) == (18, {})


def test_a_revoked_key_is_said_and_a_working_one_catches_up(system: System) -> None:
    simulator = Simulator(system.url)
    simulator.add_key(KEY, revoked=True)
    simulator.advance(15 * MINUTE)

    assert system.reconcile().problem == "key_refused"
    health = system.health()
    assert health["state"] == "attention"
    assert health["reason"].startswith("Stripe refuses the API key since ")

    simulator.add_key(KEY)
    sign_up(system, 2)
    simulator.advance(MINUTE)
    assert system.reconcile().done
    assert system.connections.current.key_refused_at is None
    assert system.verify().customers == 2


def test_a_key_that_may_not_read_events_is_a_problem(system: System) -> None:
    Simulator(system.url).add_key("rk_test_few", ["rak_customer_read"])
    system.key = "rk_test_few"

    assert system.reconcile().problem == "not_permitted"


def test_an_outage_longer_than_stripe_keeps_events_is_a_gap(system: System) -> None:
    simulator = Simulator(system.url)
    sign_up(system, 3)
    simulator.advance(35 * DAY)
    late = sign_up(system, 2)
    simulator.advance(MINUTE)
    assert "import again" in system.health()["reason"]

    assert system.reconcile().done

    assert system.connections.current.gap_since == NOW
    assert system.health()["state"] == "attention"
    assert {one for name, one in system.world.people.members if name == CUSTOMERS_IN_SYNC} == set(late)
    verdict = system.verify()
    assert len(verdict.differences) == 3


def test_a_rate_limit_now_and_then_stops_nothing(system: System) -> None:
    simulator = Simulator(system.url)
    sign_up(system, 250)
    simulator.advance(15 * MINUTE)
    simulator.limit(lock_timeouts=0.1, server_errors=0.1, seed=5)

    turns = [system.reconcile()]
    while not turns[-1].done:
        turns.append(system.reconcile())
        assert len(turns) < 20
    simulator.limit()

    assert system.verify().differences == {}
