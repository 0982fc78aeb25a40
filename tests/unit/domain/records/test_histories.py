"""The random histories are what the tests that use them believe: true to Stripe, and true to their own
truth."""

import itertools
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from tests.support.builders.old_shapes import before
from tests.support.oracles.histories import BEGIN, END, History, history, main
from tests.support.oracles.price_list import monthly_worth
from tests.support.oracles.true_customers import KINDS


@pytest.fixture(scope="module")
def told() -> History:
    return history(seed=11, events=2000)


def share_of_ties(events: list[StripeObject]) -> float:
    """How many events share their second with their object's previous one and differ from it."""
    last: dict[str, StripeObject] = {}
    ties = 0
    for event in events:
        shown = event["data"]["object"]
        previous = last.get(shown["id"])
        if previous and previous["created"] == event["created"] and previous["data"]["object"] != shown:
            ties += 1
        last[shown["id"]] = event
    return ties / len(events)


def kinds_of_update(now: StripeObject, was: StripeObject) -> Iterator[str]:
    """What an update of a subscription says that happened."""
    status, previous = now["status"], was["status"]
    if status == "active" and previous in ("incomplete", "trialing"):
        yield "subscription_activated"
    if status == "active" and previous in ("past_due", "unpaid", "paused"):
        yield "subscription_reactivated"
    if status == "past_due" != previous:
        yield "subscription_past_due"
    if status == "trialing" != previous:
        yield "trial_started"
    if status != "trialing" == previous:
        yield "trial_ended"
        yield "trial_converted" if status in ("active", "past_due") else "trial_expired"
    if was["cancel_at_period_end"] != now["cancel_at_period_end"]:
        yield "cancellation_scheduled" if now["cancel_at_period_end"] else "cancellation_unscheduled"
    worth = [sum(map(monthly_worth, one["items"]["data"])) for one in (was, now)]
    if {status, previous} <= {"active", "past_due"} and worth[0] != worth[1]:
        yield "subscription_expanded" if worth[0] < worth[1] else "subscription_contracted"


def counted_again(events: list[StripeObject]) -> dict[str, Counter[str]]:
    """The billing events per customer, found in the events alone, each happening once by its own key."""
    seen: set[tuple[Any, ...]] = set()
    counts: dict[str, Counter[str]] = {}

    def count(customer: str, kind: str, *key: Any) -> None:
        if (kind, *key) not in seen:
            seen.add((kind, *key))
            counts[customer][kind] += 1

    for event in events:
        shown, was = event["data"]["object"], event["data"].get("previous_attributes", {})
        shown_id, customer, status = shown["id"], shown.get("customer", shown["id"]), shown.get("status")
        counts.setdefault(customer, Counter())
        match event["type"]:
            case "customer.subscription.created":
                count(customer, "subscription_created", shown_id)
                if status == "active":
                    count(customer, "subscription_activated", event["id"])
                if status == "trialing":
                    count(customer, "trial_started", shown_id, shown["trial_start"])
            case "customer.subscription.updated":
                for kind in kinds_of_update(shown, before(shown, was)):
                    once = (shown_id, shown["trial_end"]) if kind.startswith("trial") else (event["id"],)
                    count(customer, kind, *once)
            case "customer.subscription.paused" | "customer.subscription.resumed":
                count(customer, event["type"].removeprefix("customer.").replace(".", "_"), event["id"])
            case "customer.subscription.trial_will_end":
                count(customer, "trial_ending", shown_id, shown["trial_end"])
            case "customer.subscription.deleted":
                count(customer, "subscription_canceled", shown_id)
                if shown["trial_end"] and shown["ended_at"] < shown["trial_end"]:
                    count(customer, "trial_ended", shown_id, shown["trial_end"])
                    count(customer, "trial_expired", shown_id, shown["trial_end"])
            case "invoice.created":
                count(customer, "invoice_created", shown_id)
            case "invoice.paid" | "invoice.payment_succeeded":
                count(customer, "invoice_paid", shown_id)
            case "invoice.payment_failed":
                count(customer, "payment_failed", shown_id, shown["attempt_count"])
            case "charge.succeeded" | "charge.failed":
                count(customer, event["type"].replace(".", "_"), shown_id)
            case "charge.refunded":
                count(customer, "charge_refunded", shown_id, shown["amount_refunded"])
            case "checkout.session.completed":
                count(customer, "checkout_completed", shown_id)
            case "customer.deleted":
                count(customer, "customer_deleted", shown_id)
    return counts


