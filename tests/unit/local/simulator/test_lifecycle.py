"""What becomes of the simulator's subscriptions by the clock, in the events that tell of it."""

import pytest

from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from tests.support.builders.stripe import DAY, HOUR, NOW, subscription
from tests.support.worlds.simulated_account import SimulatedAccount


@pytest.fixture
def stripe() -> SimulatedAccount:
    return SimulatedAccount()


def items(subscription: StripeObject) -> list[StripeObject]:
    data: list[StripeObject] = subscription["items"]["data"]
    return data


def test_a_subscription_becomes_active_with_its_first_payment(stripe: SimulatedAccount) -> None:
    subscription = stripe.subscribe(quantity=2)
    assert stripe.told() == [
        "subscription.created",
        "updated",
        "invoice.created",
        "invoice.finalized",
        "charge.succeeded",
        "invoice.paid",
        "subscription.updated",
    ]
    created, updated = stripe.events[0]["data"], stripe.events[-1]["data"]
    assert created["object"]["status"] == "incomplete"
    assert updated["previous_attributes"] == {"status": "incomplete"}
    assert subscription["status"] == "active"
    assert items(subscription)[0]["current_period_end"] == NOW + 31 * DAY  # March
    assert stripe.latest_invoice(subscription)["amount_paid"] == 9800


def test_a_trial_begins_with_an_invoice_of_nothing(stripe: SimulatedAccount) -> None:
    subscription = stripe.subscribe(trial_period_days=14)
    assert stripe.told() == [
        "subscription.created",
        "updated",
        "invoice.created",
        "invoice.finalized",
        "invoice.paid",
    ]
    assert (subscription["status"], subscription["trial_end"]) == ("trialing", NOW + 14 * DAY)
    assert stripe.latest_invoice(subscription)["attempt_count"] == 0


def test_a_trial_that_converts(stripe: SimulatedAccount) -> None:
    subscription = stripe.subscribe(trial_period_days=14)
    assert stripe.pass_days(15) == [
        "day 11: subscription.trial_will_end",
        "day 14: subscription.updated",
        "day 14: invoice.created",
        "day 14 1 h: invoice.finalized",
        "day 14 1 h: charge.succeeded",
        "day 14 1 h: invoice.paid",
    ]
    updated = stripe.events[1]["data"]
    assert updated["previous_attributes"].keys() == {"status", "items", "latest_invoice"}
    assert updated["previous_attributes"]["status"] == "trialing"
    assert updated["object"]["trial_end"] == NOW + 14 * DAY
    assert stripe.now(subscription)["status"] == "active"


def test_of_a_short_trial_the_reminder_comes_at_once(stripe: SimulatedAccount) -> None:
    stripe.subscribe(trial_period_days=2)
    assert stripe.told()[-1] == "subscription.trial_will_end"
    assert stripe.pass_days(1.9) == []


def test_a_trial_without_payment_method_is_canceled_if_asked_for(stripe: SimulatedAccount) -> None:
    settings = {"end_behavior": {"missing_payment_method": "cancel"}}
    subscription = stripe.subscribe(trial_period_days=14, trial_settings=settings)
    assert stripe.pass_days(14)[-1] == "day 14: subscription.deleted"
    ended = stripe.now(subscription)
    assert (ended["status"], ended["ended_at"]) == ("canceled", NOW + 14 * DAY)


def test_a_trial_without_payment_method_is_paused_if_asked_for_and_resumed(stripe: SimulatedAccount) -> None:
    settings = {"end_behavior": {"missing_payment_method": "pause"}}
    subscription = stripe.subscribe(trial_period_days=14, trial_settings=settings)
    assert stripe.pass_days(40)[-2:] == ["day 14: subscription.updated", "day 14: subscription.paused"]
    paused = stripe.now(subscription)
    assert paused["status"] == "paused"
    assert paused["status_details"]["paused"]["transitioned_at"] == NOW + 14 * DAY
    stripe.events.clear()
    resumed = stripe.does.resume_subscription(subscription["id"], {})
    assert resumed["status"] == "active"
    assert items(resumed)[0]["current_period_start"] == NOW + 40 * DAY
    assert stripe.told()[0] == "day 40: subscription.updated"
    assert stripe.told()[-1] == "day 40: subscription.resumed"


