"""The simulator's prices, charges, refunds and checkout sessions."""

from typing import Any

import pytest

from peoplesync_local.stripe_simulator.billing.pricing import cost, taken_off
from peoplesync_local.stripe_simulator.parameters.errors import CardDeclined, InvalidRequest
from tests.support.builders.stripe import NOW
from tests.support.worlds.simulated_account import SimulatedAccount, texts

TIERS = [{"up_to": 5, "flat_amount": 9900}, {"up_to": "inf", "unit_amount": 1500}]


@pytest.fixture
def stripe() -> SimulatedAccount:
    return SimulatedAccount()


@pytest.mark.parametrize(
    ("params", "quantity", "amount"),
    [
        ({"tiers": TIERS, "tiers_mode": "graduated", "billing_scheme": "tiered"}, 7, 12_900),
        ({"tiers": TIERS, "tiers_mode": "graduated", "billing_scheme": "tiered"}, 5, 9900),
        ({"tiers": TIERS, "tiers_mode": "volume", "billing_scheme": "tiered"}, 7, 10_500),
        ({"transform_quantity": {"divide_by": 10, "round": "up"}}, 21, 3 * 4900),
        ({"transform_quantity": {"divide_by": 10, "round": "down"}}, 21, 2 * 4900),
        ({"recurring": {"interval": "month", "usage_type": "metered"}}, 1, 0),
    ],
)
def test_what_a_subscription_costs(
    stripe: SimulatedAccount, params: dict[str, Any], quantity: int, amount: int
) -> None:
    price = stripe.price("tried", **params)
    subscription = stripe.subscribe(price, quantity=quantity)
    assert subscription["status"] == "active"
    assert stripe.latest_invoice(subscription)["total"] == amount


def test_items_and_events_do_not_show_tiers_but_the_price_does(stripe: SimulatedAccount) -> None:
    price = stripe.price("tiered", tiers=TIERS, tiers_mode="graduated", billing_scheme="tiered")
    subscription = stripe.subscribe(price)
    assert "tiers" not in subscription["items"]["data"][0]["price"]
    assert [tier["up_to"] for tier in stripe.now(price)["tiers"]] == [5, None]


def test_fractions_of_the_minor_unit_are_rounded_in_the_amount_only(stripe: SimulatedAccount) -> None:
    price = stripe.does.create_price(
        texts({"product": stripe.price()["product"], "currency": "USD", "unit_amount_decimal": "12.5"})
    )
    assert (price["unit_amount"], price["unit_amount_decimal"], price["currency"]) == (None, "12.5", "usd")
    assert cost(price, 3) == 38


def test_a_coupon_takes_off_no_more_than_there_is(stripe: SimulatedAccount) -> None:
    coupon = stripe.does.create_coupon(texts({"amount_off": 1000, "currency": "usd", "duration": "once"}))
    assert taken_off(coupon, 600, "usd") == 600
    assert taken_off(coupon, 600, "eur") == 0


def test_the_catalogue_is_changed_and_told_of(stripe: SimulatedAccount) -> None:
    price = stripe.price()
    stripe.events.clear()
    stripe.does.update_product(price["product"], {"name": "Crew"})
    stripe.does.update_price(price["id"], {"active": "false", "nickname": "Old"})
    with pytest.raises(InvalidRequest, match="one or more prices"):
        stripe.does.delete_product(price["product"])
    unused = stripe.does.create_product({"name": "Unused"})
    stripe.does.delete_product(unused["id"])
    coupon = stripe.does.create_coupon({"id": "c", "percent_off": "33.5", "duration": "forever"})
    assert coupon["percent_off"] == 33.5
    with pytest.raises(InvalidRequest, match="already exists"):
        stripe.does.create_coupon({"id": "c", "percent_off": "10", "duration": "forever"})
    stripe.does.delete_coupon("c")
    assert stripe.does.create_coupon({"id": "c", "percent_off": "10", "duration": "once"})["valid"]
    assert stripe.told() == [
        "product.updated",
        "price.updated",
        "plan.updated",
        "product.created",
        "product.deleted",
        "coupon.created",
        "coupon.deleted",
        "coupon.created",
    ]
    assert stripe.events[0]["data"]["previous_attributes"] == {"name": "Team"}


def test_a_charge_and_its_refunds(stripe: SimulatedAccount) -> None:
    customer = stripe.customer()
    stripe.events.clear()
    charge = stripe.does.create_charge(
        texts({"customer": customer["id"], "amount": 5000, "currency": "usd", "description": "Workshop"})
    )
    stripe.does.create_refund(texts({"charge": charge["id"], "amount": 2000}))
    assert (stripe.now(charge)["amount_refunded"], stripe.now(charge)["refunded"]) == (2000, False)
    refund = stripe.does.create_refund({"charge": charge["id"]})
    assert refund["amount"] == 3000
    assert (stripe.now(charge)["amount_refunded"], stripe.now(charge)["refunded"]) == (5000, True)
    with pytest.raises(InvalidRequest, match="already been refunded"):
        stripe.does.create_refund({"charge": charge["id"]})
    told = ["charge.succeeded", *["refund.created", "charge.refunded"] * 2]
    assert stripe.told() == told


