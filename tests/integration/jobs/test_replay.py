"""Whole histories through the deployed webhook: API Gateway, Lambda, SQS, Lambda, DynamoDB."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from peoplesync.domain.connections import Connection
from peoplesync.domain.people.person import EVERYONE
from peoplesync_cli.jobs.replay import Delivery, Tally, run
from peoplesync_cli.target import Target, of_local
from peoplesync_local.stack.stack import LocalStack
from tests.support.fakes.ready_connections import connect
from tests.support.oracles.against_truth import differences
from tests.support.oracles.histories import History, history
from tests.support.stacks.stack_company import processes_of

SECONDS_TO_DRAIN = 600


@pytest.fixture
def target(local_stack: LocalStack) -> Target:
    return of_local(local_stack)


def connection_of_its_own(target: Target, local_stack: LocalStack, name: str) -> Connection:
    return connect(
        name, local_stack.stripe_api_key, "whsec_test", target.connections, target.secrets, int(time.time())
    )


def replay(
    target: Target, told: History, connection: Connection, *, shuffle: int | None = None, duplicate: float = 0
) -> Tally:
    order = Delivery(told.events, duplicate, shuffle or 0, shuffled=shuffle is not None)
    return run(
        target, told.events, order, connection=connection.name, concurrency=4, timeout=SECONDS_TO_DRAIN
    )


@pytest.fixture(scope="session")
def short() -> History:
    return history_of_its_own(seed=11, events=150)


def history_of_its_own(seed: int, events: int) -> History:
    """The simulator serves all of these tests, and a customer that it once showed as deleted stays so."""
    return history(seed=seed, events=events, first_digits=str(seed))


def test_150_events_a_third_of_them_tied_shuffled_and_some_twice_end_in_truth(
    target: Target, local_stack: LocalStack, short: History
) -> None:
    ends_in_truth(target, local_stack, short, shuffle=4, duplicate=0.1)


@pytest.mark.long
@pytest.mark.parametrize("shuffle", [None, 3], ids=["in order", "shuffled"])
def test_1000_events_a_third_of_them_tied_end_in_truth(
    target: Target, local_stack: LocalStack, shuffle: int | None
) -> None:
    ends_in_truth(target, local_stack, history_of_its_own(seed=13, events=1_000), shuffle, 0.0)


@pytest.mark.long
def test_5000_events_a_third_of_them_tied_shuffled_and_a_tenth_twice_end_in_truth(
    target: Target, local_stack: LocalStack
) -> None:
    ends_in_truth(target, local_stack, history_of_its_own(seed=12, events=5_000), 4, 0.1)


def ends_in_truth(
    target: Target, local_stack: LocalStack, told: History, shuffle: int | None, duplicate: float
) -> None:
    connection = connection_of_its_own(target, local_stack, f"order-{len(told.events)}-{shuffle or 0}")
    tally = replay(target, told, connection, shuffle=shuffle, duplicate=duplicate)
    assert (tally.refused, tally.dead) == (0, 0)
    assert tally.sent == tally.accepted == len(told.events) + round(len(told.events) * duplicate)
    assert differences(target.people, connection.epoch, told.truth) == []


@pytest.fixture
def soon_redelivered(target: Target) -> Iterator[None]:
    """What a killed worker held comes back after 90 s; here after 4, so that nobody waits for it."""
    sqs = target.session.client("sqs")
    before = sqs.get_queue_attributes(
        QueueUrl=target.stack.live_queue_url, AttributeNames=["VisibilityTimeout"]
    )["Attributes"]
    sqs.set_queue_attributes(QueueUrl=target.stack.live_queue_url, Attributes={"VisibilityTimeout": "4"})
    yield
    sqs.set_queue_attributes(QueueUrl=target.stack.live_queue_url, Attributes=before)


@pytest.mark.usefixtures("soon_redelivered")
def test_killing_the_worker_twice_in_the_middle_changes_nothing_in_the_end(
    target: Target, local_stack: LocalStack, short: History
) -> None:
    connection = connection_of_its_own(target, local_stack, "killed")

    def kill_twice() -> None:
        for people in (3, 7):
            kill_a_worker_after(target, local_stack, connection, people)

    killer = threading.Thread(target=kill_twice)
    killer.start()
    tally = replay(target, short, connection, shuffle=5)
    killer.join()
    assert (tally.refused, tally.dead) == (0, 0)
    assert differences(target.people, connection.epoch, short.truth) == []


def kill_a_worker_after(target: Target, local_stack: LocalStack, connection: Connection, people: int) -> None:
    """Kills a process of the worker function, in whatever it is doing, once so many people are there."""
    while target.people.count(connection.epoch, EVERYONE) < people:
        time.sleep(0.02)
    while not (workers := processes_of(local_stack, "ApplyChanges")):
        time.sleep(0.01)
    os.kill(workers[0], signal.SIGKILL)
