"""Receive activity: what the app sends about its users goes on the live queue as messages, or is refused.

It speaks Segment's HTTP API, so that Segment's own clients work as they are. They send again what is
answered with 5xx, and give up what is answered with 400: so a request is answered with 200 only when all of
it is on the queue, and with 503 when some of it may not be. What is sent twice counts once, by its
`messageId`.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from peoplesync.domain.connections import Connection, Epoch, is_connection_name
from peoplesync.use_cases.ingress.activity_schema import InvalidActivity, read_item
from peoplesync.use_cases.ingress.bodies import Unacceptable, read_json
from peoplesync.use_cases.ingress.write_keys import WriteKey, is_write_key
from peoplesync.use_cases.messages.message import BulkBatch, Message
from peoplesync.use_cases.messages.packing import BYTES_A_CHUNK
from peoplesync.use_cases.metrics import Metric
from peoplesync.use_cases.ports import Unavailable

Json = Mapping[str, Any]

ACTIVITIES_A_MESSAGE: Final = 25
USERS_A_MESSAGE: Final = 10
"""Each user costs the worker a read and a write. It takes ten live messages at a time, so as many people as
of the bulk queue."""

MAIN: Final = "main"
"""The connection that an event of the bus is for, if it names none."""


class Connections(Protocol):
    def get_even_disconnected(self, name: str) -> Connection | None: ...


class Keys(Protocol):
    def find(self, key: str) -> WriteKey | None:
        """What is known of a key, also of a revoked one. Raises Unavailable."""


class Queue(Protocol):
    def send_all(self, bodies: Sequence[str]) -> None:
        """Raises Unavailable where one of the messages is not on the queue."""

    def dead_letter(self, body: str, reason: str) -> None: ...


@dataclass(frozen=True)
class ApiAnswer:
    """How a request is answered. `accepted` items are on the queue; `refused` counts the others by the part
    that was wrong, and `metric` is what else is to be counted. Only `body` may hold something personal."""

    status: int
    body: Json
    connection: str = ""
    accepted: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)
    metric: Metric | None = None

    @property
    def logged(self) -> Mapping[str, Any]:
        """What a log may say of it."""
        return {
            "status": self.status,
            "code": self.body.get("code"),
            "connection": self.connection,
            "accepted": self.accepted,
            "refused": dict(self.refused),
        }


BUSY: Final = ApiAnswer(
    503,
    {
        "success": False,
        "code": "unavailable",
        "message": "peoplesync is busy; send the same again in a moment",
    },
)
"""The answer when some of a request may not be on the queue."""


class Refused(Exception):
    """A request that is not let in, or cannot be read."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass(frozen=True)
class Sorted:
    """Items that are valid, and the places of the others in the batch, each with the reason."""

    sound: list[Json]
    refused: dict[int, InvalidActivity]

    @property
    def parts(self) -> Mapping[str, int]:
        return Counter(problem.part for problem in self.refused.values())


@dataclass(frozen=True)
class ActivityReceiver:
    """The use case with what it needs. `queue` is the live one."""

    connections: Connections
    keys: Keys
    queue: Queue

    def receive(self, method: str, body: bytes, headers: Mapping[str, str], now: int) -> ApiAnswer:
        """Takes a request to `/v1/{method}`: track, identify or batch. `headers` have small letters."""
        try:
            return self._received(method, body, headers, now)
        except Refused as refused:
            said = {"success": False, "code": refused.code, "message": str(refused)}
            stranger = refused.status in (401, 403)
            metric = Metric.ACTIVITY_UNAUTHORIZED if stranger else Metric.ACTIVITIES_REFUSED
            return ApiAnswer(refused.status, said, metric=metric)
        except Unavailable:
            return BUSY

    def _received(self, method: str, body: bytes, headers: Mapping[str, str], now: int) -> ApiAnswer:
        key = _key_of_header(headers.get("authorization", ""))
        # With a key in the header a stranger's body is not even unpacked.
        connection = self._connection(key) if key else None
        try:
            request = read_json(body, headers.get("content-encoding", ""))
        except Unacceptable as problem:
            raise Refused(413 if problem.too_large else 400, "invalid_body", str(problem)) from None
        if connection is None:
            connection = self._connection(request.get("writeKey"))
        items = _items(method, request)
        found = sort_items(items, now, lambda _: secrets.token_hex(16))
        self.queue.send_all(messages(connection.epoch, found.sound))
        return _answer(connection, items, found)

    def _connection(self, key: Any) -> Connection:
        """The connection that a key opens."""
        if not isinstance(key, str) or not key:
            raise Refused(
                401,
                "no_write_key",
                "send a write key as the user name of HTTP Basic, with an empty password; "
                "`peoplesync keys create NAME` makes one",
            )
        known = self.keys.find(key) if is_write_key(key) else None
        if known is None:
            raise Refused(
                401,
                "wrong_write_key",
                "there is no such write key; `peoplesync keys list` shows the ends of those that there are",
            )
        if known.revoked_at is not None:
            raise Refused(
                401,
                "revoked_write_key",
                f"the write key {known.shown} was revoked; `peoplesync keys create NAME` makes another",
            )
        connection = self.connections.get_even_disconnected(known.connection)
        if connection is None:
            raise Refused(
                401,
                "no_connection",
                f"the write key {known.shown} is for the connection {known.connection}, which is not there",
            )
        if connection.disconnected_at is not None:
            raise Refused(
                403,
                "disconnected",
                f"the connection {connection.name} is disconnected; `peoplesync connect` connects it again",
            )
        return connection

    def take_event(self, detail: Any, event_id: str, happened_at: int, now: int) -> ApiAnswer:
        """Takes an event of the bus, which nobody waits for: what is refused becomes a dead letter. An item
        without a time is of the event's, and one without an id is known by the event's. Raises
        Unavailable."""
        items = detail.get("batch") if isinstance(detail, dict) else None
        if not isinstance(items, list):
            items = [detail]
        name = detail.get("connection") if isinstance(detail, dict) else None
        connection, problem = self._named(MAIN if name is None else name)
        if connection is None:
            found = Sorted([], {place: InvalidActivity("connection", problem) for place in range(len(items))})
        else:
            found = sort_items(items, now, lambda place: f"{event_id}:{place}", happened_at)
            self.queue.send_all(messages(connection.epoch, found.sound))
        known_as = connection.name if connection else ""
        for place, refused in found.refused.items():
            body = json.dumps({"connection": known_as or str(name), "activity": items[place]})
            self.queue.dead_letter(body, f"activity on the bus: {refused}")
        return ApiAnswer(200, {}, known_as, len(found.sound), found.parts)

    def _named(self, name: Any) -> tuple[Connection | None, str]:
        """The connection that an event of the bus is for, or why it cannot be."""
        a_name = isinstance(name, str) and is_connection_name(name)
        connection = self.connections.get_even_disconnected(name) if a_name else None
        if connection is None:
            return None, "there is no such connection"
        if connection.disconnected_at is not None:
            return None, "the connection is disconnected"
        return connection, ""


