"""Messages: what travels on the queues.

{"connection": "main", "epoch": 1, "cause": "live", "attempt": 0, "event": {...}}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from peoplesync.domain.connections import Epoch

MAX_BYTES: Final = 1_048_576
"""What a queue takes: 1 MiB of body and attributes."""


class Unreadable(ValueError):
    """A message that no later attempt can make sense of; the text says why."""


@dataclass(frozen=True)
class Message:
    """One Stripe event on its way to the fold. `cause` says how we came to know of it; `attempt` counts how
    often it had to wait."""

    epoch: Epoch
    event: Mapping[str, Any]
    cause: str = "live"
    attempt: int = 0

    def encode(self) -> str:
        return json.dumps(
            {
                "connection": self.epoch.connection,
                "epoch": self.epoch.number,
                "cause": self.cause,
                "attempt": self.attempt,
                "event": self.event,
            },
            separators=(",", ":"),
        )

    def next_attempt(self) -> Message:
        return replace(self, attempt=self.attempt + 1)


def decode(body: str) -> Message:
    """The message; raises `Unreadable`."""
    try:
        value = json.loads(body)
    except ValueError as error:
        raise Unreadable("not JSON") from error
    match value:
        case {
            "connection": str(connection),
            "epoch": int(number),
            "cause": str(cause),
            "attempt": int(attempt),
            "event": dict(event),
        }:
            return Message(Epoch(connection, number), event, cause, attempt)
    raise Unreadable("not a message of peoplesync: connection, epoch, cause, attempt or event is missing")
