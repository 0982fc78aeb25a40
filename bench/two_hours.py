"""Two hours of a company's life on a local stack of its own, and its dashboard as README shows it.

    .venv/bin/python bench/two_hours.py docs/dashboard.svg

2,000 customers are imported; then customers sign up, change and are swept minute by minute, the reconciler
and the health function run as often as on AWS, and one event is broken on purpose. Takes about three minutes.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any, Final

import stripe

from peoplesync.adapters import clock
from peoplesync.use_cases.ingress.signatures import sign
from peoplesync_cli.jobs.imports import start_import, summary
from peoplesync_cli.local_stack.invoking import HEALTH, RECONCILE, SWEEP, invoke
from peoplesync_cli.local_stack.local import say
from peoplesync_cli.target import Target, of_local
from peoplesync_local.dashboard.of_stack import dashboard_of
from peoplesync_local.stack import stack as local_stack
from peoplesync_local.stack.places import Places
from peoplesync_local.stack.stack import LocalStack
from peoplesync_local.stripe_simulator.control import Simulator

CUSTOMERS: Final = 2_000
MINUTES: Final = 120
BROKEN_AT: Final = 95
SEED: Final = 7


def main(out: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        places = Places(state_directory=Path(folder))
        try:
            running = local_stack.up(say, None, places=places)
            live(running)
            out.write_text(dashboard_of(running, places).svg, "utf-8")
        finally:
            local_stack.down(say, places=places)
    say(f"Drawn: {out}")


def live(running: LocalStack) -> None:
    target, simulator = of_local(running), Simulator(running.stripe_api_url)
    simulator.fill(CUSTOMERS, seed=SEED)
    use_case = target.connector()
    use_case.connect(use_case.examine("main", running.stripe_api_key), clock.now())
    invoke(target, HEALTH, {})
    say(summary(start_import(target, "main", share=100)))
    account, rng = Account(running), random.Random(SEED)  # noqa: S311 - a story, not a key
    for minute in range(MINUTES):
        for _ in range(rng.randrange(4)):
            account.sign_up(rng)
        simulator.advance(60)
        simulator.flush()
        until_taken(target)
        invoke(target, SWEEP, {})
        if minute % 15 == 0:
            invoke(target, RECONCILE, {})
        if minute == BROKEN_AT:
            send_what_cannot_be_read(target)
        if minute % 5 == 4:
            invoke(target, HEALTH, {})
            say(f"{minute + 1} of {MINUTES} minutes")


def until_taken(target: Target) -> None:
    """Time runs a hundred times as fast as on the wall, so it waits for the workers."""
    while any(queue.visible() for queue in target.depths.queues):
        time.sleep(0.05)


class Account:
    """The company's account at the simulator, by Stripe's own client."""

    def __init__(self, running: LocalStack) -> None:
        addresses: Any = {"api": running.stripe_api_url}
        self._client = stripe.StripeClient(running.stripe_api_key, base_addresses=addresses)
        prices = self._ask("get", "/v1/prices", limit=100)["data"]
        self._prices = [one["id"] for one in prices if one["unit_amount"]]
        self._people = 0

    def sign_up(self, rng: random.Random) -> None:
        """Somebody signs up, every third with a trial, and corrects their name."""
        self._people += 1
        email = f"trial-{self._people:03}@example.com"
        customer = self._ask("post", "/v1/customers", email=email, name="Trial")["id"]
        trial = {} if rng.random() < 2 / 3 else {"trial_period_days": 14}
        items = [{"price": rng.choice(self._prices)}]
        self._ask("post", "/v1/subscriptions", customer=customer, items=items, **trial)
        self._ask("post", f"/v1/customers/{customer}", name=f"Trial {self._people:03}")

    def _ask(self, method: str, path: str, **params: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self._client.raw_request(method, path, **params).data
        return answer


def send_what_cannot_be_read(target: Target) -> None:
    """A customer whose phone is a list: signed by Stripe, and of no shape that Stripe has."""
    person = {"id": "cus_broken", "object": "customer", "phone": ["not", "a", "number"]}
    event = {"id": "evt_broken", "object": "event", "type": "customer.updated", "livemode": False}
    body = json.dumps(event | {"created": clock.now(), "data": {"object": person}}).encode()
    (secret,) = target.secrets.signing_secrets("main")
    headers = {"Stripe-Signature": sign(secret, body, clock.now()), "Content-Type": "application/json"}
    request = urllib.request.Request(target.webhook_url("main"), body, headers)  # noqa: S310 - this machine
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310 - the same


if __name__ == "__main__":
    main(Path(sys.argv[1]))
