"""The queues."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from peoplesync.use_cases.messages.message import MAX_BYTES
from peoplesync.use_cases.ports import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

MAX_REASON: Final = 1_000
MAX_ENTRIES: Final = 10
_ATTRIBUTE_OVERHEAD: Final = 20


@dataclass(frozen=True)
class ChangeQueue:
    """A queue of changes with its dead-letter queue."""

    sqs: SQSClient
    url: str
    dead_letter_url: str

    @property
    def name(self) -> str:
        return self.url.rpartition("/")[2]

    def depth(self) -> int:
        """Messages on the queue: visible, in flight and delayed."""
        return _depth(self.sqs, self.url)

    def visible(self) -> int:
        """Messages that nobody has taken yet, but for the delayed ones."""
        answer = self.sqs.get_queue_attributes(
            QueueUrl=self.url, AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def send(self, body: str, delay: int = 0) -> None:
        """Puts a message on the queue; it shows after `delay` seconds (at most 900)."""
        self.sqs.send_message(QueueUrl=self.url, MessageBody=body, DelaySeconds=delay)

    def send_all(self, bodies: Sequence[str]) -> None:
        """Puts all messages on the queue, with as few requests as possible; raises where one of them is not.
        What was sent until then stays."""
        for together in _batches(bodies):
            entries: Any = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(together)]
            answer = self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries)
            if refused := answer.get("Failed"):
                raise Unavailable(f"the queue did not take a message: {refused[0].get('Code')}")

    def dead_letter(self, body: str, reason: str) -> None:
        """Puts a message straight into the dead-letter queue, with its reason cut to fit."""
        room = MAX_BYTES - len(body.encode()) - _ATTRIBUTE_OVERHEAD
        reason = reason[: max(1, min(MAX_REASON, room // 4))]
        self.sqs.send_message(
            QueueUrl=self.dead_letter_url,
            MessageBody=body,
            MessageAttributes={"reason": {"DataType": "String", "StringValue": reason}},
        )


def _batches(bodies: Sequence[str]) -> Iterator[list[str]]:
    """Ten messages, or 1 MiB of them, is what one request takes."""
    batch: list[str] = []
    size = 0
    for body in bodies:
        if batch and (len(batch) == MAX_ENTRIES or size + len(body.encode()) > MAX_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(body)
        size += len(body.encode())
    if batch:
        yield batch


_DEPTHS: Final = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


@dataclass(frozen=True)
class QueueDepths:
    """How much is on the queues of a stack, and in their dead-letter queues."""

    queues: tuple[ChangeQueue, ...]

    def waiting(self) -> int:
        """Changes on the queues: visible, in flight and delayed."""
        return sum(queue.depth() for queue in self.queues)

    def by_queue(self) -> dict[str, int]:
        """The same of each queue."""
        names = ("live", "bulk", "review")
        return {name: queue.depth() for name, queue in zip(names, self.queues, strict=True)}

    def dead(self) -> int:
        """Messages in the dead-letter queues."""
        return sum(_depth(queue.sqs, queue.dead_letter_url) for queue in self.queues)


def _depth(sqs: SQSClient, url: str) -> int:
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(_DEPTHS))["Attributes"]
    return sum(int(attributes[name]) for name in _DEPTHS)
