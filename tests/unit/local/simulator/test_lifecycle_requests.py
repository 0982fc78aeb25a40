"""What requests make of the simulator's customers, subscriptions and discounts."""

import pytest

from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from peoplesync_local.stripe_simulator.parameters.errors import CardDeclined, InvalidRequest, Missing
from tests.support.builders.stripe import DAY, NOW
from tests.support.worlds.simulated_account import SimulatedAccount, texts


@pytest.fixture
def stripe() -> SimulatedAccount:
    return SimulatedAccount()


def lines(invoice: StripeObject) -> list[tuple[str, int]]:
    return [(line["description"], line["amount"]) for line in invoice["lines"]["data"]]


def first_item(subscription: StripeObject) -> StripeObject:
    item: StripeObject = subscription["items"]["data"][0]
    return item


def test_more_seats_are_one_update_and_are_billed_with_the_next_invoice(stripe: SimulatedAccount) -> None:
    subscription = stripe.subscribe(quantity=2)
    stripe.pass_days(15.5)  # half of March
    stripe.update(subscription, items=[{"id": first_item(subscription)["id"], "quantity": 4}])
    assert stripe.told() == ["day 15 12 h: subscription.updated"]
    previous = stripe.events[0]["data"]["previous_attributes"]
    assert list(previous) == ["items"]
    assert previous["items"]["data"][0]["quantity"] == 2
    stripe.pass_days(16)
    assert lines(stripe.latest_invoice(subscription)) == [
        ("4 × Team (at $49.00 / month)", 19_600),
        ("Unused time on 2 × Team", -4900),
        ("Remaining time on 4 × Team", 9800),
    ]


def test_an_upgrade_can_be_invoiced_at_once(stripe: SimulatedAccount) -> None:
    subscription = stripe.subscribe()
    stripe.pass_days(15.5)
    item = {"id": first_item(subscription)["id"], "price": stripe.price("better", 9900)["id"]}
    after = stripe.update(subscription, items=[item], proration_behavior="always_invoice")
    assert stripe.told()[0] == "day 15 12 h: subscription.updated"
    assert "day 15 12 h: invoice.paid" in stripe.told()
    invoice = stripe.latest_invoice(subscription)
    assert (invoice["billing_reason"], invoice["total"]) == ("subscription_update", 2500)
    assert first_item(after)["price"]["unit_amount"] == first_item(after)["plan"]["amount"] == 9900
    assert first_item(after)["current_period_end"] == NOW + 31 * DAY


def test_another_interval_begins_a_new_period_now(stripe: SimulatedAccount) -> None:
    subscription = stripe.subscribe()
    stripe.pass_days(10)
    yearly = stripe.price("yearly", 49_000, recurring={"interval": "year"})
    item = {"id": first_item(subscription)["id"], "price": yearly["id"]}
    after = stripe.update(subscription, items=[item], proration_behavior="none")
    assert first_item(after)["current_period_start"] == NOW + 10 * DAY
    assert first_item(after)["current_period_end"] == NOW + 375 * DAY
    assert stripe.latest_invoice(subscription)["amount_paid"] == 49_000


def test_items_are_added_and_removed(stripe: SimulatedAccount) -> None:
    subscription = stripe.subscribe()
    both = stripe.update(subscription, items=[{"price": stripe.price("extra", 1000)["id"]}])
    assert [item["price"]["unit_amount"] for item in both["items"]["data"]] == [4900, 1000]
    gone = {"id": first_item(subscription)["id"], "deleted": True}
    one = stripe.update(subscription, items=[gone])
    assert [item["price"]["unit_amount"] for item in one["items"]["data"]] == [1000]
    with pytest.raises(InvalidRequest, match="at least one active item"):
        stripe.update(subscription, items=[{"id": first_item(one)["id"], "deleted": True}])


