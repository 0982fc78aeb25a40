"""The deployed reconciler, invoked by hand: without any webhook, people come into step with Stripe."""

from __future__ import annotations

import json
import time

import pytest
from click.testing import CliRunner

from peoplesync.domain.connections import Connection
from peoplesync_cli import options
from peoplesync_cli.main import main
from peoplesync_cli.target import of_local
from peoplesync_local.stack.stack import LocalStack
from peoplesync_local.stripe_simulator.control import Simulator
from tests.support.worlds.simulated_stripe import client

APPLIED_WITHIN = 60


def test_what_no_webhook_delivered_is_reconciled_and_verified(
    local_stack: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = of_local(local_stack)
    simulator = Simulator(local_stack.stripe_api_url)
    now = simulator.now()
    target.connections.create(Connection("polled", False, 1, 1, now, reconciled_until=now))
    target.secrets.store_api_key("polled", local_stack.stripe_api_key)
    monkeypatch.setattr(options, "resolve", lambda stack: target)
    stripe = client(local_stack.stripe_api_url, local_stack.stripe_api_key)
    made = [stripe.v1.customers.create({"name": f"Trial {number}"}).id for number in range(30)]

    result = CliRunner().invoke(main, ["reconcile", "--connection", "polled", "--json"])

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["events"] >= len(made)
    gives_up_at = time.monotonic() + APPLIED_WITHIN
    while target.depths.waiting():
        assert time.monotonic() < gives_up_at, "the worker has not applied it"
        time.sleep(0.2)
    for customer in made:
        assert target.browser("polled").find(customer).fields["customer_name"].startswith("Trial ")  # type: ignore[union-attr]  # a name
    sampled = CliRunner().invoke(main, ["verify", "--connection", "polled", "--sample", "30"])
    assert sampled.exit_code == 0, sampled.output
