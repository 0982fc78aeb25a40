"""The simulator of Stripe, served to a test and asked by Stripe's own client."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import stripe

from peoplesync.adapters.stripe.api import StripeApi
from peoplesync_local.stripe_simulator.account.clock import SimulatedClock
from peoplesync_local.stripe_simulator.http.server import Server

KEY = "rk_test_simulated"
NOW = 1_790_000_000
"""Where the simulated clock stands still when a test begins."""


@contextmanager
def simulated_stripe() -> Iterator[str]:
    """The address of a simulator that knows `KEY`."""
    server = Server(0, [KEY], clock=SimulatedClock(frozen_at=NOW))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server.url
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def stripe_api(
    api_key: Callable[[str], str | None], url: str, monotonic: Callable[[], float] = time.monotonic
) -> StripeApi:
    """The simulator as the product asks it, unmeasured, with keys that nobody replaces."""
    return StripeApi(api_key, url, monotonic, measure=lambda *_: None, fresh_key=api_key)


def client(url: str, key: str = KEY, *, retries: int = 0) -> stripe.StripeClient:
    """Stripe's own client, pointed at the simulator."""
    return stripe.StripeClient(key, base_addresses={"api": url}, max_network_retries=retries)


def ask(url: str, path: str, params: dict[str, Any] | None = None, *, key: str = KEY) -> Any:
    """The plain answer to a GET: `data` and `headers`."""
    return client(url, key).raw_request("get", path, **(params or {}))
