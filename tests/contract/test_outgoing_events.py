"""What goes out is what docs/events promises: a schema for each type of event, and nothing beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]  # ships no types

from peoplesync.domain import publishing as outgoing
from peoplesync.domain.billing_events import KINDS
from peoplesync.domain.publishing import billing_type
from peoplesync.use_cases.messages.message import BulkBatch, Message
from peoplesync.use_cases.publishing.publish import VERSION, Announcement
from peoplesync_local.stack.places import Places
from tests.support.builders import stripe as builders
from tests.support.fakes.streams import Stage, StreamedPeople
from tests.support.fakes.world import TEST
from tests.support.oracles.tellings import LATER, Telling, told_history, world_of

FOLDER = Places().checkout / "docs" / "events"
SCHEMAS: dict[str, dict[str, Any]] = {
    schema["title"]: schema for schema in (json.loads(path.read_text()) for path in FOLDER.glob("*.json"))
}
OF_PEOPLE = {
    outgoing.PERSON_CREATED,
    outgoing.PERSON_UPDATED,
    outgoing.PERSON_MERGED,
    outgoing.PERSON_REMOVED,
    outgoing.SEGMENT_ENTERED,
    outgoing.SEGMENT_LEFT,
}
OF_THE_APP = {outgoing.EVENT_TRACKED}
OF_BILLING = {billing_type(kind) for kind in KINDS}
IDENTIFIED = {
    "type": "identify",
    "user": "user-07",
    "at": LATER - 9,
    "message": "m1",
    "traits": {"email": "trial-07@example.com"},
}
TRACKED_EVENT = {
    "type": "track",
    "user": "user-07",
    "at": LATER - 8,
    "message": "m2",
    "event": "Report Exported",
    "properties": {"format": "csv", "exported_at": 1_700_000_000},
    "traits": {},
}
ONE_IN_STEPS, TWO_IN_STEPS = (
    builders.subscription("sub_steps", customer="cus_steps", price=builders.tiered(), quantity=quantity)
    for quantity in (1, 2)
)
UNSEEN = builders.event(
    "customer.subscription.updated",
    TWO_IN_STEPS,
    previous={"items": ONE_IN_STEPS["items"]},
    created=LATER - 7,
)
"""How much two are worth, and whether that is more, depends on steps that no event shows."""
ENVELOPE = {"version", "id", "connection", "cause", "occurred_at", "person"}


def _is_instant(value: object) -> bool:
    return not isinstance(value, str) or (value.endswith("Z") and bool(datetime.fromisoformat(value)))


formats = FormatChecker(formats=())
formats.checks("date-time", raises=ValueError)(_is_instant)


def faults(detail: Any, schema: dict[str, Any]) -> list[str]:
    validator = Draft202012Validator(schema, format_checker=formats)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(detail)]


@cache
def told() -> tuple[Announcement, ...]:
    """All that goes out while some histories of companies happen, as it happens, then of an app's user."""
    everything: list[Announcement] = []
    for seed in (1, 4, 6, 17):
        events = told_history(seed, 150, 0.33).events
        telling = Telling(seed, 150, 0.33, [[event] for event in events], "truth")
        people = StreamedPeople()
        stage = Stage(world_of(telling, people=people), people)
        for event in events:
            stage.world.now = event["created"] + 3
            stage.world.apply(event)
            assert not stage.publish().failed
        stage.world.now = LATER
        stage.world.settle()
        stage.world.apply(UNSEEN)
        assert not stage.publish().failed
        app = Message(TEST, chunk=BulkBatch(activities=(IDENTIFIED, TRACKED_EVENT)))
        assert not stage.world.deliver([app.encode()]).crashed
        assert not stage.publish().failed
        everything += stage.bus.told
    return tuple(everything)


def objects(schema: Any) -> Iterator[dict[str, Any]]:
    """Every part of a schema that describes an object."""
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        for name, part in schema.items():
            if name != "examples":
                yield from objects(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from objects(part)


def test_every_type_of_event_has_a_schema_and_every_schema_is_of_one() -> None:
    assert SCHEMAS.keys() == OF_PEOPLE | OF_THE_APP | OF_BILLING
    assert len(OF_BILLING) == len(KINDS)
    assert {path.stem for path in FOLDER.glob("*.json")} == {
        title.lower().replace(" ", "-") for title in SCHEMAS
    }


def test_the_histories_tell_of_everything() -> None:
    # A type that is never told would not be held to its schema here.
    assert {one.type for one in told()} == SCHEMAS.keys()


def test_everything_that_goes_out_is_as_its_schema_says() -> None:
    wrong = {
        f"{one.type} {fault}"
        for one in told()
        for fault in faults(json.loads(json.dumps(one.detail)), SCHEMAS[one.type])
    }

    assert not wrong


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
def test_a_schema_is_valid_closed_and_has_an_example_that_keeps_to_it(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)
    assert schema["description"].endswith(".")
    assert schema["examples"]
    assert not [fault for example in schema["examples"] for fault in faults(example, schema)]
    for one in objects(schema):
        # Closed, or a map whose keys are not ours to name: fields, currencies.
        closed = one["additionalProperties"] is False and set(one["required"]) <= set(one["properties"])
        assert closed or ("properties" not in one and isinstance(one["additionalProperties"], dict))


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
def test_every_event_has_the_same_envelope(schema: dict[str, Any]) -> None:
    shared = {name: schema["properties"][name] for name in ENVELOPE - {"occurred_at"}}
    first = next(iter(SCHEMAS.values()))

    assert set(schema["required"]) == set(schema["properties"]) >= ENVELOPE
    assert shared == {name: first["properties"][name] for name in ENVELOPE - {"occurred_at"}}
    assert schema["properties"]["version"] == {"const": VERSION}


@pytest.mark.parametrize("kind", KINDS)
def test_a_billing_event_names_its_kind(kind: str) -> None:
    assert SCHEMAS[billing_type(kind)]["properties"]["kind"] == {"const": kind}


@pytest.mark.parametrize("title", sorted(SCHEMAS))
def test_every_event_is_listed(title: str) -> None:
    slug = title.lower().replace(" ", "-")

    assert f"[{title}]({slug}.json)" in (FOLDER / "README.md").read_text()
