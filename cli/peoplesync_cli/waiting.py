"""Waiting for what nobody notifies this process of: it looks again and again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from itertools import repeat

from peoplesync_cli.failure import Failure


def wait_until(
    look: Callable[[], bool], seconds: float, pauses: float | Iterable[float], too_late: Callable[[], str]
) -> None:
    """Returns when `look` finds what is waited for, with so many seconds, one or several, between two looks.
    Fails after `seconds`, saying that it is `too_late`."""
    gives_up_at = time.monotonic() + seconds
    for pause in repeat(pauses) if isinstance(pauses, float) else pauses:
        if look():
            return
        if time.monotonic() > gives_up_at:
            break
        time.sleep(pause)
    raise Failure(too_late())
