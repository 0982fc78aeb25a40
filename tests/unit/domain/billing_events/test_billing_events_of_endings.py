"""What a cancellation lost, who is activated, and why something ended or was paused."""

from __future__ import annotations

from typing import Any

import pytest

from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from tests.support.builders.happenings import OVER, PAID_PERIOD, STARTED, TRIAL, Happening, change, sub
from tests.support.builders.stripe import (
    DAY,
    HOUR,
    NOW,
    coupon,
    discount,
    invoice,
    item,
    price,
    subscription,
    tiered,
)

SHAPES = pytest.mark.parametrize("old", [False, True], ids=["modern", "old"])


def because(reason: str | None) -> dict[str, Any]:
    return {"cancellation_details": {"comment": None, "feedback": None, "reason": reason}}


def paused(kind: str | None = "pause_requested") -> dict[str, Any]:
    why = {"type": "subscription", "subscription": {"type": kind}, "transitioned_at": NOW}
    return {"status_details": {"paused": why}}


def canceled(**facts: Any) -> StripeObject:
    return subscription(**{"status": "canceled", "canceled_at": NOW - HOUR, "ended_at": NOW, **facts})


def ending(shown: StripeObject, old: bool = False) -> dict[str, Any]:
    told = Happening("customer.subscription.deleted", lambda: shown).told(old)
    return {one.kind: one.content for one in told}["subscription_canceled"]


def offered(**facts: Any) -> StripeObject:
    trial = {"start_date": STARTED, "end_date": NOW + DAY, "trial_offer": "to_1"}
    return canceled(items=[item("si_1", period=(STARTED, NOW + DAY), current_trial=trial)], **facts)


HALF = discount(coupon=coupon(percent_off=50))
MONTH = 30 * DAY
UNTIL_NOW = {"period": (NOW - MONTH, NOW), "created": NOW - 2 * MONTH}
LOST: dict[str, tuple[StripeObject, str | None]] = {
    "at once": (canceled(**because("cancellation_requested")), "19.00"),
    "at once, and no reason is shown": (canceled(), "19.00"),
    "as its period ends": (canceled(**UNTIL_NOW, cancel_at_period_end=True), "19.00"),
    "as its period ends, in flexible billing": (canceled(**UNTIL_NOW, cancel_at=NOW), "19.00"),
    "some hours after its period": (canceled(period=(NOW - MONTH, NOW - 2 * HOUR)), "19.00"),
    "long after its period": (canceled(period=(NOW - MONTH, NOW - 2 * DAY)), None),
    "with a discount": (canceled(discounts=[HALF]), "9.50"),
    "at a price that is not shown": (canceled(price=tiered()), None),
    "for want of payment": (canceled(**because("payment_failed")), None),
    "in a dispute": (canceled(**because("payment_disputed")), None),
    "before the first payment was due": (canceled(created=NOW - DAY), None),
    "with nothing collected": (canceled(pause_collection={"behavior": "void"}), None),
    "with its invoices kept as drafts": (canceled(pause_collection={"behavior": "keep_as_draft"}), "19.00"),
    "without items": (canceled(items=[]), None),
    "in its trial": (canceled(**TRIAL), "0.00"),
    "as its trial ends": (canceled(**OVER), "0.00"),
    "as its trial ends, for want of payment": (canceled(**OVER, **because("payment_failed")), "0.00"),
    "after its trial": (canceled(**OVER, **PAID_PERIOD), "19.00"),
    "in yen": (canceled(price=price(currency="jpy", unit_amount=1900)), "1900"),
    "never paid": (canceled(status="incomplete_expired"), None),
}
ONLY_TODAY: dict[str, tuple[StripeObject, str | None]] = {
    "in a trial by an offer, which may be free": (offered(), None),
    "while it was paused": (canceled(**paused()), None),
    "while invoices are sent": (canceled(collection_method="send_invoice"), None),
    "while invoices are sent, and the last one is paid": (
        canceled(collection_method="send_invoice", latest_invoice=invoice(status="paid")),
        "19.00",
    ),
    "with its last invoice unpaid": (canceled(latest_invoice=invoice(status="open")), None),
}


@SHAPES
@pytest.mark.parametrize("how", LOST)
def test_a_cancellation_tells_the_mrr_that_is_lost(how: str, old: bool) -> None:
    shown, lost = LOST[how]
    content = ending(shown, old)
    assert content["previous_mrr"] == lost
    # Without its items, an old shape shows no currency either.
    zero = None if (how, old) == ("without items", True) else "0" if how == "in yen" else "0.00"
    assert content.get("mrr") == zero


@pytest.mark.parametrize("how", ONLY_TODAY)
def test_a_cancellation_tells_no_mrr_of_what_may_not_have_been_paid_for(how: str) -> None:
    shown, lost = ONLY_TODAY[how]
    assert ending(shown)["previous_mrr"] == lost


def test_a_lost_mrr_that_leaves_out_a_discount_says_so() -> None:
    content = ending(canceled(discounts=["di_1"]))
    assert (content["previous_mrr"], content["mrr_estimated"]) == ("19.00", True)