def test_with_a_payment_method_the_trial_is_not_paused(stripe: SimulatedAccount) -> None:
    settings = {"end_behavior": {"missing_payment_method": "pause"}}
    customer = stripe.customer(invoice_settings={"default_payment_method": "pm_card_visa"})
    subscription = stripe.subscribe(customer=customer["id"], trial_period_days=14, trial_settings=settings)
    stripe.pass_days(15)
    assert stripe.now(subscription)["status"] == "active"


def test_a_trial_whose_first_payment_fails_is_past_due(stripe: SimulatedAccount) -> None:
    customer = stripe.customer(payment_method="pm_card_chargeDeclined")
    subscription = stripe.subscribe(customer=customer["id"], trial_period_days=14)
    assert stripe.pass_days(15)[-4:] == [
        "day 14 1 h: charge.failed",
        "day 14 1 h: invoice.payment_failed",
        "day 14 1 h: subscription.updated",
        "day 14 1 h: updated",
    ]
    assert stripe.now(subscription)["status"] == "past_due"
    assert stripe.now(customer)["delinquent"]


def test_a_renewal_is_invoiced_when_the_period_ends_and_paid_an_hour_later(stripe: SimulatedAccount) -> None:
    stripe.subscribe()
    assert stripe.pass_days(31) == ["day 31: subscription.updated", "day 31: invoice.created"]
    draft = stripe.events[1]["data"]["object"]
    assert (draft["status"], draft["automatically_finalizes_at"]) == ("draft", NOW + 31 * DAY + HOUR)
    assert stripe.pass_days(1) == [
        "day 31 1 h: invoice.finalized",
        "day 31 1 h: charge.succeeded",
        "day 31 1 h: invoice.paid",
    ]


