"""Whatever JSON comes, it is read, or refused by an error that names the object and shows no value."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

import pytest
from hypothesis import given, settings

from peoplesync.domain.catalogue import read_catalogue_change
from peoplesync.domain.connections import Epoch
from peoplesync.domain.listed import read_listed
from peoplesync.domain.records.changes import Kind, ObjectKey, customer_of, read_answer, read_change
from peoplesync.domain.stripe_objects import UnreadableStripeObject, read_event, slim, slim_object
from peoplesync.domain.windows import FIRST, Window
from peoplesync.use_cases.ingress.stripe_webhook import Receiver
from peoplesync.use_cases.messages.message import (
    BulkBatch,
    Erase,
    IndexScan,
    Message,
    Purge,
    Unreadable,
    decode,
)
from peoplesync.use_cases.messages.packing import chunks_of_events, chunks_of_objects
from peoplesync.use_cases.stripe_reads.relevance import no_use
from peoplesync.use_cases.verifying.differences import content_of
from peoplesync.use_cases.worker.long_running import LongRunning
from peoplesync.use_cases.worker.message_parser import MessageParser
from peoplesync.use_cases.worker.outcome.batch_results import BatchResults
from peoplesync.use_cases.worker.outcome.report import Delivery
from tests.support.builders.mutations import SECRET, mutated
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
    sign,
    subscription,
    tier,
    tiered,
)
from tests.support.fakes.world import FakeConnections, FakeOldRows, FakePeople, FakeQueue

MAIN = Epoch("main", 1)

SOUND = settings(deadline=None, derandomize=True, database=None)
QUICK, SHORT, LONG = (settings(SOUND, max_examples=count) for count in (500, 300, 5_000))

EVERYTHING = subscription(
    customer=customer(discount=discount(coupon=coupon())),
    status="trialing",
    pause_collection={"behavior": "void", "resumes_at": None},
    items=[
        item("si_1", price=price(product=product(), transform_quantity={"divide_by": 5, "round": "up"})),
        item("si_2", price=tiered(tier(5, unit_amount="70.5"), tier(None, flat_amount="9.5"))),
        of_plan(
            item("si_3", price=price("price_3", interval="year")),
        ),
        item("si_4", price=price("price_4"), discounts=[discount(coupon=coupon(percent_off=12.5)), "di_2"]),
    ],
    discounts=[discount(coupon=coupon(applies_to={"products": ["prod_1"]})), "di_3"],
    metadata={"plan": "gold"},
)
OBJECTS = [
    EVERYTHING,
    EVERYTHING | {"latest_invoice": invoice(status="paid", amount_paid=1900)},
    subscription(old=True),
    customer(address={"city": "A", "line1": "B"}, discount=discount(coupon=coupon()), metadata={"a": "b"}),
    charge(amount_captured=1500, amount_refunded=300),
    charge(old=True, invoice="in_1"),
    invoice(status="paid", paid_at=NOW, attempt_count=2),
    invoice(status="open", old=True),
    price(product=product()),
    tiered(tier(5, unit_amount="70.5"), tier(None, flat_amount="9.5")),
    product(metadata={"a": "b"}),
    coupon(percent_off=None, amount_off=500, currency="usd", applies_to={"products": ["prod_1"]}),
]
BEFORE = {
    "status": "past_due",
    "items": {"data": [item("si_1", quantity=3, subscription="sub_1")]},
    "discounts": ["di_2"],
    "cancel_at_period_end": True,
}
EVENTS = [
    *(
        event(f"{prefix}.{action}", one, previous=BEFORE if action == "updated" else None, created=NOW)
        for prefix, one, actions in (
            ("customer.subscription", EVERYTHING, "created updated deleted paused resumed trial_will_end"),
            ("customer", OBJECTS[3], "created updated deleted"),
            ("customer.discount", discount(coupon=coupon()), "created deleted"),
            ("charge", charge(amount_refunded=300, failure_code="odd"), "succeeded failed refunded"),
            ("invoice", invoice(status="paid"), "created paid payment_failed"),
            ("checkout.session", checkout_session(), "completed"),
            ("product", product(metadata={"a": "b"}), "created updated"),
            ("price", tiered(tier(5, unit_amount=1), tier(None, unit_amount=2)), "updated"),
            ("coupon", OBJECTS[-1], "created"),
        )
        for action in actions.split()
    ),
    event(
        "customer.subscription.updated",
        subscription(old=True),
        previous={"quantity": 3, "plan": {"id": "plan_0", "amount": 100}},
        created=NOW,
    ),
    event("invoice.paid", invoice(status="paid"), created=NOW, old=True),
]
MESSAGES: list[Any] = [
    json.loads(one.encode())
    for one in (
        Message(MAIN, EVENTS[1]),
        Message(MAIN, chunk=BulkBatch("c", "imp_1", NOW, tuple(OBJECTS[:3]), tuple(EVENTS[:2]), ("cus_1",))),
        Message(
            MAIN, chunk=BulkBatch("c", people=("per_1",), activities=({"user": "1", "type": "identify"},))
        ),
        Message(MAIN, review=("per_1",)),
        Message(MAIN, walk=IndexScan("uses:product:prod_1", 0, "")),
        Message(MAIN, erase=Erase("per_1", ("cus_1",))),
        Message(MAIN, purge=Purge("people", "")),
    )
]


KINDS: Final[tuple[Kind, ...]] = ("customer", "subscription", "charge", "invoice", "product")


def refused_by_name(read: Callable[[Any], Any], value: Any) -> None:
    """Reads it; what is refused is named, and no value is shown."""
    said = ""
    try:
        read(value)
    except UnreadableStripeObject as problem:
        said = str(problem)
    assert_shows_nothing(said)


def assert_shows_nothing(said: str) -> None:
    assert SECRET not in said
    assert len(said) < 500
    assert not said or said.isprintable()


def read_told(value: Any) -> None:
    told = read_event(value)
    for reader in (read_change, read_catalogue_change):
        refused_by_name(reader, told)


def read_event_anyhow(value: Any) -> None:
    refused_by_name(read_told, value)
    slimmed = slim(value)
    refused_by_name(read_told, slimmed)
    no_use(value)
    customer_of(value)
    ((packed,),) = chunks_of_events([value])
    assert_read_alike(packed, slimmed)
    assert_survives_the_queue(BulkBatch("c", events=(packed,)))


def read_object_anyhow(value: Any) -> None:
    refused_by_name(lambda one: list(read_listed(one, NOW)), value)
    refused_by_name(lambda one: content_of(one, NOW), value)
    refused_by_name(lambda one: list(read_listed(slim_object(one), NOW)), value)
    for kind in KINDS:
        refused_by_name(partial(read_answer, ObjectKey(kind, "x_1"), as_of=NOW), value)
    customer_of(value)
    refused_by_name(lambda one: Window(FIRST, 0, NOW).after([one, one], False), value)
    refused_by_name(lambda one: Window(FIRST, 0, NOW).after([customer(), one], True), value)
    ((packed,),) = chunks_of_objects([value])
    assert_survives_the_queue(BulkBatch("c", objects=(packed,), as_of=NOW))


def assert_read_alike(one: Any, another: Any) -> None:
    assert repr(one) == repr(another)


def read_by_the_worker(body: str) -> BatchResults:
    results, queue = BatchResults(lambda: 0.5), FakeQueue()
    long_running = LongRunning(FakePeople(), FakeConnections(), FakeOldRows(), results)
    MessageParser(long_running, results).parse(Delivery("m", body, queue))
    for dead, reason in queue.dead_lettered:
        assert_shows_nothing(reason)
        dead.encode()
    return results


def assert_survives_the_queue(chunk: BulkBatch) -> None:
    """It is on the queue as it was packed, and the worker reads it or dead-letters just this part."""
    body = Message(MAIN, chunk=chunk).encode()
    travelled = decode(body)
    assert travelled.chunk is not None
    assert [repr(part) for part in travelled.chunk.parts] == [repr(part) for part in chunk.parts]
    assert read_by_the_worker(body).report.crashed == {}


def read_message_anyhow(value: Any) -> None:
    try:
        body = json.dumps(value)
    except RecursionError:
        body = "[" * 100_000
    with suppress(Unreadable):
        decode(body)
    assert read_by_the_worker(body).report.crashed == {}


def receive_anyhow(value: Any) -> None:
    try:
        body = json.dumps(value).encode()
    except RecursionError:
        body = b"[" * 100_000
    queue = FakeQueue()

    class Secrets:
        def signing_secrets(self, connection: str, *, fresh: bool = False) -> list[str]:
            return ["whsec_1"]

    receiver = Receiver(FakeConnections(), Secrets(), queue)
    receipt = receiver.receive("main", body, sign("whsec_1", body, NOW), NOW)
    assert receipt.outcome in ("enqueued", "dropped", "refused")
    for sent, _ in queue.sent:
        assert read_by_the_worker(sent).report.crashed == {}


@QUICK
@given(mutated(EVENTS))
def test_any_event_is_read_or_refused_by_name(value: Any) -> None:
    read_event_anyhow(value)


@QUICK
@given(mutated(OBJECTS))
def test_any_listed_object_is_read_or_refused_by_name(value: Any) -> None:
    read_object_anyhow(value)


@SHORT
@given(mutated(MESSAGES))
def test_any_message_is_read_or_dead_lettered(value: Any) -> None:
    read_message_anyhow(value)


@SHORT
@given(mutated(EVENTS))
def test_any_body_at_the_door_is_put_on_the_queue_or_refused(value: Any) -> None:
    receive_anyhow(value)


@pytest.mark.long
@LONG
@given(mutated(EVENTS))
def test_any_of_many_events_is_read_or_refused_by_name(value: Any) -> None:
    read_event_anyhow(value)
    receive_anyhow(value)


@pytest.mark.long
@LONG
@given(mutated(OBJECTS))
def test_any_of_many_listed_objects_is_read_or_refused_by_name(value: Any) -> None:
    read_object_anyhow(value)


@pytest.mark.long
@LONG
@given(mutated(MESSAGES))
def test_any_of_many_messages_is_read_or_dead_lettered(value: Any) -> None:
    read_message_anyhow(value)
