"""The system's time.

A local deployment may set `PEOPLESYNC_CLOCK_URL`, so that a demo or a test can move the time of the whole
system; nothing that is deployed to AWS does.
"""

from __future__ import annotations

import json
import os
import time
import urllib.request
from typing import Final

VARIABLE: Final = "PEOPLESYNC_CLOCK_URL"
TRUSTED_FOR: Final = 0.05
"""Seconds of real time for which the distance to the system's time is not asked for again."""

_distance: tuple[float, int] | None = None


def now() -> int:
    """Unix seconds."""
    return int(time.time()) + distance()


def distance() -> int:
    """Seconds by which the system's time is ahead of the real time, which AWS uses; 0 in AWS."""
    url = os.environ.get(VARIABLE)
    return 0 if not url else _simulated(url)


def _simulated(url: str) -> int:
    global _distance
    asked_at = time.monotonic()
    if _distance is None or asked_at - _distance[0] > TRUSTED_FOR:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - an address of the local stack
            _distance = asked_at, int(json.load(answer)["now"]) - int(time.time())
    return _distance[1]
