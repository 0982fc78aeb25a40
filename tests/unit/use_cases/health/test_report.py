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
from peoplesync.use_cases.health.report import COUNTED_EVERY, EVERY, HealthReporter
from peoplesync.use_cases.metrics import Metric
from tests.support.builders.stripe import NOW
from tests.support.fakes.world import AtWork, FakeCatalogue

QUARTER = NOW - NOW % COUNTED_EVERY
"""When people are counted."""


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

    def count(self, epoch: Epoch, index: str) -> int:
        return {CUSTOMERS_IN_SYNC: 3, EVERYONE: 2}.get(index, 1)

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

    def report(self, *, count_people: bool = False) -> Mapping[str, HealthCheck]:
        health = Health(self, FakeCatalogue(), self, AtWork(), AtWork(), lambda: self.now)
        reporter = HealthReporter(
            health=health,
            connections=self,
            people=self,
            depths=self,
            imports=lambda epoch: NoRuns(),
            reevaluations=lambda epoch: NoRuns(),
            measures=self,
            clock=lambda: self.now,
        )
        return reporter.report(count_people=count_people)


def two(now: int) -> Stack:
    return Stack([connection("main", now), connection("shop", now, key_refused_at=now - 30)], now)


def test_each_connection_has_its_verdict_and_the_stack_its_gauges() -> None:
    stack = two(QUARTER + EVERY)

    told = stack.report()

    assert told["shop"].runbook == "key-refused"
    assert told["main"].runbook != "key-refused"
    assert (stack.measured[Metric.LIVE_WAITING], stack.measured[Metric.DEAD_LETTERS]) == (7, 1)
    assert stack.measured[Metric.KEY_REFUSED] == 1


def test_people_of_all_connections_are_counted_together_once_a_quarter_of_an_hour() -> None:
    counted, later, asked = two(QUARTER + EVERY - 1), two(QUARTER + EVERY), two(QUARTER + EVERY)
    counted.report()
    later.report()
    asked.report(count_people=True)

    for stack in (counted, asked):
        assert (stack.measured[Metric.CUSTOMERS_IN_SYNC], stack.measured[Metric.PEOPLE]) == (6, 4)
        assert stack.segments == dict.fromkeys((one.id for one in PREDEFINED if one.enabled), 2)
    assert Metric.PEOPLE not in later.measured
    assert not later.segments


def test_a_stack_without_connections_has_its_queues_measured() -> None:
    stack = Stack([], QUARTER)

    assert stack.report() == {}
    assert stack.measured == {
        Metric.LIVE_WAITING: 7,
        Metric.BULK_WAITING: 0,
        Metric.REVIEWS_WAITING: 0,
        Metric.DEAD_LETTERS: 1,
        Metric.CUSTOMERS_IN_SYNC: 0,
        Metric.PEOPLE: 0,
    }
