"""Axes: where their ticks are, and what stands beside them."""

from __future__ import annotations

import math
import time
from typing import Final

from peoplesync_local.dashboard.series import Span

_STEPS_OF_TIME: Final = (
    *(1, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1800),
    *(3600, 7200, 10_800, 14_400, 21_600, 43_200),
    *(86_400, 172_800, 604_800),
)
_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def ticks(highest: float, *, whole: bool) -> list[float]:
    """Round values from 0 to the first well above `highest`; only `whole` ones if nothing is in between."""
    if highest <= 0:
        return [0.0, 1.0]
    rough = highest / 3
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * magnitude for factor in (1, 2, 5, 10) if factor * magnitude >= rough * 0.999)
    if whole:
        step = max(step, 1.0)
    return [round(step * number, 12) for number in range(math.ceil(highest * 1.05 / step) + 1)]


def beside(steps: list[float]) -> list[str]:
    """The ticks' labels, all in one unit."""
    unit, letter = next(
        ((one, name) for one, name in ((1e6, "M"), (1e3, "k")) if steps[-1] >= 10 * one), (1, "")
    )
    return [f"{amount(value / unit)}{letter}" if value else "0" for value in steps]


def moments(span: Span, wanted: int) -> list[float]:
    """Round moments (UTC) within the span, at most `wanted`."""
    step = next((one for one in _STEPS_OF_TIME if span.seconds / one <= wanted), _STEPS_OF_TIME[-1])
    first = math.ceil(span.start / step) * step
    return [float(at) for at in range(first, math.floor(span.end) + 1, step)]


def moment(at: float, span: Span) -> str:
    """A moment as short as the span allows it."""
    pattern = "%d %b" if span.seconds > 3 * 86_400 else "%H:%M" if span.seconds > 600 else "%H:%M:%S"
    return time.strftime(pattern, time.gmtime(at))


def amount(value: float) -> str:
    """A value as it is read: 1,955; 0.25; 12.5k from 10,000 on; 1.2M."""
    size = abs(value)
    for limit, unit, letter in ((1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if size >= limit:
            return f"{value / unit:.4g}{letter}"
    if size >= 100 or value == round(value):
        return f"{value:,.0f}"
    return f"{value:.3g}" if size >= 0.0001 else f"{value:.2g}"


def length(seconds: float) -> str:
    """A length of time in its largest unit: 30 s, 5 min, 1.5 h, 1 d."""
    size, unit = next((one for one in _UNITS if seconds >= 0.99 * one[0]), _UNITS[-1])
    return f"{round(seconds / size, 1):g} {unit}"
