"""The app's door: who is let in, what is answered, and what is put on the live queue."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from peoplesync.domain.connections import Connection
from peoplesync.use_cases.ingress.activity_api import ActivityReceiver, ApiAnswer
from peoplesync.use_cases.ingress.write_keys import WriteKey, hash_of, is_key_name, is_write_key, new_key
from peoplesync.use_cases.messages.message import MAX_BYTES, Message, decode
from peoplesync.use_cases.metrics import Metric
from peoplesync.use_cases.ports import Unavailable
from tests.support.builders.stripe import NOW
from tests.support.fakes.world import CONNECTED

KEY, MADE = new_key("main", "website", NOW)
AT = "2026-03-01T11:59:58Z"


@dataclass
class Keys:
    """Keys by their text."""

    known: dict[str, WriteKey] = field(default_factory=lambda: {KEY: MADE})
    asked: int = 0
    busy: bool = False

    def find(self, key: str) -> WriteKey | None:
        self.asked += 1
        if self.busy:
            raise Unavailable("throttled")
        return self.known.get(key)


@dataclass
class Connections:
    connection: Connection | None = CONNECTED

    def get_even_disconnected(self, name: str) -> Connection | None:
        found = self.connection
        return found if found and found.name == name else None


@dataclass
class LiveQueue:
    """A queue that takes messages, unless it is down."""

    down: bool = False
    sent: list[str] = field(default_factory=list)
    dead_lettered: list[tuple[dict[str, Any], str]] = field(default_factory=list)

    def send_all(self, bodies: Sequence[str]) -> None:
        if self.down and bodies:
            raise Unavailable("down")
        self.sent += bodies

    def dead_letter(self, body: str, reason: str) -> None:
        self.dead_lettered.append((json.loads(body), reason))

    @property
    def messages(self) -> list[Message]:
        return [decode(body) for body in self.sent]

    @property
    def activities(self) -> list[Mapping[str, Any]]:
        return [one for message in self.messages if message.chunk for one in message.chunk.activities]


@dataclass
class Door:
    keys: Keys = field(default_factory=Keys)
    connections: Connections = field(default_factory=Connections)
    queue: LiveQueue = field(default_factory=LiveQueue)

    @property
    def receiver(self) -> ActivityReceiver:
        return ActivityReceiver(self.connections, self.keys, self.queue)

    def __call__(self, method: str, request: Any, key: str | None = KEY, **headers: str) -> ApiAnswer:
        body = request if isinstance(request, bytes) else json.dumps(request).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.receiver.receive(method, body, ({} if key is None else basic(key)) | named, NOW)


@pytest.fixture
def door() -> Door:
    return Door()


def basic(key: str, password: str = "") -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{key}:{password}".encode()).decode()}


def track(number: int = 1, **changed: Any) -> dict[str, Any]:
    item = {"type": "track", "userId": "42", "event": "Opened", "timestamp": AT, "messageId": f"m-{number}"}
    return item | changed


def test_a_batch_is_answered_as_segment_does_when_all_of_it_is_on_the_queue(door: Door) -> None:
    told = door("batch", {"batch": [track(1), track(2, type="identify", traits={"tier": "gold"})]})

    assert (told.status, told.body, told.accepted, told.connection) == (200, {"success": True}, 2, "main")
    (message,) = door.queue.messages
    assert (message.epoch, message.cause) == (CONNECTED.epoch, "live")
    assert message.chunk is not None
    assert (message.chunk.id, message.chunk.run) == ("", "")
    assert [(one["type"], one["message"]) for one in message.chunk.activities] == [
        ("track", "m-1"),
        ("identify", "m-2"),
    ]


@pytest.mark.parametrize("method", ["track", "identify"])
def test_a_single_message_needs_no_type(door: Door, method: str) -> None:
    item = track()
    del item["type"]

    assert door(method, item | {"sentAt": "2026-03-01T12:00:00Z"}).body == {"success": True}
    assert [one["type"] for one in door.queue.activities] == [method]


def test_a_message_sent_to_another_address_than_its_own_is_refused(door: Door) -> None:
    told = door("identify", track())

    assert (told.status, told.body["message"]) == (400, "/v1/identify takes messages of the type identify")
    assert door.queue.sent == []


def test_an_empty_batch_is_a_success(door: Door) -> None:
    assert door("batch", {"batch": []}).body == {"success": True}
    assert door.queue.sent == []


def test_a_key_may_be_in_the_body_where_a_client_sends_no_header(door: Door) -> None:
    assert door("batch", {"batch": [track()], "writeKey": KEY}, key=None).status == 200
    assert door("track", track(2, writeKey=KEY), key=None).status == 200
    assert len(door.queue.activities) == 2


def test_a_token_in_the_header_is_no_key_so_the_body_is_asked(door: Door) -> None:
    request = {"batch": [track()], "writeKey": KEY}

    assert door("batch", request, key=None, authorization="Bearer abc").status == 200
    assert door("batch", {"batch": [track()]}, key=None, authorization="Bearer abc").status == 401
    assert door("batch", request, key=None, authorization="Basic é").status == 200


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (None, "no_write_key"),
        ("", "no_write_key"),
        ("nonsense", "wrong_write_key"),
        (KEY + "x", "wrong_write_key"),
        (KEY[:-1], "wrong_write_key"),
        (hash_of(KEY), "wrong_write_key"),
        ("ps_" + "a" * 32, "wrong_write_key"),
    ],
    ids=["none", "empty", "nonsense", "longer", "shorter", "its hash", "another"],
)
def test_who_has_no_key_is_told_what_to_do_and_nothing_is_kept(
    door: Door, key: str | None, code: str
) -> None:
    told = door("batch", {"batch": [track()]}, key=key)

    assert (told.status, told.body["success"], told.body["code"]) == (401, False, code)
    assert "`peoplesync keys" in told.body["message"]
    assert told.metric is Metric.ACTIVITY_UNAUTHORIZED
    assert door.queue.sent == []


def test_what_cannot_be_a_key_is_not_looked_for(door: Door) -> None:
    door("batch", {"batch": []}, key="nonsense")

    assert door.keys.asked == 0


def test_a_wrong_key_in_the_header_is_not_made_good_by_one_in_the_body(door: Door) -> None:
    assert door("batch", {"batch": [track()], "writeKey": KEY}, key="ps_" + "a" * 32).status == 401


def test_a_revoked_key_opens_nothing(door: Door) -> None:
    door.keys.known[KEY] = replace(MADE, revoked_at=NOW - 1)

    told = door("batch", {"batch": [track()]})

    assert (told.status, told.body["code"]) == (401, "revoked_write_key")
    assert KEY not in told.body["message"]
    assert door.queue.sent == []


def test_the_keys_connection_has_to_be_there_and_connected(door: Door) -> None:
    door.connections.connection = replace(CONNECTED, disconnected_at=NOW - 1)
    told = door("batch", {"batch": [track()]})
    assert (told.status, told.body["code"]) == (403, "disconnected")
    assert "`peoplesync connect`" in told.body["message"]

    door.connections.connection = None
    told = door("batch", {"batch": [track()]})
    assert (told.status, told.body["code"]) == (401, "no_connection")
    assert door.queue.sent == []


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"{", 400, "the body is not JSON"),
        (b"[]", 400, "the body is not a JSON object"),
        (b"{}", 400, "batch is missing: a list of messages"),
        (b'{"batch": {}}', 400, "batch is missing: a list of messages"),
        (b'{"batch": [], "a": "' + b"x" * 512_000 + b'"}', 413, "the body has more than 512,000 bytes"),
    ],
    ids=["no JSON", "a list", "no batch", "a batch that is none", "too large"],
)
def test_a_request_that_cannot_be_read_is_refused_whole(
    door: Door, body: bytes, status: int, message: str
) -> None:
    told = door("batch", body)

    assert (told.status, told.body["success"]) == (status, False)
    assert told.body["message"].startswith(message)
    assert told.metric is Metric.ACTIVITIES_REFUSED
    assert door.queue.sent == []


def test_a_strangers_body_is_not_even_unpacked(door: Door) -> None:
    assert door("batch", b"no gzip", key="nonsense", content_encoding="gzip").status == 401


def test_a_packed_batch_is_taken(door: Door) -> None:
    packed = gzip.compress(json.dumps({"batch": [track()]}).encode())

    assert door("batch", packed, content_encoding="gzip").body == {"success": True}
    assert len(door.queue.activities) == 1


def test_the_sound_items_of_a_batch_are_kept_and_the_others_are_told_one_by_one(door: Door) -> None:
    items = [
        track(1),
        track(2, type="page"),
        {"type": "track", "anonymousId": "a-1", "event": "Opened"},
        "text",
        track(5),
    ]

    told = door("batch", {"batch": items})

    assert told.status == 200
    assert told.body == {
        "success": False,
        "accepted": 2,
        "rejected": [
            {
                "index": 1,
                "messageId": "m-2",
                "error": "page is not kept; send track for what a user does",
            },
            {
                "index": 2,
                "messageId": None,
                "error": "anonymous activity is not kept; identify the user (userId)",
            },
            {"index": 3, "messageId": None, "error": "an item is a JSON object"},
        ],
    }
    assert (told.accepted, told.refused) == (2, {"type": 1, "userId": 1, "item": 1})
    assert [one["message"] for one in door.queue.activities] == ["m-1", "m-5"]


@pytest.mark.parametrize("method", ["batch", "track"])
def test_a_request_of_nothing_sound_is_refused_with_the_same_body(door: Door, method: str) -> None:
    bad = track(event="")

    told = door(method, {"batch": [bad]} if method == "batch" else bad)

    assert told.status == 400
    assert (told.body["success"], told.body["accepted"]) == (False, 0)
    assert [one["index"] for one in told.body["rejected"]] == [0]
    assert door.queue.sent == []


def test_a_message_has_25_activities_at_most_those_of_a_user_together_and_in_order(door: Door) -> None:
    items = [track(number, userId=str(number % 30)) for number in range(120)]

    assert door("batch", {"batch": items}).body == {"success": True}

    chunks = [message.chunk.activities for message in door.queue.messages if message.chunk]
    assert [len(chunk) for chunk in chunks] == [25, 25, 25, 25, 20]
    assert len(door.queue.activities) == 120
    assert [one["message"] for one in door.queue.activities if one["user"] == "7"] == [
        "m-7",
        "m-37",
        "m-67",
        "m-97",
    ]


def test_of_users_that_do_one_thing_each_a_message_has_ten(door: Door) -> None:
    door("batch", {"batch": [track(number, userId=number) for number in range(25)]})

    sizes = [len(message.chunk.activities) for message in door.queue.messages if message.chunk]
    assert sizes == [10, 10, 5]


def test_however_large_the_items_a_message_is_well_below_what_the_queue_takes(door: Door) -> None:
    long = {f"t{number}": "€" * 1_300 for number in range(8)}
    items = [track(number, type="identify", traits=long) for number in range(16)]
    body = json.dumps({"batch": items}, ensure_ascii=False).encode()

    assert door("batch", body).body == {"success": True}

    assert len(door.queue.activities) == 16
    assert max(len(body) for body in door.queue.sent) < MAX_BYTES / 4


@pytest.mark.parametrize("broken", ["queue", "keys"])
def test_what_cannot_be_done_now_is_answered_so_that_it_is_sent_again(door: Door, broken: str) -> None:
    door.queue.down, door.keys.busy = broken == "queue", broken == "keys"

    told = door("batch", {"batch": [track()]})

    assert (told.status, told.body["code"], told.accepted) == (503, "unavailable", 0)


def test_messages_that_say_neither_when_nor_who_they_are_are_two(door: Door) -> None:
    item = {"type": "track", "userId": "42", "event": "Opened"}

    door("batch", {"batch": [item, item]})

    assert len({one["message"] for one in door.queue.activities}) == 2


def event(door: Door, detail: Any) -> ApiAnswer:
    return door.receiver.take_event(detail, "event-1", NOW - 30, NOW)


@pytest.mark.parametrize("named", [{}, {"connection": "main"}])
def test_an_event_of_the_bus_is_one_message_or_a_batch(door: Door, named: dict[str, str]) -> None:
    assert event(door, track(1) | named).accepted == 1
    assert event(door, {"batch": [track(2), track(3)]} | named).accepted == 2

    assert [one["message"] for one in door.queue.activities] == ["m-1", "m-2", "m-3"]


def test_an_event_that_is_delivered_twice_tells_the_same_messages(door: Door) -> None:
    item = {"type": "track", "userId": "42", "event": "Opened"}

    for _ in range(2):
        event(door, {"batch": [item, item]})

    told = [(one["message"], one["at"]) for one in door.queue.activities]
    assert told == [("event-1:0", NOW - 30), ("event-1:1", NOW - 30)] * 2


def test_what_is_not_sound_on_the_bus_becomes_a_dead_letter_of_its_own(door: Door) -> None:
    bad = track(2, event="")

    told = event(door, {"batch": [track(1), bad]})

    assert (told.accepted, told.refused) == (1, {"event": 1})
    ((body, reason),) = door.queue.dead_lettered
    assert body == {"connection": "main", "activity": bad}
    assert reason.startswith("activity on the bus: event has to be text")


@pytest.mark.parametrize(
    ("detail", "reason"),
    [
        (track(connection="shop"), "there is no such connection"),
        (track(connection="m" * 3_000), "there is no such connection"),
        (track(connection=7), "there is no such connection"),
        ("text", "an item is a JSON object"),
        ({}, "type is track or identify"),
    ],
)
def test_an_event_that_is_for_nobody_or_says_nothing_is_a_dead_letter(
    door: Door, detail: Any, reason: str
) -> None:
    assert event(door, detail).accepted == 0
    ((_, told),) = door.queue.dead_lettered
    assert told == f"activity on the bus: {reason}"


def test_an_event_for_a_disconnected_connection_is_a_dead_letter(door: Door) -> None:
    door.connections.connection = replace(CONNECTED, disconnected_at=NOW - 1)

    event(door, track())

    ((_, told),) = door.queue.dead_lettered
    assert told == "activity on the bus: the connection is disconnected"


def test_an_event_that_cannot_be_queued_now_is_for_lambda_to_try_again(door: Door) -> None:
    door.queue.down = True

    with pytest.raises(Unavailable):
        event(door, track())


def test_a_key_is_random_and_only_its_hash_and_its_end_are_kept() -> None:
    secret, kept = new_key("main", "website", NOW)

    assert is_write_key(secret)
    assert (len(secret), kept.hash, kept.hint) == (35, hash_of(secret), secret[-4:])
    assert secret not in str(kept)
    assert secret != new_key("main", "website", NOW)[0]


@pytest.mark.parametrize("name", ["website", "App 2", "a" * 64, "eu-west.app_1"])
def test_a_key_may_be_called_that(name: str) -> None:
    assert is_key_name(name)


@pytest.mark.parametrize("name", ["", " a", "a" * 65, "a\n", "é", "-a"])
def test_a_key_may_not_be_called_that(name: str) -> None:
    assert not is_key_name(name)
