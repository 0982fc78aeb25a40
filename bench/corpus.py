"""A company's events, the same for everybody: people sign up, try, pay, change, fail to pay and leave.

Played by the simulator of Stripe on a clock of its own, from a seed: a real mix of types, in the order in
which Stripe would send them.
"""

from __future__ import annotations

import random
from typing import Any, Final

from peoplesync_local.stripe_simulator.account.account import Account
from peoplesync_local.stripe_simulator.account.clock import SimulatedClock
from peoplesync_local.stripe_simulator.lifecycle import Lifecycle

BEGINS: Final = 1_790_000_000
SEED: Final = 14
DAYS: Final = 70
SIGN_UPS_A_DAY: Final = 3

Event = dict[str, Any]


def events() -> list[Event]:
    """Some 2,300 events of about 200 customers, of ten weeks, in the order in which they happened."""
    company = _Company()
    for _ in range(DAYS):
        company.live_a_day()
    return company.events


class _Company:
    def __init__(self) -> None:
        self._clock = SimulatedClock(frozen_at=BEGINS)
        account = Account(self._clock)
        self.events: list[Event] = []
        account.listen(self.events.append)
        self._does = does = Lifecycle(account)
        self._rng = random.Random(SEED)  # noqa: S311 - a story, not a key
        self._prices = []
        for name, amount in (("Starter", "1900"), ("Team", "4900"), ("Business", "19900")):
            product = does.create_product({"name": name})["id"]
            for interval, months in (("month", 1), ("year", 10)):
                price = {"product": product, "currency": "usd", "unit_amount": str(int(amount) * months)}
                made = does.create_price(price | {"recurring": {"interval": interval}})
                self._prices.append(made["id"])
        self._subscriptions: list[tuple[str, str]] = []
        self._signed_up = 0

    def live_a_day(self) -> None:
        for _ in range(self._rng.randrange(2 * SIGN_UPS_A_DAY + 1)):
            self._clock.advance(self._rng.randrange(3_600))
            self._sign_up()
        if self._subscriptions:
            for _ in range(3):
                self._change(*self._rng.choice(self._subscriptions))
        self._does.advance(self._clock.advance(86_400))

    def _sign_up(self) -> None:
        self._signed_up += 1
        given = {"email": f"person-{self._signed_up:04}@example.com", "name": f"Person {self._signed_up:04}"}
        customer = self._does.create_customer(given)["id"]
        if self._rng.random() < 0.1:
            return
        self._does.customer_pays(customer, self._rng.random() < 0.95)
        trial = {"trial_period_days": "14"} if self._rng.random() < 0.4 else {}
        items = {"0": {"price": self._rng.choice(self._prices), "quantity": str(self._rng.randrange(1, 6))}}
        made = self._does.create_subscription({"customer": customer, "items": items} | trial)
        self._subscriptions.append((customer, made["id"]))

    def _change(self, customer: str, subscription: str) -> None:
        what = self._rng.random()
        if what < 0.5:
            self._does.update_customer(customer, {"metadata": {"seen": str(self._clock.now())}})
        elif what < 0.8:
            self._does.update_subscription(subscription, {"metadata": {"seats": str(self._rng.randrange(9))}})
        else:
            self._does.update_subscription(subscription, {"cancel_at_period_end": "true"})
            self._subscriptions.remove((customer, subscription))
