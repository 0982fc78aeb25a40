"""What a widget of a dashboard's body shows: its properties, and the samples behind its metrics.

Of the body's language that much is understood as infra/dashboard.json uses; more is refused with ValueError.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from peoplesync_local.dashboard.emf import Sample, Samples, Series

# Counts are reported only where they are not zero: a gap between two of them is a zero, not a straight line.
_FILLED: Final = re.compile(r"FILL\((\w+), (\d+)\)")


@dataclass(frozen=True)
class Box:
    """Where a widget is, in pixels."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Shown:
    """A series on a widget: its label and colour, how it is aggregated, and its samples."""

    label: str
    color: str
    statistic: str
    samples: tuple[Sample, ...]
    fill: float | None = None


@dataclass(frozen=True)
class MetricWidget:
    """A widget of metrics. `limits` are the smallest and the largest value of its axis, where they are given,
    `lines` its horizontal annotations: label, value, colour."""

    title: str
    view: str
    stacked: bool
    period: int
    whole_span: bool
    unit: str
    limits: tuple[float, float | None]
    lines: tuple[tuple[str, float, str], ...]
    shown: tuple[Shown, ...]


def metric_widget(properties: Mapping[str, Any], samples: Samples) -> MetricWidget:
    axis = properties.get("yAxis", {}).get("left", {})
    annotations = properties.get("annotations", {}).get("horizontal", [])
    return MetricWidget(
        title=properties["title"],
        view=properties["view"],
        stacked=properties.get("stacked", False),
        period=properties["period"],
        whole_span=properties.get("setPeriodToTimeRange", False),
        unit=axis.get("label", ""),
        limits=(axis.get("min", 0), axis.get("max")),
        lines=tuple((one["label"], one["value"], one["color"]) for one in annotations),
        shown=tuple(_shown(properties, samples)),
    )


def _shown(properties: Mapping[str, Any], samples: Samples) -> Iterator[Shown]:
    hidden = {}
    for entry in properties["metrics"]:
        if len(entry) > 1 and entry[-1].get("visible") is False:
            hidden[entry[-1]["id"]] = entry
    for entry in properties["metrics"]:
        options = entry[-1]
        if "expression" in options:
            filled = _FILLED.fullmatch(options["expression"])
            if filled is None:
                raise ValueError(f"{options['expression']} is not an expression that is drawn")
            behind = hidden[filled[1]]
            statistic = behind[-1].get("stat", properties["stat"])
            points = tuple(samples.get(series_of(behind), ()))
            yield Shown(options["label"], options["color"], statistic, points, float(filled[2]))
        elif options.get("visible", True):
            statistic = options.get("stat", properties["stat"])
            points = tuple(samples.get(series_of(entry), ()))
            yield Shown(options["label"], options["color"], statistic, points)


def series_of(entry: list[Any]) -> Series:
    """The series that an entry of a widget's `metrics` names: namespace, metric, then names and values of
    dimensions, then options."""
    namespace, metric, *dimensions, _options = entry
    return Series(namespace, metric, frozenset(zip(dimensions[::2], dimensions[1::2], strict=True)))