def sort_items(
    items: Sequence[Any], now: int, fallback: Callable[[int], str], at: int | None = None
) -> Sorted:
    """The items that are valid, and what is wrong with the others. `fallback` makes an id for the one at a
    place; `at` is when those without a timestamp happened, if not `now`."""
    found = Sorted([], {})
    for place, item in enumerate(items):
        try:
            found.sound.append(read_item(item, now, fallback(place), at))
        except InvalidActivity as problem:
            found.refused[place] = problem
    return found


def messages(epoch: Epoch, activities: Iterable[Json]) -> list[str]:
    """The messages that carry activities. What belongs to one user stays together and in order, since every
    message that names a user costs a read and a write of them."""
    by_user: dict[str, list[Json]] = {}
    for one in activities:
        by_user.setdefault(one["user"], []).append(one)
    together = (one for theirs in by_user.values() for one in theirs)
    return [Message(epoch, chunk=BulkBatch(activities=some)).encode() for some in _packed(together)]


def _packed(activities: Iterable[Json]) -> Iterator[tuple[Json, ...]]:
    packed: list[Json] = []
    users: set[str] = set()
    size = 0
    for one in activities:
        # As the message writes it: every letter beyond ASCII is escaped.
        added = len(json.dumps(one, separators=(",", ":"))) + 1
        another = one["user"] not in users
        full = len(packed) == ACTIVITIES_A_MESSAGE or (another and len(users) == USERS_A_MESSAGE)
        if packed and (full or size + added > BYTES_A_CHUNK):
            yield tuple(packed)
            packed, users, size = [], set(), 0
        packed.append(one)
        users.add(one["user"])
        size += added
    if packed:
        yield tuple(packed)


def _key_of_header(header: str) -> str:
    """The user name of HTTP Basic; "" where there is none, or something else is sent."""
    scheme, _, credentials = header.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        decoded = base64.b64decode(credentials.strip(), validate=True).decode()
    except ValueError:
        return ""
    return decoded.partition(":")[0]


def _items(method: str, request: dict[str, Any]) -> list[Any]:
    if method != "batch":
        item = {name: value for name, value in request.items() if name != "writeKey"}
        if item.setdefault("type", method) != method:
            raise Refused(400, "wrong_type", f"/v1/{method} takes messages of the type {method}")
        return [item]
    items = request.get("batch")
    if not isinstance(items, list):
        raise Refused(400, "no_batch", "batch is missing: a list of messages")
    return items


def _answer(connection: Connection, items: Sequence[Any], found: Sorted) -> ApiAnswer:
    accepted = len(found.sound)
    if not found.refused:
        return ApiAnswer(200, {"success": True}, connection.name, accepted)
    rejected = [
        {"index": place, "messageId": _message_id(items[place]), "error": str(problem)}
        for place, problem in found.refused.items()
    ]
    body = {"success": False, "accepted": accepted, "rejected": rejected}
    return ApiAnswer(200 if accepted else 400, body, connection.name, accepted, found.parts)


def _message_id(item: Any) -> str | None:
    message = item.get("messageId") if isinstance(item, dict) else None
    return message if isinstance(message, str) else None
