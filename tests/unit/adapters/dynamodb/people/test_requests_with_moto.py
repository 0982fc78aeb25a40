"""How many requests to DynamoDB the worker makes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from peoplesync.adapters.dynamodb.tables import MODELS, ConnectionRow
from peoplesync.use_cases.messages.message import BulkBatch, Message
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from tests.support.builders.stripe import DAY, NOW, charge, customer, event, subscription
from tests.support.stacks.moto_stack import MotoStack
from tests.support.worlds.erasing_worker import MAIN, Worker

ENDED = {"status": "canceled", "canceled_at": NOW, "ended_at": NOW}


@pytest.fixture
def worker(aws: MotoStack) -> Worker:
    worker = Worker(aws)
    worker.deliver(Message(MAIN, chunk=customers("known", 10)).encode())
    worker.tell(*(told(number, "created") for number in range(10)))
    # That Stripe was heard of is noted once a minute.
    worker.tell(event("customer.updated", customer("cus_known_0", name="Another"), created=NOW))
    return worker


def customers(name: str, count: int) -> BulkBatch:
    """So many customers, as an import's message brings them."""
    listed = (customer(f"cus_{name}_{number}", created=NOW - DAY) for number in range(count))
    return BulkBatch("c1", "", NOW, tuple(listed))


def told(number: int, what: str, **facts: Any) -> StripeObject:
    of = f"cus_known_{number}"
    bought = subscription(f"sub_{number}", customer=of, created=NOW - DAY, **facts)
    return event(f"customer.subscription.{what}", bought, created=NOW - DAY if what == "created" else NOW)


@contextmanager
def requests(worker: Worker) -> Iterator[Counter[str]]:
    """What is asked of DynamoDB, by operation."""
    seen: Counter[str] = Counter()

    def note(model: Any, **_: Any) -> None:
        seen[model.name] += 1

    connections = [worker.people.connection, *(model._get_connection().connection for model in MODELS)]
    clients = {id(one.client): one.client for one in connections}.values()
    for client in clients:
        client.meta.events.register("before-call.dynamodb", note)
    yield seen
    for client in clients:
        client.meta.events.unregister("before-call.dynamodb", note)


def test_a_single_event_takes_a_read_its_person_a_write_and_a_look_at_the_versions(worker: Worker) -> None:
    with requests(worker) as seen:
        worker.tell(told(1, "deleted", **ENDED))

    assert seen == {"BatchGetItem": 3, "TransactWriteItems": 1}


def test_ten_events_of_ten_customers_take_as_many_as_one(worker: Worker) -> None:
    with requests(worker) as seen:
        worker.tell(*(told(number, "deleted", **ENDED) for number in range(10)))

    assert seen == {"BatchGetItem": 3, "TransactWriteItems": 1}


def test_what_is_one_item_is_put(worker: Worker) -> None:
    renamed = customer("cus_known_1", created=NOW - DAY, name="Another")
    with requests(worker) as seen:
        worker.tell(event("customer.updated", renamed, created=NOW))

    assert seen == {"BatchGetItem": 3, "PutItem": 1}


def test_whom_newer_definitions_do_not_change_costs_no_write(worker: Worker) -> None:
    read = worker.people.read(MAIN, [f"customer:cus_known_{number}" for number in range(10)], {})
    ConnectionRow("main").update(actions=[ConnectionRow.definitions_version.set(2)])
    looks = Message(MAIN, chunk=BulkBatch(people=tuple(read.people)), cause="definition_changed")
    worker.deliver(looks.encode())  # the definitions are read
    with requests(worker) as seen:
        worker.deliver(looks.encode())

    assert seen == {"BatchGetItem": 2}
    assert {one.definitions_version for one in read.people.values()} == {1}


def test_payments_are_read_after_their_people(worker: Worker) -> None:
    paid = charge("ch_1", customer="cus_known_1", created=NOW)
    with requests(worker) as seen:
        worker.tell(event("charge.succeeded", paid, created=NOW))

    assert seen == {"BatchGetItem": 4, "TransactWriteItems": 1}


def test_new_people_are_checked_against_what_was_defined_meanwhile(worker: Worker) -> None:
    with requests(worker) as seen:
        worker.tell(event("customer.created", customer("cus_new", email=None), created=NOW))

    assert seen == {
        "BatchGetItem": 2,
        "TransactWriteItems": 1,
    }  # one read is of what there may be, one checks


def test_a_hundred_new_customers_of_an_import_take_few(worker: Worker) -> None:
    with requests(worker) as seen:
        worker.deliver(Message(MAIN, chunk=customers("new", 100), cause="import").encode())

    assert seen.total() <= 20
