"""From test to live while an import is running and messages are on every queue, on the deployed stack."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from peoplesync.adapters.dynamodb.epoch_purge import TABLES
from peoplesync.adapters.dynamodb.tables import IdentityRow, MemberRow, PersonRow
from peoplesync.domain.connections import Epoch
from peoplesync.domain.people.person import EVERYONE
from peoplesync.use_cases.messages.message import Message
from peoplesync_cli.target import Target
from peoplesync_local.stack.stack import LocalStack
from tests.support.stacks.stack_company import Company, eventually, slow

pytestmark = pytest.mark.long

TEST_CUSTOMERS, LIVE_CUSTOMERS = 300, 40
SECONDS_OF_A_PURGE = 180
"""The second purge of an epoch comes two minutes after the first, when nobody writes any more."""


@dataclass(frozen=True)
class WentLive:
    company: Company
    test: Epoch
    test_import: dict[str, Any]
    live_import: dict[str, Any]
    live_customers: set[str]


@contextmanager
def nobody_at_work(target: Target) -> Iterator[None]:
    """The worker takes nothing from the queues."""
    functions = target.session.client("lambda")
    worker = target.outputs["ApplyChangesFunction"]
    mappings = functions.list_event_source_mappings(FunctionName=worker)["EventSourceMappings"]
    for one in mappings:
        functions.update_event_source_mapping(UUID=one["UUID"], Enabled=False)
    try:
        yield
    finally:
        for one in mappings:
            functions.update_event_source_mapping(UUID=one["UUID"], Enabled=True)


def fill_every_queue(company: Company, test: Epoch) -> None:
    """Test events and parts of the import on both queues, some of them delayed, and in both dead-letter
    queues."""
    live, bulk, _ = company.target.depths.queues
    api = company.stripe()
    events = api.raw_request("get", "/v1/events", limit=30, type="customer.created").data["data"]
    messages = [Message(test, event=event).encode() for event in events]
    for message in messages[:10]:
        live.send(message, 5)
        bulk.send(message, 5)
    for message in messages[10:20]:
        live.dead_letter(message, "dead-lettered by a test")
        bulk.dead_letter(message, "dead-lettered by a test")
    for number in range(5):
        asked: Any = {"email": f"late-{number}@example.com"}
        api.v1.customers.create(asked)
    eventually(lambda: live.depth() >= 15, 20, "messages on the live queue")
    eventually(lambda: bulk.depth() >= 20, 20, "parts of the import on the bulk queue")


def redrive(target: Target) -> int:
    """Puts what is in the dead-letter queues back on the queues, as the SQS console does; how many."""
    sqs = target.session.client("sqs")
    moved = 0
    for queue in target.depths.queues:
        while found := sqs.receive_message(QueueUrl=queue.dead_letter_url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in found:
                queue.send(message["Body"])
                sqs.delete_message(QueueUrl=queue.dead_letter_url, ReceiptHandle=message["ReceiptHandle"])
                moved += 1
    return moved


def rows(epoch: Epoch) -> dict[str, int]:
    """How many rows of each table belong to an epoch."""
    found = {}
    for name, model in TABLES.items():
        of_epoch = model.pk.startswith(f"{epoch}#") | (model.pk == str(epoch))  # type: ignore[attr-defined]
        found[name] = sum(1 for _ in model.scan(of_epoch, consistent_read=True))
    return found


@pytest.fixture(scope="module")
def went_live(local_stack: LocalStack) -> WentLive:
    company = Company(local_stack, "going-live")
    company.simulator().fill(TEST_CUSTOMERS, seed=31)
    company.simulator(livemode=True).fill(LIVE_CUSTOMERS, seed=32)
    company.connect()
    test = company.epoch
    with slow(company, 250):
        import_of_test = company.start_import()
        eventually(lambda: company.target.people.count(test, EVERYONE) > 20, 60, "test people")
        with nobody_at_work(company.target):
            fill_every_queue(company, test)
            assert company.execution(import_of_test)["status"] == "RUNNING"
    # From here on the worker is at work again, on what is of test mode.
    company.connect(livemode=True)
    import_of_live = company.start_import(share=100)
    assert redrive(company.target) == 20
    ended = company.ended(import_of_live), company.ended(import_of_test)
    # In no later message anything can come up: only the purge is delayed by longer than this.
    live, bulk, _ = company.target.depths.queues
    eventually(lambda: live.depth() == 0 and bulk.depth() <= 1, 60, "empty queues")
    page = company.stripe(livemode=True).v1.customers.list({"limit": 100})
    return WentLive(company, test, ended[1], ended[0], {one.id for one in page.data})


def test_the_test_import_has_ended_and_the_live_one_succeeded(went_live: WentLive) -> None:
    assert went_live.live_import["status"] == "SUCCEEDED", went_live.live_import["cause"]
    assert went_live.test_import["status"] == "FAILED", went_live.test_import["output"]
    assert "the connection has begun a new epoch" in went_live.test_import["cause"]


def test_not_one_test_person_is_in_the_live_epoch(went_live: WentLive) -> None:
    company, live = went_live.company, went_live.company.epoch
    assert live.number == went_live.test.number + 1

    people = company.people()
    assert {one for ids in people for one in ids.split()} == went_live.live_customers
    assert company.verify().differences == {}
    for model in (PersonRow, IdentityRow, MemberRow):
        for row in model.scan(model.pk.startswith(f"{live}#")):
            said = f"{row.pk} {getattr(row, 'sk', '')} {getattr(row, 'person', '')}"
            customers = [word for word in said.replace("#", " ").replace(":", " ").split() if "cus_" in word]
            assert set(customers) <= went_live.live_customers
    assert company.target.depths.dead() == 0


def test_in_the_end_nothing_of_the_test_epoch_is_left(went_live: WentLive) -> None:
    went_live.company.drain(SECONDS_OF_A_PURGE)

    assert rows(went_live.test) == dict.fromkeys(TABLES, 0)
    assert rows(went_live.company.epoch)["people"] > 0
