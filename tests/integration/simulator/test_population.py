"""A simulator filled with lifelike customers, listed as an import would."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from peoplesync_local.stripe_simulator.control import Refused, Simulator
from tests.support.worlds.simulated_stripe import NOW, ask, client, simulated_stripe

DAY = 86_400
SIZE = 120
LISTS = ["customers", "subscriptions", "invoices", "charges", "events", "prices", "products", "coupons"]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Filled once; the tests of this file only read."""
    with simulated_stripe() as url:
        Simulator(url).fill(SIZE, seed=7)
        yield url


@pytest.fixture
def own() -> Iterator[str]:
    """Filled for one test, which may change it."""
    with simulated_stripe() as url:
        Simulator(url).fill(100, seed=7)
        yield url


def everything(url: str, resource: str) -> list[dict[str, Any]]:
    """A whole list, page by page."""
    params: dict[str, Any] = {"limit": 100} | ({"status": "all"} if resource == "subscriptions" else {})
    listed: list[dict[str, Any]] = []
    while True:
        after = {"starting_after": listed[-1]["id"]} if listed else {}
        page = ask(url, f"/v1/{resource}", params | after).data
        listed += page["data"]
        if not page["has_more"]:
            return listed


@pytest.mark.parametrize("resource", LISTS)
def test_a_list_is_complete_newest_first_and_without_doubles(url: str, resource: str) -> None:
    places = [(shown["created"], shown["id"]) for shown in everything(url, resource)]

    assert len(places) > 1
    assert places == sorted(set(places), reverse=True)


@pytest.mark.parametrize("resource", LISTS)
def test_what_is_listed_is_found_by_its_id(url: str, resource: str) -> None:
    for shown in everything(url, resource)[::97]:
        assert ask(url, f"/v1/{resource}/{shown['id']}").data == shown


def test_there_are_as_many_customers_as_asked_for_with_more_subscriptions_than_that(url: str) -> None:
    assert len(everything(url, "customers")) == SIZE
    assert SIZE < len(everything(url, "subscriptions")) < SIZE * 1.4


def test_a_window_shows_what_was_created_in_it(url: str) -> None:
    everybody = [shown["created"] for shown in everything(url, "customers")]
    middle = everybody[len(everybody) // 2]
    page = client(url).v1.customers.list({"limit": 100, "created": {"gte": middle, "lt": middle + 60 * DAY}})

    expected = [created for created in everybody if middle <= created < middle + 60 * DAY]
    assert [customer.created for customer in page.data] == expected[:100]


def test_a_page_can_be_walked_backwards(url: str) -> None:
    ids = [shown["id"] for shown in everything(url, "subscriptions")]
    page = client(url).v1.subscriptions.list({"status": "all", "limit": 3, "ending_before": ids[10]})

    assert [subscription.id for subscription in page.data] == ids[7:10]


def test_every_status_occurs_and_canceled_ones_are_left_out_unless_asked_for(url: str) -> None:
    statuses = Counter(shown["status"] for shown in everything(url, "subscriptions"))
    plain = client(url).v1.subscriptions.list({"limit": 100})

    assert {"active", "trialing", "past_due", "canceled"} <= set(statuses)
    assert "canceled" not in {subscription.status for subscription in plain.auto_paging_iter()}


def test_what_an_import_expands_is_there(url: str) -> None:
    expand = ["data.latest_invoice", "data.discounts.source.coupon"]
    page = ask(url, "/v1/subscriptions", {"limit": 100, "status": "all", "expand": expand}).data["data"]

    assert all(shown["latest_invoice"]["object"] == "invoice" for shown in page)
    discounts = [discount for shown in page for discount in shown["discounts"]]
    assert discounts
    assert {discount["source"]["coupon"]["object"] for discount in discounts} == {"coupon"}
    prices = ask(url, "/v1/prices", {"limit": 100, "expand": ["data.product", "data.tiers"]}).data["data"]
    assert {price["product"]["object"] for price in prices} == {"product"}
    assert all(price["tiers"] for price in prices if price["billing_scheme"] == "tiered")


def test_all_customers_subscriptions_and_prices_are_a_few_calls(own: str) -> None:
    simulator = Simulator(own)
    simulator.fill(300)
    api, invoices = client(own).v1, {"status": "all", "expand": ["data.latest_invoice"]}
    pages: list[Any] = [
        api.customers.list({"limit": 100}),
        api.subscriptions.list({"limit": 100, **invoices}),  # type: ignore[arg-type]  # plain dictionary
        api.prices.list({"limit": 100, "expand": ["data.product"]}),
    ]

    listed = [len({shown.id for shown in page.auto_paging_iter()}) for page in pages]
    assert listed[0] == 300
    assert 330 < listed[1] <= 390
    assert simulator.requests()["count"] == 3 + -(-listed[1] // 100) + 1


def test_a_customers_subscriptions_are_found_at_once(url: str) -> None:
    whose = Counter(shown["customer"] for shown in everything(url, "subscriptions"))
    customer, count = whose.most_common(1)[0]
    page = client(url).v1.subscriptions.list({"customer": customer, "status": "all"})

    assert len(page.data) == count == 2


def test_events_go_back_thirty_days_and_no_further(url: str) -> None:
    created = [shown["created"] for shown in everything(url, "events")]

    assert NOW - 30 * DAY <= min(created) < NOW - 25 * DAY
    assert max(created) <= NOW


def test_the_same_seed_makes_the_same_customers(url: str) -> None:
    with simulated_stripe() as other:
        Simulator(other).fill(SIZE, seed=7)
        assert everything(other, "customers") == everything(url, "customers")
        Simulator(other).fill(SIZE, seed=8)
        assert everything(other, "customers") != everything(url, "customers")


def test_a_hundred_thousand_are_listed_from_anywhere_at_once(own: str) -> None:
    Simulator(own).fill(100_000)
    page = client(own).v1.customers.list({"limit": 100, "created": {"lt": NOW - 300 * DAY}})

    assert (len(page.data), page.has_more) == (100, True)
    assert page.data[0].created < NOW - 300 * DAY


def test_who_was_there_before_lives_on(own: str) -> None:
    before = {shown["id"]: shown for shown in everything(own, "subscriptions")}
    assert Simulator(own).advance(31 * DAY) > 100
    after = {shown["id"]: shown for shown in everything(own, "subscriptions")}

    assert set(before) == set(after)
    renewed = [
        one
        for one in after
        if after[one]["status"] == "active"
        and after[one]["items"]["data"][0]["current_period_end"] > NOW + 31 * DAY
    ]
    assert len(renewed) > 20
    assert not [
        one for one in after.values() if one["status"] == "trialing" and one["trial_end"] < NOW + 31 * DAY
    ]


def test_who_was_there_before_can_be_changed_and_deleted(own: str) -> None:
    api: Any = client(own).v1
    first, second = (customer.id for customer in api.customers.list({"limit": 2}).data)
    api.customers.update(first, {"email": "changed@example.com"})
    api.customers.delete(second)

    assert [customer.email for customer in api.customers.list({"limit": 1}).data] == ["changed@example.com"]
    ids = [shown["id"] for shown in everything(own, "customers")]
    assert len(ids) == 99
    assert second not in ids
    event = ask(own, "/v1/events", {"type": "customer.updated", "limit": 1}).data["data"][0]
    assert "email" in event["data"]["previous_attributes"]


def test_an_unknown_skew_is_a_mistake(own: str) -> None:
    with pytest.raises(Refused, match="skew"):
        Simulator(own).fill(10, skew="sideways")
