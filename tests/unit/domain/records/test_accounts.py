"""Accounts as customers (Accounts v2): who Stripe shows by a customer's id, an account's, or both."""

from __future__ import annotations

import itertools
from typing import Any, ClassVar

import pytest

from peoplesync.domain.people.person import ERASED
from peoplesync.domain.people.write_set import LoadedState
from peoplesync.domain.records.charges import Paid
from peoplesync.use_cases.messages.message import Erase, Message
from peoplesync.use_cases.stripe_reads.relevance import no_use
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from tests.support.builders.stripe import DAY, NOW, charge, customer, event, subscription
from tests.support.fakes.world import TEST, FakePeople, World, remembered_as

ACCOUNT = {"customer_account": "acct_1"}
SIGNED_UP = event("customer.created", customer() | ACCOUNT, created=NOW - 60 * DAY)


def by_account(shown: StripeObject) -> StripeObject:
    return shown | {"customer": None} | ACCOUNT


def by_both(shown: StripeObject) -> StripeObject:
    return shown | ACCOUNT


def subscribed(shown: StripeObject, **envelope: Any) -> StripeObject:
    return event("customer.subscription.created", shown, created=NOW - 10 * DAY, **envelope)


def paid(shown: StripeObject, **envelope: Any) -> StripeObject:
    return event("charge.succeeded", shown, created=NOW - DAY, **envelope)


def applied(*events: StripeObject) -> World:
    world = World(NOW)
    for one in events:
        assert not world.apply(one).crashed
    world.settle()
    return world


def test_an_object_of_an_account_is_no_guests() -> None:
    assert no_use(subscribed(by_account(subscription()))) is None
    assert no_use(subscribed(subscription() | {"customer": None})) == "guest"


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_both_ids_find_one_person_whatever_was_shown_first(order: tuple[int, ...]) -> None:
    events = [SIGNED_UP, subscribed(by_account(subscription())), paid(by_both(charge()))]
    world = applied(*(events[number] for number in order))
    person = world.person("customer:cus_1")
    assert person is not None
    assert world.person("customer:acct_1") == person
    assert len(world.people.people) == 1
    assert person.fields["subscription_status"] == "active"
    assert (person.fields["customer_mrr"], person.fields["last_amount_paid"]) == ("19.00", "19.00")
    assert "customers" in person.segments


def test_who_is_known_by_an_account_only_is_somebody() -> None:
    world = applied(subscribed(by_account(subscription())))
    person = world.person("customer:acct_1")
    assert person is not None
    assert "customers" in person.segments
    assert not world.stripe.asked


def test_what_was_told_under_the_account_counts_once() -> None:
    told = subscribed(by_account(subscription()), id="evt_1")
    again = subscribed(by_both(subscription()), id="evt_1")
    money = paid(by_account(charge()), id="evt_2"), paid(by_both(charge()), id="evt_2")
    world = applied(told, money[0], again, SIGNED_UP, money[1])
    person = world.person("customer:cus_1")
    assert person is not None
    counts = [record.events["charge_succeeded"].count for record in person.records.values() if record.events]
    assert sum(counts) == 1
    assert sum(paid.count for record in person.records.values() for paid in record.payments.values()) == 1
    assert person.fields["subscription_count"] == 1


def test_nobody_who_was_erased_comes_back_by_their_account() -> None:
    world = applied(SIGNED_UP, subscribed(by_both(subscription())))
    person = world.person("customer:cus_1")
    assert person is not None
    world.deliver([Message(TEST, erase=Erase(person.id, ("cus_1",)), cause="erased").encode()])
    assert world.people.identities[remembered_as("customer:acct_1")] == ERASED

    world.apply(subscribed(by_account(subscription("sub_2"))))

    assert world.people.people == {}


def test_two_customers_of_one_account_are_not_mixed() -> None:
    other = customer("cus_2", email="other@example.com") | ACCOUNT
    world = applied(SIGNED_UP, event("customer.created", other, created=NOW - 30 * DAY))
    first, second = world.person("customer:cus_1"), world.person("customer:cus_2")
    assert first is not None
    assert second is not None
    assert first.id != second.id


FAILED = charge(status="failed", captured=False, amount_captured=0)
TOLD = [
    SIGNED_UP,
    subscribed(by_account(subscription()), id="evt_1"),
    paid(by_account(charge()), id="evt_2"),
    event("charge.refunded", by_both(charge(amount_refunded=500)), created=NOW - 60),
]


def come_to(*batches: list[StripeObject]) -> tuple[Any, ...]:
    """What the batches come to: nobody waits, and one person is there."""
    world = World(NOW)
    for batch in batches:
        report = world.apply(*batch)
        assert not report.crashed
        assert not report.counts["waiting"]
    world.settle()
    ((_, person),) = world.people.people.items()
    sums = [one for record in person.records.values() for one in record.payments.values()]
    entries = sorted(entry.kind for feed in world.people.feeds.values() for entry in feed.values())
    return person.fields["customer_mrr"], person.fields.get("last_amount_paid"), sums, entries


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_what_comes_twice_under_either_id_counts_once(order: tuple[int, ...]) -> None:
    events = [TOLD[number] for number in order]
    plain = come_to(*([one] for one in TOLD))
    assert plain[:3] == ("19.00", "19.00", [Paid(1, 1900, 500)])
    assert come_to(*([one] for one in (*events, *events))) == plain
    assert come_to(events, events) == plain


def test_a_payment_told_under_the_account_falls_when_it_fails() -> None:
    failed = event("charge.failed", by_account(FAILED), created=NOW)
    assert come_to([SIGNED_UP], [TOLD[1]], [paid(by_both(charge()))], [failed])[1:3] == (None, [])


def test_a_customer_without_email_and_their_account_are_no_crowd() -> None:
    nameless = event("customer.created", customer(email=None) | ACCOUNT, created=NOW - 60 * DAY)
    for events in itertools.permutations([nameless, TOLD[1], subscribed(by_both(subscription("sub_2")))]):
        assert come_to(*([one] for one in events))[0] == "38.00"


def test_a_deleted_customers_subscription_is_over_though_it_was_told_under_the_account() -> None:
    gone = event("customer.deleted", customer() | ACCOUNT, created=NOW - 60)
    for events in itertools.permutations([SIGNED_UP, TOLD[1], gone]):
        assert come_to(*([one] for one in events))[0] == "0.00"


class NoticingReads(FakePeople):
    """People who note whether a read had to show all that was written before."""

    certain: ClassVar[list[bool]] = []

    def read(self, *asked: Any, again: bool = False, **more: Any) -> LoadedState:
        self.certain.append(again)
        return super().read(*asked, again=again, **more)


def test_what_may_be_in_the_feed_of_an_alias_is_read_consistently() -> None:
    """Nothing is written there, so that an entry that was missed would be counted under both."""
    world = World(NOW, people=NoticingReads())
    world.apply(SIGNED_UP, subscribed(subscription()))
    NoticingReads.certain.clear()

    world.apply(paid(by_both(charge("ch_1"))), paid(by_account(charge("ch_2"))))

    assert NoticingReads.certain == [True, True]
