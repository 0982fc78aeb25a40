"""What every billing event is: kind, key, moment and content, the same in both shapes of Stripe's JSON.

The table holds each kind; what decides between subscriptions' and trials' kinds is in
`test_billing_events_of_subscriptions` and `test_billing_events_of_trials`.
"""

from typing import Any

import pytest

from peoplesync.domain.billing_events import KINDS
from tests.support.builders.happenings import (
    CREATED,
    OVER,
    PAID_PERIOD,
    STARTED,
    TRIAL,
    TRIAL_END,
    TRIAL_STARTED,
    Builder,
    Entry,
    Happening,
    again,
    canceled,
    change,
    of_trial,
    sub,
)
from tests.support.builders.stripe import (
    DAY,
    HOUR,
    NOW,
    charge,
    checkout_session,
    customer,
    deleted_customer,
    invoice,
    price,
    subscription,
)

ACTIVATED, PAST_DUE = again("subscription_activated"), again("subscription_past_due")
REACTIVATED = again("subscription_reactivated")
ENDED_OVER = of_trial("trial_ended", NOW - HOUR)
CONVERTED_OVER, EXPIRED_OVER = of_trial("trial_converted", NOW - HOUR), of_trial("trial_expired", NOW - HOUR)
ENDED_EARLY = (of_trial("trial_ended", TRIAL_END, NOW - 5), of_trial("trial_expired", TRIAL_END, NOW - 5))


HIDDEN = price(billing_scheme="tiered", unit_amount=None)


def paying(event_type: str, build: Builder, means: Entry, **facts: Any) -> Happening:
    return Happening(event_type, build, facts, None, (means,))


