"""Messages: what travels on the queues, as JSON.

Each has its `connection`, `epoch`, `cause` and `attempt`, and one of

    "event": {...}                                                      a Stripe event, to be folded
    "review": ["per_...", ...]                                          people to be looked at again
    "walk": {"index": "uses:product:...", "shard": 0, "after": "..."}   all people of a member index
    "chunk": {"id": "...", "run": "...", "as_of": 0, "objects": [...]}  many things of one kind
    "erase": {"person": "per_...", "records": ["cus_...", ...]}         a person to be erased
    "purge": {"table": "people", "after": "..."}                        rows of an epoch that is over
    "ask": {"kind": "price", "id": "...", "record": "", "after": 0}     what only Stripe can show, if asked
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Final, Literal

from peoplesync.domain.connections import Epoch

AskedKind = Literal["price", "coupon", "subscription"]

MAX_BYTES: Final = 1_048_576
"""What a queue takes: 1 MiB of body and attributes."""


class Unreadable(ValueError):
    """A message that no later attempt can make sense of; the text says why."""


@dataclass(frozen=True)
class IndexScan:
    """A walk through a member index, all of whose people are to be reviewed. It continues after the member
    `after` of the shard `shard`.
    """

    index: str
    shard: int = 0
    after: str = ""


@dataclass(frozen=True)
class BulkBatch:
    """Many things in one message, most often part of what Stripe's lists showed.

    `objects` are Stripe objects as they were at `as_of`, `events` are Stripe events, `unseen` are customers
    to ask Stripe for if no list showed them since `as_of`; `activities` are what the app sent about its
    users, `people` are to be looked at again. `run` names what has to know when all of it is applied,
    "" where nobody has to; `failed` counts the parts that were dead-lettered.
    """

    id: str = ""
    run: str = ""
    as_of: int = 0
    objects: tuple[Mapping[str, Any], ...] = ()
    events: tuple[Mapping[str, Any], ...] = ()
    unseen: tuple[str, ...] = ()
    failed: int = 0
    activities: tuple[Mapping[str, Any], ...] = ()
    people: tuple[str, ...] = ()

    @property
    def parts(self) -> Iterator[tuple[int, str, Any]]:
        """All parts, numbered through from 0, each with the kind of thing that it is."""
        kinds = [(kind, one) for kind in PARTS for one in getattr(self, kind)]
        return ((part, kind, one) for part, (kind, one) in enumerate(kinds))

    def only(self, parts: Collection[int]) -> BulkBatch:
        """The chunk with some of its parts."""
        kept: dict[str, Any] = {kind: [] for kind in PARTS}
        for part, kind, one in self.parts:
            if part in parts:
                kept[kind].append(one)
        kinds: dict[str, Any] = {kind: tuple(some) for kind, some in kept.items()}
        return replace(self, **kinds)


PARTS: Final = ("objects", "events", "unseen", "activities", "people")
"""The kinds of things in a chunk, in the order in which they are numbered."""


@dataclass(frozen=True)
class Erase:
    """A person to be erased, with all their records as they were found. Where the person turns out to have
    others too, the message is sent again with those."""

    person: str
    records: tuple[str, ...] = ()


@dataclass(frozen=True)
class Purge:
    """The rows of an epoch that is over, to be deleted: those of `table` (of the first one, where it is
    empty) that a scan shows after the place `after`."""

    table: str = ""
    after: str = ""


@dataclass(frozen=True)
class Ask:
    """What events do not show, to be asked of Stripe: all of a price or coupon, or of a subscription of a
    record. Only an answer of later than `after` is of use; who has one already need not ask."""

    kind: AskedKind
    id: str
    record: str = ""
    after: int = -1


CAUSES: Final = (
    "live",
    "erased",
    "sweep",
    "import",
    "import_told",
    "reconcile",
    "moved",
    "definition_changed",
)
"""Where a change can come from. Of several that are written as one, the first in this order stands for
all. What an import brings is not published, also where it brings the events that happened meanwhile; what the
webhook or the clock brings is published in any case."""


def first_cause(causes: Iterable[str]) -> str:
    """The cause of a write that several led to."""
    order = {cause: place for place, cause in enumerate(CAUSES)}
    return min(causes, key=lambda cause: order.get(cause, len(order)), default="live")


@dataclass(frozen=True)
class Message:
    """One Stripe event on its way to the fold, or part of a list, or people who are to be looked at again.

    `cause` says where it came from; `attempt` counts how often it had to wait.
    """

    epoch: Epoch
    event: Mapping[str, Any] | None = None
    review: tuple[str, ...] = ()
    walk: IndexScan | None = None
    chunk: BulkBatch | None = None
    erase: Erase | None = None
    purge: Purge | None = None
    ask: Ask | None = None
    cause: str = "live"
    attempt: int = 0

    def encode(self) -> str:
        content: dict[str, Any] = {"review": self.review}
        if self.event is not None:
            content = {"event": self.event}
        elif self.walk is not None:
            content = {"walk": asdict(self.walk)}
        elif self.chunk is not None:
            content = {"chunk": {one.name: getattr(self.chunk, one.name) for one in fields(BulkBatch)}}
        elif self.erase is not None:
            content = {"erase": asdict(self.erase)}
        elif self.purge is not None:
            content = {"purge": asdict(self.purge)}
        elif self.ask is not None:
            content = {"ask": asdict(self.ask)}
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
    except (ValueError, RecursionError) as error:
        raise Unreadable("not JSON, or nested too deeply") from error
    match value:
        case {"connection": str(name), "epoch": int(number), "cause": str(cause), "attempt": int(attempt)}:
            epoch = Epoch(name, number)
            match value:
                case {"event": dict(event)}:
                    return Message(epoch, event, cause=cause, attempt=attempt)
                case {"walk": {"index": str(index), "shard": int(shard), "after": str(after)}}:
                    return Message(epoch, walk=IndexScan(index, shard, after), cause=cause, attempt=attempt)
                case {"chunk": dict(chunk)}:
                    return Message(epoch, chunk=_chunk(chunk), cause=cause, attempt=attempt)
                case {"erase": {"person": str(person), "records": [*records]}} if _are_texts(records):
                    erase = Erase(person, tuple(records))
                    return Message(epoch, erase=erase, cause=cause, attempt=attempt)
                case {"purge": {"table": str(table), "after": str(place)}} if _is_place(place):
                    return Message(epoch, purge=Purge(table, place), cause=cause, attempt=attempt)
                case {
                    "ask": {
                        "kind": "price" | "coupon" | "subscription" as kind,
                        "id": str(asked),
                        "record": str(record),
                        "after": int(after),
                    }
                }:
                    return Message(epoch, ask=Ask(kind, asked, record, after), cause=cause, attempt=attempt)
                case {"review": [*people]} if _are_texts(people):
                    return Message(epoch, review=tuple(people), cause=cause, attempt=attempt)
    raise Unreadable("not a message of peoplesync: connection, epoch, cause, attempt or content is missing")


def _is_place(text: str) -> bool:
    """Whether it is a place in a table: "" is the beginning, others are a key as JSON."""
    try:
        return not text or isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _are_texts(values: list[Any]) -> bool:
    return all(isinstance(one, str) for one in values)


def _chunk(value: dict[str, Any]) -> BulkBatch:
    match value:
        case {"id": str(chunk), "run": str(run), "as_of": int(as_of), "failed": int(failed)}:
            # What an older version sent has fewer kinds of parts.
            parts = {kind: value.get(kind, []) for kind in PARTS}
            are_lists = all(isinstance(some, list) for some in parts.values())
            if are_lists and _are_texts(parts["unseen"]) and _are_texts(parts["people"]):
                kinds: dict[str, Any] = {kind: tuple(some) for kind, some in parts.items()}
                return BulkBatch(chunk, run, as_of, failed=failed, **kinds)
    raise Unreadable("not a message of peoplesync: a chunk's part is missing")
