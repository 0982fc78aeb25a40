"""The endpoint cannot be reached for three days: nothing is missing after `peoplesync reconcile`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from peoplesync_local.stack import stack
from peoplesync_local.stack.places import Places
from peoplesync_local.stack.stack import LocalStack
from tests.support.builders.stripe import DAY, MINUTE
from tests.support.stacks.stack_company import Commands, Company

CUSTOMERS = 60
MISSED = 500


@pytest.fixture
def own(tmp_path: Path) -> Iterator[LocalStack]:
    """A stack whose time may be moved."""
    places = Places(state_directory=tmp_path / "own")
    try:
        yield stack.up(print, places=places)
    finally:
        stack.down(print, places=places)


def sign_up(company: Company, count: int, word: str) -> list[str]:
    """Customers, every second of them with a subscription."""
    api = company.stripe()
    product = api.v1.products.create({"name": f"Plan {word}"})
    price = api.v1.prices.create(
        {
            "product": product.id,
            "unit_amount": 1900,
            "currency": "usd",
            "recurring": {"interval": "month"},
        }
    )
    made = []
    for number in range(count):
        asked: Any = {"email": f"{word}-{number}@example.com", "name": f"Trial {number}"}
        made.append(api.v1.customers.create(asked).id)
        if number % 2:
            subscribed: Any = {"customer": made[-1], "items": [{"price": price.id}]}
            api.v1.subscriptions.create(subscribed)
    return made


def live_a_day(company: Company, day: int, customers: list[str]) -> list[str]:
    """Some sign up, some change, some cancel; who signed up."""
    api = company.stripe()
    for customer in customers[day::3]:
        api.v1.customers.update(customer, {"name": f"Renamed on day {day}"})
        asked: Any = {"customer": customer}
        for subscription in api.v1.subscriptions.list(asked).data[:1]:
            api.v1.subscriptions.cancel(subscription.id)
    return sign_up(company, 35, f"day-{day}")


def missed_events(company: Company, since: int) -> int:
    """How many events Stripe has not delivered."""
    api, asked = company.stripe(), {"created": {"gte": since}, "delivery_success": False, "limit": 100}
    found = api.raw_request("get", "/v1/events", **asked).data
    count = len(found["data"])
    while found["has_more"]:
        last = found["data"][-1]["id"]
        found = api.raw_request("get", "/v1/events", **asked, starting_after=last).data
        count += len(found["data"])
    return count


@pytest.mark.long
def test_what_an_endpoint_missed_for_three_days_is_there_after_a_reconcile(own: LocalStack) -> None:
    company = Company(own, "outage")
    simulator, commands = company.simulator(), Commands(company)
    company.connect()
    customers = sign_up(company, CUSTOMERS, "before")
    simulator.flush()
    company.drain()
    simulator.advance(15 * MINUTE)
    simulator.flush()
    commands("reconcile")
    company.drain()
    (before,) = commands.json("status")
    assert before["state"] == "in_sync", before
    assert before["webhook_missed"] == 0

    out_since = simulator.now()
    simulator.deliver(refuse=True)
    for day in range(3):
        customers += live_a_day(company, day, customers)
        simulator.advance(DAY)
    missed = missed_events(company, out_since)
    assert missed >= MISSED
    (during,) = commands.json("status")
    assert (during["state"], during["last_event_at"]) == ("attention", before["last_event_at"])
    assert during["reason"] == "reconcile has not run for 3 days; events may be missing"
    assert company.target.browser(company.name).list_people is not None
    assert during["customers_in_sync"] == CUSTOMERS

    (found,) = commands.json("reconcile")
    company.drain()

    assert found["done"]
    assert found["events"] >= missed
    assert company.verify().differences == {}
    (after,) = commands.json("status")
    assert (after["headline"], after["customers_in_sync"]) == ("Stopped: webhook silent", len(customers))
    print(f"{missed} events were not delivered, {after['webhook_missed']} counted as missed, {found}")
    assert 0 < after["webhook_missed"] <= missed
