"""Chunks: parts of Stripe's lists, applied like events are, each part with a fate of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from peoplesync.domain.catalogue import CatalogueKey
from peoplesync.domain.connections import Connection
from peoplesync.use_cases.messages.message import BulkBatch, Message, Purge, decode
from tests.support.builders.stripe import (
    DAY,
    NOW,
    charge,
    coupon,
    customer,
    deleted_customer,
    discount,
    event,
    invoice,
    item,
    price,
    subscription,
)
from tests.support.fakes.world import TEST, World


@pytest.fixture
def world() -> World:
    return World(NOW)


def chunk(*objects: Mapping[str, Any], as_of: int = NOW, **more: Any) -> str:
    listed = BulkBatch("c1", "imp_1", as_of, tuple(objects), **more)
    return Message(TEST, chunk=listed, cause="import").encode()


def test_a_page_of_customers_and_subscriptions_becomes_people(world: World) -> None:
    report = world.deliver(
        [chunk(customer("cus_1", email="a@example.com"), subscription("sub_1", customer="cus_1"))]
    )

    person = world.person("email:a@example.com")
    assert person is not None
    assert person.fields["subscription_status"] == "active"
    assert report.counts["applied"] == 2
    assert world.runs.chunks == {("imp_1", "c1"): 0}


def test_what_a_list_showed_before_an_event_does_not_undo_the_event(world: World) -> None:
    world.apply(event("customer.updated", customer("cus_1", name="Newer"), created=NOW - 10))

    world.deliver([chunk(customer("cus_1", name="Older"), as_of=NOW - 60)])

    person = world.person("customer:cus_1")
    assert person is not None
    assert person.fields["customer_name"] == "Newer"


def test_an_expanded_subscription_is_the_same_as_the_one_in_its_event(world: World) -> None:
    plain = subscription("sub_1", customer="cus_1", discounts=["di_1"])
    shown = {**plain, "discounts": [discount("di_1", coupon="half", customer="cus_1")]}
    world.apply(event("customer.subscription.updated", plain, created=NOW - 2))

    report = world.deliver([chunk(customer("cus_1"), shown, as_of=NOW)])

    assert report.counts["ties"] == 0
    person = world.person("customer:cus_1")
    assert person is not None
    assert list(person.records["cus_1"].discounts) == ["di_1"]


def test_a_subscriptions_latest_invoice_is_a_payment(world: World) -> None:
    paid = invoice("in_1", customer="cus_1", status="paid", created=NOW - DAY)

    world.deliver(
        [chunk(customer("cus_1"), {**subscription("sub_1", customer="cus_1"), "latest_invoice": paid})]
    )

    person = world.person("customer:cus_1")
    assert person is not None
    assert person.fields["last_amount_paid_in_cents"] == paid["amount_paid"]


def test_only_the_part_that_cannot_be_read_dies(world: World) -> None:
    report = world.deliver(
        [chunk(customer("cus_1"), {"object": "charge", "id": "ch_1", "customer": "cus_1"})]
    )

    assert world.person("customer:cus_1") is not None
    assert report.counts["dead"] == 1
    ((body, reason),) = world.queue.dead_lettered
    assert reason.startswith("charge ch_1")
    assert [one["id"] for one in decode(body).chunk.objects] == ["ch_1"]  # type: ignore[union-attr]
    assert world.runs.chunks == {("imp_1", "c1"): 1}


def test_only_what_must_wait_is_sent_again_and_the_chunk_is_noted_when_it_is_done(world: World) -> None:
    world.apply(event("customer.updated", customer("cus_1", name="One"), created=NOW - 2))
    world.stripe.down = True

    world.deliver([chunk(customer("cus_2"), customer("cus_1", name="Another"), as_of=NOW)])

    assert world.runs.chunks == {}
    again = decode(world.queue.sent[0][0])
    assert again.chunk is not None
    assert [one["id"] for one in again.chunk.objects] == ["cus_1"]
    world.stripe.down = False
    world.stripe.objects["cus_1"] = customer("cus_1", name="Another")
    world.settle()
    assert world.runs.chunks == {("imp_1", "c1"): 0}


def test_the_events_of_a_chunk_count_once_with_those_of_the_webhook(world: World) -> None:
    told = event("charge.succeeded", charge("ch_1", customer="cus_1"), created=NOW - DAY)
    world.apply(told)

    world.deliver([chunk(events=(told,))])

    assert len(world.people.feeds["cus_1"]) == 1


def test_customers_that_no_list_showed_are_asked_for_and_others_are_not(world: World) -> None:
    world.now = NOW + DAY
    world.deliver([chunk(customer("cus_seen"), customer("cus_gone"), as_of=NOW)])
    world.deliver([chunk(customer("cus_seen"), as_of=NOW + DAY)])
    world.stripe.objects["cus_gone"] = {"id": "cus_gone", "object": "customer", "deleted": True}
    world.stripe.now = NOW + DAY

    world.deliver([chunk(unseen=("cus_seen", "cus_gone", "cus_never"), as_of=NOW + DAY)])

    assert world.stripe.asked == ["cus_gone"]
    gone = world.person("customer:cus_gone")
    assert gone is not None
    assert gone.records["cus_gone"].deleted
    assert world.person("customer:cus_never") is None


def test_what_was_asked_of_a_customer_is_not_lost_where_somebody_else_wrote_first(world: World) -> None:
    world.deliver([chunk(customer(), as_of=NOW)])
    world.stripe.objects["cus_1"], world.stripe.now = deleted_customer("cus_1"), NOW + DAY

    def somebody_else() -> None:
        world.people.before_write = lambda: None
        world.apply(event("customer.updated", customer(name="Other"), created=NOW + 1))

    world.people.before_write = somebody_else
    report = world.deliver([chunk(unseen=("cus_1",), as_of=NOW + DAY)])

    assert report.counts["races"] == 1
    gone = world.person("customer:cus_1")
    assert gone is not None
    assert gone.records["cus_1"].deleted


def test_a_chunk_of_an_earlier_epoch_touches_nobody_and_is_not_noted(world: World) -> None:
    world.connections.connection = Connection("main", True, 2, 1, NOW)

    report = world.deliver([chunk(customer("cus_1"))])

    assert report.counts["dropped"] == 1
    assert (world.people.people, world.runs.chunks) == ({}, {})


def test_prices_with_their_products_are_kept_in_the_catalogue(world: World) -> None:
    product = {"id": "prod_1", "object": "product", "created": NOW, "name": "Team", "active": True}
    team = price("price_1", product=product)
    bought = subscription(
        "sub_1", customer="cus_1", items=[item("si_1", price={**team, "product": "prod_1"})]
    )

    world.deliver([chunk(team), chunk(customer("cus_1"), bought)])
    world.settle()

    person = world.person("customer:cus_1")
    assert person is not None
    assert person.fields["product_name"] == "Team"


def test_an_epoch_that_is_over_is_purged_table_by_table(world: World) -> None:
    world.connections.connection = Connection("main", True, 2, 1, NOW)
    world.queue.send(Message(TEST, purge=Purge(), cause="moved").encode())

    world.settle()

    looks = [
        ("main#1", "", ""),
        ("main#1", "people", '{"look": 1}'),
        ("main#1", "feed", ""),
        ("main#1", "feed", '{"look": 1}'),
    ]
    assert world.old_rows.purged == looks


def test_the_epoch_that_is_lived_in_is_never_purged(world: World) -> None:
    world.queue.send(Message(TEST, purge=Purge(), cause="moved").encode())

    world.settle()

    assert world.old_rows.purged == []


def test_what_a_coupon_applies_to_is_kept_when_a_later_event_does_not_show_it(world: World) -> None:
    half = coupon("half", created=NOW)
    listed = {**half, "applies_to": {"products": ["prod_1"]}}

    world.deliver([chunk(listed)])
    world.apply(event("coupon.updated", half, created=NOW + DAY))

    terms = world.catalogue.entries[CatalogueKey("coupon", "half")].terms(None)
    assert terms is not None
    assert terms["products"] == ["prod_1"]


def test_who_is_asked_for_is_kept_where_an_event_brings_them_in_the_same_batch(world: World) -> None:
    created = event("customer.created", customer("cus_new"), created=NOW - DAY)

    world.deliver([chunk(unseen=("cus_new",), as_of=NOW), Message(TEST, created).encode()])

    assert world.person("customer:cus_new")
