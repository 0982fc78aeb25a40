"""Messages: what travels on the queues, as JSON.

Each has its `connection`, `epoch`, `cause` and `attempt`, and one of

    "event": {...}                                                      a Stripe event, to be folded
    "review": ["per_...", ...]                                          people to be looked at again
    "walk": {"index": "uses:product:...", "shard": 0, "after": "..."}   all people of a member index
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from peoplesync.domain.connections import Epoch

MAX_BYTES: Final = 1_048_576
"""What a queue takes: 1 MiB of body and attributes."""


class Unreadable(ValueError):
    """A message that no later attempt can make sense of; the text says why."""


@dataclass(frozen=True)
class Walk:
    """A way through a member index, all of whose people are to be looked at again.

    It goes on after the member `after` of the shard `shard`.
    """

    index: str
    shard: int = 0
    after: str = ""


@dataclass(frozen=True)
class Message:
    """One Stripe event on its way to the fold, or people who are to be looked at again.

    `cause` says how we came to know of it; `attempt` counts how often it had to wait.
    """

    epoch: Epoch
    event: Mapping[str, Any] | None = None
    review: tuple[str, ...] = ()
    walk: Walk | None = None
    cause: str = "live"
    attempt: int = 0

    def encode(self) -> str:
        content: dict[str, Any] = {"review": self.review}
        if self.event is not None:
            content = {"event": self.event}
        elif self.walk is not None:
            content = {"walk": asdict(self.walk)}
        return json.dumps(
            {
                "connection": self.epoch.connection,
                "epoch": self.epoch.number,
                "cause": self.cause,
                "attempt": self.attempt,
                **content,
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
        case {"connection": str(name), "epoch": int(number), "cause": str(cause), "attempt": int(attempt)}:
            epoch = Epoch(name, number)
            match value:
                case {"event": dict(event)}:
                    return Message(epoch, event, cause=cause, attempt=attempt)
                case {"walk": {"index": str(index), "shard": int(shard), "after": str(after)}}:
                    return Message(epoch, walk=Walk(index, shard, after), cause=cause, attempt=attempt)
                case {"review": [*people]} if all(isinstance(person, str) for person in people):
                    return Message(epoch, review=tuple(people), cause=cause, attempt=attempt)
    raise Unreadable("not a message of peoplesync: connection, epoch, cause, attempt or content is missing")
