"""The health report: how all connections of a stack are, in metrics and in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.people.person import CUSTOMERS_IN_SYNC, EVERYONE
from peoplesync.domain.segments.definitions import Definitions
from peoplesync.use_cases.health.checks import HealthCheck, HealthInputs, health_checks
from peoplesync.use_cases.health.health import Depths, Health
from peoplesync.use_cases.health.health_metrics import health_metrics
from peoplesync.use_cases.metrics import Metric
from peoplesync.use_cases.read_models.read import Sizes

EVERY: Final = 300
"""Seconds between two reports."""


class Connections(Protocol):
    def all(self) -> Sequence[Connection]:
        """All connections but the disconnected ones."""

    def definitions(self, connection: Connection) -> Definitions: ...


class Imports(Protocol):
    def latest(self) -> dict[str, Any] | None: ...


class Reevaluations(Protocol):
    def current(self) -> dict[str, Any] | None: ...


class Measures(Protocol):
    def add(self, metric: Metric, value: float = 1) -> None: ...

    def size_of_segment(self, segment: str, people: int) -> None: ...


@dataclass(frozen=True)
class HealthReporter:
    """The use case with what it needs; `imports` and `reevaluations` are those of an epoch."""

    health: Health
    connections: Connections
    counts: Sizes
    depths: Depths
    imports: Callable[[Epoch], Imports]
    reevaluations: Callable[[Epoch], Reevaluations]
    measures: Measures
    clock: Callable[[], int]

    def report(self) -> Mapping[str, HealthCheck]:
        """Measures every connection that is not disconnected; the first verdict on each, by its name."""
        facts = [self._facts(one) for one in self.connections.all()]
        for metric, value in health_metrics(facts, self.depths.by_queue(), self.depths.dead()).items():
            self.measures.add(metric, value)
        self._measure_sizes([one.connection for one in facts])
        return {one.connection.name: health_checks(one)[0] for one in facts}

    def _facts(self, connection: Connection) -> HealthInputs:
        last_import = self.imports(connection.epoch).latest()
        return self.health.facts(connection, last_import, self.reevaluations(connection.epoch).current())

    def _measure_sizes(self, connections: Iterable[Connection]) -> None:
        """Those of all connections together, as far as they are counted."""
        sizes: Counter[str] = Counter()
        for one in connections:
            segments = [segment.id for segment in self.connections.definitions(one).enabled]
            if counted := self.counts.sizes(one):
                for index in (CUSTOMERS_IN_SYNC, EVERYONE, *segments):
                    sizes[index] += counted.of(index)
        self.measures.add(Metric.CUSTOMERS_IN_SYNC, sizes.pop(CUSTOMERS_IN_SYNC, 0))
        self.measures.add(Metric.PEOPLE, sizes.pop(EVERYONE, 0))
        for segment, size in sizes.items():
            self.measures.size_of_segment(segment, size)
