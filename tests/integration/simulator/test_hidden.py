"""What the simulator shows of prices, coupons and subscriptions only to those who expand it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import stripe

from peoplesync_local.stripe_simulator.control import Simulator
from peoplesync_local.stripe_simulator.objects import shapes as stripe_objects
from peoplesync_local.stripe_simulator.objects.offers import coupon, tier
from tests.support.worlds.simulated_stripe import NOW, ask, client, simulated_stripe

STEPS = [tier(5, unit_amount=0, flat_amount=9900), tier(None, unit_amount=1500)]
EURO_STEPS = [tier(5, unit_amount=0, flat_amount=9000), tier(None, unit_amount=1300)]
EURO = {"custom_unit_amount": None, "tax_behavior": "unspecified", "unit_amount_decimal": "4500"}
WORLDWIDE = stripe_objects.price(
    "price_world", product="prod_1", unit_amount=4900, currency_options={"eur": EURO | {"unit_amount": 4500}}
)
TIERED = stripe_objects.price(
    "price_steps",
    product="prod_1",
    unit_amount=None,
    billing_scheme="tiered",
    tiers_mode="graduated",
    tiers=STEPS,
    currency_options={
        "eur": EURO | {"unit_amount": None, "unit_amount_decimal": None, "tiers": EURO_STEPS},
    },
)
ALONE = stripe_objects.price("price_alone", product="prod_1", unit_amount=900, currency="jpy")
OFF = coupon(
    "OFF",
    created=NOW,
    amount_off=1000,
    currency="usd",
    products=["prod_1"],
    currency_options={"usd": {"amount_off": 1000}, "eur": {"amount_off": 900}},
)
MODULES = [
    stripe_objects.item(
        f"si_{number:02}", subscription="sub_long", price=WORLDWIDE, period=(NOW, NOW + 30), created=NOW
    )
    for number in range(12)
]
LONG = stripe_objects.subscription("sub_long", customer="cus_1", items=MODULES, created=NOW)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with simulated_stripe() as url:
        Simulator(url).hold([WORLDWIDE, TIERED, ALONE, OFF, LONG])
        yield url


def prices(url: str, *expand: str) -> dict[str, Any]:
    listed = ask(url, "/v1/prices", {"expand": list(expand)}).data["data"]
    return {price["id"]: price for price in listed}


def test_a_prices_currencies_are_hidden_unless_expanded(url: str) -> None:
    assert not [one for one in prices(url).values() if "currency_options" in one]
    listed = prices(url, "data.currency_options")
    got = ask(url, "/v1/prices/price_world", {"expand": ["currency_options"]}).data

    assert got == listed["price_world"]
    assert {name: one["unit_amount"] for name, one in got["currency_options"].items()} == {
        "usd": 4900,
        "eur": 4500,
    }
    assert listed["price_alone"]["currency_options"].keys() == {"jpy"}


def test_the_tiers_of_a_currency_are_hidden_once_more(url: str) -> None:
    plain = ask(url, "/v1/prices/price_steps", {"expand": ["currency_options"]}).data
    expand = ["currency_options.eur.tiers", "tiers"]
    whole = ask(url, "/v1/prices/price_steps", {"expand": expand}).data

    assert "tiers" not in plain["currency_options"]["eur"]
    assert (whole["tiers"], whole["currency_options"]["eur"]["tiers"]) == (STEPS, EURO_STEPS)
    assert "tiers" not in whole["currency_options"]["usd"]
    listed = prices(url, "data.currency_options.eur.tiers")
    assert listed["price_steps"]["currency_options"]["eur"]["tiers"] == EURO_STEPS


@pytest.mark.parametrize("path", ["data.currency_options.euro.tiers", "data.currency_options.eur"])
def test_what_is_no_currency_or_is_always_shown_with_it_cannot_be_expanded(url: str, path: str) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        prices(url, path)


def test_a_price_in_two_currencies_is_made_and_sold_by_request(url: str) -> None:
    api: Any = client(url).v1
    options = {"eur": {"unit_amount": 900}}
    product = api.products.create({"name": "World"}).id
    recurring = {"interval": "month"}
    asked = {"currency": "usd", "unit_amount": 1000, "product": product, "recurring": recurring}
    made = api.prices.create(asked | {"currency_options": options, "expand": ["currency_options"]})
    customer = api.customers.create({"email": "euro-01@example.com"}).id
    sold = {"customer": customer, "currency": "eur", "items": [{"price": made.id}]}
    subscription = api.subscriptions.create(sold | {"expand": ["latest_invoice"]})

    assert made.currency_options["eur"].unit_amount == 900
    assert (subscription.currency, subscription.latest_invoice.amount_paid) == ("eur", 900)
    assert subscription["items"].data[0].price.currency == "usd"
    assert subscription.created == NOW


def test_a_coupons_limits_and_currencies_are_hidden_unless_expanded(url: str) -> None:
    plain = ask(url, "/v1/coupons/OFF").data
    assert OFF.keys() - plain.keys() == {"applies_to", "currency_options"}
    expand = ["applies_to", "currency_options"]

    assert ask(url, "/v1/coupons/OFF", {"expand": expand}).data == OFF
    listed = ask(url, "/v1/coupons", {"expand": [f"data.{path}" for path in expand]}).data["data"]
    assert listed == [OFF]


def test_coupons_are_not_read_without_permission(url: str) -> None:
    Simulator(url).add_key("rk_test_no_coupons", {"rak_subscription_read"})

    for path in ("/v1/coupons", "/v1/coupons/OFF"):
        with pytest.raises(stripe.PermissionError, match="rak_coupon_read") as refused:
            ask(url, path, key="rk_test_no_coupons")
        assert refused.value.http_status == 403
    expand = ["data.discounts.source.coupon"]
    with pytest.raises(stripe.PermissionError, match="rak_coupon_read"):
        ask(url, "/v1/subscriptions", {"expand": expand}, key="rk_test_no_coupons")


def test_of_twelve_items_a_subscription_shows_ten(url: str) -> None:
    got = ask(url, "/v1/subscriptions/sub_long").data["items"]
    listed = ask(url, "/v1/subscriptions", {"expand": ["data.items.data.discounts"]}).data["data"][0]["items"]

    assert got == listed
    assert [item["id"] for item in got["data"]] == [f"si_{number:02}" for number in range(10)]
    assert (got["has_more"], got["total_count"]) == (True, 12)


def test_all_items_of_a_subscription_are_listed_by_pages(url: str) -> None:
    items: Any = client(url).v1.subscription_items
    pages = items.list({"subscription": "sub_long", "limit": 5, "expand": ["data.discounts"]})
    assert [item.id for item in pages.auto_paging_iter()] == [item["id"] for item in MODULES]
    assert items.list({"subscription": "sub_long", "limit": 100}).has_more is False
    expand = ["data.price.currency_options"]
    whole = ask(
        url, "/v1/subscription_items", {"subscription": "sub_long", "limit": 1, "expand": expand}
    ).data
    assert whole["data"][0]["price"]["currency_options"]["eur"]["unit_amount"] == 4500
    before = items.list({"subscription": "sub_long", "limit": 2, "ending_before": "si_03"})
    assert ([item.id for item in before.data], before.has_more) == (["si_01", "si_02"], True)


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({}, "subscription"),
        ({"subscription": "sub_none"}, "subscription"),
        ({"subscription": "sub_long", "starting_after": "si_none"}, "starting_after"),
        ({"subscription": "sub_long", "customer": "cus_1"}, "customer"),
    ],
)
def test_a_list_of_items_is_of_one_subscription(url: str, params: dict[str, str], param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        ask(url, "/v1/subscription_items", params)
    assert refused.value.param == param


def test_who_may_read_subscriptions_may_read_their_items(url: str) -> None:
    Simulator(url).add_key("rk_test_subscriptions", {"rak_subscription_read"})
    Simulator(url).add_key("rk_test_customers", {"rak_customer_read"})
    params = {"subscription": "sub_long"}

    assert ask(url, "/v1/subscription_items", params, key="rk_test_subscriptions").data["has_more"]
    with pytest.raises(stripe.PermissionError, match="rak_subscription_read"):
        ask(url, "/v1/subscription_items", params, key="rk_test_customers")


def test_a_subscriptions_discounts_are_expanded_down_to_what_the_coupon_is_limited_to(url: str) -> None:
    api: Any = client(url).v1
    customer = api.customers.create({"email": "limited-01@example.com"}).id
    off = [{"coupon": "OFF"}]
    asked = {"customer": customer, "items": [{"price": "price_world", "discounts": off}], "discounts": off}
    made = api.subscriptions.create(asked)
    path = f"/v1/subscriptions/{made.id}"
    expand = ["discounts.source.coupon.applies_to", "items.data.discounts", "latest_invoice"]
    shown = ask(url, path, {"expand": expand}).data

    assert shown["discounts"][0]["source"]["coupon"]["applies_to"] == OFF["applies_to"]
    assert "currency_options" not in shown["discounts"][0]["source"]["coupon"]
    assert shown["items"]["data"][0]["discounts"][0]["source"]["coupon"] == "OFF"
    assert shown["latest_invoice"]["total"] == 2900
    with pytest.raises(stripe.InvalidRequestError, match="more than 4 levels"):
        ask(url, "/v1/subscriptions", {"expand": ["data.discounts.source.coupon.applies_to"]})


def test_a_trial_offer_is_made_and_taken_up_by_stripes_client(url: str) -> None:
    api: Any = client(url).v1
    product = api.products.create({"name": "Trial"}).id
    made = {"currency": "usd", "product": product, "recurring": {"interval": "month"}}
    first, then = (api.prices.create(made | {"unit_amount": amount}).id for amount in (0, 900))
    transition = {"type": "transition", "transition": {"price": then}}
    duration = {"type": "relative", "relative": {"iterations": 1}}
    offers = api.product_catalog.trial_offers
    offer = offers.create({"price": first, "duration": duration, "end_behavior": transition})
    item = {"price": first, "current_trial": {"trial_offer": offer.id}}
    customer = api.customers.create({"email": "offer-01@example.com"}).id
    subscription = api.subscriptions.create({"customer": customer, "items": [item]})

    assert offers.retrieve(offer.id, {"expand": ["price"]}).price.unit_amount == 0
    assert [one.id for one in offers.list().data] == [offer.id]
    assert (subscription.status, subscription.trial_end) == ("trialing", None)
    assert subscription["items"].data[0].current_trial.trial_offer == offer.id
