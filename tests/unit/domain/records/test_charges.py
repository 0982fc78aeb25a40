"""What charges count for: only money that was taken, and only as long as it is not given up again."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from peoplesync.domain.records.charges import Paid
from peoplesync.domain.records.record import Record
from peoplesync.domain.records.snapshots import Rank, Snapshot
from peoplesync.use_cases.messages.message import BulkBatch, Message
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from tests.support.builders.stripe import DAY, NOW, charge, customer, event
from tests.support.fakes.world import TEST, World

SIGNED_UP = event("customer.created", customer(), created=NOW - 60 * DAY)
BEGUN = NOW - 5 * DAY


def debit(status: str, id: str = "py_1", **facts: Any) -> StripeObject:  # noqa: A002 - Stripe's own name
    """A bank debit of 81.18 euros, begun five days ago: captured at once, whatever becomes of it."""
    given = {"amount": 8118, "currency": "eur", "created": BEGUN, **facts}
    shown = charge(id, **given)
    return shown | {
        "status": status,
        "paid": status == "succeeded",
        "captured": True,
        "amount_captured": 8118,
    }


def told(what: str, shown: StripeObject, at: int) -> StripeObject:
    previous = {"description": None} if what == "updated" else None
    return event(f"charge.{what}", shown, created=at, previous=previous)


PENDING = told("updated", debit("pending"), BEGUN + 60)
SUCCEEDED = told("succeeded", debit("succeeded"), NOW - 2 * DAY)
FAILED = told("failed", debit("failed", failure_code="insufficient_funds"), NOW - DAY)
REFUNDED = told("refunded", debit("succeeded", amount_refunded=1000), NOW - DAY)
EARLIER = told("succeeded", charge("ch_0", amount=1900, created=NOW - 30 * DAY), NOW - 30 * DAY)
LATER = told("succeeded", charge("ch_2", amount=2900, created=NOW - 60), NOW - 60)


def applied(*events: StripeObject, together: bool = False) -> World:
    world = World(NOW)
    world.apply(SIGNED_UP)
    if together:
        world.apply(*events)
    else:
        for one in events:
            world.apply(one)
    world.settle()
    return world


def record(world: World) -> Record:
    person = world.person("customer:cus_1")
    assert person is not None
    return person.records["cus_1"]


def seen(world: World) -> tuple[Any, dict[str, Paid]]:
    """The last amount paid, and what all charges come to."""
    person = world.person("customer:cus_1")
    assert person is not None
    sums = {currency: paid for currency, paid in record(world).payments.items() if paid != Paid()}
    return person.fields.get("last_amount_paid"), sums


STORIES: dict[str, tuple[list[StripeObject], Any, dict[str, Paid]]] = {
    "begun": ([PENDING], None, {}),
    "arrived": ([PENDING, SUCCEEDED], "81.18", {"eur": Paid(1, 8118)}),
    "never arrived": ([PENDING, FAILED], None, {}),
    "arrived, and was taken back": ([PENDING, SUCCEEDED, FAILED], None, {}),
    "arrived, and in part was given back": (
        [PENDING, SUCCEEDED, REFUNDED],
        "81.18",
        {"eur": Paid(1, 8118, 1000)},
    ),
    "taken back after an earlier one": ([EARLIER, SUCCEEDED, FAILED], "19.00", {"usd": Paid(1, 1900)}),
    "taken back before a later one": ([SUCCEEDED, FAILED, LATER], "29.00", {"usd": Paid(1, 2900)}),
    "all of it": (
        [EARLIER, PENDING, SUCCEEDED, FAILED, LATER],
        "29.00",
        {"usd": Paid(2, 4800)},
    ),
}


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("name", STORIES)
def test_only_what_arrived_and_stayed_is_a_payment_in_whatever_order_it_was_told(
    name: str, together: bool
) -> None:
    events, last, sums = STORIES[name]
    for order in itertools.permutations(events):
        assert seen(applied(*order, together=together)) == (last, sums)
        assert seen(applied(*order, *order, together=together)) == (last, sums)


def test_what_the_import_lists_counts_like_what_the_webhook_tells() -> None:
    for shown, last in ((debit("pending"), None), (debit("succeeded"), "81.18"), (debit("failed"), None)):
        world = World(NOW)
        listed = BulkBatch(as_of=NOW - 1, objects=(customer(), shown, charge("ch_0", created=NOW - 30 * DAY)))
        world.deliver([Message(TEST, chunk=listed, cause="import").encode()])
        assert seen(world)[0] == (last or "19.00")


def test_an_authorisation_is_no_payment_until_it_is_captured() -> None:
    authorised = charge("ch_1", captured=False, amount_captured=0, created=NOW - DAY)
    world = applied(told("succeeded", authorised, NOW - DAY))
    assert seen(world) == (None, {})
    world.apply(told("captured", charge("ch_1", amount_captured=1200, created=NOW - DAY), NOW))
    assert seen(world) == ("12.00", {"usd": Paid(1, 1200)})


def test_the_payment_that_a_row_of_before_holds_is_counted_when_it_is_heard_of_again() -> None:
    # Until version 0.2 a record kept its newest payment only, and nothing beside its feed.
    world = applied(EARLIER, SUCCEEDED)
    world.people.charges.clear()
    person = world.person("customer:cus_1")
    assert person is not None
    of_before = Snapshot(
        NOW - 2 * DAY,
        "evt_1",
        Rank.STATE,
        {
            "id": "py_1",
            "created": BEGUN,
            "status": "succeeded",
            "amount": 8118,
            "refunded": 0,
            "currency": "eur",
            "description": None,
        },
    )
    before = Record(**{**vars(record(world)), "last_charge": of_before, "payments": {}})
    world.people.people[person.id] = person.__class__(**{**vars(person), "records": {"cus_1": before}})

    world.apply(told("updated", debit("succeeded", description="x"), NOW - 60))
    assert seen(world) == ("81.18", {"eur": Paid(1, 8118)})
    world.apply(told("failed", debit("failed"), NOW - 30))
    assert seen(world) == (None, {})


def test_an_invoice_stands_in_only_where_no_paid_charge_is_known() -> None:
    world = applied(EARLIER, SUCCEEDED, FAILED)
    assert record(world).last_charge is not None
    assert seen(world)[0] == "19.00"


def test_a_failed_charge_that_never_counted_takes_nothing_from_anybody() -> None:
    world = applied(EARLIER, FAILED)
    writes = world.people.writes
    world.apply(FAILED)
    assert world.people.writes == writes
    assert seen(world) == ("19.00", {"usd": Paid(1, 1900)})


def test_a_charge_of_before_there_was_a_status_is_a_payment_where_it_was_paid() -> None:
    shown = {name: one for name, one in charge(amount=5000).items() if name not in ("status", "captured")}
    world = applied(told("succeeded", {**shown, "amount_captured": None, "paid": True}, NOW - 60))
    assert seen(world) == ("50.00", {"usd": Paid(1, 5000)})
    unpaid = applied(told("updated", {**shown, "amount_captured": None, "paid": False}, NOW - 60))
    assert seen(unpaid) == (None, {})


def test_that_a_charge_stayed_as_it_was_is_remembered_against_what_was_before() -> None:
    """Also where the record shows nothing of it, since another charge is newer: a refund of before, which was
    undone by then, comes too late."""
    undone = told("updated", charge("ch_0", amount=1900, created=NOW - 30 * DAY), NOW - DAY)
    refunded = charge("ch_0", amount=1900, created=NOW - 30 * DAY, amount_refunded=500)

    world = applied(EARLIER, LATER, undone, told("refunded", refunded, NOW - 2 * DAY))

    assert record(world).payments["usd"].refunded == 0
