"""The simulator's bank debits: pending for days, then paid or sent back."""

import pytest

from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from peoplesync_local.stripe_simulator.parameters.errors import InvalidRequest
from tests.support.builders.stripe import DAY, NOW
from tests.support.worlds.simulated_account import SimulatedAccount, texts

SEPA = "pm_sepaDebit"
WITHOUT_FUNDS = "pm_usBankAccount_insufficientFunds"


@pytest.fixture
def stripe() -> SimulatedAccount:
    return SimulatedAccount()


def debited(stripe: SimulatedAccount, method: str) -> StripeObject:
    customer = stripe.customer(payment_method=method)
    return stripe.subscribe(customer=customer["id"])


def charge_in(event: StripeObject) -> StripeObject:
    shown: StripeObject = event["data"]["object"]
    return shown


def test_a_debit_is_pending_and_its_invoice_open_while_the_subscription_is_active(
    stripe: SimulatedAccount,
) -> None:
    subscription = debited(stripe, SEPA)
    assert stripe.told()[-3:] == ["invoice.finalized", "charge.pending", "subscription.updated"]
    charge = charge_in(next(one for one in stripe.events if one["type"] == "charge.pending"))
    assert charge["id"].startswith("py_")
    shown = (charge["status"], charge["captured"], charge["paid"], charge["amount_captured"])
    assert shown == ("pending", True, False, 4900)
    assert charge["payment_method_details"]["type"] == "sepa_debit"
    assert "invoice" not in charge
    invoice = stripe.latest_invoice(subscription)
    assert (subscription["status"], invoice["status"], invoice["amount_paid"]) == ("active", "open", 0)


def test_a_debit_succeeds_days_later_and_only_then_the_invoice_is_paid(stripe: SimulatedAccount) -> None:
    subscription = debited(stripe, SEPA)
    pending = charge_in(next(one for one in stripe.events if one["type"] == "charge.pending"))
    assert stripe.pass_days(4.9) == []
    assert stripe.pass_days(0.2) == ["day 5: charge.succeeded", "day 5: invoice.paid"]
    succeeded = charge_in(stripe.events[0])
    assert succeeded == pending | {"status": "succeeded", "paid": True}
    assert stripe.latest_invoice(subscription)["status_transitions"]["paid_at"] == NOW + 5 * DAY


def test_a_debit_that_is_sent_back_fails_days_later_and_makes_past_due(stripe: SimulatedAccount) -> None:
    subscription = debited(stripe, WITHOUT_FUNDS)
    assert subscription["status"] == "active"
    pending = charge_in(next(one for one in stripe.events if one["type"] == "charge.pending"))
    assert stripe.pass_days(5) == [
        "day 4: charge.failed",
        "day 4: invoice.payment_failed",
        "day 4: subscription.updated",
        "day 4: updated",
    ]
    failed = charge_in(stripe.events[0])
    assert (failed["id"], failed["created"]) == (pending["id"], NOW)
    assert (failed["status"], failed["failure_code"]) == ("failed", "insufficient_funds")
    assert (failed["captured"], failed["amount_captured"]) == (True, 4900)
    assert failed["payment_method_details"]["type"] == "us_bank_account"
    assert stripe.now(subscription)["status"] == "past_due"
    assert stripe.pass_days(3)[0] == "day 7: charge.pending"


def test_a_failed_debit_that_is_tried_again_with_money_there_is_paid(stripe: SimulatedAccount) -> None:
    subscription = debited(stripe, WITHOUT_FUNDS)
    stripe.pass_days(5)
    stripe.does.customer_pays(subscription["customer"], True)
    told = stripe.pass_days(8)
    assert told[-4:] == [
        "day 11: charge.succeeded",
        "day 11: invoice.paid",
        "day 11: subscription.updated",
        "day 11: updated",
    ]
    assert stripe.now(subscription)["status"] == "active"


def test_a_debit_can_be_refunded_only_when_it_has_succeeded(stripe: SimulatedAccount) -> None:
    asked = {"source": SEPA, "amount": 3000, "currency": "eur"}
    charge = stripe.does.create_charge(texts(asked))
    assert charge["status"] == "pending"
    with pytest.raises(InvalidRequest, match="pending and cannot be refunded"):
        stripe.does.create_refund({"charge": charge["id"]})
    assert stripe.pass_days(5) == ["day 5: charge.succeeded"]
    assert stripe.does.create_refund({"charge": charge["id"]})["amount"] == 3000


def test_an_invoice_whose_debit_is_under_way_is_not_collected_twice(stripe: SimulatedAccount) -> None:
    subscription = debited(stripe, SEPA)
    with pytest.raises(InvalidRequest, match="processing already"):
        stripe.does.pay_invoice(subscription["latest_invoice"])


@pytest.mark.parametrize("gone", ["customer", "subscription"])
def test_a_debit_settles_though_its_customer_or_subscription_is_gone(
    stripe: SimulatedAccount, gone: str
) -> None:
    subscription = debited(stripe, SEPA)
    if gone == "customer":
        stripe.does.delete_customer(subscription["customer"])
    else:
        stripe.does.cancel_subscription(subscription["id"])
    assert stripe.pass_days(6)[0] == "day 5: charge.succeeded"
    assert stripe.now(subscription)["status"] == "canceled"


def test_a_checkout_paid_by_debit_is_complete_and_unpaid(stripe: SimulatedAccount) -> None:
    customer = stripe.customer(payment_method=SEPA)
    lines = {"line_items": [{"price": stripe.price()["id"]}], "customer": customer["id"]}
    for mode in ("payment", "subscription"):
        session = stripe.does.create_checkout_session(texts(lines | {"mode": mode}))
        done = stripe.does.complete_checkout_session(session["id"])
        assert (done["status"], done["payment_status"]) == ("complete", "unpaid")
