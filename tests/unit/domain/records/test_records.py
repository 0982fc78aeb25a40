"""What one Stripe customer's events come to, whatever order they arrive in."""

import itertools
from collections.abc import Mapping
from typing import Any

import pytest

from peoplesync.domain.records.changes import Answer, Change, ObjectKey, read_answer, read_change
from peoplesync.domain.records.record import REMEMBERED_INSTANTS, FoldedRecord, Record, fold_record
from peoplesync.domain.records.snapshots import GONE, Snapshot
from peoplesync.domain.stripe_objects import UnreadableStripeObject, read_event, slim
from tests.support.builders.stripe import (
    DAY,
    NOW,
    charge,
    checkout_session,
    customer,
    deleted_customer,
    event,
    invoice,
    line,
    price,
    subscription,
)

NEW = Record("cus_1", first_seen_at=NOW)
SUBSCRIPTION = ObjectKey("subscription", "sub_1")


def change(event_type: str, shown: dict[str, Any], at: int = NOW, **envelope: Any) -> Change:
    return read_change(read_event(event(event_type, shown, created=at, **envelope)))


def folded(
    *changes: Change, record: Record = NEW, answers: Mapping[ObjectKey, Answer] | None = None
) -> FoldedRecord:
    return fold_record(record, changes, (), answers or {})


def in_every_order(*changes: Change) -> Record:
    """The record after the changes; fails where their order or batching shows."""
    results: list[Record] = []
    for order in itertools.permutations(changes):
        results.append(folded(*order).record)
        record, feed, charges = NEW, set[str](), dict[str, Snapshot]()
        for one in [*order, order[0]]:
            step = fold_record(record, [one], feed, {}, charges)
            assert not step.ties
            record, feed = step.record, feed | {entry.memory for entry in step.entries}
            charges |= step.charges
        results.append(record)
    assert all(one == results[0] for one in results)
    return results[0]


def status_of(record: Record) -> str:
    (one,) = record.current_subscriptions
    return one["status"]


def test_a_late_created_event_does_not_undo_an_active_subscription() -> None:
    created = change("customer.subscription.created", subscription(status="incomplete"))
    active = change(
        "customer.subscription.updated", subscription(status="active"), previous={"status": "incomplete"}
    )
    assert status_of(in_every_order(created, active)) == "active"


def test_a_late_update_does_not_resurrect_a_canceled_subscription() -> None:
    ended = change("customer.subscription.deleted", subscription(status="canceled"), NOW)
    updated = change("customer.subscription.updated", subscription(status="active"), NOW + 2, previous={})
    late = change("customer.subscription.updated", subscription(status="past_due"), NOW + DAY, previous={})
    assert status_of(in_every_order(ended, updated, late)) == "canceled"


def test_an_expired_first_payment_is_final_too() -> None:
    expired = change("customer.subscription.updated", subscription(status="incomplete_expired"), previous={})
    late = change("customer.subscription.updated", subscription(status="active"), NOW + DAY, previous={})
    assert status_of(in_every_order(expired, late)) == "incomplete_expired"


def test_each_subscription_is_folded_by_itself() -> None:
    one = change("customer.subscription.updated", subscription("sub_1", status="past_due"), previous={})
    other = change(
        "customer.subscription.updated", subscription("sub_2", status="active"), NOW + 1, previous={}
    )
    record = in_every_order(one, other)
    statuses = {key: snapshot.content["status"] for key, snapshot in record.subscriptions.items()}
    assert statuses == {"sub_1": "past_due", "sub_2": "active"}


def test_a_record_whose_subscription_came_first_is_pending_until_its_customer_comes() -> None:
    record = folded(change("customer.subscription.created", subscription())).record
    assert (record.unidentified, record.in_sync, record.facts) == (True, False, None)
    record = folded(change("customer.created", customer()), record=record).record
    assert (record.unidentified, record.in_sync) == (False, True)
    assert record.subscriptions


def test_nothing_takes_a_deletion_back_and_later_facts_are_kept_beneath_it() -> None:
    deleted = change("customer.deleted", customer(name="Last"), NOW + 60)
    renamed = change("customer.updated", customer(name="Later"), NOW + 120, previous={})
    subscribed = change("customer.subscription.updated", subscription(), NOW + 200, previous={})
    record = in_every_order(deleted, renamed, subscribed)
    assert (record.deleted, record.in_sync, record.unidentified) == (True, False, False)
    assert record.facts
    assert record.facts["name"] == "Later"
    assert record.subscriptions["sub_1"].content["status"] == "active"


def test_a_deletion_that_says_no_more_keeps_the_last_facts() -> None:
    created = change("customer.created", customer(name="Last"))
    record = in_every_order(created, change("customer.deleted", deleted_customer(), NOW + 60))
    assert record.deleted
    assert record.facts
    assert record.facts["name"] == "Last"


def test_a_customer_of_whom_only_the_deletion_is_known_is_not_awaited_any_more() -> None:
    record = in_every_order(change("customer.deleted", deleted_customer(), NOW + 60))
    assert (record.unidentified, record.in_sync, record.facts) == (False, False, None)


