"""The bus: as few requests as EventBridge allows, and to each event its own fate."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError, ConnectTimeoutError

from peoplesync.adapters.aws.bus import MAX_BYTES, EventBus
from peoplesync.use_cases.publishing.publish import Announcement


@dataclass
class FakeEvents:
    """EventBridge's client: refuses single entries by their id, or whole requests by their number."""

    refused: dict[int, str] = field(default_factory=dict)
    broken: dict[int, Exception] = field(default_factory=dict)
    requests: list[list[dict[str, str]]] = field(default_factory=list)

    def put_events(self, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803 - AWS's name
        self.requests.append(Entries)
        if len(self.requests) in self.broken:
            raise self.broken[len(self.requests)]
        codes = [self.refused.get(json.loads(entry["Detail"])["id"]) for entry in Entries]
        results = [{"ErrorCode": code} if code else {"EventId": "1"} for code in codes]
        return {"FailedEntryCount": len(codes) - codes.count(None), "Entries": results}


def announcements(count: int, text: str = "") -> list[Announcement]:
    return [Announcement("Person Created", {"id": number, "text": text}) for number in range(count)]


def sent(events: FakeEvents) -> list[int]:
    return [json.loads(entry["Detail"])["id"] for request in events.requests for entry in request]


def test_an_entry_names_bus_source_and_type() -> None:
    events = FakeEvents()

    EventBus(events, "peoplesync-live").send([Announcement("Trial Started", {"id": 7, "text": "5 × é"})])

    assert events.requests == [
        [
            {
                "EventBusName": "peoplesync-live",
                "Source": "peoplesync",
                "DetailType": "Trial Started",
                "Detail": '{"id":7,"text":"5 × é"}',
            }
        ]
    ]


def test_ten_go_together() -> None:
    events = FakeEvents()

    assert EventBus(events, "bus").send(announcements(23)) == {}
    assert [len(request) for request in events.requests] == [10, 10, 3]
    assert sent(events) == list(range(23))


def test_no_request_is_larger_than_256_kb() -> None:
    events = FakeEvents()

    # Two bytes a letter: it is bytes that count.
    assert EventBus(events, "bus").send(announcements(7, "é" * 45_000)) == {}
    assert [len(request) for request in events.requests] == [2, 2, 2, 1]


def test_an_event_larger_than_any_request_fails_alone() -> None:
    events, several = FakeEvents(), announcements(3)
    several[1] = Announcement("Person Updated", {"id": 1, "text": "x" * MAX_BYTES})

    assert EventBus(events, "bus").send(several) == {1: "EntryTooLarge"}
    assert sent(events) == [0, 2]


def test_what_eventbridge_refuses_is_told_apart_from_what_it_took() -> None:
    events = FakeEvents(refused={3: "ThrottlingException", 12: "InternalFailure"})

    refused = EventBus(events, "bus").send(announcements(20))

    assert refused == {3: "ThrottlingException", 12: "InternalFailure"}


def test_after_a_request_that_failed_as_a_whole_the_rest_is_not_tried() -> None:
    denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "PutEvents")
    for error, code in (
        (denied, "AccessDeniedException"),
        (ConnectTimeoutError(endpoint_url="https://events"), "ConnectTimeoutError"),
    ):
        events = FakeEvents(broken={2: error})

        refused = EventBus(events, "bus").send(announcements(30))

        assert refused == dict.fromkeys(range(10, 20), code) | dict.fromkeys(range(20, 30), "NotTried")
        assert len(events.requests) == 2


def test_nothing_is_no_request() -> None:
    events = FakeEvents()

    assert EventBus(events, "bus").send([]) == {}
    assert events.requests == []
