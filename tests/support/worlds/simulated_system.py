"""The use cases together, with the simulator as Stripe, spoken to by Stripe's own client, and as the time."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from peoplesync.adapters.stripe.api import StripeApi
from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.quiet_period import QuietPeriodBaseline
from peoplesync.use_cases.health.health import Health
from peoplesync.use_cases.ingress.stripe_webhook import Receiver
from peoplesync.use_cases.messages.message import BulkBatch, Message
from peoplesync.use_cases.messages.packing import chunks_of_objects
from peoplesync.use_cases.read_models.read import Counted
from peoplesync.use_cases.scheduled.reconcile import Reconciled, Reconciler
from peoplesync.use_cases.verifying.verify import VerificationReport, Verifier
from peoplesync_local.stripe_simulator.control import Simulator
from tests.support.fakes.world import TEST, FakeConnections, World
from tests.support.worlds.simulated_stripe import KEY, NOW, stripe_api
from tests.support.worlds.verifying import WorldsRecords


@dataclass
class Connections(FakeConnections):
    """One connection, whose row the reconciler and the worker change."""

    def all(self) -> list[Connection]:
        return [self.current]

    @property
    def current(self) -> Connection:
        assert self.connection is not None
        return self.connection

    def advance(self, epoch: Epoch, until: int, rhythm: QuietPeriodBaseline) -> None:
        if until > (self.current.reconciled_until or 0):
            self.connection = replace(self.current, reconciled_until=until, rhythm=rhythm)

    def note_gap(self, epoch: Epoch, since: int) -> None:
        self.connection = replace(self.current, gap_since=since)

    def note_key(self, epoch: Epoch, refused_at: int | None) -> None:
        self.connection = replace(self.current, key_refused_at=refused_at)

    def note_endpoint_problem(self, epoch: Epoch, endpoint: str, problem: str | None) -> None:
        if self.current.endpoint_id == endpoint:
            self.connection = replace(self.current, endpoint_problem=problem)

    def note_missed(self, epoch: Epoch, count: int, newest: int) -> None:
        missed = self.current.missed_events + count
        at = max(newest, self.current.webhook_missed_at or 0)
        self.connection = replace(self.current, missed_events=missed, webhook_missed_at=at)

    def note_refused_signature(self, connection: Connection, at: int) -> None:
        self.connection = replace(connection, webhook_refused_since=connection.webhook_refused_since or at)

    def note_heard(self, connection: Connection, newest: int, delivered_at: int | None, lag: int) -> None:
        self.connection = replace(self.current, last_event_at=max(newest, self.current.last_event_at or 0))
        if delivered_at is not None:
            self.connection = replace(
                self.current, webhook_heard_at=delivered_at, lag_seconds=lag, webhook_refused_since=None
            )


@dataclass
class System:
    """The use cases, with the simulator as Stripe and its clock as the time."""

    url: str
    key: str = KEY
    world: World = field(init=False)
    connections: Connections = field(init=False)

    def __post_init__(self) -> None:
        self.connections = Connections(Connection("main", False, 1, 1, NOW, reconciled_until=NOW))
        self.world = World(NOW, connections=self.connections)
        self.world.applier.stripe = self.stripe

    @property
    def stripe(self) -> StripeApi:
        return stripe_api(lambda _: self.key, self.url)

    def now(self) -> int:
        self.world.now = Simulator(self.url).now()
        return self.world.now

    def reconcile(self, seconds: float = 150) -> Reconciled:
        """A run of the reconciler, and of the worker until the queues are empty."""
        stripe = self.stripe
        reconciler = Reconciler(
            stripe,
            stripe,
            self.connections,
            self.world.catalogue,
            self.world.queue,
            self.now,
            lambda: 0,
            lambda _: None,
        )
        (turn,) = reconciler.reconcile(seconds)
        self.settle()
        return turn

    def take_over(self, resource: str, params: Mapping[str, Any]) -> None:
        """What Stripe lists becomes people, as an import does it."""
        asked: dict[str, Any] = {"limit": 100, **params}
        while True:
            page = self.stripe.page("main", resource, asked)
            for packed in chunks_of_objects(page.objects):
                chunk = BulkBatch(as_of=page.as_of, objects=packed)
                self.world.queue.send(Message(TEST, chunk=chunk, cause="import").encode())
            if not page.has_more:
                return self.settle()
            asked["starting_after"] = page.objects[-1]["id"]

    def settle(self) -> None:
        self.now()
        self.world.settle()

    def verify(self) -> VerificationReport:
        verifier = Verifier(
            self.stripe,
            self.stripe,
            WorldsRecords(self.world),
            waiting=lambda: 0,
            sleep=lambda _: None,
            say=lambda _: None,
            rng=random.Random(1),
        )
        return verifier.verify(self.connections.current)

    def health(self) -> dict[str, Any]:
        return Health(self, self, self.world.catalogue, self, self, self, self.now).status(
            self.connections.current
        )

    def due_since(self, epoch: Epoch, now: int) -> int | None:
        return None

    def paused_since(self) -> int | None:
        return None

    def sizes(self, connection: Connection) -> Counted:
        return Counted(Counter((index,) for index, _ in self.world.people.members), self.world.now)

    def by_queue(self) -> dict[str, int]:
        return {"live": len(self.world.queue.sent)}

    def dead(self) -> int:
        return len(self.world.queue.dead_lettered)


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