CASES = {
    "an incomplete subscription is created": sub("created", "incomplete", None, CREATED),
    "an active one is created": sub("created", "active", None, CREATED, ACTIVATED),
    "a trial is created": sub("created", "trialing", None, CREATED, TRIAL_STARTED),
    "a past due one is created": sub("created", "past_due", None, CREATED),
    "the first payment succeeds": sub("updated", "active", "incomplete", ACTIVATED),
    "a trial converts": sub(
        "updated", "active", "trialing", ACTIVATED, ENDED_OVER, CONVERTED_OVER, **OVER, **PAID_PERIOD
    ),
    "a trial's payment fails": sub(
        "updated", "past_due", "trialing", PAST_DUE, ENDED_OVER, CONVERTED_OVER, **OVER, **PAID_PERIOD
    ),
    "a trial's end finds no card": sub("updated", "paused", "trialing", ENDED_OVER, EXPIRED_OVER, **OVER),
    "a payment fails": sub("updated", "past_due", "active", PAST_DUE),
    "a past due one is paid": sub("updated", "active", "past_due", REACTIVATED),
    "a past due one stays so": sub("updated", "past_due", "past_due"),
    "an unpaid one": sub("updated", "unpaid", "past_due"),
    "an active one begins a trial": sub("updated", "trialing", "active", TRIAL_STARTED, **TRIAL),
    "a trial goes on": sub("updated", "trialing", None, **TRIAL),
    "a trial's status is said again": sub("updated", "trialing", "trialing", **TRIAL),
    "the first payment never came": sub("updated", "incomplete_expired", "incomplete", ended_at=NOW),
    "anything else of an active one": sub("updated", "active"),
    "seats are added": change(
        subscription(quantity=3), subscription(quantity=5), again("subscription_expanded")
    ),
    "seats are dropped": change(
        subscription(quantity=3), subscription(quantity=2), again("subscription_contracted")
    ),
    "seats are added at a price that is not shown": change(
        subscription(price=HIDDEN), subscription(price=HIDDEN, quantity=2), again("subscription_changed")
    ),
    "the pause after a trial": sub(
        "paused", "paused", None, again("subscription_paused"), ENDED_OVER, EXPIRED_OVER, **OVER
    ),
    "a pause long after a trial": sub(
        "paused", "paused", None, again("subscription_paused"), trial_start=STARTED, trial_end=STARTED + DAY
    ),
    "a resumption": sub("resumed", "active", None, again("subscription_resumed")),
    "a trial will end": sub(
        "trial_will_end", "trialing", None, of_trial("trial_ending", TRIAL_END, TRIAL_END - 3 * DAY), **TRIAL
    ),
    "a cancellation is asked for": sub("updated", "active", None, cancel_at_period_end=True),
    "a cancellation is scheduled": change(
        subscription(), subscription(cancel_at_period_end=True), again("cancellation_scheduled")
    ),
    "a cancellation is taken back": change(
        subscription(cancel_at_period_end=True), subscription(), again("cancellation_unscheduled")
    ),
    "a cancellation": sub(
        "deleted", "canceled", None, canceled(NOW - 5), canceled_at=NOW - DAY, ended_at=NOW - 5
    ),
    "a cancellation without end": sub(
        "deleted", "canceled", None, canceled(NOW - DAY), canceled_at=NOW - DAY, ended_at=None
    ),
    "a cancellation without any moment": sub(
        "deleted", "canceled", None, canceled(NOW), canceled_at=None, ended_at=None
    ),
    "a cancellation in a trial": sub(
        "deleted", "canceled", None, *ENDED_EARLY, canceled(NOW - 5), ended_at=NOW - 5, **TRIAL
    ),
    "a cancellation as a trial ends": sub(
        "deleted", "canceled", None, ENDED_OVER, EXPIRED_OVER, canceled(NOW), **OVER
    ),
    "a cancellation just after a trial converted": sub(
        "deleted", "canceled", None, ENDED_OVER, canceled(NOW), **OVER, **PAID_PERIOD
    ),
    "a cancellation a day after a trial": sub(
        "deleted",
        "canceled",
        None,
        of_trial("trial_ended", NOW - DAY),
        of_trial("trial_expired", NOW - DAY),
        canceled(NOW),
        trial_start=STARTED,
        trial_end=NOW - DAY,
    ),
    "a cancellation long after a trial": sub(
        "deleted", "canceled", None, canceled(NOW), trial_start=STARTED, trial_end=NOW - DAY - 1
    ),
    "an invoice is drafted": paying(
        "invoice.created", invoice, ("invoice_created", "invoice_created:in_1", NOW - 5), created=NOW - 5
    ),
    "an invoice is paid": paying(
        "invoice.paid",
        invoice,
        ("invoice_paid", "invoice_paid:in_1", NOW - 7),
        status="paid",
        paid_at=NOW - 7,
    ),
    "an invoice's payment succeeded": paying(
        "invoice.payment_succeeded",
        invoice,
        ("invoice_paid", "invoice_paid:in_1", NOW - 7),
        status="paid",
        paid_at=NOW - 7,
    ),
    "an invoice's payment failed": paying(
        "invoice.payment_failed",
        invoice,
        ("payment_failed", "payment_failed:in_1:2", NOW),
        status="open",
        attempt_count=2,
    ),
    "a charge succeeds": paying(
        "charge.succeeded", charge, ("charge_succeeded", "charge_succeeded:ch_1", NOW - 3), created=NOW - 3
    ),
    "a charge is authorized": paying(
        "charge.succeeded", charge, ("charge_succeeded", "charge_succeeded:ch_1", NOW), captured=False
    ),
    "a charge is captured": Happening("charge.captured", charge),
    "a charge is described": Happening("charge.updated", charge, {}, {"description": None}),
    "a charge fails": paying(
        "charge.failed",
        charge,
        ("charge_failed", "charge_failed:ch_1", NOW),
        status="failed",
        created=NOW - 3,
    ),
    "a charge is refunded": paying(
        "charge.refunded", charge, ("charge_refunded", "charge_refunded:ch_1:700", NOW), amount_refunded=700
    ),
    "a charge that was captured in part is refunded": paying(
        "charge.refunded",
        charge,
        ("charge_refunded", "charge_refunded:ch_1:100", NOW),
        amount_captured=1500,
        amount_refunded=100,
    ),
    "a charge is captured in part": Happening("charge.refunded", charge, {"amount_captured": 1500}),
    "a checkout is completed": paying(
        "checkout.session.completed",
        checkout_session,
        ("checkout_completed", "checkout_completed:cs_test_1", NOW),
    ),
    "a customer is created": Happening("customer.created", customer),
    "a customer changes": Happening("customer.updated", customer, {}, {"name": "Old"}),
    "a customer is deleted": paying(
        "customer.deleted", customer, ("customer_deleted", "customer_deleted:cus_1", NOW)
    ),
    "a customer is deleted, and no more is said": paying(
        "customer.deleted", deleted_customer, ("customer_deleted", "customer_deleted:cus_1", NOW)
    ),
}


@pytest.mark.parametrize("old", [False, True], ids=["modern", "old"])
@pytest.mark.parametrize("happening", CASES)
def test_an_event_means_these_entries(happening: str, old: bool) -> None:
    assert CASES[happening].meant(old) == sorted(CASES[happening].means)


@pytest.mark.parametrize("happening", CASES)
def test_both_shapes_of_one_event_give_identical_entries(happening: str) -> None:
    case = CASES[happening]
    assert case.told(old=False) == case.told(old=True)


def test_every_kind_is_meant_by_some_event() -> None:
    assert len(KINDS) == 25
    assert {kind for case in CASES.values() for kind, _, _ in case.means} == set(KINDS)


@pytest.mark.parametrize("happening", [name for name, case in CASES.items() if case.means])
def test_what_happens_once_to_an_object_does_not_depend_on_the_event_that_tells_it(happening: str) -> None:
    case = CASES[happening]
    first, again = case.told(), case.told(id="evt_2", created=NOW)
    for one, other in zip(first, again, strict=True):
        if one.key.startswith("evt_1:"):
            assert other.key == one.key.replace("evt_1", "evt_2")
        else:
            assert one == other
