"""The dead-letter queues: their messages, listed, put back on their queues, or dropped.

SQS shows a queue by samples. To see everything, one receives until nothing more comes, which hides what
was seen from everybody else; afterwards all of it is shown again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from peoplesync.adapters.aws.queues import MAX_ENTRIES, ChangeQueue, QueueDepths
from peoplesync.use_cases.messages.dead_letters import DeadLetter

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

HIDDEN_SECONDS: Final = 300
"""More than reading a queue through takes, so that nothing is seen twice."""

WAIT_SECONDS = 1
"""A receive that waits asks all of the queue's servers; one that does not may overlook a message."""

EMPTY_ANSWERS: Final = 3
"""How many empty receives in a row end the reading where SQS counts more than was seen; else one does."""

LOOK_SECONDS = 1.0
LOOKS_FOR_A_TASK: Final = 60
"""A task shows among the queue's tasks at once or soon after; it is waited for so many looks."""

GOES_ROUND: Final = 3
"""A task that has moved so many times the initial count moves what came back, and would never end."""

Report = Callable[[int], None]


class NotMoved(Exception):
    """SQS did not put everything back; the text says why."""


@dataclass(frozen=True)
class _Held:
    """A dead letter that is hidden from others, with what deletes it or shows it again."""

    letter: DeadLetter
    receipt: str


_Enough = Callable[[Mapping[str, _Held]], bool]


@dataclass(frozen=True)
class DeadLetterQueues:
    """The dead-letter queues of `queues`, by their names: live, bulk and review."""

    queues: Mapping[str, ChangeQueue]

    def all(self) -> list[DeadLetter]:
        """Every dead letter that no other command is holding, oldest first."""
        with ThreadPoolExecutor(len(self.queues)) as readers:
            found = [letter for letters in readers.map(self._all_of, self.queues) for letter in letters]
        return sorted(found, key=lambda letter: (letter.sent_at, letter.id))

    def count(self) -> int:
        """How many SQS counts, also those that another command is holding; approximate for up to a minute."""
        return QueueDepths(tuple(self.queues.values())).dead()

    def drop(self, letters: Collection[DeadLetter]) -> list[DeadLetter]:
        """Deletes these; those that were still there."""
        return self._take(letters)

    def put_back(self, letters: Collection[DeadLetter]) -> list[DeadLetter]:
        """Sends these to the queues that they came from, without their reasons; those that were still there.

        Each is sent before it is deleted: an interruption may leave it in both queues, where the second time
        changes nothing, but never in neither.
        """
        return self._take(letters, first=ChangeQueue.send)

    def redrive(self, name: str, report: Report) -> int:
        """Has SQS put back everything that lies in a dead-letter queue; how many that were, which `report`
        gets meanwhile. Raises `NotMoved`."""
        queue = self.queues[name]
        with self._held(name, enough=bool) as held:
            if not held:
                return 0
        source, destination = _arn(queue.sqs, queue.dead_letter_url), _arn(queue.sqs, queue.url)
        try:
            before = _latest_task(queue.sqs, source)
            # SQS does not know where a message came from that the worker dead-lettered: say where to.
            queue.sqs.start_message_move_task(SourceArn=source, DestinationArn=destination)
        except ClientError as error:
            if error.response["Error"]["Code"] != "InvalidAction":
                raise NotMoved(f"SQS did not begin: {error.response['Error']['Message']}") from error
            # The local stack's emulator knows no such tasks. There it is done by hand.
            return len(self.put_back(self._all_of(name)))
        return _moved(queue.sqs, source, before, report)

    def _all_of(self, name: str) -> list[DeadLetter]:
        with self._held(name) as held:
            return [one.letter for one in held.values()]

    def _take(
        self, letters: Collection[DeadLetter], first: Callable[[ChangeQueue, str], None] | None = None
    ) -> list[DeadLetter]:
        """Deletes these, each after `first` was done with its queue and body."""
        taken = set()
        for name, queue in self.queues.items():
            wanted = {letter.id for letter in letters if letter.queue == name}
            if not wanted:
                continue
            with self._held(name, enough=wanted.issubset) as held:
                for one in [one for one in held.values() if one.letter.id in wanted]:
                    if first is not None:
                        first(queue, one.letter.body)
                    queue.sqs.delete_message(QueueUrl=queue.dead_letter_url, ReceiptHandle=one.receipt)
                    del held[one.letter.id]
                    taken.add(one.letter.id)
        return [letter for letter in letters if letter.id in taken]

    @contextmanager
    def _held(self, name: str, enough: _Enough | None = None) -> Iterator[dict[str, _Held]]:
        """A queue's dead letters by id, all or as many as are enough, hidden from others meanwhile. What
        is still in the dictionary in the end is shown again."""
        queue = self.queues[name]
        held: dict[str, _Held] = {}
        try:
            _receive(queue, name, held, enough)
            yield held
        finally:
            _show(queue, [one.receipt for one in held.values()])


