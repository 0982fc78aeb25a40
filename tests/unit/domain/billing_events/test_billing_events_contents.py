"""What an entry of the feed carries: for each kind, what a reader or an automation needs."""

from typing import Any

import pytest

from peoplesync.domain.billing_events import KINDS
from tests.support.builders.happenings import (
    OVER,
    PAID_PERIOD,
    STARTED,
    TRIAL,
    TRIAL_END,
    Happening,
    change,
    sub,
)
from tests.support.builders.stripe import (
    DAY,
    HOUR,
    NOW,
    charge,
    checkout_session,
    coupon,
    customer,
    discount,
    invoice,
    item,
    price,
    subscription,
)

PLAN = {
    "subscription": "sub_1",
    "product": "prod_1",
    "plan": "price_1",
    "plan_nickname": "Gold",
    "plan_price": "19.00",
    "plan_interval": "month",
    "plan_interval_count": 1,
    "quantity": 3,
    "currency": "usd",
}
GOLD: dict[str, Any] = {"price": price(nickname="Gold"), "quantity": 3}
HIDDEN = price("price_t", nickname="Steps", billing_scheme="tiered", unit_amount=None)
PAYING = PLAN | {"status": "active", "mrr": "57.00"}
FROM_ACTIVE = {"previous_status": "active", "previous_mrr": "57.00"}
SPAN = {"trial_started_at": STARTED, "trial_ends_at": NOW - HOUR}
RUNNING = {"trial_started_at": STARTED, "trial_ends_at": TRIAL_END}
ENDS = {"cancels_at": STARTED + 30 * DAY}
BILL = {"invoice": "in_1", "subscription": "sub_1", "billing_reason": "subscription_cycle", "currency": "usd"}
BILLED = BILL | {"description": "1 × Starter (at $19.00 / month)"}
CHARGED = {"charge": "ch_1", "amount": "19.00", "currency": "usd", "description": "One"}
LEAVING: dict[str, Any] = {**GOLD, "cancel_at_period_end": True}

CONTENTS = {
    "subscription_created": (
        sub("created", "incomplete", **GOLD),
        PLAN | {"status": "incomplete", "mrr": "0.00"},
    ),
    "subscription_activated": (
        sub("updated", "active", "incomplete", **GOLD),
        PAYING | {"previous_status": "incomplete", "previous_mrr": "0.00"},
    ),
    "subscription_expanded": (
        change(subscription(**GOLD | {"quantity": 1}), subscription(**GOLD)),
        PAYING | {"previous_status": "active", "previous_mrr": "19.00"},
    ),
    "subscription_contracted": (
        change(subscription(**GOLD | {"quantity": 10}), subscription(**GOLD)),
        PAYING | {"previous_status": "active", "previous_mrr": "190.00"},
    ),
    "subscription_changed": (
        change(subscription(**GOLD), subscription(**GOLD | {"price": HIDDEN})),
        PLAN
        | {"plan": "price_t", "plan_nickname": "Steps", "plan_price": None}
        | {"status": "active"}
        | FROM_ACTIVE,
    ),
    "subscription_past_due": (
        sub("updated", "past_due", "active", **GOLD),
        PAYING | FROM_ACTIVE | {"status": "past_due"},
    ),
    "subscription_reactivated": (
        sub("updated", "active", "unpaid", **GOLD),
        PAYING | {"previous_status": "unpaid", "previous_mrr": "0.00"},
    ),
    "subscription_paused": (
        sub("paused", "paused", **GOLD),
        PLAN | {"status": "paused", "previous_status": None, "mrr": "0.00", "reason": None},
    ),
    "subscription_resumed": (
        sub("resumed", "active", **GOLD),
        PAYING | {"previous_status": "paused", "previous_mrr": "0.00", "reason": None},
    ),
    "cancellation_scheduled": (
        change(subscription(**GOLD), subscription(**LEAVING)),
        PAYING | FROM_ACTIVE | ENDS,
    ),
    "cancellation_unscheduled": (
        change(subscription(**LEAVING), subscription(**GOLD)),
        PAYING | FROM_ACTIVE | ENDS,
    ),
    "subscription_canceled": (
        sub("deleted", "canceled", **GOLD),
        PLAN | {"status": "canceled", "mrr": "0.00", "previous_mrr": "57.00", "reason": None},
    ),
    "trial_started": (sub("created", "trialing", **GOLD, **TRIAL), PLAN | RUNNING | {"mrr": "0.00"}),
    "trial_ending": (sub("trial_will_end", "trialing", **GOLD, **TRIAL), PLAN | RUNNING | {"mrr": "0.00"}),
    "trial_ended": (sub("updated", "active", "trialing", **OVER), {"subscription": "sub_1"} | SPAN),
    "trial_converted": (
        sub("updated", "active", "trialing", **GOLD, **OVER, **PAID_PERIOD),
        PAYING | SPAN | {"previous_status": "trialing", "previous_mrr": "0.00"},
    ),
    "trial_expired": (
        sub("updated", "paused", "trialing", **OVER),
        {"subscription": "sub_1", "reason": None} | SPAN,
    ),
    "invoice_created": (Happening("invoice.created", invoice), BILLED | {"amount_due": "19.00"}),
    "invoice_paid": (
        Happening("invoice.paid", invoice, {"status": "paid", "description": "By hand"}),
        BILL | {"description": "By hand", "amount_paid": "19.00"},
    ),
    "payment_failed": (
        Happening("invoice.payment_failed", invoice, {"status": "open", "attempt_count": 2}),
        BILLED | {"amount_due": "19.00", "attempt": 2},
    ),
    "charge_succeeded": (Happening("charge.succeeded", charge, {"description": "One"}), CHARGED),
    "charge_failed": (
        Happening("charge.failed", charge, {"description": "One", "status": "failed"}),
        CHARGED | {"failure_code": "card_declined"},
    ),
    "charge_refunded": (
        Happening("charge.refunded", charge, {"description": "One", "amount_refunded": 705}),
        CHARGED | {"amount_refunded": "7.05"},
    ),
    "checkout_completed": (
        Happening("checkout.session.completed", checkout_session),
        {
            "checkout_session": "cs_test_1",
            "mode": "subscription",
            "subscription": "sub_1",
            "invoice": "in_1",
            "payment_status": "paid",
            "amount_total": "19.00",
            "currency": "usd",
        },
    ),
    "customer_deleted": (Happening("customer.deleted", customer), {"customer": "cus_1"}),
}


