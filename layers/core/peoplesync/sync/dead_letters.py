"""Dead letters: what a message that could not be applied was about, and why it could not.

A message dies in two ways. The worker buries what no later attempt can apply, and notes the reason; SQS moves
what crashed the worker five times, and knows no reason. Descriptions hold nothing personal.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from peoplesync.sync.browse import iso
from peoplesync.sync.messages import Chunk, Message, Unreadable, decode

KEPT_SECONDS: Final = 14 * 86_400
"""How long the template's queues keep a message; for a dead letter counted from when it was first sent."""

CRASHED: Final = "crashed five times; `peoplesync logs --errors` tells why"


@dataclass(frozen=True)
class DeadLetter:
    """A message in a dead-letter queue. `id` is SQS's; `queue` is the one to which the message returns: live,
    bulk or review; `sent_at` is in Unix seconds; `reason` is the worker's, None where SQS moved it."""

    id: str
    queue: str
    body: str
    sent_at: int
    reason: str | None

    def described(self) -> dict[str, Any]:
        """What it is about, as public JSON; connection, event, cause and attempt are null where the message
        cannot be read."""
        told: dict[str, Any] = {
            "id": self.id,
            "queue": self.queue,
            "since": iso(self.sent_at),
            "kept_until": iso(self.sent_at + KEPT_SECONDS),
            "why": CRASHED if self.reason is None else self.reason,
        }
        try:
            message = decode(self.body)
        except Unreadable:
            unread = {"connection": _connection(self.body), "event": None, "cause": None, "attempt": None}
            return told | {"what": f"unreadable, {len(self.body.encode()):,} bytes"} | unread
        return told | {
            "what": _what(message),
            "connection": message.epoch.connection,
            "event": None if message.event is None else _text(message.event.get("id")),
            "cause": message.cause,
            "attempt": message.attempt,
        }

    def content(self) -> Any:
        """What the message says, parsed where it is JSON. It is personal."""
        try:
            return json.loads(self.body)
        except ValueError:
            return self.body


def _connection(body: str) -> str | None:
    """The connection of a message that is otherwise none."""
    try:
        value = json.loads(body)
    except ValueError:
        return None
    return _text(value.get("connection")) if isinstance(value, dict) else None


def _what(message: Message) -> str:
    if message.event is not None:
        return _event(message.event)
    if message.walk is not None:
        return f"everybody of {message.walk.index} to review"
    if message.chunk is not None:
        return _chunk(message.chunk)
    if message.purge is not None:
        return "rows of an epoch that is over, to be deleted"
    return _counted(len(message.review), "person", "people") + " to review"


def _event(event: Mapping[str, Any]) -> str:
    """The event's type, and the object that it is about."""
    data = event.get("data")
    subject = data.get("object") if isinstance(data, dict) else None
    named = _text(subject.get("id")) if isinstance(subject, dict) else None
    return " ".join(part for part in (_text(event.get("type")) or "event without a type", named) if part)


def _chunk(chunk: Chunk) -> str:
    """How much a chunk holds; one thing alone, which is what the worker buries, is named."""
    if len(chunk.objects) + len(chunk.events) + len(chunk.unseen) == 1:
        if chunk.events:
            return _event(chunk.events[0])
        if chunk.unseen:
            return f"customer {chunk.unseen[0]}, whom no list showed"
        one = chunk.objects[0]
        return " ".join(part for part in ("listed", _text(one.get("object")), _text(one.get("id"))) if part)
    counts = (
        (len(chunk.objects), "listed object", "listed objects"),
        (len(chunk.events), "event", "events"),
        (len(chunk.unseen), "customer whom no list showed", "customers whom no list showed"),
    )
    return ", ".join(_counted(*count) for count in counts if count[0]) or "the end of a list"


def _counted(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
