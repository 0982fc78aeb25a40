"""The clock alone: the deployed sweep, every minute, whatever is on the bulk queue."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest

from peoplesync.adapters import clock
from peoplesync.domain.connections import Epoch
from peoplesync.domain.people.person import customer_identity
from peoplesync.use_cases.messages.message import Message
from peoplesync_cli.jobs.replay import run
from peoplesync_cli.local_stack.invoking import SWEEP, invoke
from peoplesync_cli.target import Target, of_local
from peoplesync_local.stack.stack import LocalStack
from peoplesync_local.stripe_simulator.control import Simulator
from tests.support.builders.stripe import DAY, customer, event, subscription
from tests.support.fakes.ready_connections import connect

KEY = "rk_test_local_stack"
TWO_MINUTES = 120


@dataclass
class Trial:
    """Somebody whose trial slips so many seconds from now."""

    target: Target
    name: str
    slips_in: int

    def __post_init__(self) -> None:
        target, now = self.target, clock.now()
        self.slips_at = now + self.slips_in
        secrets = target.secrets
        connection = connect(self.name, KEY, "whsec_test", target.connections, secrets, now)
        self.epoch = connection.epoch
        started = self.slips_at - 2 * DAY
        ends = now + 12 * DAY
        trial = subscription(status="trialing", created=started, trial_start=started, trial_end=ends)
        events = [
            event("customer.created", customer(), created=started),
            event("customer.subscription.created", trial, created=started),
        ]
        run(target, events, events, connection=self.name, concurrency=1, timeout=60)

    def slips(self) -> bool:
        person = self.target.people.person_of(self.epoch, customer_identity("cus_1"))
        assert person is not None
        return "slipping_trials" in person.segments


@pytest.mark.long
def test_a_trial_slips_within_two_minutes_of_its_moment_without_any_event(local_stack: LocalStack) -> None:
    trial = Trial(of_local(local_stack), "sweep", 20)

    assert not trial.slips()
    while not trial.slips():
        assert clock.now() < trial.slips_at + TWO_MINUTES, "the sweep did not find the trial"
        time.sleep(1)


def test_a_trial_slips_also_while_an_import_keeps_the_bulk_queue_busy(local_stack: LocalStack) -> None:
    target = of_local(local_stack)
    trial = Trial(target, "sweep-and-import", 600)
    assert not trial.slips()
    bulk = {"UUID": local_stack.outputs["BulkMapping"]}
    functions = local_stack.session().client("lambda")
    functions.update_event_source_mapping(**bulk, Enabled=False)
    try:
        target.queues["bulk"].send(Message(Epoch("nobody", 1), review=("per_1",), cause="import").encode())
        Simulator(local_stack.stripe_api_url).advance(600)
        swept = invoke(target, SWEEP, {})
        assert swept["due"] >= 1, swept
        for _ in range(100):
            if trial.slips():
                break
            time.sleep(0.2)
        assert trial.slips()
        assert target.queues["bulk"].depth() >= 1
    finally:
        functions.update_event_source_mapping(**bulk, Enabled=True)
