"""What becomes of a batch of messages: applied, stale, dropped or dead, and written once."""

from __future__ import annotations

from typing import Any

import pytest

from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.people.write_set import LoadedState, WriteSet
from peoplesync.use_cases.messages.message import Message, decode
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from tests.support.builders.stripe import (
    DAY,
    NOW,
    charge,
    checkout_session,
    customer,
    deleted_customer,
    event,
    invoice,
    product,
    subscription,
)
from tests.support.fakes.batches import counts_of, name_of, told_of
from tests.support.fakes.world import TEST, FakePeople, World


@pytest.fixture
def world() -> World:
    return World(NOW)


class CountingReads(FakePeople):
    """People who count how often they are read."""

    reads = 0

    def read(self, *arguments: Any, **more: Any) -> LoadedState:
        self.reads += 1
        return super().read(*arguments, **more)


def test_a_batch_of_events_becomes_one_person_in_one_write(world: World) -> None:
    report = world.apply(
        event("customer.created", customer(), created=NOW - 60),
        event("customer.subscription.created", subscription(), created=NOW - 60),
        event("charge.succeeded", charge(), created=NOW - 60),
    )

    person = world.person("email:cus_1@example.com")
    assert person is not None
    assert (person.fields["subscription_status"], person.fields["last_amount_paid"]) == ("active", "19.00")
    assert "customers" in person.segments
    assert world.people.writes == 1
    assert counts_of(report) == {"applied": 3, "entries": 3}


def test_events_of_several_people_are_written_person_by_person(world: World) -> None:
    report = world.apply(*(told_of(customer(f"cus_{n}")) for n in range(1, 4)))

    assert world.people.writes == 3
    assert counts_of(report) == {"applied": 3}


SECRET_NAME = "Somebody Secret"
POISON: list[tuple[StripeObject, str]] = [
    (
        told_of(customer(name=SECRET_NAME, email=[SECRET_NAME])),
        "customer cus_1: email should be text, not a list",
    ),
    (
        event("customer.subscription.updated", subscription(status=None), created=NOW),
        "subscription sub_1: status is missing",
    ),
    (
        event(
            "customer.subscription.updated",
            subscription() | {"items": {"data": [{"id": "si_1", "price": {"id": "p", "currency": 7}}]}},
            created=NOW,
        ),
        "subscription sub_1: items[0].price.currency should be text, not a number",
    ),
    (
        event("charge.succeeded", charge() | {"amount": SECRET_NAME}, created=NOW),
        "charge ch_1: amount should be an integer, not text",
    ),
    (
        event("invoice.paid", invoice() | {"created": None}, created=NOW),
        "invoice in_1: created is missing",
    ),
    (
        event("checkout.session.completed", checkout_session() | {"id": 7}, created=NOW),
        "checkout.session (no id): id should be text, not a number",
    ),
    (
        event("charge.succeeded", charge(customer=None), created=NOW),
        "charge ch_1: customer is missing",
    ),
    (
        event("customer.updated", customer() | {"object": "mystery", "customer": "cus_1"}, created=NOW),
        "mystery cus_1: object is of an unknown type",
    ),
    (told_of(customer()) | {"created": "yesterday"}, ": created should be an integer, not text"),
    (told_of(customer()) | {"data": None}, ": data is missing"),
    (told_of(customer()) | {"data": {"object": SECRET_NAME}}, ": data.object should be an object, not text"),
]


@pytest.mark.parametrize(("poison", "reason"), POISON, ids=[reason for _, reason in POISON])
def test_poison_is_dead_lettered_with_a_reason_that_names_its_place_but_no_value(
    world: World, poison: StripeObject, reason: str
) -> None:
    reason = f"event {poison['id']}{reason}" if reason.startswith(":") else reason

    report = world.apply(poison)

    assert world.queue.dead_lettered == [(Message(TEST, poison).encode(), reason)]
    assert report.dead_lettered == [reason]
    assert SECRET_NAME not in reason
    assert counts_of(report) == {"dead": 1}
    assert not world.queue.sent


