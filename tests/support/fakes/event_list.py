"""Stripe's list of events in memory, and connections whose checkpoints move: for tests of who reads it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from heapq import nlargest
from typing import Any

from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.quiet_period import QuietPeriodBaseline
from peoplesync.use_cases.messages.message import Message, decode
from peoplesync.use_cases.ports import EndpointState, Page
from peoplesync.use_cases.scheduled.reconcile import Reconciled, Reconciler
from tests.support.builders.stripe import NOW, customer, event
from tests.support.fakes.world import FakeCatalogue

Json = Mapping[str, Any]
KEPT = 30 * 86_400


@dataclass
class EventList:
    """Lists events as Stripe does: newest first, 30 days of them, each from when it is visible on; a page
    may hold fewer than it was asked for."""

    now: int
    page_size: int = 100
    events: dict[str, Json] = field(default_factory=dict)
    visible_at: dict[str, int] = field(default_factory=dict)
    asked: list[Mapping[str, Any]] = field(default_factory=list)
    before_page: Callable[[str], None] = lambda _: None

    def happens(self, *events: Json, visible_after: int = 0) -> None:
        for one in events:
            self.events[one["id"]] = one
            self.visible_at[one["id"]] = one["created"] + visible_after

    def page(self, connection: str, resource: str, params: Mapping[str, Any]) -> Page:
        assert resource == "events"
        assert params["limit"] <= 100
        assert len(params["types"]) <= 20
        self.before_page(connection)
        self.asked.append(params)
        oldest = max(params["created"]["gte"], self.now - KEPT)
        found = [
            one
            for one in self.events.values()
            if one["type"] in params["types"]
            and oldest <= one["created"] < params["created"]["lt"]
            and self.visible_at[one["id"]] <= self.now
        ]
        if "starting_after" in params:
            after = _position(self.events[params["starting_after"]])
            found = [one for one in found if _position(one) < after]
        size = min(params["limit"], self.page_size)
        return Page(nlargest(size, found, key=_position), len(found) > size, self.now - 1)


def _position(event: Json) -> tuple[int, str]:
    return event["created"], event["id"]


@dataclass
class Checkpoints:
    """Connections by name; `moves` tells where each checkpoint was moved to, `problems` what was noted of
    endpoints."""

    every: dict[str, Connection] = field(default_factory=dict)
    moves: list[tuple[str, int]] = field(default_factory=list)
    problems: list[str | None] = field(default_factory=list)
    writes: int = 0

    def add(self, name: str = "main", **facts: Any) -> Connection:
        self.every[name] = Connection(name, False, 1, 1, 0, **facts)
        return self.every[name]

    def all(self) -> list[Connection]:
        return list(self.every.values())

    def get(self, name: str) -> Connection | None:
        return self.every.get(name)

    def advance(self, epoch: Epoch, until: int, rhythm: QuietPeriodBaseline) -> None:
        if until > (self.every[epoch.connection].reconciled_until or 0):
            self._change(epoch, reconciled_until=until, rhythm=rhythm)
            self.moves.append((epoch.connection, until))

    def note_gap(self, epoch: Epoch, since: int) -> None:
        known = self.every[epoch.connection].gap_since
        self._change(epoch, gap_since=since if known is None else min(known, since))

    def note_key(self, epoch: Epoch, refused_at: int | None) -> None:
        self._change(epoch, key_refused_at=refused_at)

    def note_endpoint_problem(self, epoch: Epoch, endpoint: str, problem: str | None) -> None:
        if self.every[epoch.connection].endpoint_id == endpoint:
            self._change(epoch, endpoint_problem=problem)
            self.problems.append(problem)

    def _change(self, epoch: Epoch, **facts: Any) -> None:
        self.writes += 1
        if self.every[epoch.connection].epoch == epoch:
            self.every[epoch.connection] = replace(self.every[epoch.connection], **facts)


@dataclass
class Endpoints:
    """Webhook endpoints by id; `before_answer` may fail."""

    states: dict[str, EndpointState] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    before_answer: Callable[[], None] = lambda: None

    def endpoint_state(self, connection: str, endpoint: str) -> EndpointState:
        self.asked.append((connection, endpoint))
        self.before_answer()
        return self.states.get(endpoint, "gone")


@dataclass
class Bulk:
    """The bulk queue; `before_send` may fail."""

    bodies: deque[str] = field(default_factory=deque)
    before_send: Callable[[], None] = lambda: None

    def send(self, body: str, delay: int = 0) -> None:
        self.before_send()
        self.bodies.append(body)

    def messages(self) -> list[Message]:
        return [decode(body) for body in self.bodies]

    def events(self, connection: str = "main") -> list[str]:
        """Ids of the events on the queue for a connection, as often as they are on it."""
        return [
            one["id"]
            for message in self.messages()
            if message.epoch.connection == connection and message.chunk
            for one in message.chunk.events
        ]


@dataclass
class Scene:
    """Stripe's list, the connections, the queue, and a stopwatch that a page moves by `page_seconds`."""

    stripe: EventList = field(default_factory=lambda: EventList(NOW))
    endpoints: Endpoints = field(default_factory=Endpoints)
    connections: Checkpoints = field(default_factory=Checkpoints)
    catalogue: FakeCatalogue = field(default_factory=FakeCatalogue)
    bulk: Bulk = field(default_factory=Bulk)
    page_seconds: float = 0
    slept: list[float] = field(default_factory=list)

    def run(self, seconds: float = 150, **wanted: Any) -> dict[str, Reconciled]:
        def stopwatch() -> float:
            return self.page_seconds * len(self.stripe.asked)

        reconciler = Reconciler(
            lists=self.stripe,
            endpoints=self.endpoints,
            connections=self.connections,
            catalogue=self.catalogue,
            bulk=self.bulk,
            clock=lambda: self.stripe.now,
            monotonic=stopwatch,
            sleep=self.slept.append,
        )
        return {turn.connection: turn for turn in reconciler.reconcile(seconds, **wanted)}

    def until_done(self, seconds: float = 150) -> int:
        """Runs as often as it takes; how often that was."""
        for runs in range(1, 1_000):
            if all(turn.done for turn in self.run(seconds).values()):
                return runs
        raise AssertionError("never done")


def checkpoint(scene: Scene, name: str = "main") -> int:
    """Where the checkpoint of a connection is now."""
    found = scene.connections.every[name].reconciled_until
    assert found is not None
    return found


def told(name: str, created: int) -> dict[str, Any]:
    """An event of a customer of its own."""
    return event("customer.updated", customer(f"cus_{name}"), id=f"evt_{name}", created=created)


def failing_after(pages: int, error: Exception) -> Callable[[str], None]:
    """For `before_page`: so many pages are answered, then none."""
    left = [pages]

    def fail(_: str) -> None:
        if left[0] == 0:
            raise error
        left[0] -= 1

    return fail
