"""Draws a dashboard: the widgets of its body on CloudWatch's grid of 24 columns, as one SVG picture.

What differs from CloudWatch: the span is what the samples have, from the first to the last, and where that
is short a chart's period is shorter than the widget's, so that there is something to see. A chart of sums
says which it is; a threshold beside them still is that of the alarm's own period. `start` and `end` are not
looked at. Alarms are evaluated here, at the end of the span; the first that is on is shown with its
question, for which one opens the alarm in CloudWatch, and the stack's name before theirs is left out. Times
are UTC, by the local system's clock, which may have been moved.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from peoplesync_local.dashboard.alarms import Alarm
from peoplesync_local.dashboard.axes import length
from peoplesync_local.dashboard.charts import time_series
from peoplesync_local.dashboard.emf import Samples
from peoplesync_local.dashboard.series import Span, span_of
from peoplesync_local.dashboard.svg import FIXED_FONTS, FONTS, element, escaped, number, text
from peoplesync_local.dashboard.tiles import alarm_tiles, gauge, markdown, single_values
from peoplesync_local.dashboard.widgets import Box, metric_widget

COLUMNS: Final = 24
COLUMN: Final = 50.0
ROW: Final = 42.0
_GAP: Final = 10.0
_MARGIN: Final = 18.0
_HEADER: Final = 64.0

_STYLE: Final = f"""
text {{ font-family: {FONTS}; fill: #16191f; }}
.name {{ font-size: 22px; font-weight: 700; }}
.span {{ font-size: 13px; fill: #545b64; }}
.question {{ font-size: 19px; font-weight: 700; }}
.answer {{ font-size: 13px; fill: #414750; }}
.bold {{ font-weight: 700; }}
.code {{ font-family: {FIXED_FONTS}; font-size: 12px; fill: #16191f; }}
.title {{ font-size: 13px; font-weight: 600; }}
.unit, .tick {{ font-size: 11px; fill: #687078; }}
.legend {{ font-size: 11px; fill: #414750; }}
.quiet {{ font-size: 12px; fill: #879596; }}
.alarm-line {{ font-size: 11px; font-weight: 600; }}
.number {{ font-size: 26px; font-weight: 600; }}
.asked {{ font-size: 12px; font-weight: 600; fill: #d13212; }}
.tile {{ font-size: 11px; font-weight: 600; }}
.sign {{ font-size: 13px; font-weight: 700; }}
.card {{ fill: #ffffff; stroke: #d5dbdb; }}
.grid {{ fill: none; stroke: #eaeded; }}
.axis {{ fill: none; stroke: #aab7b8; }}
.line {{ fill: none; stroke-width: 1.8; stroke-linejoin: round; stroke-linecap: round; }}
.area {{ fill-opacity: .55; }}
.edge {{ fill: none; stroke-width: 1; }}
.threshold {{ fill: none; stroke-width: 1.2; stroke-dasharray: 5 4; }}
.ring, .ring-filled {{ fill: none; stroke-width: 20; }}
.ring {{ stroke: #eaeded; }}
.alarm-on rect {{ fill: #d13212; }}
.alarm-on text {{ fill: #ffffff; }}
.alarm-off rect {{ fill: #eaf6e6; stroke: #b5d9a8; }}
.alarm-off text {{ fill: #1d6b0a; }}
.alarm-unknown rect {{ fill: #f2f3f3; stroke: #d5dbdb; }}
.alarm-unknown text {{ fill: #687078; }}
""".replace("\n", "")


def drawn(body: Mapping[str, Any], samples: Samples, alarms: Sequence[Alarm], stack: str) -> str:
    """The picture of a dashboard's body, whose placeholders are filled in.

    Raises ValueError where there are no samples, or where the body has what is not drawn.
    """
    span = span_of(samples)
    widgets = body["widgets"]
    width = COLUMNS * COLUMN + 2 * _MARGIN
    height = _HEADER + max(widget["y"] + widget["height"] for widget in widgets) * ROW + _MARGIN
    by_name = {alarm.name: alarm for alarm in alarms}
    inside = [
        element("style", _STYLE),
        element("rect", width=width, height=height, fill="#f2f3f3"),
        text(_MARGIN + 5, 40, stack, "name"),
        text(width - _MARGIN - 5, 40, _span_text(span), "span", text_anchor="end"),
        *(_widget(widget, samples, by_name, span, stack) for widget in widgets),
    ]
    return element(
        "svg",
        *inside,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {number(width)} {number(height)}",
        width=width,
        height=height,
        role="img",
        aria_label=f"The dashboard of {stack}",
    )


def filled_in(body: str, stack: str, region: str) -> str:
    """The body's text as Fn::Sub makes it, with a made-up account."""
    values = {"StackName": stack, "Region": region, "AccountId": "000000000000", "Partition": "aws"}
    for name, value in values.items():
        body = body.replace(f"${{AWS::{name}}}", value)
    return body


def _span_text(span: Span) -> str:
    day = time.strftime("%Y-%m-%d %H:%M", time.gmtime(span.start))
    same_day = span.start // 86_400 == span.end // 86_400
    until = time.strftime("%H:%M" if same_day else "%Y-%m-%d %H:%M", time.gmtime(span.end))
    return f"{day} – {until} UTC ({length(span.seconds)})"


def _widget(
    widget: Mapping[str, Any], samples: Samples, alarms: Mapping[str, Alarm], span: Span, stack: str
) -> str:
    box = Box(
        _MARGIN + widget["x"] * COLUMN + _GAP / 2,
        _HEADER + widget["y"] * ROW + _GAP / 2,
        widget["width"] * COLUMN - _GAP,
        widget["height"] * ROW - _GAP,
    )
    properties = widget["properties"]
    if widget["type"] == "text":
        return element("g", *markdown(properties["markdown"], box))
    if widget["type"] == "alarm":
        names = [arn.rpartition(":alarm:")[2] for arn in properties["alarms"]]
        shown = [alarms.get(name, Alarm(name, "no data")) for name in names]
        inside = alarm_tiles(shown, box, stack)
    elif widget["type"] == "metric":
        metrics = metric_widget(properties, samples)
        match metrics.view:
            case "timeSeries":
                inside = time_series(metrics, box, span)
            case "singleValue":
                inside = single_values(metrics, box, span)
            case "gauge":
                inside = gauge(metrics, box, span)
            case view:
                raise ValueError(f"{view} is not a view that is drawn")
    else:
        raise ValueError(f"{widget['type']} is not a widget that is drawn")
    card = element("rect", x=box.x, y=box.y, width=box.width, height=box.height, rx=6, class_="card")
    title = text(box.x + 14, box.y + 22, properties["title"], "title")
    return element("g", element("title", escaped(properties["title"])), card, title, *inside)
