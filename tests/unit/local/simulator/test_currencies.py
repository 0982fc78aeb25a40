"""The simulator's prices and coupons in several currencies: what is billed, and what is shown of them."""

from collections.abc import Callable

import pytest

from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from peoplesync_local.stripe_simulator.parameters.errors import InvalidRequest
from tests.support.worlds.simulated_account import SimulatedAccount, texts

EURO = {"eur": {"unit_amount": 4500}}
STEPS = [{"up_to": 5, "flat_amount": 9900}, {"up_to": "inf", "unit_amount": 1500}]
EURO_STEPS = [{"up_to": 5, "flat_amount": 9000}, {"up_to": "inf", "unit_amount": 1300}]


@pytest.fixture
def stripe() -> SimulatedAccount:
    return SimulatedAccount()


def of_euros(stripe: SimulatedAccount) -> StripeObject:
    price = stripe.price("worldwide", currency_options=EURO)
    return stripe.subscribe(price, quantity=2, currency="eur")


def test_a_subscription_is_billed_in_its_own_currency_and_shows_the_prices_default(
    stripe: SimulatedAccount,
) -> None:
    subscription = of_euros(stripe)
    invoice = stripe.latest_invoice(subscription)
    assert (subscription["currency"], invoice["currency"], invoice["amount_paid"]) == ("eur", "eur", 9000)
    item = subscription["items"]["data"][0]
    assert (item["price"]["currency"], item["price"]["unit_amount"]) == ("usd", 4900)
    assert (item["plan"]["currency"], item["plan"]["amount"]) == ("usd", 4900)
    line = invoice["lines"]["data"][0]
    assert (line["currency"], line["pricing"]["unit_amount_decimal"]) == ("eur", "4500")
    assert "€45.00 / month" in line["description"]


def test_no_event_shows_the_currencies_of_a_price(stripe: SimulatedAccount) -> None:
    price = stripe.price("worldwide", currency_options=EURO)
    stripe.does.update_price(price["id"], texts({"currency_options": {"jpy": {"unit_amount": 7000}}}))
    assert stripe.now(price)["currency_options"].keys() == {"eur", "jpy"}
    shown = [one["data"]["object"] for one in stripe.events if one["type"].startswith("price.")]
    assert len(shown) == 2
    assert not [one for one in shown if "currency_options" in one]


def test_a_customer_goes_on_in_the_currency_it_has(stripe: SimulatedAccount) -> None:
    customer = of_euros(stripe)["customer"]
    again = stripe.subscribe(stripe.price("worldwide"), customer=customer)
    assert again["currency"] == "eur"


def test_tiers_have_amounts_of_their_own_in_each_currency(stripe: SimulatedAccount) -> None:
    price = stripe.price(
        "steps",
        tiers=STEPS,
        tiers_mode="graduated",
        billing_scheme="tiered",
        currency_options={"eur": {"tiers": EURO_STEPS}},
    )
    assert stripe.latest_invoice(stripe.subscribe(price, quantity=7, currency="eur"))["total"] == 11_600
    assert stripe.latest_invoice(stripe.subscribe(price, quantity=7))["total"] == 12_900


def test_a_change_of_price_is_prorated_in_the_subscriptions_currency(stripe: SimulatedAccount) -> None:
    subscription = of_euros(stripe)
    item = {"id": subscription["items"]["data"][0]["id"], "quantity": 4}
    stripe.pass_days(15.5)  # half of the month
    stripe.update(subscription, items=[item], proration_behavior="always_invoice")
    invoice = stripe.latest_invoice(subscription)
    assert (invoice["currency"], invoice["total"]) == ("eur", 4500)


