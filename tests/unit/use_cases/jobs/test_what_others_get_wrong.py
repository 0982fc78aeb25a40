"""What users of other Stripe integrations complain of most, each once from end to end.

The details are tested elsewhere, next to what each is about; here it is seen at a glance that none of it
happens, and each test fails if that is forgotten.
"""

from __future__ import annotations

import json
from itertools import chain, permutations, repeat
from typing import Any

import pytest

from peoplesync.adapters.stripe.account import StripeAccount
from peoplesync.domain.connections import Epoch
from peoplesync.use_cases.connecting.connect import Connector
from peoplesync.use_cases.importing.lists import lists_of
from peoplesync.use_cases.importing.runs import ImportRun
from peoplesync.use_cases.ingress.stripe_webhook import Receiver
from peoplesync.use_cases.ports import KeyRefused, RateLimited
from peoplesync_local.stripe_simulator.control import Simulator
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from tests.support.builders.stripe import DAY, NOW, customer, deleted_customer, event, sign, subscription
from tests.support.fakes.world import FakeConnections as OneConnection
from tests.support.fakes.world import FakeQueue, World
from tests.support.worlds import simulated_stripe
from tests.support.worlds.connecting import FakeConnections, FakeSecrets, url_of
from tests.support.worlds.connecting import FakePeople as PeopleCounts
from tests.support.worlds.import_world import ImportWorld

SECRET = "whsec_received"

DOCUMENTED = (
    "rak_charge_read rak_customer_read rak_event_read rak_checkout_session_read rak_invoice_read "
    "rak_plan_read rak_subscription_read rak_webhook_write"
)
"""What the documentation asks a restricted key to have."""


@pytest.fixture
def world() -> World:
    return World(NOW)


def company(customers: int) -> list[StripeObject]:
    """So many customers, one every hour, the last one an hour ago."""
    return [customer(f"cus_{number}", created=NOW - 3600 * (number + 1)) for number in range(customers)]


def fields(world: World, identity: str = "customer:cus_1") -> Any:
    person = world.person(identity)
    assert person is not None
    return person.fields


def test_1_a_rate_limited_import_is_no_success_and_goes_on_as_soon_as_it_may() -> None:
    imported = ImportWorld.of(company(250), NOW, readers=1)
    ticks = iter(range(10**9))
    imported.steps.monotonic = lambda: float(next(ticks))
    imported.lists.problems = chain([None], repeat(RateLimited("429", "account-rate")))

    limited = imported.drive()
    (shown,) = imported.runs.runs.values()
    imported.lists.problems = iter(())
    imported.waited = 0
    resumed = imported.drive({"connection": "main", "resume": "run_1"})

    assert (limited["status"], shown.status) == ("failed", "failed")
    assert (resumed["status"], imported.waited) == ("succeeded", 0)
    assert len(imported.world.people.people) == 250


def test_1_a_rate_limit_of_a_while_costs_no_customer_and_no_day() -> None:
    imported = ImportWorld.of(company(250), NOW, readers=1)
    ticks = iter(range(10**9))
    imported.steps.monotonic = lambda: float(next(ticks))
    imported.lists.problems = chain([None], repeat(RateLimited("429", "account-rate"), 100))

    assert imported.drive()["status"] == "succeeded"
    assert len(imported.world.people.people) == 250
    assert imported.waited > 0
    assert imported.world.now - NOW < 15 * 60


def test_2_canceled_subscriptions_are_imported() -> None:
    canceled = subscription(status="canceled", ended_at=NOW - DAY)
    imported = ImportWorld.of([customer(), canceled], NOW)

    imported.drive()

    assert fields(imported.world)["subscription_status"] == "canceled"


def test_3_an_import_goes_beyond_the_first_page_of_the_newest() -> None:
    imported = ImportWorld.of(company(450), NOW, readers=1)

    assert imported.drive()["status"] == "succeeded"
    assert len(imported.world.people.people) == 450


def test_3_an_import_that_was_stopped_goes_on_where_it_was() -> None:
    imported = ImportWorld.of(company(450), NOW, readers=1)
    pages_before = 3  # of prices, coupons and subscriptions
    imported.lists.problems = chain([None] * (pages_before + 3), [KeyRefused("revoked")])

    stopped = imported.drive()
    asked_before = imported.lists.asked["customers"]
    resumed = imported.drive({"connection": "main", "resume": "run_1"})

    assert (stopped["status"], resumed["status"]) == ("failed", "succeeded")
    assert len(imported.world.people.people) == 450
    # The two pages that were left, and a look how many there are: not all five again.
    assert imported.lists.asked["customers"] - asked_before <= 3


