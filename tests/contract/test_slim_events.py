"""A slimmed event means the same as the whole one and is much smaller."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from peoplesync.domain.records.changes import EVENT_TYPES, read_change
from peoplesync.domain.stripe_objects import read_event, slim
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from tests.support.builders.old_shapes import before, old_previous, old_shape
from tests.support.builders.stripe import (
    NOW,
    charge,
    checkout_session,
    coupon,
    customer,
    discount,
    event,
    invoice,
    item,
    of_plan,
    price,
    product,
    subscription,
    tier,
    tiered,
)
from tests.support.oracles.histories import history

STEPS = tiered(
    tier(5, unit_amount="70.5"),
    tier(None, flat_amount="9.5"),
    {"up_to": "inf", "unit_amount": 1, "flat_amount": 2},
)
FIVE_OFF = coupon(
    percent_off=None,
    amount_off=500,
    currency="usd",
    duration="repeating",
    applies_to={"products": ["prod_1"]},
)
OLD_DISCOUNT = {"id": "di_3", "object": "discount", "coupon": FIVE_OFF, "start": NOW, "end": None}
FULL = {
    "customer": customer(
        phone="+1 555 0100",
        description="A note",
        delinquent=True,
        address={"city": "A", "country": "US", "line1": "B", "line2": "C", "postal_code": "1", "state": "CA"},
        discount=discount(coupon=coupon()),
    ),
    "subscription": subscription(
        customer=customer(),
        status="trialing",
        cancel_at_period_end=True,
        canceled_at=NOW,
        pause_collection={"behavior": "void", "resumes_at": None},
        items=[
            item(
                "si_1",
                price=price(
                    nickname="Gold",
                    product=product(),
                    transform_quantity={"divide_by": 5, "round": "up"},
                ),
            ),
            item("si_2", price=price("price_2", interval="year", usage_type="metered"), quantity=None),
            item(
                "si_3", price=price("price_3", unit_amount=None, unit_amount_decimal="0.5", interval_count=3)
            ),
            item("si_4", price=STEPS, discounts=[discount(coupon=coupon(percent_off=12.5))]),
            of_plan(item("si_5", price=STEPS)),
            of_plan(item("si_6", price=price(transform_quantity={"divide_by": 5, "round": "down"}))),
        ],
        discounts=[discount(coupon=FIVE_OFF, end=NOW + 9), "di_2", OLD_DISCOUNT],
    ),
    "invoice": invoice(status="paid", paid_at=NOW + 7, attempt_count=2, description="Said by hand"),
    "charge": charge(amount_captured=1500, amount_refunded=300, description="One", failure_code="odd"),
    "checkout.session": checkout_session(),
}


def kind_of(event_type: str) -> str:
    for prefix in ("customer.subscription", "checkout.session"):
        if event_type.startswith(prefix):
            return prefix.removeprefix("customer.")
    return event_type.split(".")[0]


def told_of_everything() -> Iterator[StripeObject]:
    """Each supported type of event with all that can be in its object, in both shapes."""
    for event_type in sorted(EVENT_TYPES):
        shown = FULL[kind_of(event_type)]
        previous = {"status": "incomplete"} if event_type.endswith(".updated") else None
        yield event(event_type, shown, previous=previous, created=NOW)
        yield event(event_type, shown, previous=previous, created=NOW, old=True)
    why = {"type": "subscription", "subscription": {"type": "system"}, "transitioned_at": NOW}
    circumstances: StripeObject = {
        "cancellation_details": {"reason": "payment_failed", "feedback": None, "comment": None},
        "status_details": {"paused": why},
        "collection_method": "send_invoice",
        "latest_invoice": invoice(status="paid"),
    }
    for action, status in (("created", "active"), ("paused", "paused"), ("deleted", "canceled")):
        shown = subscription(status=status, **circumstances)
        yield event(f"customer.subscription.{action}", shown, created=NOW)
    unpaid = subscription(collection_method="send_invoice", latest_invoice="in_1")
    yield event("customer.subscription.created", unpaid, created=NOW)
    dated = {key: value for key, value in FULL["invoice"].items() if key != "created"} | {"date": NOW}
    trial = {"start_date": NOW - 9, "end_date": NOW + 9, "trial_offer": "to_1"}
    in_trial = subscription(items=[item("si_1", current_trial=trial), item("si_2", current_trial=None)])
    previous = {"items": subscription(items=[item("si_1"), item("si_2", current_trial=trial)])["items"]}
    yield event("customer.subscription.updated", in_trial, previous=previous, created=NOW)
    yield event("invoice.payment_succeeded", dated, created=NOW, api_version="2018-02-06")


def told_in_a_history(old: bool) -> Iterator[StripeObject]:
    for one in history(seed=5, events=600).events:
        shown, previous = one["data"]["object"], one["data"].get("previous_attributes")
        if not old:
            yield one
        else:
            reshaped = {"object": old_shape(shown)}
            if previous is not None:
                reshaped["previous_attributes"] = old_previous(shown, previous)
                assert before(reshaped["object"], reshaped["previous_attributes"])
            yield one | {"api_version": "2020-03-02", "data": reshaped}


def assert_means_the_same(whole: StripeObject) -> None:
    through_the_queue = json.loads(json.dumps(slim(whole)))
    read, expected = read_event(through_the_queue), read_event(whole)
    assert replace(read, object={}, previous={}) == replace(expected, object={}, previous={})
    if whole["type"] in EVENT_TYPES:
        assert read_change(read) == read_change(expected)


@pytest.mark.parametrize(
    "whole", list(told_of_everything()), ids=lambda one: f"{one['type']}-{one['api_version']}"
)
def test_a_slimmed_event_of_every_supported_type_means_the_same(whole: StripeObject) -> None:
    assert_means_the_same(whole)


@pytest.mark.parametrize("old", [False, True], ids=["modern", "old"])
def test_all_the_events_of_a_history_mean_the_same_slimmed(old: bool) -> None:
    for whole in told_in_a_history(old):
        assert_means_the_same(whole)


def test_what_says_who_is_billed_what_and_whether_that_is_all_is_kept() -> None:
    options = {"eur": {"unit_amount": 1700}, "jpy": {"unit_amount": 2500}}
    shown = subscription(
        customer=None, customer_account="acct_1", items=[item(price=price(currency_options=options))]
    )
    shown["items"] |= {"has_more": True, "total_count": 12}
    noisy = {"eur": options["eur"] | {"tax_behavior": "unspecified"}, "jpy": options["jpy"]}
    shown["items"]["data"][0]["price"]["currency_options"] = noisy
    kept = slim(event("customer.subscription.created", shown, created=NOW))["data"]["object"]
    assert (kept["customer"], kept["customer_account"]) == (None, "acct_1")
    assert kept["items"]["has_more"] is True
    assert kept["items"]["data"][0]["price"]["currency_options"] == options


def test_slimming_what_is_slim_changes_nothing() -> None:
    for whole in told_of_everything():
        assert slim(slim(whole)) == slim(whole)


def test_even_the_lean_events_of_a_history_become_much_smaller() -> None:
    events = history(seed=5, events=600).events
    assert size(list(map(slim, events))) < 0.6 * size(events)


def test_what_makes_an_event_too_big_for_the_queue_is_not_kept() -> None:
    ballast = {f"key_{n}": "x" * 500 for n in range(2_000)}
    heavy = event(
        "customer.subscription.updated",
        subscription(metadata=ballast, items=[item(metadata=ballast, price=price(metadata=ballast))]),
        previous={"status": "trialing", "metadata": ballast},
        created=NOW,
    )
    assert size(heavy) > 2**20
    assert size(slim(heavy)) < 30_000, "as much metadata as Stripe takes: 50 texts of 500 characters"
    assert_means_the_same(heavy)


def size(value: Any) -> int:
    return len(json.dumps(value, separators=(",", ":")))