@pytest.mark.parametrize(
    ("status", "counts_as"),
    [("active", "canceled"), ("past_due", "canceled"), ("incomplete_expired", "incomplete_expired")],
)
def test_a_deleted_customers_subscriptions_count_as_canceled(status: str, counts_as: str) -> None:
    told = change("customer.subscription.updated", subscription(status=status), previous={})
    assert status_of(in_every_order(told, change("customer.deleted", customer(), NOW + 60))) == counts_as


def test_a_tie_is_named_by_its_object_and_settled_by_the_answer() -> None:
    tied = [
        change("customer.subscription.updated", subscription(status=status), previous={}, id=f"evt_{status}")
        for status in ("active", "past_due")
    ]
    assert folded(*tied).ties == {SUBSCRIPTION}
    answer = read_answer(SUBSCRIPTION, subscription(status="unpaid"), NOW + 30)
    settled = folded(*tied, answers={SUBSCRIPTION: answer})
    assert (status_of(settled.record), settled.ties) == ("unpaid", frozenset())
    assert settled.record.subscriptions["sub_1"].as_of == NOW + 30


def test_a_tie_across_batches_is_one_too() -> None:
    first = folded(change("customer.updated", customer(name="A"), previous={})).record
    told = folded(change("customer.updated", customer(name="B"), NOW - 5, previous={}), record=first)
    assert told.ties == {ObjectKey("customer", "cus_1")}


def test_a_tied_object_that_stripe_does_not_know_is_still_decided() -> None:
    tied = [change("customer.updated", customer(name=name), previous={}, id=f"evt_{name}") for name in "AB"]
    answers = {ObjectKey("customer", "cus_1"): Answer(GONE, missing=True)}
    record = folded(*tied, answers=answers).record
    assert record.facts
    assert (record.facts["name"], record.deleted) == ("B", False)


def test_a_tied_customer_that_turns_out_deleted_is_deleted() -> None:
    tied = [change("customer.updated", customer(name=name), previous={}, id=f"evt_{name}") for name in "AB"]
    key = ObjectKey("customer", "cus_1")
    assert folded(*tied, answers={key: read_answer(key, deleted_customer(), NOW)}).record.deleted


def test_one_event_in_two_shapes_is_counted_and_folded_once() -> None:
    old, new = (
        change("customer.subscription.created", subscription(), id="evt_1", old=old) for old in (True, False)
    )
    record = in_every_order(old, new)
    assert {kind: one.count for kind, one in record.events.items()} == {
        "subscription_created": 1,
        "subscription_activated": 1,
    }


def test_what_is_in_the_feed_already_is_not_added_and_not_counted() -> None:
    paid = change("invoice.paid", invoice(status="paid"))
    again = fold_record(NEW, [paid], {entry.entry for entry in paid.events}, {})
    assert again.entries == ()
    assert again.record.events == {}
    assert [entry.key for entry in folded(paid, paid).entries] == ["invoice_paid:in_1"]
    assert folded(paid, paid).record.events["invoice_paid"].count == 1


def test_a_record_remembers_the_newest_instants_of_a_kind_and_counts_all() -> None:
    instants = [NOW + minute * 60 for minute in range(REMEMBERED_INSTANTS + 8)]
    charges = [
        change("charge.failed", charge(f"ch_{at}", status="failed", created=at), at) for at in instants
    ]
    for order in (charges, charges[::-1], charges[1::2] + charges[::2]):
        record = NEW
        for one in order:
            record = folded(one, record=record).record
        assert record.events["charge_failed"].count == len(instants)
        assert (
            list(record.events["charge_failed"].newest)
            == sorted(instants, reverse=True)[:REMEMBERED_INSTANTS]
        )


def test_the_last_charge_is_the_newest_captured_one() -> None:
    record = in_every_order(
        change("charge.succeeded", charge("ch_1", created=NOW, amount=100), NOW),
        change("charge.succeeded", charge("ch_2", created=NOW + 50, amount=200), NOW + 50),
        change("charge.refunded", charge("ch_1", created=NOW, amount=100, amount_refunded=50), NOW + 90),
        change("charge.succeeded", charge("ch_3", created=NOW + 70, captured=False), NOW + 70),
        change("charge.failed", charge("ch_4", created=NOW + 80, status="failed"), NOW + 80),
    )
    assert record.last_charge
    assert (record.last_charge.content["id"], record.last_charge.content["amount"]) == ("ch_2", 200)


def test_of_two_charges_of_one_second_the_greater_id_is_the_last() -> None:
    record = in_every_order(
        *(change("charge.succeeded", charge(f"ch_{n}", amount=100 + n), NOW) for n in (1, 2))
    )
    assert record.last_charge
    assert record.last_charge.content["amount"] == 102


def test_a_charge_that_is_captured_later_was_paid_when_it_was_made() -> None:
    record = in_every_order(
        change("charge.succeeded", charge(captured=False, created=NOW), NOW),
        change("charge.captured", charge(amount_captured=700, created=NOW), NOW + DAY),
    )
    assert record.last_charge
    assert (record.last_charge.content["amount"], record.last_charge.content["created"]) == (700, NOW)


