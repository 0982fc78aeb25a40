"""Pace: how fast Stripe may be asked.

Stripe's limit is shared with the company's own checkout, so an import takes a share of it and no more; and
where Stripe says 429 all the same, the share is halved, and comes back slowly.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

PER_ENDPOINT: Final = 25
"""Requests a second that Stripe allows to one endpoint."""

PER_ACCOUNT: Final = {True: 100, False: 25}
"""Requests a second that Stripe allows to an account, by its livemode."""

SLOWEST: Final = 0.2
RECOVERY: Final = 1.02
"""By how much the pace rises with every answered request, after it was halved."""

CALM: Final = 1.0
"""Seconds in which several refusals are one: those that were under way together."""


LONG_LISTS: Final = 4
"""How many lists that use their endpoint's whole part are thought to be read at the same time, at most."""


def pace_of(livemode: bool, share: float, part: float = 1.0) -> float:
    """Requests a second for a list, for a `share` (0 to 1) of Stripe's limits and its `part` of that."""
    return share * part * min(PER_ENDPOINT, PER_ACCOUNT[livemode] / LONG_LISTS)


@dataclass
class Pace:
    """Spaces out the requests of several threads: at most `rate` a second. `monotonic` is a stopwatch and
    `sleep` waits, both in seconds."""

    rate: float
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
    refused: int = 0
    _now_allowed: float = field(init=False)
    _next: float = field(default=0.0, init=False)
    _halved_at: float = field(default=float("-inf"), init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def __post_init__(self) -> None:
        self._now_allowed = self.rate

    def wait(self) -> None:
        """Returns when it is this caller's turn."""
        with self._lock:
            now = self.monotonic()
            turn = max(now, self._next)
            self._next = turn + 1 / self._now_allowed
        if turn > now:
            self.sleep(turn - now)

    def answered(self) -> None:
        """A request went well."""
        with self._lock:
            self._now_allowed = min(self.rate, self._now_allowed * RECOVERY)

    def refuse(self, retry_after: float | None = None) -> None:
        """A request was refused for its pace; nobody asks before `retry_after` seconds are over."""
        with self._lock:
            now = self.monotonic()
            self.refused += 1
            if now - self._halved_at > CALM:
                self._now_allowed = max(SLOWEST, self._now_allowed / 2)
                self._halved_at = now
            self._next = max(self._next, now + (retry_after if retry_after is not None else 0.5))