BY_INVOICE: dict[str, Any] = {"collection_method": "send_invoice"}
PAID: dict[str, Any] = {"latest_invoice": invoice(status="paid")}
ACTIVATIONS: dict[str, tuple[Happening, bool]] = {
    "created, and charged": (sub("created", "active"), True),
    "created, and invoiced": (sub("created", "active", **BY_INVOICE), False),
    "created, and its invoice is open": (
        sub("created", "active", **BY_INVOICE, latest_invoice=invoice(status="open")),
        False,
    ),
    "created, and its invoice is named": (
        sub("created", "active", **BY_INVOICE, latest_invoice="in_1"),
        False,
    ),
    "created, and its invoice is paid": (sub("created", "active", **BY_INVOICE, **PAID), True),
    "created, and its invoice is paid, in an old shape": (
        sub("created", "active", **BY_INVOICE, latest_invoice=invoice(status="paid", old=True)),
        True,
    ),
    "its trial is over, and it is invoiced": (
        sub("updated", "active", "trialing", **BY_INVOICE, **OVER, **PAID_PERIOD),
        False,
    ),
    "its trial is over, and its invoice is paid": (
        sub("updated", "active", "trialing", **BY_INVOICE, **PAID, **OVER, **PAID_PERIOD),
        True,
    ),
    "its first payment came": (sub("updated", "active", "incomplete", **BY_INVOICE), True),
}


@pytest.mark.parametrize("how", ACTIVATIONS)
def test_what_is_paid_by_invoice_is_not_activated_before_it_is_paid(how: str) -> None:
    happening, activated = ACTIVATIONS[how]
    assert ("subscription_activated" in {one.kind for one in happening.told()}) == activated


NO_CARD = "trial_end_without_payment_method"
REASONS: dict[str, tuple[Happening, str, str | None]] = {
    "a cancellation": (
        sub("deleted", "canceled", **because("cancellation_requested")),
        "subscription_canceled",
        "cancellation_requested",
    ),
    "an end for want of payment": (
        sub("deleted", "canceled", **because("payment_failed")),
        "subscription_canceled",
        "payment_failed",
    ),
    "a pause": (sub("paused", "paused", **paused()), "subscription_paused", "pause_requested"),
    "a pause that says less": (
        sub("paused", "paused", status_details={"paused": {"type": "subscription"}}),
        "subscription_paused",
        None,
    ),
    "a pause that says it itself": (
        sub("paused", "paused", status_details={"paused": {"type": "system"}}),
        "subscription_paused",
        "system",
    ),
    "a pause that says it in another way": (
        sub("paused", "paused", status_details={"paused": {"reason": "system"}}),
        "subscription_paused",
        "system",
    ),
    "a pause of one that was to be canceled": (
        sub("paused", "paused", **because("cancellation_requested")),
        "subscription_paused",
        None,
    ),
    "a resumption that still says it": (
        sub("resumed", "active", **paused("final_payment_failure")),
        "subscription_resumed",
        "final_payment_failure",
    ),
    "a resumption": (sub("resumed", "active"), "subscription_resumed", None),
    "a trial that is deleted": (
        sub("deleted", "canceled", **TRIAL, ended_at=NOW, **because("cancellation_requested")),
        "trial_expired",
        "cancellation_requested",
    ),
    "a trial that is canceled": (
        sub("updated", "canceled", "trialing", **OVER, ended_at=NOW, **because("payment_failed")),
        "trial_expired",
        "payment_failed",
    ),
    "a trial that is paused": (sub("paused", "paused", **OVER, **paused(NO_CARD)), "trial_expired", NO_CARD),
    "a trial that was to be canceled and is paused": (
        sub("updated", "paused", "trialing", **OVER, **because("cancellation_requested")),
        "trial_expired",
        None,
    ),
}


@pytest.mark.parametrize("what", REASONS)
def test_an_entry_tells_the_reason_that_its_event_shows(what: str) -> None:
    happening, kind, reason = REASONS[what]
    assert {one.kind: one.content for one in happening.told()}[kind]["reason"] == reason


@pytest.mark.parametrize("odd", [7, "odd", [], {"paused": 7}, {"paused": {"subscription": 7, "type": []}}])
def test_a_reason_that_cannot_be_read_makes_no_event_unreadable(odd: Any) -> None:
    happening = sub("paused", "paused", status_details=odd, cancellation_details=odd, latest_invoice=None)
    assert [one.content["reason"] for one in happening.told()] == [None]


def test_a_scheduled_cancellation_is_told_in_the_way_of_the_portal_and_in_the_classic_one() -> None:
    end = STARTED + MONTH
    portal = change(subscription(), subscription(cancel_at=end, canceled_at=NOW))
    classic = change(subscription(), subscription(cancel_at_period_end=True, canceled_at=NOW))
    assert portal.told() == classic.told()
    assert [one.content["cancels_at"] for one in portal.told()] == [end]


def test_of_several_periods_the_earliest_end_is_that_of_the_subscription() -> None:
    ends = (NOW + 300 * DAY, NOW + 20 * DAY)
    items = [item(f"si_{n}", period=(STARTED, end)) for n, end in enumerate(ends)]
    flagged = subscription(items=items, cancel_at_period_end=True) | {"cancel_at": None}
    (scheduled,) = change(subscription(items=items), flagged).told()
    assert scheduled.content["cancels_at"] == NOW + 20 * DAY
