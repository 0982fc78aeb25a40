"""Counts of requests."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from typing import Any

from peoplesync_local.stripe_simulator.http.api import Call


class RequestLog:
    """Counts the requests that were let in: neither those with a wrong key nor those refused with 429."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        with self._lock:
            self._by_path: Counter[str] = Counter()
            self._by_endpoint: defaultdict[str, Counter[str]] = defaultdict(Counter)
            self._throttled = 0

    def add(self, path: str, call: Call | None) -> None:
        with self._lock:
            self._by_path[path] += 1
            if call is not None:
                self._by_endpoint[f"/v1/{call.resource.path}"][call.verb] += 1

    def add_throttled(self) -> None:
        with self._lock:
            self._throttled += 1

    def shown(self) -> dict[str, Any]:
        """`count` in all, `by_path`, `by_endpoint` and verb (`{"/v1/customers": {"list": 1}}`), and how many
        were `throttled`."""
        with self._lock:
            return {
                "count": sum(self._by_path.values()),
                "by_path": dict(self._by_path),
                "by_endpoint": {path: dict(verbs) for path, verbs in self._by_endpoint.items()},
                "throttled": self._throttled,
            }
