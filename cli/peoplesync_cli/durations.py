"""Durations as they are typed: 90m, 12h, 3d."""

from __future__ import annotations

import re
from typing import Final

_UNITS: Final = {"m": 60, "h": 3_600, "d": 86_400}


def seconds_of(text: str) -> int | None:
    """The duration in seconds; None where the text is not a duration."""
    found = re.fullmatch(r"(\d+)([mhd])", text)
    return int(found[1]) * _UNITS[found[2]] if found else None
