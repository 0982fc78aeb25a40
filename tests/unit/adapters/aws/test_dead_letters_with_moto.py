"""The dead-letter queues: seen whole, put back, redriven, dropped; nothing is lost or stays hidden."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from peoplesync.adapters.aws import dead_letter_queues
from peoplesync.adapters.aws.dead_letter_queues import DeadLetterQueues, NotMoved
from peoplesync.adapters.aws.queues import ChangeQueue
from peoplesync.use_cases.messages.dead_letters import KEPT_SECONDS, DeadLetter
from tests.support.stacks.moto_stack import MotoStack

COMPLETED = {"Status": "COMPLETED", "ApproximateNumberOfMessagesMoved": 3, "StartedTimestamp": 2}
RUNNING = {
    "Status": "RUNNING",
    "ApproximateNumberOfMessagesMoved": 1,
    "ApproximateNumberOfMessagesToMove": 3,
    "StartedTimestamp": 2,
    "TaskHandle": "task-2",
}
OF_YESTERDAY = {"Status": "COMPLETED", "ApproximateNumberOfMessagesMoved": 900, "StartedTimestamp": 1}


@dataclass
class Sqs:
    """moto's SQS with the tasks that it does not know: the latest one, as it is at each look. Without any it
    answers as one that knows no such tasks either."""

    sqs: Any
    tasks: list[dict[str, Any]] = field(default_factory=list)
    started: list[tuple[str, str]] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    refusal: str = "InvalidAction"
    calls: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        self.calls.append(name)
        return getattr(self.sqs, name)

    def list_message_move_tasks(self, SourceArn: str, MaxResults: int) -> dict[str, Any]:  # noqa: N803
        if not self.tasks:
            raise ClientError({"Error": {"Code": self.refusal, "Message": "no."}}, "ListMessageMoveTasks")
        task = self.tasks.pop(0)
        return {"Results": [task] if task else []}

    def start_message_move_task(self, SourceArn: str, DestinationArn: str) -> dict[str, Any]:  # noqa: N803
        self.started.append((SourceArn.rpartition(":")[2], DestinationArn.rpartition(":")[2]))
        return {"TaskHandle": "task-2"}

    def cancel_message_move_task(self, TaskHandle: str) -> None:  # noqa: N803
        self.cancelled.append(TaskHandle)


@pytest.fixture
def sqs(aws: MotoStack, monkeypatch: pytest.MonkeyPatch) -> Sqs:
    monkeypatch.setattr(dead_letter_queues, "WAIT_SECONDS", 0)
    monkeypatch.setattr(dead_letter_queues, "LOOK_SECONDS", 0)
    return Sqs(aws.client("sqs"))


@pytest.fixture
def dead(aws: MotoStack, sqs: Any) -> DeadLetterQueues:
    stack = aws.stack
    return DeadLetterQueues(
        {
            "live": ChangeQueue(sqs, stack.live_queue_url, stack.live_dead_letter_queue_url),
            "bulk": ChangeQueue(sqs, stack.bulk_queue_url, stack.bulk_dead_letter_queue_url),
            "review": ChangeQueue(sqs, stack.review_queue_url, stack.review_dead_letter_queue_url),
        }
    )


def bodies(letters: list[DeadLetter]) -> list[str]:
    return sorted(letter.body for letter in letters)


def test_all_of_all_queues_are_seen_again_and_again(dead: DeadLetterQueues) -> None:
    for number in range(25):
        dead.queues["live"].dead_letter(f"live-{number:02}", "reason")
    dead.queues["bulk"].dead_letter("bulk", "of bulk")
    dead.queues["review"].dead_letter("review", "of review")

    expected = ["bulk", *(f"live-{number:02}" for number in range(25)), "review"]
    assert bodies(dead.all()) == expected
    assert bodies(dead.all()) == expected
    assert dead.count() == 27
    assert {letter.queue: letter.reason for letter in dead.all()} == {
        "live": "reason",
        "bulk": "of bulk",
        "review": "of review",
    }


def test_a_letter_is_as_old_as_its_message(dead: DeadLetterQueues, aws: MotoStack) -> None:
    dead.queues["live"].dead_letter("poison", "reason")

    (letter,) = dead.all()

    (received,) = aws.client("sqs").receive_message(
        QueueUrl=dead.queues["live"].dead_letter_url, AttributeNames=["SentTimestamp"]
    )["Messages"]
    assert letter.id == received["MessageId"]
    assert letter.sent_at == int(received["Attributes"]["SentTimestamp"]) // 1_000


def test_an_empty_answer_is_asked_again_where_more_was_counted(dead: DeadLetterQueues, sqs: Sqs) -> None:
    dead.queues["live"].dead_letter("poison", "reason")
    held_by_another = sqs.sqs.receive_message(QueueUrl=dead.queues["live"].dead_letter_url)["Messages"]
    sqs.calls.clear()

    assert dead.all() == []

    assert len(held_by_another) == 1
    assert sqs.calls.count("receive_message") == 3 + 1 + 1
    assert dead.count() == 1


def test_what_sqs_moved_has_no_reason_even_if_it_had_one_before(
    dead: DeadLetterQueues, aws: MotoStack
) -> None:
    received = {
        "MessageId": "m",
        "Body": "{}",
        "ReceiptHandle": "r",
        "Attributes": {"SentTimestamp": "1000", "DeadLetterQueueSourceArn": "arn:aws:sqs:::LiveQueue"},
        "MessageAttributes": {"reason": {"StringValue": "of its first death"}},
    }

    assert dead_letter_queues._letter("live", received).reason is None


def test_what_crashed_five_times_has_no_reason(dead: DeadLetterQueues, aws: MotoStack) -> None:
    live = dead.queues["live"]
    live.send("crashes")
    for _ in range(6):
        aws.client("sqs").receive_message(QueueUrl=live.url, VisibilityTimeout=0)

    (letter,) = dead.all()

    assert (letter.queue, letter.body, letter.reason) == ("live", "crashes", None)


def test_dropped_are_the_chosen_and_only_they(dead: DeadLetterQueues) -> None:
    for name in ("one", "two", "three"):
        dead.queues["live"].dead_letter(name, "reason")
    chosen = [letter for letter in dead.all() if letter.body != "two"]

    assert bodies(dead.drop(chosen)) == ["one", "three"]

    assert bodies(dead.all()) == ["two"]
    assert dead.count() == 1
    assert dead.queues["live"].depth() == 0


def test_what_is_gone_already_is_not_told_as_dropped(dead: DeadLetterQueues) -> None:
    dead.queues["live"].dead_letter("one", "reason")
    chosen = dead.all()
    dead.drop(chosen)

    assert dead.drop(chosen) == []


def test_put_back_is_each_where_it_came_from_without_its_reason(
    dead: DeadLetterQueues, aws: MotoStack
) -> None:
    for name, queue in dead.queues.items():
        queue.dead_letter(name, "reason")

    assert bodies(dead.put_back(dead.all())) == ["bulk", "live", "review"]

    assert dead.count() == 0
    for name, queue in dead.queues.items():
        (message,) = aws.messages(queue.url)
        assert message["Body"] == name
        assert "MessageAttributes" not in message


def test_what_could_not_be_sent_stays_and_is_shown_again(dead: DeadLetterQueues, sqs: Sqs) -> None:
    dead.queues["live"].dead_letter("poison", "reason")
    letters = dead.all()
    broken: Any = Sqs(sqs.sqs)
    broken.send_message = lambda **_: (_ for _ in ()).throw(ConnectionError)
    live = dead.queues["live"]
    unable = DeadLetterQueues({"live": ChangeQueue(broken, live.url, live.dead_letter_url)})

    with pytest.raises(ConnectionError):
        unable.put_back(letters)

    assert bodies(dead.all()) == ["poison"]


def test_sqs_redrives_to_the_queue_that_it_is_told(dead: DeadLetterQueues, sqs: Sqs) -> None:
    for _ in range(3):
        dead.queues["bulk"].dead_letter("poison", "reason")
    sqs.tasks = [OF_YESTERDAY, OF_YESTERDAY, RUNNING, COMPLETED]
    told: list[int] = []

    assert dead.redrive("bulk", told.append) == 3

    assert sqs.started == [("BulkDeadLetterQueue", "BulkQueue")]
    assert told == [1, 3]
    assert len(dead.all()) == 3, "moto moved nothing, and nothing stays hidden"


def test_a_queue_without_dead_letters_is_not_redriven(dead: DeadLetterQueues, sqs: Sqs) -> None:
    assert dead.redrive("live", lambda moved: None) == 0
    assert sqs.started == []


@pytest.mark.parametrize(
    ("tasks", "problem"),
    [
        ([{}, COMPLETED | {"Status": "FAILED", "FailureReason": "AccessDenied"}], "after 3: AccessDenied"),
        ([{}, COMPLETED | {"Status": "CANCELLED"}], "after 3: cancelled"),
        ([OF_YESTERDAY] * 61, "SQS does not say what became of it"),
        ([{}, RUNNING, RUNNING | {"ApproximateNumberOfMessagesMoved": 10}], "fail again at once"),
    ],
)
def test_a_redrive_that_does_not_end_well_is_told(
    dead: DeadLetterQueues, sqs: Sqs, tasks: list[dict[str, Any]], problem: str
) -> None:
    dead.queues["live"].dead_letter("poison", "reason")
    sqs.tasks = tasks

    with pytest.raises(NotMoved, match=problem):
        dead.redrive("live", lambda moved: None)

    assert sqs.cancelled == (["task-2"] if "again" in problem else [])


def test_a_redrive_that_sqs_does_not_begin_is_told(dead: DeadLetterQueues, sqs: Sqs) -> None:
    dead.queues["live"].dead_letter("poison", "reason")
    sqs.refusal = "AccessDenied"

    with pytest.raises(NotMoved, match=r"SQS did not begin: no\."):
        dead.redrive("live", lambda moved: None)

    assert len(dead.all()) == 1


def test_where_sqs_knows_no_redrive_each_is_sent_and_deleted(dead: DeadLetterQueues, aws: MotoStack) -> None:
    for number in range(12):
        dead.queues["live"].dead_letter(f"poison {number}", "reason")

    assert dead.redrive("live", lambda moved: None) == 12

    assert dead.count() == 0
    assert len(aws.messages(dead.queues["live"].url)) == 12


def test_the_queues_keep_messages_as_long_as_we_say(dead: DeadLetterQueues, aws: MotoStack) -> None:
    for queue in dead.queues.values():
        for url in (queue.url, queue.dead_letter_url):
            attributes = aws.client("sqs").get_queue_attributes(
                QueueUrl=url, AttributeNames=["MessageRetentionPeriod"]
            )["Attributes"]
            assert attributes["MessageRetentionPeriod"] == str(KEPT_SECONDS)
