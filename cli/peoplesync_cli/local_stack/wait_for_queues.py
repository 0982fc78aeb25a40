"""Waiting until the queues are empty."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final

from peoplesync_cli.failure import Failure
from peoplesync_cli.target import Target

_SETTLED_LOOKS: Final = 3
"""The depths are approximate: so many looks in a row have to find nothing."""


def drain(target: Target, timeout: int, seen: Callable[[int], None] | None = None) -> None:
    """Returns when nothing waits on the queues; `seen` gets at every look how much does. Fails
    after `timeout` seconds."""
    gives_up_at = time.monotonic() + timeout
    empty_looks = 0
    for pause in _pauses():
        waiting = target.depths.waiting()
        if seen is not None:
            seen(waiting)
        empty_looks = empty_looks + 1 if waiting == 0 else 0
        if empty_looks == _SETTLED_LOOKS:
            return
        if time.monotonic() > gives_up_at:
            raise Failure(
                f"After {timeout} s {waiting} changes are still on the queues; "
                "`peoplesync status` shows how they fare."
            )
        time.sleep(pause)


def _pauses() -> Iterator[float]:
    pause = 0.05
    while True:
        yield pause
        pause = min(1.0, pause * 1.3)
