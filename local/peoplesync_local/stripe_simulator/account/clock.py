"""The simulated time, in whole Unix seconds."""

from __future__ import annotations

import threading
import time


class SimulatedClock:
    """Runs like a clock on the wall, ahead of it by what it was advanced, or stands still while frozen.

    It may be read and moved by several threads. `frozen_at` makes one that stands still from the start.
    """

    def __init__(self, *, frozen_at: int | None = None) -> None:
        self._ahead = 0.0
        self._frozen_at = frozen_at
        self._lock = threading.Lock()

    def now(self) -> int:
        with self._lock:
            return self._now()

    @property
    def frozen(self) -> bool:
        return self._frozen_at is not None

    def advance(self, seconds: int) -> int:
        """Let so many seconds pass at once; the time then. It cannot go back: `ValueError`."""
        if seconds < 0:
            raise ValueError(f"time cannot go back by {-seconds} s")
        with self._lock:
            if self._frozen_at is None:
                self._ahead += seconds
            else:
                self._frozen_at += seconds
            return self._now()

    def freeze(self, at: int | None) -> None:
        """Stand still at this instant until advanced; None lets the clock run again from where it stands."""
        with self._lock:
            if at is None and self._frozen_at is not None:
                self._ahead = self._frozen_at - time.time()
            self._frozen_at = at

    def _now(self) -> int:
        return int(time.time() + self._ahead) if self._frozen_at is None else self._frozen_at