def test_periods_keep_the_day_of_the_month_of_their_anchor(stripe: SimulatedAccount) -> None:
    stripe.clock.freeze(NOW + 30 * DAY)  # 31 March
    subscription = stripe.subscribe()
    ends = []
    for _ in range(3):
        ends.append(items(stripe.now(subscription))[0]["current_period_end"] - NOW)
        stripe.pass_days(31)
    assert [end // DAY for end in ends] == [60, 91, 121]  # 30 April, 31 May, 30 June


def test_a_failed_renewal_is_retried_after_3_5_and_7_days_and_then_canceled(stripe: SimulatedAccount) -> None:
    customer = stripe.customer()
    subscription = stripe.subscribe(customer=customer["id"])
    stripe.does.customer_pays(customer["id"], False)
    assert stripe.pass_days(60) == [
        "day 31: subscription.updated",
        "day 31: invoice.created",
        "day 31 1 h: invoice.finalized",
        "day 31 1 h: charge.failed",
        "day 31 1 h: invoice.payment_failed",
        "day 31 1 h: subscription.updated",
        "day 31 1 h: updated",
        "day 34 1 h: charge.failed",
        "day 34 1 h: invoice.payment_failed",
        "day 39 1 h: charge.failed",
        "day 39 1 h: invoice.payment_failed",
        "day 46 1 h: charge.failed",
        "day 46 1 h: invoice.payment_failed",
        "day 46 1 h: subscription.deleted",
    ]
    ended = stripe.now(subscription)
    assert (ended["status"], ended["cancellation_details"]["reason"]) == ("canceled", "payment_failed")
    assert stripe.latest_invoice(subscription)["attempt_count"] == 4


def test_the_account_can_be_set_to_leave_them_unpaid(stripe: SimulatedAccount) -> None:
    stripe.does.gives_up = "unpaid"
    customer = stripe.customer()
    subscription = stripe.subscribe(customer=customer["id"])
    stripe.does.customer_pays(customer["id"], False)
    assert stripe.pass_days(47)[-1] == "day 46 1 h: subscription.updated"
    assert stripe.now(subscription)["status"] == "unpaid"
    assert stripe.pass_days(30) == ["day 61: subscription.updated", "day 61: invoice.created"]
    assert stripe.latest_invoice(subscription)["status"] == "draft"
    with pytest.raises(ValueError, match="one of"):
        stripe.does.gives_up = "forgiven"


def test_a_retry_that_succeeds_makes_it_active_again(stripe: SimulatedAccount) -> None:
    customer = stripe.customer()
    subscription = stripe.subscribe(customer=customer["id"])
    stripe.does.customer_pays(customer["id"], False)
    stripe.pass_days(32)
    stripe.does.customer_pays(customer["id"], True)
    assert stripe.pass_days(3) == [
        "day 34 1 h: charge.succeeded",
        "day 34 1 h: invoice.paid",
        "day 34 1 h: subscription.updated",
        "day 34 1 h: updated",
    ]
    assert stripe.now(subscription)["status"] == "active"
    assert not stripe.now(customer)["delinquent"]
    assert stripe.latest_invoice(subscription)["attempt_count"] == 2


def test_an_incomplete_subscription_expires_after_23_hours(stripe: SimulatedAccount) -> None:
    customer = stripe.customer(payment_method="pm_card_chargeDeclined")
    subscription = stripe.subscribe(customer=customer["id"])
    assert stripe.told()[-2:] == ["charge.failed", "invoice.payment_failed"]
    assert subscription["status"] == "incomplete"
    assert stripe.pass_days(1) == ["day 0 23 h: subscription.updated", "day 0 23 h: invoice.voided"]
    expired = stripe.now(subscription)
    assert (expired["status"], expired["ended_at"]) == ("incomplete_expired", NOW + 23 * HOUR)


def test_a_scheduled_cancellation_ends_it_with_the_period_and_without_an_invoice(
    stripe: SimulatedAccount,
) -> None:
    subscription = stripe.subscribe()
    stripe.pass_days(5)
    asked = stripe.update(subscription, cancel_at_period_end=True)
    assert (asked["canceled_at"], asked["cancel_at"]) == (NOW + 5 * DAY, NOW + 31 * DAY)
    assert stripe.pass_days(60) == ["day 31: subscription.deleted"]
    ended = stripe.now(subscription)
    assert (ended["canceled_at"], ended["ended_at"]) == (NOW + 5 * DAY, NOW + 31 * DAY)


def test_a_withdrawn_cancellation_leaves_no_trace(stripe: SimulatedAccount) -> None:
    before = stripe.subscribe()
    stripe.update(before, cancel_at_period_end=True)
    kept = stripe.update(before, cancel_at_period_end=False)
    assert kept == before
    assert "day 31: invoice.created" in stripe.pass_days(31)


def test_items_with_different_intervals_renew_each_in_its_own_time(stripe: SimulatedAccount) -> None:
    yearly = stripe.price("yearly", 49_000, recurring={"interval": "year"})
    subscription = stripe.subscribe(stripe.price(), yearly)
    stripe.pass_days(32)
    ends = [item["current_period_end"] for item in items(stripe.now(subscription))]
    assert ends == [NOW + 61 * DAY, NOW + 365 * DAY]
    assert stripe.latest_invoice(subscription)["total"] == 4900


def test_time_passed_in_small_steps_tells_the_same_as_in_one(stripe: SimulatedAccount) -> None:
    other = SimulatedAccount()
    for account in (stripe, other):
        account.subscribe(trial_period_days=14)
    at_once = stripe.pass_days(50)
    step_by_step = [told for _ in range(100) for told in other.pass_days(0.5)]
    assert step_by_step == at_once
    assert [one["id"] for one in stripe.account.newest_first("event")] == [
        one["id"] for one in other.account.newest_first("event")
    ]


def test_advancing_counts_the_events_and_happens_once(stripe: SimulatedAccount) -> None:
    stripe.subscribe()
    stripe.events.clear()
    until = NOW + 32 * DAY
    stripe.clock.freeze(until)
    assert stripe.does.advance(until) == len(stripe.events) == 7
    assert stripe.does.advance(until) == 0


def test_what_a_deleted_customer_owes_is_not_collected(stripe: SimulatedAccount) -> None:
    """An older invoice of a customer that is gone is still on the timetable."""
    weekly = stripe.price("weekly", 700, recurring={"interval": "week"})
    customer = stripe.customer()
    subscription = stripe.subscribe(weekly, customer=customer["id"])
    stripe.does.customer_pays(customer["id"], False)
    stripe.pass_days(15)  # one renewal is retried, the next is open, too
    stripe.does.delete_customer(customer["id"])
    assert stripe.now(subscription)["status"] == "canceled"
    assert not any("charge" in told for told in stripe.pass_days(30))


def test_what_was_put_without_its_customer_ends_when_it_is_due(stripe: SimulatedAccount) -> None:
    stripe.account.put(subscription("sub_put", customer="cus_unknown", status="trialing"))
    stripe.does.update_subscription("sub_put", {"description": "touched"})
    assert stripe.pass_days(10) == ["day 1: subscription.deleted"]  # when it would be reminded