@pytest.mark.parametrize(
    "useless",
    [
        event("invoice.upcoming", {"object": "invoice", "customer": "cus_1"}, created=NOW),
        event("invoice.paid", {"object": "invoice", "customer": "cus_1"}, created=NOW),
        event("payout.paid", {"id": "po_1", "object": "payout"}, created=NOW),
        event("some.future.type", {"object": "future"}, created=NOW),
        event("customer.updated", {"object": "customer", "email": "nobody@example.com"}, created=NOW),
    ],
    ids=lambda told: str(told["type"]),
)
def test_4_events_without_id_or_use_are_accepted_so_that_stripe_keeps_the_endpoint(
    useless: StripeObject,
) -> None:
    class Secrets:
        def signing_secrets(self, connection: str, *, fresh: bool = False) -> list[str]:
            return [SECRET]

    body, queue = json.dumps(useless).encode(), FakeQueue()

    receipt = Receiver(OneConnection(), Secrets(), queue).receive("main", body, sign(SECRET, body, NOW), NOW)

    assert (receipt.status, list(queue.sent)) == (200, [])


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_5_a_deleted_customer_is_marked_and_no_late_update_brings_it_back(
    world: World, order: tuple[int, ...]
) -> None:
    told = [
        event("customer.updated", customer(name="Last"), created=NOW - 60),
        event("customer.deleted", customer(name="Last"), created=NOW - 30),
        event("customer.subscription.updated", subscription(), created=NOW - 20),
    ]
    world.stripe.objects = {"cus_1": deleted_customer()}

    for number in order:
        world.apply(told[number])
        world.settle()

    person = world.person("customer:cus_1")
    assert person is not None
    assert person.records["cus_1"].deleted
    assert fields(world)["subscription_status"] == "canceled"
    assert "syncing_with_stripe" not in person.segments


def test_5_nor_does_an_import_that_saw_it_before(world: World) -> None:
    imported = ImportWorld.of([customer(), subscription()], NOW)
    imported.world.apply(event("customer.deleted", customer(), created=NOW - 5))

    imported.drive()

    assert fields(imported.world)["subscription_status"] == "canceled"


def test_6_a_late_created_event_does_not_put_an_active_subscription_back(world: World) -> None:
    incomplete, active = subscription(status="incomplete"), subscription(status="active")
    world.apply(event("customer.created", customer(), created=NOW - 61))
    world.apply(event("customer.subscription.updated", active, created=NOW - 60))

    # Its time is of no help: Stripe's clocks gave it a later one.
    world.apply(event("customer.subscription.created", incomplete, created=NOW - 40))

    assert fields(world)["subscription_status"] == "active"


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
@pytest.mark.parametrize("at_once", [True, False], ids=["one batch", "one by one"])
def test_7_of_several_changes_in_one_second_the_last_one_stays(
    world: World, order: tuple[int, ...], at_once: bool
) -> None:
    names = ("First", "Second", "Third")
    told = [event("customer.updated", customer(name=name), created=NOW - 60) for name in names]
    world.stripe.objects, world.stripe.now = {"cus_1": customer(name="Third")}, NOW

    for batch in [order] if at_once else [(number,) for number in order]:
        world.apply(*(told[number] for number in batch))

    assert fields(world)["customer_name"] == "Third"


def test_8_the_documented_key_is_enough_to_connect_and_to_import() -> None:
    key, secrets = "rk_test_documented", FakeSecrets()
    with simulated_stripe.simulated_stripe() as url:
        Simulator(url).add_key(key, DOCUMENTED.split())
        Simulator(url).fill(150, seed=1)
        connector = Connector(
            FakeConnections(),
            PeopleCounts(),
            secrets,
            lambda key: StripeAccount(key, url),
            FakeQueue(),
            url_of,
        )

        made = connector.connect(connector.examine("main", key), NOW).connection
        lists = simulated_stripe.stripe_api(secrets.api_key, url)
        run = ImportRun("run_1", Epoch("main", 1), simulated_stripe.NOW)
        listed = {
            one.name: len(lists.page("main", one.resource, one.page({})).objects)
            for one in lists_of(run, made.permissions)
        }

        assert made.endpoint_id is not None
        assert (listed["customers"], listed["subscriptions"]) == (100, 100)
        assert "/v1/account" not in Simulator(url).requests()["by_path"]
