"""The clock alone: the deployed sweep, every minute."""

from __future__ import annotations

import time

import pytest

from peoplesync.domain.people import customer_identity
from peoplesync_cli.replay import run
from peoplesync_cli.target import of_local
from peoplesync_local.stack import LocalStack
from tests.builders import DAY, customer, event, subscription
from tests.ready_connections import connect

TWO_MINUTES = 120


@pytest.mark.long
def test_a_trial_slips_within_two_minutes_of_its_moment_without_any_event(local_stack: LocalStack) -> None:
    target = of_local(local_stack)
    now = int(time.time())
    connection = connect(
        "sweep", local_stack.stripe_api_key, "whsec_test", target.connections, target.secrets, now
    )
    started = now + 20 - 2 * DAY
    trial = subscription(status="trialing", created=started, trial_start=started, trial_end=now + 12 * DAY)
    events = [
        event("customer.created", customer(), created=started),
        event("customer.subscription.created", trial, created=started),
    ]
    run(target, events, events, connection=connection.name, concurrency=1, timeout=60)

    def segments() -> set[str]:
        person = target.people.person_of(connection.epoch, customer_identity("cus_1"))
        assert person is not None
        return set(person.segments)

    assert "slipping_trials" not in segments()
    while "slipping_trials" not in segments():
        assert time.time() < now + 20 + TWO_MINUTES, "the sweep did not find the trial"
        time.sleep(1)
