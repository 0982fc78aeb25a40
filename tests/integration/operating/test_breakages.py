"""Ways in which an operator finds the sync broken: each is named in time, alarms, and is mended by what
`peoplesync status` and its runbook say, with nothing lost."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any, Final

import pytest

from peoplesync.adapters import clock
from peoplesync.use_cases.health.checks import RECONCILE_OVERDUE, REFUSED_FOR, SWEEP_OVERDUE
from peoplesync.use_cases.ingress.signatures import sign
from peoplesync.use_cases.metrics import Metric
from tests.support.builders.stripe import DAY, MINUTE, event
from tests.support.stacks.stack_company import eventually, slow
from tests.support.stacks.stack_operator import SCHEDULES, Operator, frozen_stack, goes_off

CUSTOMERS: Final = 20

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """A company with people, on a stack of its own."""
    with frozen_stack(tmp_path_factory.mktemp("breakages")) as found:
        found.company.simulator().fill(CUSTOMERS, seed=3)
        found.company.connect()
        found.company.ended(found.company.start_import())
        yield found


@pytest.fixture(autouse=True)
def well(shop: Operator) -> Iterator[None]:
    """Each breakage is the only one, whatever became of the others."""
    shop.about("reconcile")
    shop.is_well()
    yield
    shop.company.simulator().deliver()
    shop("resume")
    if shop.company.target.depths.dead():
        shop("dead", "drop", "--all", "--yes")
    for function in SCHEDULES:
        shop.schedule(function, on=False)
    shop.company.connect()


def test_a_paused_worker(shop: Operator) -> None:
    shop("pause")
    shop.status("Paused")
    shop.rename("While paused", waits=True)
    shop.company.simulator().advance(15 * MINUTE)
    shop.about("reconcile")

    paused = shop.status("Paused")
    # The renaming, what the reconciler found, and what else the company's customers did by then.
    assert paused["queue"] >= 2
    assert f"{paused['queue']} changes on the queues, kept for 14 days" in paused["reason"]
    assert shop.alarms() == {"paused": 1}
    assert shop.name != "While paused"

    shop.follow(paused["what_to_do"])
    shop.is_well()
    assert shop.name == "While paused"


def test_a_revoked_key(shop: Operator) -> None:
    company, simulator = shop.company, shop.company.simulator()
    simulator.add_key(company.keys[False], revoked=True)
    company.keys[False] += "again"
    simulator.add_key(company.keys[False])
    shop.rename("While the key was refused")
    shop.status("In sync")  # nobody has asked Stripe yet

    assert "Stripe refuses the API key" in shop.refused("reconcile")
    stopped = shop.status("Stopped: key revoked")
    assert shop.alarms() == {"key-refused": 1}

    shop.follow(stopped["what_to_do"], "--skip", "--key-file", shop.key_file())
    shop.about("reconcile")
    shop.is_well()
    assert shop.name == "While the key was refused"


def test_a_webhook_endpoint_deleted_at_stripe(shop: Operator) -> None:
    shop.company.stripe().v1.webhook_endpoints.delete(str(shop.connection.endpoint_id))
    shop.rename("Not delivered")
    shop.wait_until(clock.now() + 15 * MINUTE)
    shop.status("In sync")  # nobody has asked Stripe yet
    assert shop.name != "Not delivered"

    shop.about("reconcile")
    shop.company.drain()
    stopped = shop.status("Stopped: webhook deleted")
    assert shop.name == "Not delivered"
    assert shop.alarms() == {"webhook-stopped": 1}

    shop.follow(stopped["what_to_do"], "--skip", "--key-file", shop.key_file())
    shop.is_well()
    shop.rename("Delivered again")
    shop.is_well()
    assert shop.name == "Delivered again"


def test_a_secret_rolled_at_stripe_only(shop: Operator) -> None:
    before = len(shop.log("ReceiveWebhook"))
    shop.company.simulator().roll_secret(str(shop.connection.endpoint_id))
    for number in range(5):
        shop.rename(f"Refused {number}")
    first = shop.connection.webhook_refused_since
    assert first is not None
    shop.wait_until(first + REFUSED_FOR - 5)
    shop.status("In sync")
    shop.wait_until(first + REFUSED_FOR + 5)

    refused = shop.status("Stopped: webhook refused")
    assert shop.alarms() == {"webhook-stopped": 1}
    told = shop.told("ReceiveWebhook", before)
    assert goes_off("signatures", told[Metric.WEBHOOKS_REFUSED_SIGNATURE.title])
    assert "Refused" not in shop.name

    shop.follow(refused["what_to_do"])
    shop.about("reconcile")
    shop.company.drain()
    assert shop.name == "Refused 4"
    shop.is_well()
    shop.forget()
    shop.rename("Accepted")
    shop.is_well()
    assert shop.name == "Accepted"


def test_an_event_that_cannot_be_applied(shop: Operator) -> None:
    target, now = shop.company.target, clock.now()
    asked = shop.company.stripe().v1.customers.retrieve(shop.customer).to_dict()
    body = json.dumps(event("customer.updated", asked | {"email": 42}, created=now)).encode()
    (secret,) = target.secrets.signing_secrets(shop.company.name, fresh=True)
    headers = {"stripe-signature": sign(secret, body, now)}
    request = urllib.request.Request(target.webhook_url(shop.company.name), data=body, headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert json.load(answer) == {"outcome": "enqueued"}
    shop.rename("Applied beside it")

    eventually(lambda: target.depths.dead() == 1, 10, "the message is dead")
    shop.company.drain()
    attention = shop.status("Attention: 1 dead letter")
    assert shop.alarms() == {"dead-letters": 1}
    assert shop.name == "Applied beside it"

    (letter,) = map(json.loads, shop.follow(attention["what_to_do"], "--json").splitlines())
    assert (letter["connection"], "email" in letter["why"]) == (shop.company.name, True)
    shop("dead", "replay", letter["id"])
    eventually(
        lambda: target.depths.waiting() == 0 and target.depths.dead() == 1, 10, "the message is dead again"
    )
    shop("dead", "drop", "--all", "--yes")
    shop.about("verify", "--repair")
    shop.is_well()


def test_a_reconciler_that_is_switched_off(shop: Operator) -> None:
    shop.schedule("ReconcileEvents", on=False)
    shop.rename("Delivered")
    checkpoint = shop.connection.reconciled_until
    assert checkpoint is not None
    shop.wait_until(checkpoint + RECONCILE_OVERDUE - 5)
    shop.status("In sync")
    assert shop.name == "Delivered"
    shop.wait_until(checkpoint + RECONCILE_OVERDUE + 5)

    attention = shop.status("Attention: reconcile stopped")
    alarms = shop.alarms()
    assert alarms.keys() == {"reconcile-stale"}
    assert RECONCILE_OVERDUE < alarms["reconcile-stale"] <= RECONCILE_OVERDUE + 10

    shop.follow(attention["what_to_do"])
    shop.schedule("ReconcileEvents", on=True)
    shop.is_well()


def test_an_import_that_was_killed(shop: Operator) -> None:
    company = shop.company
    with slow(company, 1_000):
        run = json.loads(shop.about("import", "start", "--detach", "--json"))["id"]
        assert shop.status("Importing 0 %")["last_import"]["status"] == "running"
        imported = company.target.imports.get(company.epoch, run)
        assert imported is not None
        company.target.session.client("stepfunctions").stop_execution(executionArn=imported.execution)
    shop.rename("During the import")

    attention = shop.status("Attention: import failed")
    assert shop.alarms() == {"import-failed": 1}

    shop.follow(attention["what_to_do"])
    shop.is_well()
    assert shop.status("In sync")["last_import"]["status"] == "succeeded"
    assert shop.company.verify().differences == {}
    assert shop.name == "During the import"


def test_a_sweep_that_is_switched_off(shop: Operator) -> None:
    api = shop.company.stripe()
    price = api.v1.prices.list({"limit": 1, "type": "recurring"}).data[0].id
    trial = api.v1.customers.create({"email": "trial-07@example.com"}).id
    asked: Any = {"customer": trial, "items": [{"price": price}], "trial_period_days": 14}
    slips_at = api.v1.subscriptions.create(asked).created + 2 * DAY
    shop.wait_until(slips_at - MINUTE)
    shop.sweep()
    shop.about("reconcile")
    shop.is_well()

    def segments() -> Any:
        return shop.company.target.browser(shop.company.name).person(trial)["segments"]

    shop.schedule("SweepSegments", on=False)
    shop.wait_until(slips_at + SWEEP_OVERDUE - 5)
    shop.status("In sync")
    shop.wait_until(slips_at + SWEEP_OVERDUE + 5)

    attention = shop.status("Attention: segments late")
    alarms = shop.alarms()
    assert alarms.keys() == {"sweep-late"}
    assert SWEEP_OVERDUE < alarms["sweep-late"] <= SWEEP_OVERDUE + 10
    assert "slipping_trials" not in segments()

    shop.follow(attention["what_to_do"])
    shop.schedule("SweepSegments", on=True)
    shop.sweep()
    shop.is_well()
    assert "slipping_trials" in segments()


def test_a_webhook_that_cannot_be_reached(shop: Operator) -> None:
    simulator = shop.company.simulator()
    simulator.deliver(refuse=True)
    shop.rename("Not reached")
    shop.wait_until(clock.now() + 15 * MINUTE)
    shop.about("reconcile")
    shop.company.drain()

    shop.status("Stopped: webhook silent")
    assert shop.name == "Not reached"
    assert shop.alarms() == {"webhook-stopped": 1}

    simulator.deliver()
    shop.rename("Reached")
    shop.is_well()
    assert shop.name == "Reached"
