"""What the webhook missed, the reconciler brings: the use cases on the simulator, through Stripe's client."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from peoplesync.adapters.stripe.account import StripeAccount
from peoplesync.domain.people.person import CUSTOMERS_IN_SYNC
from peoplesync.use_cases.connecting import endpoints as sync_endpoints
from peoplesync_local.stripe_simulator.control import Simulator
from tests.support.builders.stripe import DAY, HOUR, MINUTE
from tests.support.worlds.connecting import FakeSecrets, url_of
from tests.support.worlds.simulated_stripe import KEY, NOW, client, simulated_stripe
from tests.support.worlds.simulated_system import System, Webhook


@pytest.fixture
def system() -> Iterator[System]:
    with simulated_stripe() as url:
        yield System(url)


@pytest.fixture
def webhook(system: System) -> Iterator[Webhook]:
    """The endpoint, connected."""
    with Webhook(system) as door:
        threading.Thread(target=door.serve_forever, args=(0.01,), daemon=True).start()
        address = f"http://127.0.0.1:{door.server_port}/webhooks/stripe/main"
        asked: Any = {"url": address, "enabled_events": ["*"]}
        made = client(system.url).v1.webhook_endpoints.create(asked)
        door.secret = str(made.secret)
        system.connections.connection = replace(system.connections.current, endpoint_id=made.id)
        yield door
        door.shutdown()


def sign_up(system: System, count: int) -> list[str]:
    """Customers that sign up now."""
    made = []
    for number in range(count):
        asked: Any = {"email": f"trial-{system.now()}-{number}@example.com", "name": f"Trial {number}"}
        made.append(client(system.url).v1.customers.create(asked).id)
    return made


def subscribe(system: System, customers: list[str]) -> list[str]:
    """A subscription of $19 a month each, paid by what Stripe charges."""
    stripe = client(system.url)
    product = stripe.v1.products.create({"name": "Starter"})
    price = stripe.v1.prices.create(
        {
            "product": product.id,
            "unit_amount": 1900,
            "currency": "usd",
            "recurring": {"interval": "month"},
        }
    )
    made = []
    for one in customers:
        asked: Any = {"customer": one, "items": [{"price": price.id}]}
        made.append(stripe.v1.subscriptions.create(asked).id)
    return made


def rename(system: System, customers: list[str], name: str) -> None:
    for one in customers:
        client(system.url).v1.customers.update(one, {"name": name})


def test_the_endpoint_was_refused_for_three_days_and_nothing_is_missing(
    system: System, webhook: Webhook
) -> None:
    simulator = Simulator(system.url)
    before = sign_up(system, 20)
    subscribe(system, before[:10])
    simulator.flush()
    system.settle()
    simulator.advance(15 * MINUTE)
    system.reconcile()
    assert system.health()["state"] == "in_sync"
    assert system.health()["webhook_missed"] == 0

    simulator.deliver(refuse=True)
    missed = 0
    for day in range(3):
        new = sign_up(system, 30)
        subscribed = subscribe(system, new[:8])
        simulator.advance(12 * HOUR)
        rename(system, new[8:26], f"Renamed on day {day}")
        for one in subscribed[:3]:
            client(system.url).v1.subscriptions.cancel(one)
        client(system.url).v1.customers.delete(new[26])
        simulator.advance(12 * HOUR)
        missed += 30 + 18 + 8 + 3 + 1

    during = system.health()
    assert (during["state"], during["reason"]) == (
        "attention",
        "reconcile has not run for 3 days; events may be missing",
    )
    assert during["behind_seconds"] >= 3 * DAY
    assert len(system.verify().differences) > 60

    turn = system.reconcile()

    assert (turn.done, turn.problem) == (True, None)
    verdict = system.verify()
    assert verdict.differences == {}
    assert verdict.compared["customers"] == 20 + 3 * 29
    after = system.health()
    assert after["headline"] == "Stopped: webhook silent"
    assert after["webhook_missed"] >= missed
    assert after["dead"] == 0


def test_what_the_webhook_delivered_late_counts_once(system: System, webhook: Webhook) -> None:
    simulator = Simulator(system.url)
    simulator.deliver(refuse=True)
    subscribe(system, sign_up(system, 10))
    simulator.flush()
    simulator.advance(15 * MINUTE)
    system.reconcile()
    feeds = {record: set(feed) for record, feed in system.world.people.feeds.items()}
    assert feeds

    simulator.deliver(duplicate=0.5, seed=3)
    simulator.advance(DAY)
    assert simulator.flush()["sent"] > 0
    system.settle()

    assert {record: set(feed) for record, feed in system.world.people.feeds.items()} == feeds
    assert system.verify().differences == {}


def test_without_an_endpoint_polling_alone_keeps_people_in_step(system: System) -> None:
    simulator = Simulator(system.url)
    simulator.deliver(listed_late_seconds=30)
    customers: list[str] = []
    for _ in range(6):
        new = sign_up(system, 3)
        subscribe(system, new[:1])
        rename(system, customers[:2], f"Renamed at {simulator.now()}")
        customers += new
        simulator.advance(20)
        system.reconcile()
    simulator.advance(MINUTE)
    system.reconcile()

    verdict = system.verify()
    assert (verdict.compared["customers"], verdict.differences) == (18, {})


def test_a_revoked_key_is_said_and_a_working_one_catches_up(system: System) -> None:
    simulator = Simulator(system.url)
    simulator.add_key(KEY, revoked=True)
    simulator.advance(15 * MINUTE)

    assert system.reconcile().problem == "key_refused"
    health = system.health()
    assert health["headline"] == "Stopped: key revoked"
    assert health["reason"].startswith("Stripe has refused the API key since ")

    simulator.add_key(KEY)
    sign_up(system, 2)
    simulator.advance(MINUTE)
    assert system.reconcile().done
    assert system.connections.current.key_refused_at is None
    assert system.verify().compared["customers"] == 2


def test_a_key_that_may_not_read_events_is_a_problem(system: System) -> None:
    Simulator(system.url).add_key("rk_test_few", ["rak_customer_read"])
    system.key = "rk_test_few"

    assert system.reconcile().problem == "not_permitted"


def endpoint_of(system: System) -> str:
    endpoint = system.connections.current.endpoint_id
    assert endpoint is not None
    return endpoint


def test_a_disabled_endpoint_is_noticed_and_also_that_it_is_enabled_again(
    system: System, webhook: Webhook
) -> None:
    endpoints = client(system.url).v1.webhook_endpoints
    problems = []
    for disabled in (False, True, True, False):
        endpoints.update(endpoint_of(system), {"disabled": disabled})
        assert system.reconcile().done
        problems.append(system.connections.current.endpoint_problem)

    assert problems == [None, "disabled", "disabled", None]


def test_a_deleted_endpoint_is_noticed(system: System, webhook: Webhook) -> None:
    client(system.url).v1.webhook_endpoints.delete(endpoint_of(system))

    assert (system.reconcile().done, system.connections.current.endpoint_problem) == (True, "gone")


def test_whatever_became_of_the_endpoint_once_connected_again_it_is_fine(system: System) -> None:
    endpoints = client(system.url).v1.webhook_endpoints
    secrets, account = FakeSecrets(), StripeAccount(KEY, system.url)
    problems = []

    def connect_again() -> str:
        known = system.connections.current.endpoint_id
        made = sync_endpoints.Webhook("main", url_of("main"), known, account, secrets).settle()
        system.connections.connection = replace(system.connections.current, endpoint_id=made)
        return made

    def look() -> None:
        assert system.reconcile().done
        problems.append(system.connections.current.endpoint_problem)

    first = connect_again()
    look()
    endpoints.update(first, {"disabled": True})
    look()
    second = connect_again()
    look()
    endpoints.delete(second)
    look()
    third = connect_again()
    look()

    assert problems == [None, "disabled", None, "gone", None]
    assert first == second != third


def test_a_key_that_may_not_see_endpoints_says_nothing_of_them(system: System, webhook: Webhook) -> None:
    Simulator(system.url).add_key("rk_test_few", ["rak_event_read"])
    client(system.url).v1.webhook_endpoints.delete(endpoint_of(system))
    system.key = "rk_test_few"

    turn = system.reconcile()

    assert (turn.done, turn.problem) == (True, None)
    assert system.connections.current.endpoint_problem is None


def test_a_key_of_the_other_mode_does_not_say_that_the_endpoint_is_gone(
    system: System, webhook: Webhook
) -> None:
    Simulator(system.url, livemode=True).add_key("rk_live_simulated")
    system.key = "rk_live_simulated"

    system.reconcile()

    assert system.connections.current.endpoint_problem is None


def test_the_endpoint_takes_one_request_a_turn(system: System, webhook: Webhook) -> None:
    simulator = Simulator(system.url)
    simulator.advance(DAY)
    simulator.reset_requests()

    system.reconcile()

    assert simulator.requests()["by_path"][f"/v1/webhook_endpoints/{endpoint_of(system)}"] == 1


def test_an_outage_longer_than_stripe_keeps_events_is_a_gap(system: System) -> None:
    simulator = Simulator(system.url)
    sign_up(system, 3)
    simulator.advance(35 * DAY)
    late = sign_up(system, 2)
    simulator.advance(MINUTE)
    assert system.health()["headline"] == "Attention: events lost"

    assert system.reconcile().done

    assert system.connections.current.gap_since == NOW
    assert system.health()["state"] == "attention"
    assert {one for name, one in system.world.people.members if name == CUSTOMERS_IN_SYNC} == set(late)
    verdict = system.verify()
    assert len(verdict.differences) == 3


def test_a_rate_limit_now_and_then_stops_nothing(system: System) -> None:
    simulator = Simulator(system.url)
    sign_up(system, 120)
    simulator.advance(15 * MINUTE)
    simulator.limit(lock_timeouts=0.1, server_errors=0.1, seed=5)

    turns = [system.reconcile()]
    while not turns[-1].done:
        turns.append(system.reconcile())
        assert len(turns) < 20
    simulator.limit()

    assert system.verify().differences == {}


def test_three_weeks_of_a_companys_renewals_without_a_webhook_end_in_step(system: System) -> None:
    simulator = Simulator(system.url)
    simulator.fill(60, seed=3)
    system.take_over("customers", {})
    system.take_over("subscriptions", {"status": "all"})
    system.take_over("charges", {})
    assert system.verify().differences == {}

    assert simulator.advance(20 * DAY) > 60
    turns = [system.reconcile(seconds=0)]
    while not turns[-1].done:
        turns.append(system.reconcile(seconds=0))

    assert len(turns) > 5
    verdict = system.verify()
    assert (verdict.compared["customers"], verdict.differences) == (60, {})
    assert system.dead() == 0
