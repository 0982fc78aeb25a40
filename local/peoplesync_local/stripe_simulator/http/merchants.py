"""The accounts that the simulator plays, each in test mode and in live mode."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from peoplesync_local.stripe_simulator.account.account import Account
from peoplesync_local.stripe_simulator.account.clock import SimulatedClock
from peoplesync_local.stripe_simulator.http.idempotency import Answers
from peoplesync_local.stripe_simulator.lifecycle import Lifecycle
from peoplesync_local.stripe_simulator.webhooks.deliveries import Deliveries
from peoplesync_local.stripe_simulator.webhooks.endpoints import Endpoints

MAIN = "main"


@dataclass
class Merchant:
    """One account in one mode, with all that belongs to it. What was due has happened `until` an instant."""

    name: str
    account: Account
    lifecycle: Lifecycle
    endpoints: Endpoints
    deliveries: Deliveries
    answers: Answers
    until: int = 0

    def catch_up(self) -> int:
        """Let happen what is due by now, once a second at most; how many events that were."""
        now = self.account.clock.now()
        if now <= self.until:
            return 0
        with self.account.lock:
            if now <= self.until:
                return 0
            try:
                return self.lifecycle.advance(now)
            finally:
                self.until = now


class Merchants:
    """Each account and mode begins to exist, empty, when it is first asked for. They share one clock."""

    def __init__(self, clock: SimulatedClock, *, seed: int = 0) -> None:
        self._clock = clock
        self._seed = seed
        self._lock = threading.Lock()
        self._merchants: dict[tuple[str, bool], Merchant] = {}

    def of(self, name: str = MAIN, *, livemode: bool = False) -> Merchant:
        with self._lock:
            merchant = self._merchants.get((name, livemode))
            if merchant is None:
                merchant = self._merchants[name, livemode] = self._new(name, livemode)
            return merchant

    def all(self) -> list[Merchant]:
        with self._lock:
            return list(self._merchants.values())

    def _new(self, name: str, livemode: bool) -> Merchant:
        account = Account(self._clock, livemode=livemode, seed=self._seed + len(self._merchants))
        endpoints = Endpoints(account)
        return Merchant(
            name, account, Lifecycle(account), endpoints, Deliveries(account, endpoints), Answers()
        )
