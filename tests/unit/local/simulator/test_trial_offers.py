"""The simulator's trial offers: free ones, paid ones, and what follows them."""

from typing import Any

import pytest

from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from peoplesync_local.stripe_simulator.parameters.errors import InvalidRequest
from tests.support.builders.stripe import DAY, NOW
from tests.support.worlds.simulated_account import SimulatedAccount, texts

MARCH, APRIL = NOW + 31 * DAY, NOW + 61 * DAY
"""The ends of the first and second month."""


@pytest.fixture
def stripe() -> SimulatedAccount:
    return SimulatedAccount()


def offer(stripe: SimulatedAccount, amount: int, iterations: int = 1) -> StripeObject:
    """First so much a month, then 49.00."""
    first, then = stripe.price(f"first {amount}", amount), stripe.price()
    asked = {
        "price": first["id"],
        "duration": {"type": "relative", "relative": {"iterations": iterations}},
        "end_behavior": {"type": "transition", "transition": {"price": then["id"]}},
    }
    return stripe.does.create_trial_offer(texts(asked))


def taking(stripe: SimulatedAccount, *offers: StripeObject, **params: Any) -> StripeObject:
    customer = stripe.customer(payment_method="pm_card_visa")["id"]
    items = [{"current_trial": {"trial_offer": one["id"]}} for one in offers]
    more = params.pop("items", [])
    stripe.events.clear()
    asked = {"customer": customer, "items": [*items, *more]} | params
    return stripe.does.create_subscription(texts(asked))


def first_item(subscription: StripeObject) -> StripeObject:
    item: StripeObject = subscription["items"]["data"][0]
    return item


def test_a_free_offer_makes_trialing_without_a_trial_of_the_subscription(stripe: SimulatedAccount) -> None:
    free = offer(stripe, 0)
    subscription = taking(stripe, free)
    shown = (subscription["status"], subscription["trial_start"], subscription["trial_end"])
    assert shown == ("trialing", None, None)
    assert first_item(subscription)["current_trial"] == {
        "start_date": NOW,
        "end_date": MARCH,
        "trial_offer": free["id"],
    }
    line = stripe.latest_invoice(subscription)["lines"]["data"][0]
    assert (line["amount"], line["description"]) == (0, "Free trial for 1 x Team")


def test_a_free_offer_ends_with_the_price_that_follows(stripe: SimulatedAccount) -> None:
    subscription = taking(stripe, offer(stripe, 0, iterations=2))
    assert stripe.pass_days(62) == [
        "day 58: subscription.trial_will_end",
        "day 61: subscription.updated",
        "day 61: invoice.created",
        "day 61 1 h: invoice.finalized",
        "day 61 1 h: charge.succeeded",
        "day 61 1 h: invoice.paid",
    ]
    previous = stripe.events[1]["data"]["previous_attributes"]
    assert previous["status"] == "trialing"
    assert previous["items"]["data"][0]["current_trial"]["end_date"] == APRIL
    now = stripe.now(subscription)
    assert (now["status"], now["trial_end"]) == ("active", None)
    item = first_item(now)
    assert (item["price"], item["plan"]["amount"]) == (stripe.price(), 4900)
    assert "current_trial" not in item
    assert stripe.latest_invoice(now)["amount_paid"] == 4900


def test_a_paid_offer_is_active_and_billed_until_its_price_changes(stripe: SimulatedAccount) -> None:
    subscription = taking(stripe, offer(stripe, 900, iterations=2))
    assert (subscription["status"], subscription["trial_end"]) == ("active", None)
    assert stripe.latest_invoice(subscription)["amount_paid"] == 900
    stripe.pass_days(32)
    assert first_item(stripe.now(subscription))["current_trial"]["end_date"] == APRIL
    assert stripe.latest_invoice(subscription)["amount_paid"] == 900
    assert stripe.pass_days(30)[0] == "day 61: subscription.updated"
    previous = stripe.events[0]["data"]["previous_attributes"]
    assert previous["items"]["data"][0]["price"]["unit_amount"] == 900
    assert "status" not in previous
    assert stripe.latest_invoice(subscription)["amount_paid"] == 4900
    assert stripe.now(subscription)["status"] == "active"


def test_a_free_offer_beside_a_paid_item_is_active(stripe: SimulatedAccount) -> None:
    subscription = taking(stripe, offer(stripe, 0), items=[{"price": stripe.price("other", 700)["id"]}])
    assert (subscription["status"], stripe.latest_invoice(subscription)["amount_paid"]) == ("active", 700)
    stripe.pass_days(32)
    assert stripe.latest_invoice(subscription)["amount_paid"] == 5600


def test_a_trial_by_offer_is_ended_now_by_request(stripe: SimulatedAccount) -> None:
    subscription = taking(stripe, offer(stripe, 0))
    stripe.pass_days(3)
    ended = stripe.update(subscription, trial_end="now")
    assert (ended["status"], first_item(ended)["price"]["unit_amount"]) == ("active", 4900)
    assert stripe.latest_invoice(ended)["amount_paid"] == 4900


def test_an_item_takes_an_offer_up_later_and_leaves_it_with_another_price(stripe: SimulatedAccount) -> None:
    subscription = stripe.subscribe(stripe.price("other", 700))
    item = first_item(subscription)["id"]
    on_offer = {"id": item, "current_trial": {"trial_offer": offer(stripe, 900)["id"]}}
    changed = first_item(stripe.update(subscription, items=[on_offer]))
    assert (changed["price"]["unit_amount"], changed["current_trial"]["end_date"]) == (900, MARCH)
    left = first_item(stripe.update(subscription, items=[{"id": item, "price": stripe.price("other")["id"]}]))
    assert "current_trial" not in left


def test_an_offer_is_for_its_own_price_and_not_beside_another_trial(stripe: SimulatedAccount) -> None:
    free = offer(stripe, 0)
    wrong = {"price": stripe.price()["id"], "current_trial": {"trial_offer": free["id"]}}
    with pytest.raises(InvalidRequest, match="has another price"):
        taking(stripe, items=[wrong])
    with pytest.raises(InvalidRequest, match="trial offers together"):
        taking(stripe, free, trial_period_days=7)