NO_MESSAGE = "not a message of peoplesync: "


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("nonsense", "not JSON"),
        ("[]", NO_MESSAGE),
        (Message(TEST, {}).encode().replace('"epoch":1', '"epoch":"1"'), NO_MESSAGE),
        (Message(TEST, {}).encode().replace('"cause"', '"course"'), NO_MESSAGE),
        (Message(TEST, {}).encode().replace('"event":{}', '"event":[]'), NO_MESSAGE),
        (Message(TEST, {}).encode(), "event (no id): id is missing"),
    ],
)
def test_what_is_no_message_is_dead_lettered(world: World, body: str, reason: str) -> None:
    report = world.deliver([body])

    ((dead, because),) = world.queue.dead_lettered
    assert dead == body
    assert because.startswith(reason)
    assert counts_of(report) == {"dead": 1}


def test_poison_does_not_keep_the_rest_of_its_batch(world: World) -> None:
    poison = told_of(customer("cus_2", email=7))

    report = world.apply(told_of(customer("cus_1")), poison, told_of(customer("cus_3")))

    assert world.person("customer:cus_1")
    assert world.person("customer:cus_3")
    assert not world.person("customer:cus_2")
    assert counts_of(report) == {"applied": 2, "dead": 1}


@pytest.mark.parametrize("epoch", [Epoch("main", 0), Epoch("main", 2), Epoch("other", 1)])
def test_a_change_of_another_epoch_is_dropped(world: World, epoch: Epoch) -> None:
    report = world.apply(told_of(customer()), epoch=epoch)

    assert counts_of(report) == {"dropped": 1}
    assert not world.people.people
    assert not world.connections.noted


def test_a_change_of_an_unknown_connection_is_dropped(world: World) -> None:
    world.connections.connection = None

    assert counts_of(world.apply(told_of(customer()))) == {"dropped": 1}
    assert not world.people.people


def test_an_old_epoch_in_a_batch_does_not_disturb_the_running_one(world: World) -> None:
    bodies = [
        Message(Epoch("main", 0), told_of(customer(name="Old"), NOW)).encode(),
        Message(TEST, told_of(customer(name="New"))).encode(),
    ]

    assert counts_of(world.deliver(bodies)) == {"applied": 1, "dropped": 1}
    assert name_of(world) == "New"


def test_an_event_that_changes_nothing_here_is_dropped(world: World) -> None:
    payout = event("payout.paid", {"id": "po_1", "object": "payout"}, created=NOW)

    assert counts_of(world.apply(payout)) == {"dropped": 1}


def test_a_duplicate_in_the_batch_costs_no_second_write(world: World) -> None:
    paid = event("charge.succeeded", charge(), created=NOW)

    report = world.apply(paid, paid)

    assert counts_of(report) == {"applied": 2, "entries": 1}
    assert world.people.writes == 1


def test_a_duplicate_of_what_was_applied_costs_no_write(world: World) -> None:
    paid = event("charge.succeeded", charge(), created=NOW)
    world.apply(told_of(customer()), paid)

    report = world.apply(paid, told_of(customer()))

    assert counts_of(report) == {"stale": 2, "duplicate": 2}
    assert world.people.writes == 1
    assert [one.key for one in world.people.feeds["cus_1"].values()] == ["charge_succeeded:ch_1"]


def test_what_is_older_than_what_is_known_costs_no_write(world: World) -> None:
    world.apply(told_of(customer(name="Newer"), NOW - 60))

    report = world.apply(told_of(customer(name="Older"), NOW - 120))

    assert counts_of(report) == {"stale": 1}
    assert world.people.writes == 1
    assert name_of(world) == "Newer"


def test_two_events_of_one_payment_make_one_entry(world: World) -> None:
    paid = invoice(status="paid", amount_paid=1900)

    report = world.apply(
        event("invoice.paid", paid, created=NOW),
        event("invoice.payment_succeeded", paid, created=NOW + 1),
    )

    assert [one.key for one in world.people.feeds["cus_1"].values()] == ["invoice_paid:in_1"]
    assert counts_of(report) == {"applied": 2, "entries": 1}


