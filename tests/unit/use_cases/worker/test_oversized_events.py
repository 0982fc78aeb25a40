"""An event too big for the queue is slimmed, and says the same about the person."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest

from peoplesync.domain.connections import Connection
from peoplesync.domain.people.person import Person
from peoplesync.use_cases.ingress.stripe_webhook import Receiver, WebhookReceipt
from peoplesync.use_cases.messages.message import MAX_BYTES, Message, decode
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from tests.support.builders import stripe as builders
from tests.support.builders.stripe import DAY, NOW, event
from tests.support.fakes.world import TEST, FakeQueue, World

BALLAST = {"note": "x" * MAX_BYTES}
METERED = builders.price("price_2", usage_type="metered", unit_amount=3)
YEN = builders.price(
    "price_3", unit_amount=None, unit_amount_decimal="2500.5", currency="jpy", nickname="Yen"
)


class Main:
    """The connection and its secret."""

    def get(self, name: str) -> Connection:
        return Connection(name, False, 1, 1, 0)

    def note_refused_signature(self, connection: Connection, at: int) -> None:
        raise AssertionError("these are signed")

    def signing_secrets(self, connection: str, *, fresh: bool = False) -> list[str]:
        return ["whsec_test"]


def knock(sent: StripeObject) -> tuple[WebhookReceipt, str | None]:
    """What the webhook answers to an event, and the message that it puts on the queue."""
    main, queue, body = Main(), FakeQueue(), json.dumps(sent).encode()
    receipt = Receiver(main, main, queue).receive("main", body, builders.sign("whsec_test", body, NOW), NOW)
    return receipt, queue.sent[0][0] if queue.sent else None


def through_the_door(sent: StripeObject) -> str:
    """The message that the webhook makes of an event."""
    receipt, message = knock(sent)
    assert receipt.outcome == "enqueued"
    assert message is not None
    return message


def people_after(events: Iterable[StripeObject]) -> tuple[Mapping[str, Person], object]:
    """The people and their feeds after these events, each of which came through the webhook."""
    world = World(NOW)
    messages = [through_the_door(one) for one in events]
    assert world.deliver(messages).counts["applied"] == len(messages)
    return world.people.people, world.people.feeds


def subscriptions(*, old: bool) -> Iterator[StripeObject]:
    """Subscriptions of customers of their own: trial, discount, tiers, packages, a price's every spelling."""
    items = [
        builders.item("si_1", price=builders.price(nickname="Nick", interval_count=3), quantity=3),
        builders.item("si_2", price=METERED, quantity=None),
    ]
    yield builders.subscription(
        items=items,
        start_date=NOW - 20 * DAY,
        trial_end=NOW - DAY,
        cancel_at_period_end=True,
        cancel_at=NOW + DAY,
        canceled_at=NOW - 60,
        pause_collection={"behavior": "keep_as_draft", "resumes_at": None},
        old=old,
    )
    yield builders.subscription(status="trialing", customer="cus_2", old=old)
    whole = builders.discount(coupon=builders.coupon())
    yield builders.subscription(customer="cus_3", discounts=[whole], old=old)
    prices = [
        builders.price(billing_scheme="tiered", tiers_mode="volume"),
        builders.price(transform_quantity={"divide_by": 10, "round": "up"}),
        builders.price() | {"unit_amount_decimal": None},
        YEN,
    ]
    for place, one in enumerate(prices, 4):
        yield builders.subscription(customer=f"cus_{place}", price=one, currency=one["currency"], old=old)
    yield builders.subscription("sub_2", status="canceled", old=old)


def life(*, old: bool) -> list[StripeObject]:
    """Every kind of object, with values in every place that is read."""
    address = {"line1": "1 Test Street", "line2": "Floor 2", "city": "Testville", "state": "TS"}
    address |= {"country": "US", "postal_code": "00001"}
    facts: dict[str, Any] = {"phone": "+1 555 0100", "description": "d", "delinquent": True}
    who = builders.customer(address=address, old=old, **facts)
    paid = builders.invoice(
        customer="cus_2",
        status="paid",
        amount_paid=1900,
        attempt_count=1,
        status_transitions={"paid_at": NOW - 7},
        old=old,
    )
    failed = builders.invoice("in_2", attempt_count=2, old=old)
    in_part = builders.charge(amount_captured=700, description="Payment", old=old)
    declined = builders.charge("ch_2", status="failed", captured=False, failure_code="card_declined", old=old)
    refunded = builders.charge("ch_3", customer="cus_3", amount_refunded=700, old=old)
    told: list[tuple[str, StripeObject, StripeObject | None]] = [
        ("customer.updated", who, None),
        *(("customer.subscription.created", one, None) for one in subscriptions(old=old)),
        ("customer.subscription.updated", builders.subscription("sub_3", old=old), {"status": "trialing"}),
        ("invoice.created", paid, None),
        ("invoice.paid", paid, None),
        ("invoice.payment_failed", failed, None),
        ("charge.succeeded", in_part, None),
        ("charge.failed", declined, None),
        ("charge.refunded", refunded, None),
        ("checkout.session.completed", builders.checkout_session(old=old), None),
        ("customer.updated", builders.customer("cus_9", old=old) | {"deleted": True}, None),
    ]
    return [
        event(kind, shown, created=NOW + 10 * place, previous=previous, id=f"evt_{place}", old=old)
        for place, (kind, shown, previous) in enumerate(told)
    ]


def heavy(light: StripeObject) -> StripeObject:
    shown = light["data"]["object"] | {"invoice_settings": BALLAST}
    return light | {"data": light["data"] | {"object": shown}}


@pytest.mark.parametrize("old", [False, True], ids=["modern", "of 2020"])
def test_slimmed_events_make_the_same_people_and_feeds(old: bool) -> None:
    events = life(old=old)
    whole, slimmed = people_after(events), people_after(map(heavy, events))

    assert len(whole[0]) == 8
    assert slimmed == whole


@pytest.mark.parametrize("old", [False, True], ids=["modern", "of 2020"])
def test_what_is_slimmed_leaves_out_what_nobody_reads(old: bool) -> None:
    for light in life(old=old):
        assert "invoice_settings" not in through_the_door(heavy(light))


def filled_up_to(size: int) -> StripeObject:
    """An event whose message takes so many bytes, by settings that nobody reads."""
    bare = event("customer.updated", builders.customer(invoice_settings={"note": ""}), created=NOW)
    lacking = size - len(Message(TEST, bare).encode())
    return event("customer.updated", builders.customer(invoice_settings={"note": "x" * lacking}), created=NOW)


def test_an_event_that_just_fits_the_queue_is_sent_whole() -> None:
    sent = filled_up_to(MAX_BYTES)

    assert decode(through_the_door(sent)).event == sent


def test_an_event_one_byte_too_big_for_the_queue_is_slimmed() -> None:
    message = through_the_door(filled_up_to(MAX_BYTES + 1))

    assert len(message) < 2_000
    assert "cus_1@example.com" in message
    assert "invoice_settings" not in message


def test_an_event_that_stays_too_big_is_refused_rather_than_lost_in_silence() -> None:
    receipt, message = knock(event("customer.updated", builders.customer(name="x" * MAX_BYTES), created=NOW))

    assert (receipt.status, receipt.outcome, receipt.reason) == (400, "refused", "too_large")
    assert receipt.detail["because"] == "larger than the queue takes"
    assert message is None