def test_a_charge_is_authorized_first_and_captured_later(stripe: SimulatedAccount) -> None:
    params = {"source": "tok_visa", "amount": 5000, "currency": "usd", "capture": False}
    charge = stripe.does.create_charge(texts(params))
    assert (charge["status"], charge["captured"], charge["amount_captured"]) == ("succeeded", False, 0)
    captured = stripe.does.capture_charge(charge["id"], {"amount": "4000"})
    assert (captured["captured"], captured["amount_captured"]) == (True, 4000)
    assert stripe.told()[-1] == "charge.captured"


def test_what_is_not_captured_is_released_and_is_no_refund(stripe: SimulatedAccount) -> None:
    params = {"source": "tok_visa", "amount": 5000, "currency": "usd", "capture": False}
    charge = stripe.does.create_charge(texts(params))
    for wrong in ("0", "5001"):
        with pytest.raises(InvalidRequest, match="Amount to capture"):
            stripe.does.capture_charge(charge["id"], {"amount": wrong})
    captured = stripe.does.capture_charge(charge["id"], {"amount": "4000"})
    assert (captured["amount"], captured["amount_captured"], captured["amount_refunded"]) == (5000, 4000, 0)
    with pytest.raises(InvalidRequest, match="greater than unrefunded amount"):
        stripe.does.create_refund(texts({"charge": charge["id"], "amount": 4500}))
    stripe.does.create_refund(texts({"charge": charge["id"], "amount": 1500}))
    assert (stripe.now(charge)["amount_refunded"], stripe.now(charge)["refunded"]) == (1500, False)
    assert stripe.does.create_refund({"charge": charge["id"]})["amount"] == 2500
    assert stripe.told()[1:] == [
        "charge.succeeded",
        "charge.captured",
        *["refund.created", "charge.refunded"] * 2,
    ]


def test_a_declined_charge_is_told_of_and_refused(stripe: SimulatedAccount) -> None:
    customer = stripe.customer()
    stripe.does.customer_pays(customer["id"], False)
    with pytest.raises(CardDeclined):
        stripe.does.create_charge(texts({"customer": customer["id"], "amount": 100, "currency": "usd"}))
    assert stripe.told()[-1] == "charge.failed"
    assert stripe.events[-1]["data"]["object"]["failure_code"] == "card_declined"


def test_an_open_invoice_is_paid_by_request(stripe: SimulatedAccount) -> None:
    customer = stripe.customer()
    stripe.does.customer_pays(customer["id"], False)
    subscription = stripe.subscribe(customer=customer["id"])
    with pytest.raises(CardDeclined):
        stripe.does.pay_invoice(subscription["latest_invoice"])
    stripe.does.customer_pays(customer["id"], True)
    assert stripe.does.pay_invoice(subscription["latest_invoice"])["status"] == "paid"
    assert stripe.now(subscription)["status"] == "active"


def test_a_checkout_session_makes_customer_and_subscription_when_it_is_completed(
    stripe: SimulatedAccount,
) -> None:
    lines = [{"price": stripe.price()["id"], "quantity": 3}]
    asked = {"mode": "subscription", "line_items": lines, "customer_email": "new@example.com"}
    stripe.events.clear()
    session = stripe.does.create_checkout_session(texts(asked))
    assert (session["status"], session["amount_total"], session["customer"]) == ("open", 14_700, None)
    assert stripe.events == []
    done = stripe.does.complete_checkout_session(session["id"])
    assert (done["status"], done["payment_status"]) == ("complete", "paid")
    assert done["customer_details"]["email"] == "new@example.com"
    subscription = stripe.account.get("subscription", done["subscription"])
    assert subscription is not None
    assert (subscription["customer"], subscription["status"]) == (done["customer"], "active")
    assert stripe.told()[0] == "created"
    assert stripe.told()[-1] == "checkout.session.completed"
    with pytest.raises(InvalidRequest, match="is complete"):
        stripe.does.complete_checkout_session(session["id"])


def test_a_checkout_session_that_nobody_completes_expires(stripe: SimulatedAccount) -> None:
    price = stripe.price()
    session = stripe.does.create_checkout_session(
        texts({"mode": "payment", "line_items": [{"price": price["id"]}]})
    )
    assert stripe.pass_days(2) == ["day 1: checkout.session.expired"]
    assert stripe.now(session)["status"] == "expired"
    assert session["expires_at"] == NOW + 86_400


def test_a_price_recurs_after_at_least_one_interval(stripe: SimulatedAccount) -> None:
    with pytest.raises(InvalidRequest, match="greater than or equal to 1"):
        stripe.price("never", recurring={"interval": "month", "interval_count": 0})