def test_a_trial_is_made_longer_and_ended_now(stripe: SimulatedAccount) -> None:
    subscription = stripe.subscribe(trial_period_days=14)
    longer = stripe.update(subscription, trial_end=NOW + 20 * DAY)
    assert (longer["status"], longer["trial_end"]) == ("trialing", NOW + 20 * DAY)
    assert stripe.pass_days(16) == []
    ended = stripe.update(subscription, trial_end="now")
    assert (ended["status"], ended["trial_end"]) == ("active", NOW + 16 * DAY)
    assert "day 16: charge.succeeded" in stripe.told()


@pytest.mark.parametrize(
    ("behavior", "status", "last"),
    [
        ("void", "void", "day 31: invoice.voided"),
        ("keep_as_draft", "draft", "day 31: invoice.created"),
        ("mark_uncollectible", "uncollectible", "day 31: invoice.marked_uncollectible"),
    ],
)
def test_while_the_collection_is_paused_invoices_are_not_collected(
    stripe: SimulatedAccount, behavior: str, status: str, last: str
) -> None:
    subscription = stripe.subscribe()
    pause = {"behavior": behavior, "resumes_at": NOW + 40 * DAY}
    assert stripe.update(subscription, pause_collection=pause)["status"] == "active"
    assert stripe.pass_days(35)[-1] == last
    assert stripe.latest_invoice(subscription)["status"] == status
    assert stripe.pass_days(6) == ["day 40: subscription.updated"]
    assert stripe.now(subscription)["pause_collection"] is None


def test_a_pause_is_taken_back(stripe: SimulatedAccount) -> None:
    subscription = stripe.subscribe()
    stripe.update(subscription, pause_collection={"behavior": "void"})
    assert stripe.update(subscription, pause_collection="")["pause_collection"] is None
    assert stripe.pass_days(32)[-1] == "day 31 1 h: invoice.paid"


def test_a_cancellation_now_stops_collecting(stripe: SimulatedAccount) -> None:
    customer = stripe.customer()
    subscription = stripe.subscribe(customer=customer["id"])
    stripe.does.customer_pays(customer["id"], False)
    stripe.pass_days(32)
    canceled = stripe.does.cancel_subscription(subscription["id"])
    assert (canceled["status"], canceled["canceled_at"]) == ("canceled", NOW + 32 * DAY)
    assert stripe.told()[-1] == "day 32: subscription.deleted"
    assert stripe.pass_days(30) == []
    with pytest.raises(InvalidRequest, match="can only update"):
        stripe.update(subscription, description="again")
    with pytest.raises(Missing):
        stripe.does.cancel_subscription(subscription["id"])


def test_a_deleted_customer_takes_its_subscriptions_along(stripe: SimulatedAccount) -> None:
    customer = stripe.customer()
    subscription = stripe.subscribe(customer=customer["id"])
    stripe.events.clear()
    stub = stripe.does.delete_customer(customer["id"])
    assert stub == {"id": customer["id"], "object": "customer", "deleted": True}
    assert stripe.told() == ["subscription.deleted", "deleted"]
    assert stripe.now(subscription)["status"] == "canceled"
    with pytest.raises(Missing, match="No such customer"):
        stripe.does.update_customer(customer["id"], {"name": "Nobody"})


def test_a_customer_is_changed_key_by_key_and_unset_by_empty_text(stripe: SimulatedAccount) -> None:
    customer = stripe.customer(name="Customer 1", phone="+1555", metadata={"plan": "a", "size": "b"})
    stripe.events.clear()
    changed = stripe.does.update_customer(
        customer["id"], {"name": "", "metadata": {"plan": ""}, "address": {"country": "DE"}}
    )
    assert (changed["name"], changed["phone"], changed["metadata"]) == (None, "+1555", {"size": "b"})
    assert changed["address"]["country"] == "DE"
    previous = stripe.events[0]["data"]["previous_attributes"]
    assert previous["name"] == "Customer 1"