def test_a_history_is_as_long_as_asked_and_the_same_for_the_same_seed(told: History) -> None:
    assert len(told.events) == 2000
    assert len(told.truth) == 167
    assert history(seed=11, events=2000) == told
    assert history(seed=12, events=2000).events != told.events


@pytest.mark.parametrize(("events", "share"), [(500, 1 / 3), (5000, 1 / 3), (500, 0.0), (500, 0.6)])
def test_the_share_of_ties_is_as_asked(events: int, share: float) -> None:
    assert share_of_ties(history(seed=3, events=events, tie_share=share).events) == pytest.approx(
        share, abs=0.02
    )


def test_time_never_runs_backwards_and_stays_within_the_year(told: History) -> None:
    instants = [event["created"] for event in told.events]
    assert instants == sorted(instants)
    assert instants[0] >= BEGIN
    assert instants[-1] <= END


def test_no_order_can_be_read_from_the_ids_of_events(told: History) -> None:
    ids = [event["id"] for event in told.events]
    assert len(set(ids)) == len(ids)
    ascending = sum(first < second for first, second in itertools.pairwise(ids))
    assert 0.4 < ascending / len(ids) < 0.6


def test_each_update_says_what_the_previous_snapshot_was(told: History) -> None:
    last: dict[str, StripeObject] = {}
    updates = 0
    for event in told.events:
        shown = event["data"]["object"]
        previous = event["data"].get("previous_attributes")
        assert (previous is not None) == event["type"].endswith(".updated")
        if previous is not None:
            updates += 1
            assert previous, "an update changes something"
            assert before(shown, previous) == last[shown["id"]]
        last[shown["id"]] = shown
    assert updates > 500


def test_the_last_snapshot_in_the_list_is_the_truth(told: History) -> None:
    last = {event["data"]["object"]["id"]: event["data"]["object"] for event in told.events}
    deleted = {event["data"]["object"]["id"] for event in told.events if event["type"] == "customer.deleted"}
    assert {customer for customer, truth in told.truth.items() if truth.deleted} == deleted
    assert deleted
    known = 0
    for customer, truth in told.truth.items():
        mine = [one for one in last.values() if one.get("customer") == customer]
        assert truth.customer == last[customer]
        assert truth.subscriptions == {one["id"]: one for one in mine if one["object"] == "subscription"}
        charges = [one for one in mine if one["object"] == "charge" and one["captured"]]
        newest = max(charges, key=lambda one: (one["created"], one["id"]), default=None)
        assert truth.last_charge == newest
        paid = [one for one in mine if one["object"] == "invoice" and one["amount_paid"]]
        moments = {(one["status_transitions"]["paid_at"], one["id"]): one for one in paid}
        assert truth.last_paid_invoice == (moments[max(moments)] if moments else None)
        known += newest is not None
    assert known > 30


def test_the_counts_are_those_that_the_events_tell_of(told: History) -> None:
    again = counted_again(told.events)
    assert {customer: Counter(truth.counts) for customer, truth in told.truth.items()} == {
        customer: Counter({kind: counts[kind] for kind in KINDS}) for customer, counts in again.items()
    }
    untold = {kind for kind in KINDS if not sum(truth.counts[kind] for truth in told.truth.values())}
    assert untold == {"subscription_changed"}, "all prices of a history are shown"


@pytest.fixture(scope="module")
def hiding() -> History:
    return history(seed=11, events=2000, hides=True)


def parts_of(value: Any) -> Iterator[StripeObject]:
    """All objects and lists in an object."""
    if isinstance(value, dict):
        yield value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from parts_of(one)


def test_events_of_a_history_that_hides_show_no_more_than_stripe_does(hiding: History) -> None:
    hidden = {"currency_options": 0, "applies_to": 0, "tiers": 0, "data": 0, "discounts": 0}
    for event in hiding.events:
        for part in parts_of(event["data"]):
            assert not part.keys() & {"currency_options", "applies_to", "tiers"}
            assert all(isinstance(one, str) for one in part.get("discounts", ()))
            assert len(part.get("data", ())) <= 10
            assert part.get("has_more", False) == (part.get("total_count") == 12)
        for part in parts_of(hiding.wholes[event["id"]]):
            hidden["data"] += len(part.get("data", ())) == 12
            hidden["discounts"] += any(isinstance(one, dict) for one in part.get("discounts", ()))
            hidden["currency_options"] += "currency_options" in part
            hidden["tiers"] += "tiers" in part
    assert {name for name, count in hidden.items() if not count} == {"applies_to"}, "that is in coupons"


