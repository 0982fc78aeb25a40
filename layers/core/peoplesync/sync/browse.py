"""Browse: people, feeds, segments and fields as their readers see them.

What comes out is the public JSON: cents are integers, amounts and MRR text in the major unit, instants ISO
8601 with `Z`, absent values null.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Protocol

from peoplesync.domain.activity import USER
from peoplesync.domain.connections import Epoch
from peoplesync.domain.fields import FIELDS, BuiltinField, Field
from peoplesync.domain.people import EVERYONE, Person, customer_identity, email_identity, normal_email
from peoplesync.domain.segments import PREDEFINED_IDS, Segment


class NotFound(LookupError):
    """There is no such person or segment; the message says so in the user's words."""


class People(Protocol):
    def person_of(self, epoch: Epoch, identity: str) -> Person | None: ...

    def person(self, epoch: Epoch, person_id: str) -> Person | None: ...

    def members(self, epoch: Epoch, index: str) -> Iterator[Person]: ...

    def count(self, epoch: Epoch, index: str) -> int: ...

    def feed(self, epoch: Epoch, record: str) -> Iterator[tuple[int, str, str, Mapping[str, Any]]]:
        """Newest first: (at, key, kind, content)."""


class Catalogue(Protocol):
    def fields(self, epoch: Epoch) -> list[Field]: ...

    def segments(self, epoch: Epoch) -> list[Segment]: ...


@dataclass(frozen=True)
class Browser:
    """The people of one epoch, for reading."""

    epoch: Epoch
    people: People
    catalogue: Catalogue

    def person(self, who: str) -> dict[str, Any]:
        """A person by e-mail, Stripe customer, user of the app or person id; raises `NotFound`. With the
        fields whose value cannot be converted and why, if there are any, under `errors`."""
        found = self.find(who)
        return present(found, self.fields) | ({"errors": dict(found.errors)} if found.errors else {})

    def find(self, who: str) -> Person:
        """The person; raises `NotFound`."""
        if who.startswith(USER):
            person = self.people.person_of(self.epoch, who)
        elif "@" not in who and who.startswith("per_"):
            person = self.people.person(self.epoch, who)
        elif "@" not in who and who.startswith("cus_"):
            person = self.people.person_of(self.epoch, customer_identity(who))
        else:
            person = self.people.person_of(self.epoch, email_identity(normal_email(who) or ""))
        if person is None:
            raise NotFound(f"nobody here is {who}")
        return person

    def list_people(self, segment: str | None = None) -> Iterator[dict[str, Any]]:
        """Everyone, or a segment's members; raises `NotFound` where there is no such segment."""
        index = EVERYONE if segment is None else self.segment(segment).id
        return (present(person, self.fields) for person in self.people.members(self.epoch, index))

    @cached_property
    def fields(self) -> Sequence[Field]:
        """The fields' definitions, as they were when they were first asked for."""
        return self.catalogue.fields(self.epoch)

    def segments(self) -> list[Segment]:
        """The segments' definitions."""
        return self.catalogue.segments(self.epoch)

    def segment(self, segment_id: str) -> Segment:
        """A segment's definition; raises `NotFound` with the ids that there are."""
        known = {one.id: one for one in self.segments()}
        if segment_id not in known:
            raise NotFound(f"there is no segment {segment_id}; there are {', '.join(known)}")
        return known[segment_id]

    def feed(self, who: str) -> Iterator[dict[str, Any]]:
        """A person's billing events, newest first: the merge of their records' feeds."""
        entries = [
            entry for record in self.find(who).records for entry in self.people.feed(self.epoch, record)
        ]
        for at, key, kind, content in sorted(entries, key=lambda entry: entry[:2], reverse=True):
            yield {"id": key, "at": iso(at), "kind": kind, **with_iso_instants(content)}

    def list_segments(self) -> Iterator[dict[str, Any]]:
        """The segments with how many are in each."""
        return map(self.described, self.segments())

    def described(self, segment: Segment) -> dict[str, Any]:
        """A segment with how many are in it."""
        return {
            "id": segment.id,
            "title": segment.title,
            "count": self.people.count(self.epoch, segment.id),
            "rule": segment.rule,
            "enabled": segment.enabled,
            "predefined": segment.id in PREDEFINED_IDS,
        }

    def list_fields(self) -> Iterator[dict[str, Any]]:
        """The fields that there are."""
        return map(describe_field, self.fields)


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
