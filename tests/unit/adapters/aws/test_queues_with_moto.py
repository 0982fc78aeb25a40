"""The queues: sent, delayed, dead-lettered, counted."""

from __future__ import annotations

import pytest

from peoplesync.adapters.aws.queues import MAX_REASON, ChangeQueue, QueueDepths
from peoplesync.use_cases.messages.message import MAX_BYTES
from tests.support.stacks.moto_stack import MotoStack


@pytest.fixture
def live(aws: MotoStack) -> ChangeQueue:
    return ChangeQueue(aws.client("sqs"), aws.stack.live_queue_url, aws.stack.live_dead_letter_queue_url)


@pytest.fixture
def bulk(aws: MotoStack) -> ChangeQueue:
    return ChangeQueue(aws.client("sqs"), aws.stack.bulk_queue_url, aws.stack.bulk_dead_letter_queue_url)


def test_a_queue_is_named_as_events_name_their_source(live: ChangeQueue) -> None:
    assert live.name == "LiveQueue"


def test_what_is_sent_can_be_received_at_once(aws: MotoStack, live: ChangeQueue) -> None:
    live.send('{"name":"Zoë"}')

    assert [one["Body"] for one in aws.messages(live.url)] == ['{"name":"Zoë"}']


def test_what_waits_is_counted_but_not_received_yet(aws: MotoStack, live: ChangeQueue) -> None:
    live.send("later", delay=900)

    assert aws.messages(live.url) == []
    assert QueueDepths((live,)).waiting() == 1


def test_a_message_as_large_as_we_let_pass_fits_the_queue(aws: MotoStack, live: ChangeQueue) -> None:
    live.send("x" * MAX_BYTES)

    assert len(aws.messages(live.url)[0]["Body"]) == MAX_BYTES


def test_poison_lies_in_the_dead_letter_queue_with_its_reason(aws: MotoStack, live: ChangeQueue) -> None:
    live.dead_letter("poison", "customer cus_1: email should be text, not a list")

    (dead,) = aws.messages(live.dead_letter_url)
    assert dead["Body"] == "poison"
    assert dead["MessageAttributes"]["reason"]["StringValue"] == (
        "customer cus_1: email should be text, not a list"
    )
    assert aws.messages(live.url) == []


def test_a_reason_of_any_length_is_cut(aws: MotoStack, live: ChangeQueue) -> None:
    live.dead_letter("poison", "x" * 10 * MAX_REASON)

    (dead,) = aws.messages(live.dead_letter_url)
    assert dead["MessageAttributes"]["reason"]["StringValue"] == "x" * MAX_REASON


def test_changes_are_counted_visible_in_flight_or_delayed_over_all_queues(
    aws: MotoStack, live: ChangeQueue, bulk: ChangeQueue
) -> None:
    live.send("in flight")
    aws.messages(live.url)
    live.send("visible")
    live.send("delayed", delay=900)
    bulk.send("bulk")

    depths = QueueDepths((live, bulk))
    assert (depths.waiting(), depths.dead()) == (4, 0)


def test_dead_letters_of_all_queues_are_counted_apart(live: ChangeQueue, bulk: ChangeQueue) -> None:
    live.dead_letter("one", "reason")
    live.dead_letter("two", "reason")
    bulk.dead_letter("three", "reason")

    depths = QueueDepths((live, bulk))
    assert (depths.waiting(), depths.dead()) == (0, 3)
