"""Coupons in the simulator: redeemed, replaced, taken back, spent, and ended by the clock."""

import pytest

from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from tests.support.builders.stripe import DAY, NOW
from tests.support.worlds.simulated_account import SimulatedAccount, texts


@pytest.fixture
def stripe() -> SimulatedAccount:
    return SimulatedAccount()


def first_item(subscription: StripeObject) -> StripeObject:
    item: StripeObject = subscription["items"]["data"][0]
    return item


def test_a_repeating_coupon_ends_by_the_clock(stripe: SimulatedAccount) -> None:
    stripe.does.create_coupon(
        texts({"id": "half", "percent_off": 50, "duration": "repeating", "duration_in_months": 1})
    )
    subscription = stripe.subscribe(discounts=[{"coupon": "half"}])
    assert stripe.told()[:2] == ["subscription.created", "discount.created"]
    discount = stripe.account.get("discount", subscription["discounts"][0])
    assert discount is not None
    assert (discount["end"], discount["source"]["coupon"]) == (NOW + 31 * DAY, "half")
    assert stripe.latest_invoice(subscription)["amount_paid"] == 2450
    told = stripe.pass_days(32)
    assert told[:2] == ["day 31: discount.deleted", "day 31: subscription.updated"]
    assert stripe.now(subscription)["discounts"] == []
    assert stripe.latest_invoice(subscription)["amount_paid"] == 4900


def test_a_coupon_for_once_takes_off_the_first_invoice_only(stripe: SimulatedAccount) -> None:
    stripe.does.create_coupon(texts({"id": "ten", "amount_off": 1000, "currency": "usd", "duration": "once"}))
    subscription = stripe.subscribe(discounts=[{"coupon": "ten"}])
    assert subscription["discounts"] == []
    assert stripe.latest_invoice(subscription)["amount_paid"] == 3900
    coupon = stripe.account.get("coupon", "ten")
    assert coupon is not None
    assert coupon["times_redeemed"] == 1


def test_discounts_are_replaced_and_taken_back(stripe: SimulatedAccount) -> None:
    for name in ("first", "second"):
        stripe.does.create_coupon(texts({"id": name, "percent_off": 10, "duration": "forever"}))
    subscription = stripe.subscribe(discounts=[{"coupon": "first"}])
    stripe.update(subscription, discounts=[{"coupon": "second"}])
    assert stripe.told() == ["discount.deleted", "discount.created", "subscription.updated"]
    gone = stripe.does.delete_subscription_discount(subscription["id"])
    assert gone["deleted"]
    assert gone["source"]["coupon"] == "second"
    assert stripe.now(subscription)["discounts"] == []


def test_a_discount_of_one_item_and_one_of_the_customer(stripe: SimulatedAccount) -> None:
    stripe.does.create_coupon(texts({"id": "tenth", "percent_off": 10, "duration": "forever"}))
    customer = stripe.customer(coupon="tenth")
    assert customer["discount"]["source"]["coupon"] == "tenth"
    subscription = stripe.subscribe(customer=customer["id"])
    assert stripe.latest_invoice(subscription)["amount_paid"] == 4410
    item = {"id": first_item(subscription)["id"], "discounts": [{"coupon": "tenth"}]}
    with_item = stripe.update(subscription, items=[item])
    assert len(first_item(with_item)["discounts"]) == 1
    assert stripe.told() == ["discount.created", "subscription.updated"]
    without = stripe.update(subscription, items=[item | {"discounts": ""}])
    assert first_item(without)["discounts"] == []
    assert stripe.told() == ["discount.deleted", "subscription.updated"]
    stripe.update(subscription, items=[item])
    stripe.does.delete_customer_discount(customer["id"])
    assert stripe.now(customer)["discount"] is None
    stripe.pass_days(32)
    assert stripe.latest_invoice(subscription)["amount_paid"] == 4410


def test_a_customers_coupon_for_once_is_spent_with_the_first_invoice(stripe: SimulatedAccount) -> None:
    stripe.does.create_coupon(texts({"id": "half", "percent_off": 50, "duration": "once"}))
    customer = stripe.customer(coupon="half")
    subscription = stripe.subscribe(customer=customer["id"])
    assert stripe.latest_invoice(subscription)["amount_paid"] == 2450
    assert stripe.now(customer)["discount"] is None
    stripe.pass_days(32)
    assert stripe.latest_invoice(subscription)["amount_paid"] == 4900


def test_a_coupon_that_ends_within_the_trial_takes_nothing_off_afterwards(stripe: SimulatedAccount) -> None:
    half = {"id": "half", "percent_off": 50, "duration": "repeating", "duration_in_months": 1}
    stripe.does.create_coupon(texts(half))
    subscription = stripe.subscribe(discounts=[{"coupon": "half"}], trial_period_days=40)
    told = stripe.pass_days(41)
    assert told[:3] == [
        "day 31: discount.deleted",
        "day 31: subscription.updated",
        "day 37: subscription.trial_will_end",
    ]
    assert stripe.latest_invoice(subscription)["amount_paid"] == 4900
