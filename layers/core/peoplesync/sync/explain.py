"""Explain: why a person is in a segment or is not, and where each of their fields comes from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from peoplesync.domain.fields import FIELD_TYPES, FIELDS
from peoplesync.domain.people import Person, subject_of
from peoplesync.domain.profile import Origin, origins_of
from peoplesync.domain.rules import Explanation, explain
from peoplesync.domain.segments import Segment
from peoplesync.sync.browse import iso, present

_ORIGINS: Final = (
    ("customer.", "customer"),
    ("primary subscription's", "subscription"),
    ("last payment's", "payment"),
)
"""How a field's source begins, and which of a person's objects that is."""


def explain_person(person: Person, segments: Iterable[Segment], now: int) -> dict[str, Any]:
    """A person as public JSON, with where fields come from and which conditions of segments hold at `now`.

    A field that is made of several objects names none; its source says how it is made.
    """
    shown = present(person)
    origins = origins_of(person.records)
    subject = subject_of(person, person.fields)
    return {
        "id": shown["id"],
        "email": shown["email"],
        "segments": [
            {
                "id": segment.id,
                "member": segment.id in person.segments,
                "since": _instant(person.segments.get(segment.id)),
                **_told(explain(segment.rule, subject, now)),
            }
            for segment in segments
        ],
        "fields": [
            {"key": field.key, "value": shown["fields"][field.key], "source": field.source}
            | _from(origins, field.source)
            for field in FIELDS
        ],
    }


def _told(explanation: Explanation) -> dict[str, Any]:
    told: dict[str, Any] = {
        "rule": explanation.rule,
        "holds": explanation.holds,
        "until": _instant(explanation.until),
    }
    if explanation.parts:
        return told | {"conditions": [_told(part) for part in explanation.parts]}
    field_type = FIELD_TYPES.get(str(explanation.rule.get("field")))
    instant = field_type == "instant" and explanation.value is not None
    return told | {"value": iso(int(str(explanation.value))) if instant else explanation.value}


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
    return None if instant is None else iso(instant)
