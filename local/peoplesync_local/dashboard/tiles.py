"""Widgets without an axis of time: text, numbers, a gauge, the alarms."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final

from peoplesync_local.dashboard.alarms import Alarm
from peoplesync_local.dashboard.axes import amount
from peoplesync_local.dashboard.series import Span, newest, statistic
from peoplesync_local.dashboard.svg import element, escaped, number, shortened, text, width_of
from peoplesync_local.dashboard.widgets import Box, MetricWidget, Shown

_NARROWEST_TILE: Final = 136.0
_MARKS: Final = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*")
_ORDER: Final = {"ALARM": 0, "no data": 1, "OK": 2}
_LOOKS: Final = {"ALARM": ("alarm-on", "!"), "no data": ("alarm-unknown", "?"), "OK": ("alarm-off", "✓")}


def markdown(words: str, box: Box) -> list[str]:
    """A text widget: a heading of the second level, and paragraphs with code and bold in them."""
    inside = []
    y = box.y
    for line in words.splitlines():
        if line.startswith("## "):
            y += 40
            inside.append(text(box.x + 4, y, line.removeprefix("## "), "question"))
            continue
        for part in _wrapped(line, box.width - 8):
            y += 19
            inside.append(element("text", _marked(part), x=box.x + 4, y=y, class_="answer"))
    return inside


def _wrapped(line: str, width: float) -> list[str]:
    lines = [""]
    for word in line.split(" "):
        longer = f"{lines[-1]} {word}".lstrip()
        if lines[-1] and width_of(longer.replace("`", ""), 13) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _marked(line: str) -> str:
    parts, last = [], 0
    for mark in _MARKS.finditer(line):
        code, bold = mark.groups()
        parts.append(escaped(line[last : mark.start()]))
        parts.append(element("tspan", escaped(code or bold), class_="code" if code else "bold"))
        last = mark.end()
    return "".join([*parts, escaped(line[last:])])


def value_of(one: Shown, widget: MetricWidget, span: Span) -> float | None:
    """What a number shows: the newest period's value, or that of all the time if the widget says so."""
    if not widget.whole_span:
        return newest(one.samples, one.statistic, widget.period, span)
    values = [sample.value for sample in one.samples]
    return statistic(values, one.statistic) if values else None


def single_values(widget: MetricWidget, box: Box, span: Span) -> list[str]:
    """Numbers side by side, each above its label."""
    inside = []
    share = (box.width - 16) / len(widget.shown)
    y = box.y + box.height / 2 + 22
    for place, one in enumerate(widget.shown):
        x = box.x + 14 + place * share
        value = value_of(one, widget, span)
        words = "–" if value is None else amount(value)
        inside.append(text(x, y, words, "number"))
        inside.append(element("rect", x=x, y=y + 13, width=9, height=9, rx=2, fill=one.color))
        inside.append(text(x + 14, y + 21, shortened(one.label, 11, share - 20), "legend"))
    return inside


def gauge(widget: MetricWidget, box: Box, span: Span) -> list[str]:
    """Half a ring, filled up to the value."""
    one = widget.shown[0]
    low, high = widget.limits[0], widget.limits[1] or 100.0
    value = value_of(one, widget, span)
    x, y, radius = box.x + box.width / 2, box.y + box.height - 56, min(box.width / 2 - 34, box.height - 116)
    share = 0.0 if value is None else min(1.0, max(0.0, (value - low) / (high - low)))
    inside = [element("path", d=_arc(x, y, radius, 1.0), class_="ring")]
    if share:
        inside.append(element("path", d=_arc(x, y, radius, share), stroke=one.color, class_="ring-filled"))
    words = "–" if value is None else amount(value)
    inside.append(text(x, y - 4, words, "number", text_anchor="middle"))
    inside.append(text(x - radius, y + 20, amount(low), "tick", text_anchor="middle"))
    inside.append(text(x + radius, y + 20, amount(high), "tick", text_anchor="middle"))
    inside.append(text(x, y + 20, one.label, "legend", text_anchor="middle"))
    return inside


def _arc(x: float, y: float, radius: float, share: float) -> str:
    angle = math.pi * (1 - share)
    end = f"{number(x + radius * math.cos(angle))} {number(y - radius * math.sin(angle))}"
    return f"M{number(x - radius)} {number(y)}A{number(radius)} {number(radius)} 0 0 1 {end}"


def alarm_tiles(alarms: Sequence[Alarm], box: Box, stack: str) -> list[str]:
    """A tile an alarm, those that are on first, without the stack's name before each."""
    inside = []
    gap = 8.0
    a_row = int((box.width - 28 + gap) // (_NARROWEST_TILE + gap)) or 1
    rows = math.ceil(len(alarms) / a_row) or 1
    width = (box.width - 28 - gap * (a_row - 1)) / a_row
    height = (box.height - 40 - gap * (rows - 1)) / rows
    ordered = sorted(alarms, key=lambda alarm: _ORDER[alarm.state])
    for place, alarm in enumerate(ordered):
        x = box.x + 14 + place % a_row * (width + gap)
        y = box.y + 30 + place // a_row * (height + gap)
        look, sign = _LOOKS[alarm.state]
        words = shortened(alarm.name.removeprefix(f"{stack}-"), 11, width - 24, bold=True)
        inside.append(
            element(
                "g",
                element("title", escaped(f"{alarm.state}: {alarm.question}")),
                element("rect", x=x, y=y, width=width, height=height, rx=4),
                text(x + 13, y + height / 2 + 4.5, sign, "sign", text_anchor="middle"),
                text(x + 22, y + height / 2 + 4.5, words, "tile"),
                class_=look,
            )
        )
    return [*inside, *_what_to_do(ordered, box)]


def _what_to_do(ordered: Sequence[Alarm], box: Box) -> list[str]:
    """Beside the title: what is asked by the first alarm that is on, and where the answer is."""
    on = [alarm for alarm in ordered if alarm.state == "ALARM"]
    right, y = box.x + box.width - 14, box.y + 21
    if on:
        others = f" (and {len(on) - 1} more)" * (len(on) > 1)
        page = f" Yes: read {on[0].page}" if on[0].page else ""
        return [text(right, y, f"{on[0].question}{page}{others}", "asked", text_anchor="end")]
    if any(alarm.state == "no data" for alarm in ordered):
        return [text(right, y, "? watches what only AWS itself measures", "unit", text_anchor="end")]
    return []
