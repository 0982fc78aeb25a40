"""Explain: why a person is in a segment or is not, and where each of their fields comes from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from peoplesync.domain.fields.built_in import FIELDS, Field, FieldType, types_of
from peoplesync.domain.fields.custom import LATEST
from peoplesync.domain.fields.profile import Origin, origins_of
from peoplesync.domain.people.person import Person, subject_of
from peoplesync.domain.segments.definitions import Segment
from peoplesync.domain.segments.rules import Explanation, explain
from peoplesync.use_cases.public_json import iso, present

_ORIGINS: Final = (
    ("customer.", "customer"),
    ("subscription.metadata.", "subscription"),
    ("primary subscription's", "subscription"),
    ("last payment's", "payment"),
)
"""How a field's source begins, and which of a person's objects that is."""


def explain_person(
    person: Person, segments: Iterable[Segment], now: int, fields: Sequence[Field] = FIELDS
) -> dict[str, Any]:
    """A person as public JSON, with where fields come from and which conditions of segments hold at `now`.

    A field that is made of several objects names none; its source says how it is made. Fields whose value
    could not be converted are under `errors` with the reason, where there are any.
    """
    shown = present(person, fields)
    origins = origins_of(person.records)
    types = types_of(fields)
    subject = subject_of(person, person.fields, types)
    return {
        "id": shown["id"],
        "email": shown["email"],
        "segments": [
            {
                "id": segment.id,
                "member": segment.id in person.segments,
                "since": _instant(person.segments.get(segment.id)),
                **_described(explain(segment.rule, subject, now), types),
            }
            for segment in segments
        ],
        "fields": [
            {"key": field.key, "value": shown["fields"][field.key], "source": field.source}
            | _from(origins, field.source)
            for field in fields
            if field.enabled
        ],
    } | ({"errors": dict(person.errors)} if person.errors else {})


def _described(explanation: Explanation, types: Mapping[str, FieldType]) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "rule": explanation.rule,
        "holds": explanation.holds,
        "until": _instant(explanation.until),
    }
    if explanation.parts:
        return shown | {"conditions": [_described(part, types) for part in explanation.parts]}
    field_type = types.get(str(explanation.rule.get("field")))
    instant = field_type == "instant" and explanation.value is not None
    return shown | {"value": iso(int(str(explanation.value))) if instant else explanation.value}


def _from(origins: Mapping[str, Origin], source: str) -> dict[str, Any]:
    name = next((name for beginning, name in _ORIGINS if source.startswith(beginning)), None)
    origin = origins.get(name) if name else None
    if origin is None:
        return {}
    return {
        "record": origin.record,
        "object": origin.object,
        "event": origin.event or "fetched",
        "as_of": iso(origin.as_of),
    }


def _instant(instant: int | None) -> str | None:
    return None if instant is None or instant > LATEST else iso(instant)
