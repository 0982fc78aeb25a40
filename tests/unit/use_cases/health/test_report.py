"""The health report: all connections of a stack, measured together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.people.person import CUSTOMERS_IN_SYNC, EVERYONE
from peoplesync.domain.segments.definitions import PREDEFINED, Definitions
from peoplesync.use_cases.health.checks import HealthCheck
from peoplesync.use_cases.health.health import Health
from peoplesync.use_cases.health.report import HealthReporter
from peoplesync.use_cases.metrics import Metric
from peoplesync.use_cases.read_models.read import Counted
from tests.support.builders.stripe import NOW
from tests.support.fakes.world import AtWork, FakeCatalogue


def connection(name: str, now: int, **more: Any) -> Connection:
    return Connection(name, False, 1, 1, now - 60, reconciled_until=now, **more)


class NoRuns:
    def latest(self) -> dict[str, Any] | None:
        return None

    def current(self) -> dict[str, Any] | None:
        return None


@dataclass
class Stack:
    """A stack with these connections, each of two people, and what is measured of it."""

    connections: list[Connection]
    now: int
    measured: dict[Metric, float] = field(default_factory=dict)
    segments: Counter[str] = field(default_factory=Counter)

    def all(self) -> list[Connection]:
        return self.connections

    def definitions(self, connection: Connection) -> Definitions:
        return Definitions(1, PREDEFINED)

    def sizes(self, connection: Connection) -> Counted | None:
        counts: Counter[tuple[str, ...]] = Counter((one.id,) for one in PREDEFINED)
        counts.update({(CUSTOMERS_IN_SYNC,): 3, (EVERYONE,): 2})
        return Counted(counts, self.now)

    def due_since(self, epoch: Epoch, now: int) -> int | None:
        return None

    def by_queue(self) -> Mapping[str, int]:
        return {"live": 7, "bulk": 0, "review": 0}

    def dead(self) -> int:
        return 1

    def add(self, metric: Metric, value: float = 1) -> None:
        self.measured[metric] = value

    def size_of_segment(self, segment: str, people: int) -> None:
        self.segments[segment] = people

    def report(self) -> Mapping[str, HealthCheck]:
        health = Health(self, self, FakeCatalogue(), self, AtWork(), AtWork(), lambda: self.now)
        reporter = HealthReporter(
            health=health,
            connections=self,
            counts=self,
            depths=self,
            imports=lambda epoch: NoRuns(),
            reevaluations=lambda epoch: NoRuns(),
            measures=self,
            clock=lambda: self.now,
        )
        return reporter.report()


def two(now: int) -> Stack:
    return Stack([connection("main", now), connection("shop", now, key_refused_at=now - 30)], now)


def test_each_connection_has_its_verdict_and_the_stack_its_gauges() -> None:
    stack = two(NOW)

    told = stack.report()

    assert told["shop"].runbook == "key-refused"
    assert told["main"].runbook != "key-refused"
    assert (stack.measured[Metric.LIVE_WAITING], stack.measured[Metric.DEAD_LETTERS]) == (7, 1)
    assert stack.measured[Metric.KEY_REFUSED] == 1


def test_people_of_all_connections_are_measured_together() -> None:
    stack = two(NOW)

    stack.report()

    assert (stack.measured[Metric.CUSTOMERS_IN_SYNC], stack.measured[Metric.PEOPLE]) == (6, 4)
    assert stack.segments == dict.fromkeys((one.id for one in PREDEFINED if one.enabled), 2)


def test_a_stack_without_connections_has_its_queues_measured() -> None:
    stack = Stack([], NOW)

    assert stack.report() == {}
    assert stack.measured == {
        Metric.LIVE_WAITING: 7,
        Metric.BULK_WAITING: 0,
        Metric.REVIEWS_WAITING: 0,
        Metric.DEAD_LETTERS: 1,
        Metric.CUSTOMERS_IN_SYNC: 0,
        Metric.PEOPLE: 0,
    }
