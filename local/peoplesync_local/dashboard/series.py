"""From samples to points: one value per period, by a statistic, as CloudWatch aggregates them.

A percentile is interpolated between the two nearest samples, where CloudWatch estimates it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from peoplesync_local.dashboard.emf import Sample, Samples

_PERIODS: Final = (1, 5, 10, 30, 60, 300, 900, 1800, 3600, 10_800, 21_600, 86_400)
_SHORTEST_SPAN: Final = 60.0
_FEWEST, _MOST = 20, 400


@dataclass(frozen=True)
class Span:
    """The time that a picture shows, in seconds since 1970."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


@dataclass(frozen=True)
class Point:
    """A period's value; `at` is when the period begins."""

    at: float
    value: float


def span_of(samples: Samples) -> Span:
    """From the first sample to the last, a minute at least. Raises ValueError where there is none."""
    instants = [one.at for each in samples.values() for one in (each[0], each[-1])]
    if not instants:
        raise ValueError("there are no samples")
    end = max(instants)
    return Span(min(min(instants), end - _SHORTEST_SPAN), end)


def period_for(span: Span, wanted: int) -> int:
    """The period of a chart: the wanted one, unless the span has few of them, or more than can be drawn."""
    shortest = next((one for one in _PERIODS if one >= span.seconds / _MOST), _PERIODS[-1])
    longest = next((one for one in reversed(_PERIODS) if one <= span.seconds / _FEWEST), _PERIODS[0])
    return max(shortest, min(wanted, longest))


def statistic(values: Sequence[float], name: str) -> float:
    """`values` (at least one) by a statistic of CloudWatch: Sum, Average, Minimum, Maximum, SampleCount, or a
    percentile like p99. Raises ValueError for another."""
    match name:
        case "Sum":
            return math.fsum(values)
        case "Average":
            return math.fsum(values) / len(values)
        case "Minimum":
            return min(values)
        case "Maximum":
            return max(values)
        case "SampleCount":
            return float(len(values))
    if not name.startswith("p"):
        raise ValueError(f"{name} is not a statistic that is drawn")
    ordered = sorted(values)
    place = (len(ordered) - 1) * float(name[1:]) / 100
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def points(
    samples: Iterable[Sample], name: str, period: int, span: Span, *, fill: float | None = None
) -> list[Point]:
    """The points of one series within the span, by time.

    Periods begin at multiples of their length, the first with the span. A period without samples has no
    point, or the value `fill`, if there is any sample at all.
    """
    periods: defaultdict[int, list[float]] = defaultdict(list)
    for sample in samples:
        if span.start <= sample.at <= span.end:
            periods[int(sample.at // period)].append(sample.value)
    values = {number: statistic(each, name) for number, each in periods.items()}
    if fill is not None and values:
        every = range(int(span.start // period), int(span.end // period) + 1)
        values = {number: values.get(number, fill) for number in every}
    return [Point(max(span.start, number * period), values[number]) for number in sorted(values)]


def newest(samples: Iterable[Sample], name: str, period: int, span: Span) -> float | None:
    """The value of the newest period that has one."""
    found = points(samples, name, period, span)
    return found[-1].value if found else None
