"""Dead letters: what a message that could not be applied was about, and why it could not.

A message becomes one in two ways. The worker dead-letters what no later attempt can apply, and notes the
reason; SQS moves what crashed the worker five times, without a reason. Descriptions hold nothing personal.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from peoplesync.use_cases.messages.message import PARTS, BulkBatch, Message, Unreadable, decode
from peoplesync.use_cases.public_json import iso

KEPT_SECONDS: Final = 14 * 86_400
"""How long the template's queues keep a message; for a dead letter counted from when it was first sent."""

CRASHED: Final = "crashed five times; `peoplesync logs --errors` says why"


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
        described: dict[str, Any] = {
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
            return described | {"what": _unread(self.body)} | unread
        return described | {
            "what": _what(message),
            "connection": message.epoch.connection,
            "event": None if message.event is None else _text(message.event.get("id")),
            "cause": message.cause,
            "attempt": message.attempt,
        }

    def content(self) -> Any:
        """The message, parsed where it is JSON. It is personal data."""
        try:
            return json.loads(self.body)
        except ValueError:
            return self.body


def _connection(body: str) -> str | None:
    """The connection that an unreadable message names, if any."""
    try:
        value = json.loads(body)
    except ValueError:
        return None
    return _text(value.get("connection")) if isinstance(value, dict) else None


def _unread(body: str) -> str:
    """Describes a body that is not a message of the queues: an activity from the bus, or unknown."""
    try:
        value = json.loads(body)
    except ValueError:
        value = None
    if isinstance(value, dict) and ("activity" in value or value.get("detail-type") == "Activity"):
        return "activity put on the bus"
    return f"unreadable, {len(body.encode()):,} bytes"


def _what(message: Message) -> str:
    if message.event is not None:
        return _event(message.event)
    if message.walk is not None:
        return f"everybody of {message.walk.index} to review"
    if message.chunk is not None:
        return _chunk(message.chunk)
    if message.erase is not None:
        return f"person {message.erase.person}, to be erased"
    if message.purge is not None:
        return "rows of an epoch that is over, to be deleted"
    return _counted(len(message.review), "person", "people") + " to review"


def _event(event: Mapping[str, Any]) -> str:
    """The event's type, and the object that it is about."""
    data = event.get("data")
    subject = data.get("object") if isinstance(data, dict) else None
    named = _text(subject.get("id")) if isinstance(subject, dict) else None
    return " ".join(part for part in (_text(event.get("type")) or "event without a type", named) if part)


def _chunk(chunk: BulkBatch) -> str:
    """How much a chunk holds; a single part, as the worker dead-letters it, is named."""
    parts = list(chunk.parts)
    if len(parts) == 1:
        ((_, kind, one),) = parts
        return _part(kind, one)
    counts = Counter(kind for _, kind, _ in parts)
    return ", ".join(_counted(counts[kind], *_NAMES[kind]) for kind in PARTS if counts[kind]) or (
        "the end of a list"
    )


_NAMES: Final = {
    "objects": ("listed object", "listed objects"),
    "events": ("event", "events"),
    "unseen": ("customer that no list showed", "customers that no list showed"),
    "activities": ("activity of the app's users", "activities of the app's users"),
    "people": ("person to review", "people to review"),
}
"""Names of the parts of a chunk, singular and plural."""


def _part(kind: str, one: Any) -> str:
    match kind:
        case "events":
            return _event(one)
        case "unseen":
            return f"customer {one}, which no list showed"
        case "people":
            return f"person {one} to review"
        case "activities":
            return f"{_text(one.get('type')) or 'activity without a type'} of a user of the app"
    return " ".join(part for part in ("listed", _text(one.get("object")), _text(one.get("id"))) if part)


def _counted(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