def test_a_price_without_an_amount_in_the_currency_is_refused(stripe: SimulatedAccount) -> None:
    with pytest.raises(InvalidRequest, match=r"only supports `usd`.*expected currency: `eur`") as refused:
        stripe.subscribe(stripe.price(), currency="eur")
    assert refused.value.details["param"] == "items[0][price]"
    subscription = of_euros(stripe)
    with pytest.raises(InvalidRequest, match="only supports `usd`"):
        stripe.update(subscription, items=[{"price": stripe.price()["id"]}])


def test_a_checkout_is_in_the_currency_asked_for(stripe: SimulatedAccount) -> None:
    price = stripe.price("worldwide", currency_options=EURO)
    asked = {"mode": "subscription", "currency": "eur", "line_items": [{"price": price["id"]}]}
    session = stripe.does.create_checkout_session(texts(asked))
    assert (session["currency"], session["amount_total"]) == ("eur", 4500)
    done = stripe.does.complete_checkout_session(session["id"])
    subscription = stripe.account.get("subscription", done["subscription"])
    assert subscription is not None
    assert subscription["currency"] == "eur"
    with pytest.raises(InvalidRequest, match="no amount in jpy"):
        stripe.does.create_checkout_session(texts(asked | {"currency": "jpy"}))


def test_a_coupon_takes_off_its_amount_in_the_subscriptions_currency(stripe: SimulatedAccount) -> None:
    price = stripe.price("worldwide", currency_options=EURO)
    options = {"eur": {"amount_off": 900}}
    stripe.does.create_coupon(
        texts({"id": "off", "amount_off": 1000, "currency": "usd", "currency_options": options})
    )
    in_euros = stripe.subscribe(price, currency="eur", discounts=[{"coupon": "off"}])
    assert stripe.latest_invoice(in_euros)["total"] == 3600
    in_dollars = stripe.subscribe(price, discounts=[{"coupon": "off"}])
    assert stripe.latest_invoice(in_dollars)["total"] == 3900


def test_a_coupon_without_an_amount_in_the_currency_is_refused_wherever_it_is_redeemed(
    stripe: SimulatedAccount,
) -> None:
    stripe.does.create_coupon(texts({"id": "off", "amount_off": 1000, "currency": "usd"}))
    off = [{"coupon": "off"}]
    subscription = of_euros(stripe)
    price = stripe.price("worldwide")["id"]
    item = {"id": subscription["items"]["data"][0]["id"], "discounts": off}
    new = {"customer": stripe.customer()["id"], "currency": "eur"}
    words = "takes off an amount in usd and cannot be applied in eur"
    refused: list[Callable[[], StripeObject]] = [
        lambda: stripe.does.create_subscription(texts(new | {"items": [{"price": price}], "discounts": off})),
        lambda: stripe.does.create_subscription(texts(new | {"items": [{"price": price, "discounts": off}]})),
        lambda: stripe.update(subscription, discounts=off),
        lambda: stripe.update(subscription, items=[item]),
        lambda: stripe.does.update_customer(subscription["customer"], {"coupon": "off"}),
    ]
    for asked in refused:
        with pytest.raises(InvalidRequest, match=words):
            asked()
    assert stripe.now(subscription) == subscription
    stripe.does.update_coupon("off", texts({"currency_options": {"eur": {"amount_off": 900}}}))
    assert stripe.update(subscription, discounts=off)["discounts"]


def test_no_event_shows_what_a_coupon_is_limited_to_or_its_other_currencies(stripe: SimulatedAccount) -> None:
    given = {
        "id": "off",
        "amount_off": 1000,
        "currency": "usd",
        "currency_options": {"eur": {"amount_off": 9}},
    }
    limited = {"applies_to": {"products": [stripe.price()["product"]]}}
    stripe.events.clear()
    held = stripe.does.create_coupon(texts(given | limited))
    assert held["applies_to"]["products"] == [stripe.price()["product"]]
    assert held["currency_options"] == {"usd": {"amount_off": 1000}, "eur": {"amount_off": 9}}
    shown = stripe.events[0]["data"]["object"]
    assert held.keys() - shown.keys() == {"applies_to", "currency_options"}
