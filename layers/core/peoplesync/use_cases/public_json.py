"""Public JSON: how values look to readers, in answers, files and published events alike.

Cents are integers, amounts and MRR text in the major unit, instants ISO 8601 with `Z`, absent values null.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from peoplesync.domain.fields.built_in import FIELDS, BuiltinField, Field
from peoplesync.domain.people.person import Person, normal_email
from peoplesync.domain.records.activity import USER


def describe_field(field: Field) -> dict[str, Any]:
    """A field's definition as readers see it."""
    return {
        "key": field.key,
        "title": field.title,
        "group": field.group,
        "type": field.type,
        "builtin": isinstance(field, BuiltinField),
        "source": field.source,
        "enabled": field.enabled,
    }


def present(person: Person, fields: Iterable[Field] = FIELDS) -> dict[str, Any]:
    """A person as readers see them, with the enabled ones of the fields. `customers` are at Stripe, `users`
    are the ids that the app knows them by."""
    records = [record for _, record in sorted(person.records.items())]
    return {
        "id": person.id,
        "email": person.email or normal_email(_text(person.fields.get("customer_email"))),
        "fields": {one.key: _shown(person.fields.get(one.key), one.type) for one in fields if one.enabled},
        "segments": sorted(person.segments),
        "customers": [{"id": one.id, "deleted": one.deleted} for one in records if not one.is_user],
        "users": [one.id.removeprefix(USER) for one in records if one.is_user],
    }


def iso(instant: int) -> str:
    """An instant as ISO 8601 in UTC."""
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _shown(value: Any, kind: str) -> Any:
    return iso(value) if kind == "instant" and value is not None else value


def with_iso_instants(content: Mapping[str, Any]) -> dict[str, Any]:
    """A billing event's content as readers see it: what is named `..._at` is an instant."""
    return {
        name: iso(value) if name.endswith("_at") and isinstance(value, int) else value
        for name, value in content.items()
    }
