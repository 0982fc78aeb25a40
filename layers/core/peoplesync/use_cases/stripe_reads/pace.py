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
"""Requests a second that Stripe allows to one endpoint; to a whole test account it allows no more, to a live
one 100."""

SLOWEST: Final = 0.2
RECOVERY: Final = 1.02
"""By how much the pace rises with every answered request, after it was halved."""

LEAST_RECOVERY: Final = 1 / 200
"""The part of the full pace by which it rises at least: from the slowest it would take minutes otherwise."""

CALM: Final = 1.0
"""Seconds in which several refusals are one: those that were under way together."""

PAUSE: Final = 0.5
"""Seconds to leave Stripe alone after a refusal that does not say how long."""

CATCH_UP: Final = 0.2
"""Seconds' worth of unused turns that may be taken at once, so that a moment in which all readers were busy
is not lost."""


@dataclass
class Pace:
    """Spaces out the requests of several threads: at most `rate` a second. `monotonic` is a stopwatch and
    `sleep` waits, both in seconds. `refused` counts the refusals."""

    rate: float
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
    refused: int = 0
    _now_allowed: float = field(init=False)
    _next: float = field(default=float("-inf"), init=False)
    _halved_at: float = field(default=float("-inf"), init=False)
    _turnstile: threading.Lock = field(default_factory=threading.Lock, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def __post_init__(self) -> None:
        self._now_allowed = self.rate

    def wait(self, is_worth_it: Callable[[], bool] = lambda: True) -> bool:
        """Returns True when it is this caller's turn; False as soon as waiting is no longer worth it."""
        # One waits for a turn at a time, the others for that one: so each turn is of the pace as it is then.
        with self._turnstile:
            while is_worth_it():
                with self._lock:
                    now = self.monotonic()
                    turn = max(self._next, now - CATCH_UP)
                if turn > now:
                    self.sleep(turn - now)
                with self._lock:
                    if self._next <= turn:  # nobody was refused meanwhile
                        self._next = turn + 1 / self._now_allowed
                        return True
        return False

    def answered(self) -> None:
        """A request went well."""
        with self._lock:
            faster = max(self._now_allowed * RECOVERY, self._now_allowed + self.rate * LEAST_RECOVERY)
            self._now_allowed = min(self.rate, faster)

    def refuse(self, retry_after: float | None = None) -> None:
        """A request was rate limited; nobody asks before `retry_after` seconds are over."""
        with self._lock:
            now = self.monotonic()
            self.refused += 1
            if now - self._halved_at > CALM:
                self._now_allowed = max(min(SLOWEST, self.rate), self._now_allowed / 2)
                self._halved_at = now
            self._next = max(self._next, now + (PAUSE if retry_after is None else retry_after))
