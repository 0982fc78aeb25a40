"""The function that takes activity, as API Gateway and the bus call it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from segment.analytics import request as segment_request
from segment.analytics.client import Client
from segment.analytics.request import APIError

from peoplesync.adapters.dynamodb.connections import ConnectionsStore
from peoplesync.adapters.dynamodb.write_keys import WriteKeys
from peoplesync.use_cases.ingress.write_keys import new_key
from peoplesync.use_cases.messages.message import decode
from tests.support.builders.stripe import NOW
from tests.support.fakes.ready_connections import connect
from tests.support.stacks.lambda_functions import Function, Printed, cold_start
from tests.support.stacks.moto_stack import MotoStack

PERSONAL = ("trial-07@example.com", "Zoë", "user-0042")
TRAITS = {"email": "trial-07@example.com", "name": "Zoë"}
IDENTIFY = {"type": "identify", "userId": "user-0042", "traits": TRAITS, "messageId": "m-1"}
AT = "2026-03-01T11:59:58Z"


@dataclass(frozen=True)
class Door:
    """The function, with a write key; `taken` are the activities on the live queue."""

    function: Function
    aws: MotoStack
    key: str

    def __call__(self, method: str, request: Any, **headers: str) -> tuple[int, dict[str, Any]]:
        body = json.dumps(request).encode()
        basic = "Basic " + base64.b64encode(f"{self.key}:".encode()).decode()
        return self.post(method, body, {"authorization": basic, **headers}, encoded=False)

    def post(
        self, method: str, body: bytes, headers: Mapping[str, str], *, encoded: bool = True
    ) -> tuple[int, dict[str, Any]]:
        answer = self.function(
            {
                "version": "2.0",
                "routeKey": f"POST /v1/{method}",
                "rawPath": f"/v1/{method}",
                "headers": {name.lower(): value for name, value in headers.items()},
                "requestContext": {"routeKey": f"POST /v1/{method}", "stage": "$default"},
                "body": base64.b64encode(body).decode() if encoded else body.decode(),
                "isBase64Encoded": encoded,
            }
        )
        assert answer["headers"] == {"content-type": "application/json"}
        return answer["statusCode"], json.loads(answer["body"])

    def put(self, detail: Any) -> Any:
        return self.function(
            {
                "version": "0",
                "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
                "detail-type": "Activity",
                "source": "my.app",
                "account": "123456789012",
                "time": "2026-03-01T11:59:30Z",
                "region": "us-east-1",
                "resources": [],
                "detail": detail,
            }
        )

    @property
    def taken(self) -> list[Mapping[str, Any]]:
        messages = [decode(one["Body"]) for one in self.aws.messages(self.aws.stack.live_queue_url)]
        return [one for message in messages if message.chunk for one in message.chunk.activities]


@pytest.fixture
def door(aws: MotoStack, monkeypatch: pytest.MonkeyPatch) -> Door:
    connect("main", "rk_test_1", "whsec_1", ConnectionsStore(), aws.secrets, NOW)
    key, kept = new_key("main", "website", NOW)
    WriteKeys().create(kept)
    return Door(cold_start("receive_activity", aws, monkeypatch), aws, key)


def test_each_of_the_three_addresses_is_answered_as_segment_does(door: Door) -> None:
    track = {"userId": "user-0042", "event": "Opened", "timestamp": AT, "messageId": "m-2"}

    assert door("identify", IDENTIFY) == (200, {"success": True})
    assert door("track", track) == (200, {"success": True})
    assert door("batch", {"batch": [track | {"type": "track", "messageId": "m-3"}]}) == (
        200,
        {"success": True},
    )

    assert sorted(one["message"] for one in door.taken) == ["m-1", "m-2", "m-3"]


def test_what_it_logs_and_counts_is_free_of_personal_data(
    door: Door, capsys: pytest.CaptureFixture[str]
) -> None:
    door("batch", {"batch": [IDENTIFY, IDENTIFY | {"traits": {PERSONAL[0]: {"a": PERSONAL[1]}}}]})
    door.post("batch", b"{}", {})
    text = capsys.readouterr().out

    printed = Printed(text)
    first, second = printed.log
    assert (first["message"], first["accepted"], first["refused"]) == ("activity taken", 1, {"traits": 1})
    assert (second["message"], second["status"], second["code"]) == ("activity refused", 401, "no_write_key")
    assert printed.metrics["ActivityUnauthorized"] == 1
    assert '"ActivitiesReceived":[1' in text.replace(" ", "")
    assert not [one for one in (*PERSONAL, "Zo\\u00eb", door.key) if one in text]


def test_a_queue_that_is_not_there_has_the_client_send_again(
    door: Door, capsys: pytest.CaptureFixture[str]
) -> None:
    door.aws.client("sqs").delete_queue(QueueUrl=door.aws.stack.live_queue_url)

    status, body = door("identify", IDENTIFY)

    assert (status, body["code"]) == (503, "unavailable")
    assert not [one for one in PERSONAL if one in capsys.readouterr().out]


def test_an_event_of_the_bus_is_taken(door: Door) -> None:
    door.put({"type": "track", "userId": 42, "event": "Opened"})

    (taken,) = door.taken
    assert (taken["user"], taken["at"]) == ("42", NOW - 30)
    assert taken["message"] == "6a7e8feb-b491-4cf7-a9f1-bf3703467718:0"


def test_an_event_of_the_bus_that_says_nothing_sound_lies_with_the_dead_letters(door: Door) -> None:
    door.put({"batch": [{"type": "track", "userId": 42}]})

    (dead,) = door.aws.messages(door.aws.stack.live_dead_letter_queue_url)
    assert json.loads(dead["Body"]) == {"connection": "main", "activity": {"type": "track", "userId": 42}}
    assert dead["MessageAttributes"]["reason"]["StringValue"].startswith("activity on the bus: event has to")
    assert door.taken == []


def test_an_event_of_the_bus_that_cannot_be_queued_fails_so_that_lambda_tries_again(door: Door) -> None:
    door.aws.client("sqs").delete_queue(QueueUrl=door.aws.stack.live_queue_url)

    with pytest.raises(ClientError):
        door.put({"type": "track", "userId": 42, "event": "Opened"})


@dataclass
class Session:
    """In place of the network: a request goes straight to the function, as API Gateway hands it on."""

    door: Door
    bodies: list[bytes] = field(default_factory=list)

    def post(self, url: str, data: str | bytes, headers: dict[str, str], timeout: float) -> Any:
        assert url == "https://api.example.com/v1/batch"
        body = data if isinstance(data, bytes) else data.encode()
        self.bodies.append(body)
        status, answer = self.door.post("batch", body, headers)

        class Response:
            status_code, reason, text = status, "", json.dumps(answer)

            @staticmethod
            def json() -> dict[str, Any]:
                return answer

        return Response()


@pytest.fixture
def session(door: Door, monkeypatch: pytest.MonkeyPatch) -> Session:
    session = Session(door)
    monkeypatch.setattr(segment_request, "_session", session)
    return session


def segment_client(key: str, *, gzip: bool) -> Client:
    return Client(key, host="https://api.example.com", gzip=gzip, sync_mode=True)


@pytest.mark.parametrize("gzip", [False, True], ids=["plain", "gzip"])
def test_segments_own_client_is_understood(door: Door, session: Session, gzip: bool) -> None:
    client = segment_client(door.key, gzip=gzip)

    happened_at = datetime.fromtimestamp(NOW - 2, UTC)
    client.identify("user-0042", TRAITS, timestamp=happened_at, message_id="m-1")
    client.track(
        "user-0042",
        "Opened",
        {"format": "pdf"},
        {"traits": {"tier": "gold"}},
        timestamp=happened_at,
        message_id="m-2",
    )

    assert session.bodies[0].startswith(b"\x1f\x8b") is gzip
    identified, tracked = sorted(door.taken, key=lambda one: str(one["message"]))
    assert identified["traits"] == TRAITS
    assert (tracked["event"], tracked["properties"], tracked["traits"]) == (
        "Opened",
        {"format": "pdf"},
        {"tier": "gold"},
    )


@pytest.mark.usefixtures("session")
def test_segments_own_client_shows_what_to_do_about_a_wrong_key(door: Door) -> None:
    with pytest.raises(APIError, match="wrong_write_key: there is no such write key") as refused:
        segment_client("ps_" + "a" * 32, gzip=False).track("user-0042", "Opened")

    assert refused.value.status == 401