def _receive(queue: ChangeQueue, name: str, held: dict[str, _Held], enough: _Enough | None) -> None:
    empty = 0
    while enough is None or not enough(held):
        received = queue.sqs.receive_message(
            QueueUrl=queue.dead_letter_url,
            MaxNumberOfMessages=MAX_ENTRIES,
            VisibilityTimeout=HIDDEN_SECONDS,
            WaitTimeSeconds=WAIT_SECONDS,
            MessageAttributeNames=["reason"],
            MessageSystemAttributeNames=["SentTimestamp", "DeadLetterQueueSourceArn"],
        ).get("Messages", [])
        new = {one["MessageId"]: _Held(_letter(name, one), one["ReceiptHandle"]) for one in received}
        # What comes a second time, since this has taken too long, is known already.
        empty = 0 if new.keys() - held.keys() else empty + 1
        held |= new
        if empty and (empty == EMPTY_ANSWERS or QueueDepths((queue,)).dead() <= len(held)):
            return


def _letter(name: str, received: Mapping[str, Any]) -> DeadLetter:
    attributes = received["Attributes"]
    reason = received.get("MessageAttributes", {}).get("reason", {}).get("StringValue")
    # Dead-lettered, put back by SQS and crashed since, it still has the reason of its first death.
    if "DeadLetterQueueSourceArn" in attributes:
        reason = None
    sent_at = int(attributes["SentTimestamp"]) // 1_000
    return DeadLetter(received["MessageId"], name, received["Body"], sent_at, reason)


def _show(queue: ChangeQueue, receipts: Sequence[str]) -> None:
    """Lets others see messages again; where that fails, they show after `HIDDEN_SECONDS`."""
    for start in range(0, len(receipts), MAX_ENTRIES):
        entries: Any = [
            {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": 0}
            for number, receipt in enumerate(receipts[start : start + MAX_ENTRIES])
        ]
        queue.sqs.change_message_visibility_batch(QueueUrl=queue.dead_letter_url, Entries=entries)


def _arn(sqs: SQSClient, url: str) -> str:
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def _latest_task(sqs: SQSClient, source: str) -> Mapping[str, Any]:
    results = sqs.list_message_move_tasks(SourceArn=source, MaxResults=1).get("Results", [])
    return results[0] if results else {}


def _moved(sqs: SQSClient, source: str, before: Mapping[str, Any], report: Report) -> int:
    """How much the task moved that was begun after `before`, when it has ended."""
    looks = 0
    while True:
        task = _latest_task(sqs, source)
        if task.get("StartedTimestamp") == before.get("StartedTimestamp"):
            looks += 1
            if looks == LOOKS_FOR_A_TASK:
                raise NotMoved("SQS does not say what became of it")
        else:
            moved = int(task.get("ApproximateNumberOfMessagesMoved") or 0)
            report(moved)
            if task["Status"] == "COMPLETED":
                return moved
            if task["Status"] not in ("RUNNING", "CANCELLING"):
                why = task.get("FailureReason") or task["Status"].lower()
                raise NotMoved(f"SQS stopped after {moved:,}: {why}")
            there_were = int(task.get("ApproximateNumberOfMessagesToMove") or 0)
            if there_were and moved > GOES_ROUND * there_were:
                sqs.cancel_message_move_task(TaskHandle=task["TaskHandle"])
                raise NotMoved("replayed messages fail again at once, so it was stopped; fix the cause first")
        time.sleep(LOOK_SECONDS)
