"""Measuring: metrics leave a function as one line of its log, in CloudWatch's embedded metric format.

They have one dimension, `service`: the stack's name, so that two stacks in one account stay apart and one
metric costs once. Counts add up within an invocation; what is measured of segments has `segment` beside it.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import wraps
from threading import Lock
from typing import Final, ParamSpec, TypeVar

from aws_lambda_powertools import Metrics, single_metric
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.metrics.base import SingleMetric

from peoplesync.adapters import clock
from peoplesync.use_cases.metrics import Metric

NAMESPACE: Final = "peoplesync"
_MILLION: Final = 1_000_000

Parameters = ParamSpec("Parameters")
Answer = TypeVar("Answer")


class Measuring:
    """The metrics of one function. `environment` names the stack and the prices of its units."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._stack = environment["PEOPLESYNC_STACK"]
        self._prices = {
            Metric.READ_UNITS: float(environment["PRICE_PER_MILLION_READ_UNITS"]),
            Metric.WRITE_UNITS: float(environment["PRICE_PER_MILLION_WRITE_UNITS"]),
        }
        self._metrics = Metrics(namespace=NAMESPACE, service=self._stack)
        self._sums: defaultdict[Metric, float] = defaultdict(float)
        self._values: defaultdict[Metric, list[float]] = defaultdict(list)
        self._lock = Lock()

    def add(self, metric: Metric, value: float = 1) -> None:
        """Measures something: counts add up, gauges and seconds are reported one by one. From any thread."""
        with self._lock:
            if metric.value.unit == "Count" and not metric.value.gauge:
                self._sums[metric] += value
            else:
                self._values[metric].append(value)

    def size_of_segment(self, segment: str, people: int) -> None:
        """Reports how many are in a segment."""
        metric = Metric.SEGMENT_SIZE
        dimensions = {"service": self._stack}
        with single_metric(
            metric.title, MetricUnit.Count, people, namespace=NAMESPACE, default_dimensions=dimensions
        ) as one:
            one.add_dimension("segment", segment)
            _at_the_systems_time(one)

    def measured(self, handler: Callable[Parameters, Answer]) -> Callable[Parameters, Answer]:
        """A handler whose metrics are reported when it is done, also when it fails."""

        @wraps(handler)
        def reporting(*arguments: Parameters.args, **named: Parameters.kwargs) -> Answer:
            try:
                return handler(*arguments, **named)
            finally:
                self._flush()

        return reporting

    def _flush(self) -> None:
        with self._lock:
            sums, values = dict(self._sums), dict(self._values)
            self._sums.clear()
            self._values.clear()
        cost = sum(price / _MILLION * sums.get(units, 0) for units, price in self._prices.items())
        if cost:
            values[Metric.ESTIMATED_COST] = [cost]
        reported: dict[Metric, list[float]] = {
            metric: [total] for metric, total in sums.items() if total
        } | values
        if reported:
            _at_the_systems_time(self._metrics)
        for metric, each in reported.items():
            for value in each:
                self._metrics.add_metric(metric.title, metric.value.unit, value)
        if self._metrics.metric_set:
            self._metrics.flush_metrics()


def _at_the_systems_time(metrics: Metrics | SingleMetric) -> None:
    """On a laptop that may be far from CloudWatch's, which would refuse it: of that Powertools warns."""
    with warnings.catch_warnings(action="ignore"):
        metrics.set_timestamp(clock.now() * 1_000)
