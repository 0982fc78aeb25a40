"""Measuring: metrics leave a function as one line of its log, in CloudWatch's embedded metric format.

They have one dimension, `service`: the stack's name, so that two stacks in one account stay apart and one
metric costs once. Counts add up within an invocation; what is measured of segments has `segment` beside it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from threading import Lock
from typing import Final, ParamSpec, TypeVar

from peoplesync.adapters import clock
from peoplesync.use_cases.metrics import Metric

NAMESPACE: Final = "peoplesync"
MOST_VALUES: Final = 100
"""Values of one metric that a line may have."""

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
        self._report({Metric.SEGMENT_SIZE: [people]}, segment=segment)

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
        reported: dict[Metric, list[float]] = {metric: [total] for metric, total in sums.items() if total}
        reported |= values
        longest = max(map(len, reported.values()), default=0)
        for start in range(0, longest, MOST_VALUES):
            some = {metric: each[start : start + MOST_VALUES] for metric, each in reported.items()}
            self._report({metric: each for metric, each in some.items() if each})

    def _report(self, values: Mapping[Metric, Sequence[float]], **dimensions: str) -> None:
        """Prints a line of values, with these dimensions beside the stack's."""
        dimensions = {"service": self._stack, **dimensions}
        directive = {
            "Namespace": NAMESPACE,
            "Dimensions": [list(dimensions)],
            "Metrics": [{"Name": metric.title, "Unit": metric.value.unit} for metric in values],
        }
        line = {
            # The system's time, which on a laptop may be far from the real one.
            "_aws": {"Timestamp": clock.now() * 1_000, "CloudWatchMetrics": [directive]},
            **dimensions,
            **{metric.title: each for metric, each in values.items()},
        }
        print(json.dumps(line, separators=(",", ":")))
