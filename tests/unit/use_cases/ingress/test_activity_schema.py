"""Reading what Segment's clients send: what is kept of it, and why the rest is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from peoplesync.use_cases.ingress.activity_schema import LARGEST_ITEM, InvalidActivity, read_item
from tests.support.builders.stripe import NOW

AT = "2026-03-01T11:59:58.250Z"


def track(**changed: Any) -> dict[str, Any]:
    item = {"type": "track", "userId": "42", "event": "Report Exported", "timestamp": AT, "messageId": "m-1"}
    return {name: value for name, value in (item | changed).items() if value is not ...}


def identify(**changed: Any) -> dict[str, Any]:
    return track(type="identify", event=...) | changed


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


def test_a_tracked_event_is_kept_with_its_properties_and_the_traits_of_its_context() -> None:
    item = track(
        properties={"format": "pdf", "pages": [1, 2], "owner": {"team": "blue"}},
        context={"traits": {"tier": "gold"}, "library": {"name": "analytics-python"}},
        anonymousId="a-1",
        integrations={"All": True},
    )

    assert read_item(item, NOW, "fallback") == {
        "type": "track",
        "user": "42",
        "at": NOW - 2,
        "at_ms": NOW * 1_000 - 1_750,
        "message": "m-1",
        "event": "Report Exported",
        "properties": {"format": "pdf", "pages": [1, 2], "owner": {"team": "blue"}},
        "traits": {"tier": "gold"},
    }


def test_traits_of_every_kind_are_kept_as_they_are() -> None:
    traits = {
        "email": "trial-07@example.com",
        "tier": "gold",
        "seats": 3,
        "score": 0.5,
        "beta": True,
        "tags": ["a", "b"],
        "born": "1990-04-01",
        "left": None,
    }

    assert read_item(identify(traits=traits), NOW, "fallback") == {
        "type": "identify",
        "user": "42",
        "at": NOW - 2,
        "at_ms": NOW * 1_000 - 1_750,
        "message": "m-1",
        "traits": traits,
    }


@pytest.mark.parametrize("missing", [None, ...])
def test_what_may_be_left_out_may(missing: Any) -> None:
    item = track(properties=missing, context=missing, timestamp=missing, messageId=missing)

    told = read_item(item, NOW, "fallback")

    assert (told["properties"], told["traits"], told["at"], told["message"]) == ({}, {}, NOW, "fallback")


def test_what_has_no_time_of_its_own_happened_when_the_caller_says() -> None:
    assert read_item(track(timestamp=...), NOW, "fallback", NOW - 90)["at"] == NOW - 90


@pytest.mark.parametrize(
    ("timestamp", "at_ms"),
    [
        ("2026-03-01T12:00:00Z", NOW * 1_000),
        ("2026-03-01T13:00:00.123456+01:00", NOW * 1_000 + 123),
        ("2026-03-01T12:00:00", NOW * 1_000),
        ("2026-03-01", (NOW - 12 * 3_600) * 1_000),
        ("2026-03-01T12:10:00Z", (NOW + 600) * 1_000),
        ("1970-01-01T00:00:00Z", 0),
    ],
)
def test_a_timestamp_is_any_instant_of_iso_8601(timestamp: str, at_ms: int) -> None:
    told = read_item(track(timestamp=timestamp), NOW, "fallback")

    assert (told["at_ms"], told["at"]) == (at_ms, at_ms // 1_000)


@pytest.mark.parametrize(
    ("user", "read"), [(42, "42"), (4.5, "4.5"), ("a" * 200, "a" * 200), (" Zoë#1 ", " Zoë#1 ")]
)
def test_a_user_is_text_or_a_number(user: Any, read: str) -> None:
    assert read_item(track(userId=user), NOW, "fallback")["user"] == read


def test_a_message_without_an_id_is_known_by_what_it_says() -> None:
    def message(**changed: Any) -> str:
        return str(read_item(track(messageId=..., **changed), NOW, "fallback")["message"])

    assert message() == message(sentAt="2026-03-01T12:00:01Z") == message(writeKey="ps_…")
    assert len({message(), message(userId="43"), message(timestamp="2026-03-01T11:59:59Z")}) == 3
    assert message(timestamp=...) == "fallback"


@pytest.mark.parametrize(
    ("item", "part", "reason"),
    [
        ("text", "item", "JSON object"),
        ([track()], "item", "JSON object"),
        (track(properties={"a": "é" * LARGEST_ITEM}), "item", "may have 32,768"),
        (track(event="half a \ud83d"), "item", "half a character"),
        (track(context=nested(100_000)), "item", "nested too deeply"),
        (track(type=...), "type", "type is track or identify"),
        (track(type=["track"]), "type", "type is track or identify"),
        *[(track(type=kind), "type", f"{kind} is not kept") for kind in ("page", "screen", "group", "alias")],
        (track(userId=...), "userId", "userId is missing"),
        (
            track(userId=None, anonymousId="a-1"),
            "userId",
            "anonymous activity is not kept",
        ),
        (track(userId=""), "userId", "userId is missing"),
        (track(userId="  "), "userId", "1 to 200 characters"),
        (track(userId="a" * 201), "userId", "1 to 200 characters"),
        (track(userId=True), "userId", "1 to 200 characters"),
        (track(userId=10**400), "userId", "1 to 200 characters"),
        (track(userId=float("inf")), "userId", "1 to 200 characters"),
        (track(userId={"id": 1}), "userId", "1 to 200 characters"),
        (track(event=...), "event", "the name of what happened"),
        (track(event="e" * 201), "event", "1 to 200 characters"),
        (track(event=7), "event", "1 to 200 characters"),
        (track(timestamp="yesterday"), "timestamp", "ISO 8601"),
        (track(timestamp=NOW), "timestamp", "ISO 8601"),
        (track(timestamp="0001-01-01T00:00:00+23:59"), "timestamp", "1970"),
        (track(timestamp="2026-03-01T12:10:00.001Z"), "timestamp", "more than 10 minutes in the future"),
        (track(timestamp="1969-12-31T23:59:59.999Z"), "timestamp", "before 1970"),
        (track(messageId=""), "messageId", "1 to 200 characters"),
        (track(messageId=7), "messageId", "1 to 200 characters"),
        (track(properties=[1]), "properties", "properties has to be a JSON object"),
        (track(properties={"a": "x" * 4_993}), "properties", "5,001 characters as JSON, and may have 5,000"),
        (track(properties={"a": float("inf")}), "properties", "a number that is too large"),
        (track(properties=nested(21)), "properties", "deeper than 20"),
        (track(context="text"), "context", "JSON object"),
        (track(context={"traits": {"tier": {}}}), "context.traits", "context.traits.tier is an object"),
        (identify(traits="text"), "traits", "JSON object"),
        (
            identify(traits={"address": {"city": "Testville"}}),
            "traits",
            "traits.address is an object; send each of its parts as a trait of its own",
        ),
        (identify(traits={"tags": ["a", 1]}), "traits", "traits.tags is a list of something else than text"),
        (identify(traits={"bio": "x" * 5_001}), "traits", "traits.bio has 5,001 characters"),
        (identify(traits={"tags": ["x" * 2_501] * 2}), "traits", "traits.tags has 5,002 characters"),
        (identify(traits={"seats": 10**400}), "traits", "traits.seats is a number that is too large"),
        (identify(traits={"seats": float("inf")}), "traits", "traits.seats is a number that is too large"),
        (identify(traits={"seats": float("nan")}), "traits", "traits.seats is a number that is too large"),
        (identify(traits={f"t{n}": n for n in range(301)}), "traits", "traits are 301, and 300 are allowed"),
        (identify(traits={"": 1}), "traits", "1 to 200 characters"),
        (identify(traits={"n" * 201: 1}), "traits", "1 to 200 characters"),
        *[
            (identify(traits={"email": email}), "traits", "traits.email has to be an e-mail address")
            for email in ("", "nobody", "a@b@c", "a b@example.com", 7, ["a@example.com"], "a" * 65 + "@b")
        ],
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_what_is_not_sound_is_refused_with_its_part_and_in_words(item: Any, part: str, reason: str) -> None:
    with pytest.raises(InvalidActivity, match=reason.replace("(", r"\(")) as refused:
        read_item(item, NOW, "fallback")

    assert refused.value.part == part


@pytest.mark.parametrize(
    "item",
    [
        track(event="e" * 200, messageId="m" * 200),
        track(properties={"a": "x" * 4_992}),
        track(properties=nested(20)),
        identify(traits={f"t{n}": n for n in range(300)}),
        identify(traits={"bio": "x" * 5_000, "seats": -(10**37), "email": " Trial-07@Example.com "}),
        identify(traits={"email": None, "n" * 200: []}),
    ],
    ids=range(6),
)
def test_what_is_just_within_the_limits_is_kept(item: dict[str, Any]) -> None:
    told = read_item(item, NOW, "fallback")

    assert json.loads(json.dumps(told)) == told
