"""Browse: people, feeds, segments and fields, as public JSON."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.fields.built_in import Field
from peoplesync.domain.people.person import EVERYONE, Person, customer_identity, email_identity, normal_email
from peoplesync.domain.records.activity import USER
from peoplesync.domain.segments.definitions import PREDEFINED_IDS, Segment
from peoplesync.use_cases.public_json import describe_field, iso, present, with_iso_instants
from peoplesync.use_cases.read_models.find import Finder
from peoplesync.use_cases.read_models.read import Counted


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
    def fields_of(self, connection: Connection) -> Sequence[Field]: ...

    def segments(self, epoch: Epoch) -> list[Segment]: ...


@dataclass(frozen=True)
class Browser:
    """The people of a connection, for reading. `sizes` are the indexes', once they are counted."""

    connection: Connection
    people: People
    catalogue: Catalogue
    finder: Finder
    sizes: Callable[[], Counted | None]

    @property
    def epoch(self) -> Epoch:
        return self.connection.epoch

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
            raise NotFound(f"no person matches {who}")
        return person

    def list_people(self, segment: str | None = None) -> Iterator[dict[str, Any]]:
        """Everyone, or a segment's members; raises `NotFound` where there is no such segment."""
        index = EVERYONE if segment is None else self.segment(segment).id
        return (present(person, self.fields) for person in self.people.members(self.epoch, index))

    def search(self, text: str, most: int) -> Iterator[dict[str, Any]]:
        """At most so many people who are found by a text; raises `TooShort`."""
        return (present(person, self.fields) for person in self.finder.find(self.epoch, text, most))

    @cached_property
    def fields(self) -> Sequence[Field]:
        """The fields' definitions, as they were when they were first asked for."""
        return self.catalogue.fields_of(self.connection)

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
        """A person's billing events, newest first: the merge of their records' feeds, read as they are asked
        for. Raises `NotFound`."""
        feeds = [self.people.feed(self.epoch, record) for record in self.find(who).records]
        entries = heapq.merge(*feeds, key=lambda entry: entry[:2], reverse=True)
        return (
            {"id": key, "at": iso(at), "kind": kind, **with_iso_instants(content)}
            for at, key, kind, content in entries
        )

    def list_segments(self) -> Iterator[dict[str, Any]]:
        """The segments with how many are in each, as far as they have been counted."""
        sizes = self.sizes()
        return (_segment(one, sizes.of(one.id) if sizes else None) for one in self.segments())

    def described(self, segment: Segment) -> dict[str, Any]:
        """A segment with how many are in it, counted now."""
        return _segment(segment, self.people.count(self.epoch, segment.id))

    def list_fields(self) -> Iterator[dict[str, Any]]:
        """The fields that there are."""
        return map(describe_field, self.fields)


def _segment(segment: Segment, count: int | None) -> dict[str, Any]:
    return {
        "id": segment.id,
        "title": segment.title,
        "count": count,
        "rule": segment.rule,
        "enabled": segment.enabled,
        "predefined": segment.id in PREDEFINED_IDS,
    }