def test_the_last_paid_invoice_is_the_one_paid_last_and_a_trials_invoice_over_nothing_is_no_payment() -> None:
    record = in_every_order(
        change(
            "invoice.paid", invoice("in_1", status="paid", created=NOW - DAY, paid_at=NOW, amount=300), NOW
        ),
        change("invoice.paid", invoice("in_2", status="paid", created=NOW - 60, paid_at=NOW - 50), NOW - 50),
        change("invoice.paid", invoice("in_3", status="paid", paid_at=NOW + 90, amount=0), NOW + 90),
        change("invoice.created", invoice("in_4", created=NOW + 95), NOW + 95),
    )
    assert record.last_paid_invoice
    assert record.last_paid_invoice.content["id"] == "in_1"
    assert record.events["invoice_paid"].count == 3


def test_the_last_failure_is_the_latest_of_failed_charges_and_failed_payments_of_invoices() -> None:
    failed = in_every_order(
        change("charge.failed", charge("ch_1", status="failed", created=NOW - 5), NOW),
        change("invoice.payment_failed", invoice(status="open", attempt_count=1), NOW - 2),
        change("charge.failed", charge("ch_2", status="failed", created=NOW - 9), NOW + 50),
        change("charge.succeeded", charge("ch_3", created=NOW + 60), NOW + 60),
    )
    assert failed.last_payment_failed_at == NOW + 50, "when it failed, and not when it was begun"


def test_the_last_checkout_is_the_latest_completed_one() -> None:
    sessions = [change("checkout.session.completed", checkout_session(f"cs_{n}"), NOW + n) for n in (1, 3, 2)]
    assert in_every_order(*sessions).last_checkout_at == NOW + 3


def test_a_product_is_called_what_its_latest_invoice_calls_it() -> None:
    def named(invoice_id: str, name: str, at: int, product: str = "prod_1") -> Change:
        said = line(description=f"1 × {name} (at $19.00 / month)", price=price(product=product))
        return change("invoice.created", invoice(invoice_id, lines=[said], created=at), at)

    record = in_every_order(
        named("in_1", "Starter", NOW), named("in_2", "Basic", NOW + 60), named("in_3", "Pro", NOW, "prod_2")
    )
    assert {key: one.name for key, one in record.product_names.items()} == {
        "prod_1": "Basic",
        "prod_2": "Pro",
    }


def test_what_tells_nothing_new_leaves_the_record_as_it_was() -> None:
    told = change("customer.updated", customer(), NOW, previous={})
    record = folded(told).record
    older = change("customer.updated", customer(), NOW - 2, previous={})
    assert folded(told, older, record=record).record == record


def test_two_failures_of_one_attempt_at_two_moments_are_two() -> None:
    # A retry by hand does not raise the count of attempts.
    first, again = (
        change("invoice.payment_failed", invoice(status="open", attempt_count=1), at)
        for at in (NOW, NOW + DAY)
    )
    assert in_every_order(first, again).events["payment_failed"].count == 2


# --- metadata


def test_the_latest_metadata_of_a_customer_and_a_subscription_is_kept() -> None:
    record = in_every_order(
        change("customer.created", customer(metadata={"tier": "silver"}), NOW - DAY),
        change("customer.updated", customer(metadata={"tier": "gold"}), NOW, previous={}),
        change("customer.subscription.updated", subscription(metadata={"seats": "3"}), previous={}),
    )
    assert record.facts
    assert record.facts["metadata"] == {"tier": "gold"}
    (kept,) = record.current_subscriptions
    assert kept["metadata"] == {"seats": "3"}


def test_metadata_that_was_removed_is_removed() -> None:
    record = in_every_order(
        change("customer.updated", customer(metadata={"tier": "gold"}), NOW - DAY, previous={}),
        change("customer.updated", customer(metadata={}), NOW, previous={"metadata": {"tier": "gold"}}),
    )
    assert record.facts
    assert record.facts["metadata"] == {}


@pytest.mark.parametrize(
    ("metadata", "kept"),
    [
        (None, {}),
        ({"tier": "gold", "number": 5, "nothing": None, "list": ["a"]}, {"tier": "gold"}),
        ({"short": "x" * 500, "long": "x" * 501}, {"short": "x" * 500}),
        ({f"n{n:02}": "x" for n in range(60)}, {f"n{n:02}": "x" for n in range(50)}),
    ],
)
def test_metadata_is_kept_within_the_limits_that_stripe_has(metadata: Any, kept: dict[str, str]) -> None:
    record = folded(change("customer.updated", customer(metadata=metadata), previous={})).record
    assert record.facts
    assert record.facts["metadata"] == kept


def test_metadata_that_is_no_object_is_poison() -> None:
    with pytest.raises(
        UnreadableStripeObject, match="customer cus_1: metadata should be an object, not text"
    ):
        change("customer.updated", customer(metadata="gold"), previous={})


def test_a_slimmed_event_has_the_same_metadata() -> None:
    heavy = event("customer.updated", customer(metadata={"tier": "gold"}), created=NOW, previous={})
    slimmed = read_change(read_event(slim(heavy)))
    assert slimmed == read_change(read_event(heavy))