def test_a_history_that_hides_holds_what_is_not_final_and_what_is_told_apart(hiding: History) -> None:
    types = Counter(event["type"] for event in hiding.events)
    assert min(types["customer.discount.created"], types["customer.discount.deleted"]) > 3
    told: dict[str, list[str]] = {}
    for event in hiding.events:
        shown = event["data"]["object"]
        if shown["object"] == "charge":
            told.setdefault(shown["id"], []).append(shown["status"])
    lives = Counter(tuple(status for status, _ in itertools.groupby(one)) for one in told.values())
    unlike_cards = [("pending",), ("pending", "succeeded"), ("pending", "failed"), ("succeeded", "failed")]
    assert min(lives[one] for one in unlike_cards) > 2
    assert sum(truth.counts["subscription_changed"] for truth in hiding.truth.values()) > 50
    portal = [
        one["cancel_at_period_end"] for one in hiding.wholes.values() if one.get("cancel_at") is not None
    ]
    assert min(portal.count(True), portal.count(False)) > 20


def test_the_last_charge_of_a_customer_is_one_whose_money_is_there(hiding: History) -> None:
    last = {event["data"]["object"]["id"]: event["data"]["object"] for event in hiding.events}
    fallen = 0
    for customer, truth in hiding.truth.items():
        charges = [one for one in last.values() if one["object"] == "charge" and one["customer"] == customer]
        newest_first = sorted(charges, key=lambda one: (one["created"], one["id"]), reverse=True)
        there = [one for one in newest_first if one["status"] == "succeeded"]
        assert truth.last_charge == (there[0] if there else None)
        fallen += bool(there) and there[0] != newest_first[0]
    assert fallen > 5


def test_a_small_history_checked_by_hand() -> None:
    # The first customer's trial is to be canceled, and is paused when it ends. A second seat in the pause is
    # not counted; the end of the pause is, and then the move from $49 a month to $90 a quarter. The second
    # one, the same person in other letters, never pays.
    first, second = history(seed=63, events=24).truth.values()
    assert {kind: count for kind, count in first.counts.items() if count} == {
        "subscription_created": 1,
        "subscription_contracted": 1,
        "subscription_reactivated": 1,
        "subscription_paused": 1,
        "subscription_resumed": 1,
        "cancellation_scheduled": 1,
        "trial_started": 1,
        "trial_ended": 1,
        "trial_expired": 1,
        "invoice_created": 1,
        "invoice_paid": 1,
    }
    assert {kind: count for kind, count in second.counts.items() if count} == {
        "subscription_created": 1,
        "invoice_created": 1,
        "payment_failed": 1,
        "charge_failed": 1,
    }
    assert [one["status"] for one in first.subscriptions.values()] == ["active"]
    assert [one["status"] for one in second.subscriptions.values()] == ["incomplete"]
    assert (first.last_charge, first.last_paid_invoice) == (None, None)
    emails = [first.customer["email"], second.customer["email"]]
    assert emails == ["person-00001@example.com  ", "PERSON-00001@EXAMPLE.COM"]


def test_customers_share_an_email_spell_it_differently_or_have_none(told: History) -> None:
    spelled = [truth.customer["email"] for truth in told.truth.values()]
    known = [email for email in spelled if email]
    assert len({email.strip().lower() for email in known}) < len(set(known)) < len(known)
    assert 5 < spelled.count(None) < len(spelled) / 4


def test_emails_change_to_new_ones_and_to_those_of_others_and_back_again(told: History) -> None:
    spelled: dict[str, list[str]] = {}
    for event in told.events:
        shown = event["data"]["object"]
        if shown["object"] == "customer":
            email = (shown["email"] or "").strip().lower()
            theirs = spelled.setdefault(shown["id"], [])
            theirs += [email] if theirs[-1:] != [email] else []
    changes = [(one, email) for one, emails in spelled.items() for email in emails[1:] if email]
    taken = sum(
        any(email in theirs for other, theirs in spelled.items() if other != one) for one, email in changes
    )
    back = sum(len(set(emails)) < len(emails) for emails in spelled.values())
    assert len(changes) > 40
    assert taken > 10
    assert back > 5


def test_a_canceled_subscription_has_ended_and_a_trial_keeps_its_planned_end(told: History) -> None:
    in_trial = 0
    for truth in told.truth.values():
        for one in truth.subscriptions.values():
            assert (one["ended_at"] is not None) == (one["status"] in ("canceled", "incomplete_expired"))
            in_trial += one["status"] == "canceled" and (one["trial_end"] or 0) > one["ended_at"]
    assert in_trial > 3


def test_the_command_prints_one_event_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["5", "40"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line) for line in lines] == history(5, 40).events
    assert main([]) == 2