def test_a_person_whose_subscription_came_first_is_pending_until_the_customer_comes(world: World) -> None:
    world.apply(event("customer.subscription.created", subscription(), created=NOW - 60))
    pending = world.person("customer:cus_1")
    world.apply(told_of(customer()))
    known = world.person("customer:cus_1")

    assert pending is not None
    assert pending.unidentified
    assert not pending.segments
    assert pending.review_at == NOW + 60
    assert known is not None
    assert (known.id, known.email) == (pending.id, "cus_1@example.com")
    assert "customers" in known.segments


def test_two_customers_with_one_email_are_one_person(world: World) -> None:
    world.apply(told_of(customer("cus_1", email="team-03@example.com")))
    world.apply(told_of(customer("cus_2", email=" Team-03@Example.com ")))

    assert world.person("customer:cus_1") == world.person("customer:cus_2")
    assert len(world.people.people) == 1


def test_a_batch_reads_people_and_feeds_once(world: World) -> None:
    world.applier.people = people = CountingReads()
    first = world.apply(told_of(customer()), event("charge.succeeded", charge(), created=NOW))

    assert counts_of(first) == {"applied": 2, "entries": 1}
    assert people.reads == 1


def test_two_customers_in_one_batch_with_one_email_are_one_person(world: World) -> None:
    world.apply(*(told_of(customer(f"cus_{n}", email="team-03@example.com")) for n in (1, 2)))

    assert len(world.people.people) == 1
    assert world.people.writes == 1


def test_a_deleted_customer_stays_a_person_but_is_no_customer_in_sync(world: World) -> None:
    world.apply(
        told_of(customer()), event("customer.subscription.created", subscription(), created=NOW - DAY)
    )
    world.apply(event("customer.deleted", deleted_customer(), created=NOW))

    person = world.person("customer:cus_1")
    assert person is not None
    assert person.records["cus_1"].deleted
    assert "churned_customers" in person.segments
    assert "syncing_with_stripe" not in person.segments
    assert not [index for index, _ in world.people.members if index == "customers_in_sync"]


def test_the_newest_event_of_a_batch_is_noted_for_the_connection(world: World) -> None:
    world.apply(told_of(customer("cus_1"), NOW - 5), told_of(customer("cus_2"), NOW - 50))

    assert world.connections.noted == [NOW - 5]


def test_a_connection_that_cannot_be_noted_crashes_no_message(world: World) -> None:
    def fail(connection: Connection, newest: int, delivered_at: int | None, lag: int) -> None:
        raise RuntimeError("no")

    world.applier.connections.note_heard = fail  # type: ignore[method-assign]  # the fake's own

    report = world.apply(told_of(customer()))

    assert counts_of(report) == {"applied": 1}
    assert not report.crashed


@pytest.mark.parametrize(
    ("causes", "cause"),
    [
        (["import", "live"], "live"),
        (["reconcile", "import"], "import"),
        (["reconcile", "live"], "live"),
        (["sweep", "import"], "sweep"),
        (["import", "import"], "import"),
    ],
)
def test_of_several_causes_of_a_write_one_stands_for_all(world: World, causes: list[str], cause: str) -> None:
    """Of an import nobody is told, also where the reconciler brings some of it; but of what is live."""
    written: list[str] = []
    write = world.people.write_one

    def noted(epoch: Epoch, write_set: WriteSet, cause: str, now: int) -> None:
        written.append(cause)
        write(epoch, write_set, cause, now)

    world.people.write_one = noted  # type: ignore[method-assign]  # the fake's own
    sent = [told_of(customer()), event("charge.succeeded", charge(), created=NOW)]
    world.deliver([Message(TEST, one, cause=why).encode() for one, why in zip(sent, causes, strict=True)])

    assert written == [cause]


@pytest.mark.parametrize(
    ("cause", "told_as"),
    [("import", "import"), ("import_told", "import_told"), ("live", "definition_changed")],
)
def test_what_an_import_tells_of_a_product_stays_the_imports_with_its_users(
    world: World, cause: str, told_as: str
) -> None:
    told = event("product.created", product(), created=NOW)

    world.deliver([Message(TEST, told, cause=cause).encode()])

    ((body, _),) = world.queue.sent
    assert decode(body).cause == told_as