@pytest.mark.parametrize(
    ("params", "param", "message"),
    [
        ({"customer": "cus_none"}, "customer", "No such customer: 'cus_none'"),
        ({"items": {}}, "items", "Missing required param: items"),
        ({"items": [{"price": "price_none"}]}, "items[0][price]", "No such price: 'price_none'"),
        ({"trial_end": NOW - DAY}, "trial_end", "in the future"),
        ({"discounts": [{"coupon": "none"}]}, "discounts[0][coupon]", "No such coupon: 'none'"),
        ({"payment_behavior": "never"}, "payment_behavior", "must be one of"),
    ],
)
def test_a_wrong_subscription_is_refused_by_name_and_nothing_is_made(
    stripe: SimulatedAccount, params: StripeObject, param: str, message: str
) -> None:
    customer = stripe.customer()
    asked = {"customer": customer["id"], "items": [{"price": stripe.price()["id"]}]}
    stripe.events.clear()
    with pytest.raises(InvalidRequest, match=message.replace("[", r"\[")) as refused:
        stripe.does.create_subscription(texts(asked | params))
    assert refused.value.details["param"] == param
    assert stripe.events == []


def test_a_subscription_that_must_be_paid_is_refused_without_a_trace(stripe: SimulatedAccount) -> None:
    customer = stripe.customer(payment_method="pm_card_chargeDeclined")
    with pytest.raises(CardDeclined):
        stripe.subscribe(customer=customer["id"], payment_behavior="error_if_incomplete")
    assert stripe.events == []


def test_an_update_that_changes_nothing_is_not_told_of(stripe: SimulatedAccount) -> None:
    customer = stripe.customer(name="Customer 1")
    subscription = stripe.subscribe(customer=customer["id"])
    stripe.events.clear()
    assert stripe.does.update_customer(customer["id"], {"name": "Customer 1"})["name"] == "Customer 1"
    stripe.does.update_subscription(subscription["id"], {"cancel_at_period_end": "false"})
    assert stripe.events == []


def test_an_invoice_by_mail_waits_for_its_due_date(stripe: SimulatedAccount) -> None:
    subscription = stripe.subscribe(collection_method="send_invoice", days_until_due=30)
    assert subscription["status"] == "active"
    assert stripe.pass_days(1) == ["day 0 1 h: invoice.finalized"]
    invoice = stripe.latest_invoice(subscription)
    assert (invoice["status"], invoice["due_date"]) == ("open", NOW + 30 * DAY)
    assert invoice["amount_paid"] == 0


def test_a_wrong_update_changes_and_tells_nothing(stripe: SimulatedAccount) -> None:
    stripe.does.create_coupon(texts({"id": "tenth", "percent_off": 10, "duration": "forever"}))
    subscription = stripe.subscribe()
    item = {"id": first_item(subscription)["id"], "discounts": [{"coupon": "tenth"}]}
    with pytest.raises(InvalidRequest, match="in the future"):
        stripe.update(subscription, items=[item], discounts=[{"coupon": "tenth"}], cancel_at=NOW - 1)
    assert stripe.events == []
    assert stripe.now(subscription) == subscription
    stripe.update(subscription, description="right")
    assert stripe.told() == ["subscription.updated"]


def test_asking_again_for_the_end_does_not_change_when_it_was_asked_for(stripe: SimulatedAccount) -> None:
    subscription = stripe.subscribe()
    stripe.update(subscription, cancel_at_period_end=True)
    stripe.pass_days(3)
    assert stripe.update(subscription, cancel_at_period_end=True)["canceled_at"] == NOW
    assert stripe.events == []


def test_an_end_that_passed_while_it_was_paused_comes_when_it_is_resumed(stripe: SimulatedAccount) -> None:
    pausing = {"end_behavior": {"missing_payment_method": "pause"}}
    subscription = stripe.subscribe(trial_period_days=5, trial_settings=pausing, cancel_at=NOW + 9 * DAY)
    stripe.pass_days(20)
    assert stripe.now(subscription)["status"] == "paused"
    stripe.does.resume_subscription(subscription["id"])
    assert stripe.pass_days(1) == ["day 20: subscription.deleted"]
