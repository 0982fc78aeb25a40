"""Time series as lines or stacked areas, with axes, thresholds and a legend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from peoplesync_local.dashboard.axes import amount, beside, length, moment, moments, ticks
from peoplesync_local.dashboard.series import Point, Span, period_for, points
from peoplesync_local.dashboard.svg import element, number, shortened, text, width_of
from peoplesync_local.dashboard.widgets import Box, MetricWidget

LABEL: Final = 11
_ABOVE, _BELOW, _LEFT, _RIGHT = 48.0, 44.0, 44.0, 26.0
_A_LABEL_OF_TIME: Final = 75


@dataclass(frozen=True)
class Plot:
    """Where values and moments are within a chart's box."""

    box: Box
    span: Span
    highest: float

    @property
    def left(self) -> float:
        return self.box.x + _LEFT

    @property
    def right(self) -> float:
        return self.box.x + self.box.width - _RIGHT

    @property
    def top(self) -> float:
        return self.box.y + _ABOVE

    @property
    def bottom(self) -> float:
        return self.box.y + self.box.height - _BELOW

    def x(self, at: float) -> float:
        return self.left + (self.right - self.left) * (at - self.span.start) / self.span.seconds

    def y(self, value: float) -> float:
        return self.bottom - (self.bottom - self.top) * min(value, self.highest) / self.highest


def time_series(widget: MetricWidget, box: Box, span: Span) -> list[str]:
    """The inside of a widget whose view is timeSeries."""
    period = period_for(span, widget.period)
    drawn = [points(one.samples, one.statistic, period, span, fill=one.fill) for one in widget.shown]
    if widget.stacked:
        drawn = _stacked(drawn)
    largest = max((point.value for each in drawn for point in each), default=0.0)
    whole = all(point.value == int(point.value) for each in drawn for point in each)
    limit = widget.limits[1]
    highest = max([largest, *(value for _, value, _ in widget.lines)])
    steps = ticks(highest, whole=whole) if limit is None else [0, limit / 2, limit]
    plot = Plot(box, span, steps[-1])
    inside = [_note(widget, box, period, any(drawn))]
    inside += _axes(plot, steps)
    colors = [one.color for one in widget.shown]
    if widget.stacked:
        inside += _areas(plot, drawn, colors)
    else:
        inside += [_line(plot, each, color) for each, color in zip(drawn, colors, strict=True) if each]
    inside += [_threshold(plot, *line) for line in widget.lines]
    if not any(drawn):
        middle = (plot.left + plot.right) / 2
        inside.append(
            text(middle, (plot.top + plot.bottom) / 2 + 4, "none so far", "quiet", text_anchor="middle")
        )
    return inside + _legend(widget, box)


def _stacked(drawn: Sequence[list[Point]]) -> list[list[Point]]:
    """Each series upon those before it; where one has no point, its last value stands on."""
    instants = sorted({point.at for each in drawn for point in each})
    below = dict.fromkeys(instants, 0.0)
    stacked = []
    for each in drawn:
        values = {point.at: point.value for point in each}
        value = 0.0
        for at in instants:
            value = values.get(at, value)
            below[at] += value
        stacked.append([Point(at, below[at]) for at in instants] if each else [])
    return stacked


def _note(widget: MetricWidget, box: Box, period: int, any_: bool) -> str:
    """A sum says nothing without the time it was taken over, which is shorter here than in CloudWatch."""
    sums = any_ and any(one.statistic == "Sum" for one in widget.shown)
    words = f"{widget.unit} in {length(period)}" if sums else widget.unit
    return text(box.x + 14, box.y + 39, words, "unit")


def _axes(plot: Plot, steps: list[float]) -> list[str]:
    inside = []
    for value, label in zip(steps, beside(steps), strict=True):
        y = plot.y(value)
        inside.append(
            element("path", d=f"M{number(plot.left)} {number(y)}H{number(plot.right)}", class_="grid")
        )
        inside.append(text(plot.left - 6, y + 4, label, "tick", text_anchor="end"))
    wanted = max(2, int((plot.right - plot.left) // _A_LABEL_OF_TIME))
    for at in moments(plot.span, wanted):
        x = plot.x(at)
        inside.append(element("path", d=f"M{number(x)} {number(plot.bottom)}v4", class_="axis"))
        inside.append(text(x, plot.bottom + 16, moment(at, plot.span), "tick", text_anchor="middle"))
    inside.append(
        element("path", d=f"M{number(plot.left)} {number(plot.bottom)}H{number(plot.right)}", class_="axis")
    )
    return inside


def _line(plot: Plot, each: Sequence[Point], color: str) -> str:
    places = [(plot.x(point.at), plot.y(point.value)) for point in each]
    if len(places) == 1:
        return element("circle", cx=places[0][0], cy=places[0][1], r=3, fill=color, class_="series")
    return element("path", d=_path(places), stroke=color, class_="series line")


def _areas(plot: Plot, stacked: Sequence[Sequence[Point]], colors: Sequence[str]) -> list[str]:
    """Each series down to the one below it. The lowest is drawn last: an empty one above it is not seen."""
    inside = []
    below: Sequence[Point] = []
    for each, color in zip(stacked, colors, strict=True):
        if not each:
            continue
        top = [(plot.x(point.at), plot.y(point.value)) for point in each]
        under = [(plot.x(point.at), plot.y(point.value)) for point in below] or [
            (x, plot.bottom) for x, _ in (top[0], top[-1])
        ]
        if len(top) == 1:
            inside.append(_line(plot, each, color))
        else:
            outline = _path([*top, *reversed(under)]) + "Z"
            inside.append(element("path", d=_path(top), stroke=color, class_="edge"))
            inside.append(element("path", d=outline, fill=color, class_="series area"))
        below = each
    return inside[::-1]


def _path(places: Sequence[tuple[float, float]]) -> str:
    """A line through places; of those on one level only the first and the last are kept."""
    kept = [
        place
        for number_, place in enumerate(places)
        if number_ in (0, len(places) - 1)
        or not (places[number_ - 1][1] == place[1] == places[number_ + 1][1])
    ]
    return "M" + "L".join(f"{number(x)} {number(y)}" for x, y in kept)


def _threshold(plot: Plot, label: str, value: float, color: str) -> str:
    y = plot.y(value)
    line = element(
        "path", d=f"M{number(plot.left)} {number(y)}H{number(plot.right)}", stroke=color, class_="threshold"
    )
    words = f"{label} {amount(value)}"
    above = y - 4 if y - 4 - LABEL > plot.top - 12 else y + LABEL + 2
    return line + text(plot.right - 2, above, words, "alarm-line", text_anchor="end", style=f"fill: {color}")


def _legend(widget: MetricWidget, box: Box) -> list[str]:
    """In one line below the axis: labels are shortened until they fit."""
    widths = [width_of(one.label, LABEL) + 26 for one in widget.shown]
    room = box.width - 24
    share = room / len(widths)
    while sum(widths) > room:
        # The longest gives way, so that short ones stay whole.
        longest = max(range(len(widths)), key=widths.__getitem__)
        widths[longest] = max(share, widths[longest] - 4)
        if all(width <= share for width in widths):
            break
    inside = []
    x, y = box.x + 14, box.y + box.height - 10
    edges = [x + sum(widths[:number_]) for number_ in range(len(widths) + 1)]
    for one, (left, right) in zip(widget.shown, pairwise(edges), strict=True):
        inside.append(element("rect", x=left, y=y - 8, width=9, height=9, rx=2, fill=one.color))
        inside.append(text(left + 13, y, shortened(one.label, LABEL, right - left - 20), "legend"))
    return inside
