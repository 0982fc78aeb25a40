"""Stripe under load: latency, rate limits, lock timeouts and its own errors."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from peoplesync_local.stripe_simulator.parameters.errors import Broken, Refusal, TooManyRequests


@dataclass(frozen=True)
class Limits:
    """`latency_ms` is waited in every request. Requests beyond a rate per second are refused with 429 and the
    reason; None: no limit. `lock_timeouts` and `server_errors` are the fractions of requests that are refused
    with 429 without a reason and with 500, drawn from `seed`. `refuse_deleted_cursors`: a page cannot begin
    after an object that was deleted (whether Stripe's can, its documentation does not say)."""

    latency_ms: float = 0
    requests_per_second_per_endpoint: float | None = None
    requests_per_second: float | None = None
    lock_timeouts: float = 0
    server_errors: float = 0
    refuse_deleted_cursors: bool = False
    seed: int = 0


class Throttle:
    """Admits requests as far as the limits allow. Rates are of real time."""

    def __init__(
        self,
        limits: Limits | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._monotonic = monotonic
        self._sleep = sleep
        self._lock = threading.Lock()
        self.set(limits or Limits())

    def set(self, limits: Limits) -> None:
        """Take these limits instead of those before; every bucket is full again."""
        with self._lock:
            self.limits = limits
            self._random = random.Random(limits.seed)
            self._buckets: dict[str, _Bucket] = {}

    def admit(self, account: str, endpoint: str) -> None:
        """Wait the latency, then return, or raise `TooManyRequests` or `Broken`."""
        limits = self.limits
        if limits == _NONE:
            return
        with self._lock:
            refusal = self._refusal(account, endpoint)
        if limits.latency_ms:
            self._sleep(limits.latency_ms / 1000)
        if refusal is not None:
            raise refusal

    def _refusal(self, account: str, endpoint: str) -> Refusal | None:
        limits = self.limits
        if not self._takes(f"{account} {endpoint}", limits.requests_per_second_per_endpoint):
            return _rate_limited("endpoint-rate")
        if not self._takes(account, limits.requests_per_second):
            return _rate_limited("global-rate")
        draw = self._random.random()
        if draw < limits.lock_timeouts:
            return TooManyRequests(
                "This object cannot be accessed right now because another API request or Stripe process is "
                "currently accessing it. If you see this error intermittently, retry the request.",
                code="lock_timeout",
            )
        if draw < limits.lock_timeouts + limits.server_errors:
            return Broken("An unexpected error occurred. The details were recorded.")
        return None

    def _takes(self, name: str, rate: float | None) -> bool:
        if rate is None:
            return True
        now = self._monotonic()
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = _Bucket(max(rate, 1.0), now)
        return bucket.take(now, rate)


@dataclass
class _Bucket:
    """As many requests as are left of a second's worth; it fills at the rate."""

    left: float
    at: float

    def take(self, now: float, rate: float) -> bool:
        self.left = min(max(rate, 1.0), self.left + (now - self.at) * rate)
        self.at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


def _rate_limited(reason: str) -> TooManyRequests:
    return TooManyRequests(
        "Request rate limit exceeded. Learn more about rate limits here https://docs.stripe.com/rate-limits.",
        code="rate_limit",
        headers={"Stripe-Rate-Limited-Reason": reason},
    )


_NONE = Limits()