@pytest.mark.parametrize("old", [False, True], ids=["modern", "old"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_entry_carries_what_a_reader_needs(kind: str, old: bool) -> None:
    case, content = CONTENTS[kind]
    assert {one.kind: one.content for one in case.told(old)}[kind] == content


def test_a_payment_told_by_two_events_is_one_identical_entry() -> None:
    facts = {"status": "paid", "paid_at": NOW - 7}
    paid = Happening("invoice.paid", invoice, facts).told(id="evt_1", created=NOW)
    told_again = Happening("invoice.payment_succeeded", invoice, facts)
    succeeded = told_again.told(id="evt_2", created=NOW + 2, old=True)
    assert paid == succeeded
    assert len(paid) == 1


@pytest.mark.parametrize(
    ("currency", "amount", "shown"), [("jpy", 1500, "1500"), ("kwd", 5125, "5.125"), ("eur", 5, "0.05")]
)
def test_amounts_are_exact_in_every_currency(currency: str, amount: int, shown: str) -> None:
    (taken,) = Happening("charge.succeeded", charge, {"currency": currency, "amount": amount}).told()
    assert taken.content["amount"] == shown
    one = price(currency=currency, unit_amount=amount)
    created, _ = sub("created", "active", price=one).told()
    assert (created.content["plan_price"], created.content["mrr"]) == (shown, shown)


def test_a_second_refund_has_a_key_of_its_own() -> None:
    totals = (700, 1900)
    refunds = [Happening("charge.refunded", charge, {"amount_refunded": total}).told() for total in totals]
    assert [one.key for (one,) in refunds] == ["charge_refunded:ch_1:700", "charge_refunded:ch_1:1900"]


def test_a_checkout_that_saves_a_card_has_no_amount() -> None:
    facts = {"mode": "setup", "amount_total": None, "currency": None, "subscription": None, "invoice": None}
    (one,) = Happening("checkout.session.completed", checkout_session, facts).told()
    assert one.content == {
        "checkout_session": "cs_test_1",
        "mode": "setup",
        "subscription": None,
        "invoice": None,
        "payment_status": "no_payment_required",
        "amount_total": None,
        "currency": None,
    }


def test_a_price_of_nothing_is_shown_and_one_without_amount_is_not() -> None:
    free, _ = sub("created", "active", price=price(unit_amount=0)).told()
    assert free.content["plan_price"] == "0.00"
    tiers, _ = sub("created", "active", price=price(billing_scheme="tiered", unit_amount=None)).told()
    assert tiers.content["plan_price"] is None


def test_an_unknown_mrr_is_left_out_rather_than_wrong() -> None:
    tiers = price(billing_scheme="tiered", unit_amount=None)
    created, _ = sub("created", "active", price=tiers).told()
    assert "mrr" not in created.content
    past_due = sub("updated", "past_due", "active", price=tiers).told()[0]
    assert not {"mrr", "previous_mrr"} & past_due.content.keys()


def test_an_mrr_that_leaves_out_a_discount_of_which_the_event_names_the_id_alone_says_so() -> None:
    created, _ = sub("created", "active", discounts=["di_1"]).told()
    assert (created.content["mrr"], created.content["mrr_estimated"]) == ("19.00", True)
    one, three = (subscription(quantity=quantity, discounts=["di_1"]) for quantity in (1, 3))
    (expanded,) = change(one, three).told()
    amounts = {key: expanded.content[key] for key in ("previous_mrr", "mrr", "mrr_estimated")}
    assert amounts == {"previous_mrr": "19.00", "mrr": "57.00", "mrr_estimated": True}


@pytest.mark.parametrize("old", [False, True], ids=["modern", "old"])
def test_a_discount_that_the_event_shows_whole_is_taken_off_both_amounts(old: bool) -> None:
    half = [discount(coupon=coupon(percent_off=50))]
    one, three = (subscription(quantity=quantity, discounts=half) for quantity in (1, 3))
    (expanded,) = change(one, three).told(old)
    assert (expanded.content["previous_mrr"], expanded.content["mrr"]) == ("9.50", "28.50")
    # No event shows whether the coupon is limited to some products.
    assert expanded.content["mrr_estimated"] is True


def test_the_mrr_of_several_items_is_rounded_once() -> None:
    thirds = [item(f"si_{n}", price=price(f"price_{n}", unit_amount=1000, interval_count=3)) for n in (1, 2)]
    created, _ = sub("created", "active", items=thirds).told()
    assert created.content["mrr"] == "6.67"  # 2 x $10.00 / 3 = $6.666...
