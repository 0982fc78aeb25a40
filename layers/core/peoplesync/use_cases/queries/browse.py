"""Browse: people, feeds, segments and fields, as public JSON."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, Protocol

from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.fields.built_in import Field, types_of
from peoplesync.domain.people.person import EVERYONE, Person, subject_of
from peoplesync.domain.segments.definitions import PREDEFINED_IDS, Segment
from peoplesync.domain.segments.rules import Rule, check, holds
from peoplesync.use_cases.public_json import describe_field, iso, present, with_iso_instants
from peoplesync.use_cases.queries.preview import Preview, Sampled, estimate
from peoplesync.use_cases.queries.suggestions import suggestions
from peoplesync.use_cases.queries.whom import NotFound as NotFound
from peoplesync.use_cases.queries.whom import Whom, exactly
from peoplesync.use_cases.read_models.find import Finder
from peoplesync.use_cases.read_models.read import Counted

Position = tuple[int, str]
"""A place in a feed: when something happened, and its key."""

_Entry = tuple[int, str, str, Mapping[str, Any]]


class People(Sampled, Protocol):
    def person_of(self, epoch: Epoch, identity: str) -> Person | None: ...

    def person(self, epoch: Epoch, person_id: str) -> Person | None: ...

    def members(self, epoch: Epoch, index: str, *, newest_first: bool = False) -> Iterator[Person]: ...

    def member_ids(
        self, epoch: Epoch, index: str, after: str = "", *, newest_first: bool = False
    ) -> Iterator[str]:
        """The ids of an index's members that follow one of them."""

    def of_ids(self, epoch: Epoch, ids: Iterable[str]) -> Iterator[Person]: ...

    def count(self, epoch: Epoch, index: str) -> int: ...

    def feed(self, epoch: Epoch, record: str, before: Position | None = None) -> Iterator[_Entry]:
        """Newest first: (at, key, kind, content); those before that place."""


class Catalogue(Protocol):
    def fields_of(self, connection: Connection) -> Sequence[Field]: ...

    def segments(self, epoch: Epoch) -> list[Segment]: ...


@dataclass(frozen=True)
class Browser:
    """The people of a connection, for reading. `sizes` are the indexes', once they are counted; `at_stripe`
    is what Stripe shows at a path below `/v1/`, None where it knows of no such thing.

    Pages are lists with the place after which the next one begins, None after the last. They cost what they
    show, however many people there are.
    """

    connection: Connection
    people: People
    catalogue: Catalogue
    finder: Finder
    sizes: Callable[[], Counted | None]
    at_stripe: Callable[[str], Mapping[str, Any] | None]

    @property
    def epoch(self) -> Epoch:
        return self.connection.epoch

    def person(self, who: str) -> dict[str, Any]:
        """A person by whatever one remembers of them, see `meant`. With the fields whose value cannot be
        converted and why, if there are any, under `errors`."""
        found = self.meant(who)
        return present(found, self.fields) | ({"errors": dict(found.errors)} if found.errors else {})

    def find(self, who: str) -> Person:
        """The person whose whole e-mail, Stripe customer, user of the app or person id this is: what erases
        goes by nothing less. Raises `NotFound`."""
        person = exactly(self.people, self.epoch, who)
        if person is None:
            raise NotFound(f"no person matches {who}")
        return person

    def meant(self, who: str) -> Person:
        """The person by that, or by the beginning of an e-mail, a name, a domain or an id that nobody else
        has, or by an invoice, charge, payment intent, checkout session or subscription at Stripe. Raises
        `NotFound`, among it `Ambiguous`; where Stripe is asked, NotPermitted or Unavailable."""
        return Whom(self.people, self.finder, self.at_stripe).meant(self.epoch, who)

    def list_people(
        self,
        segment: str | None = None,
        *,
        rule: Rule | None = None,
        now: int = 0,
        newest_first: bool = False,
    ) -> Iterator[dict[str, Any]]:
        """Everyone, or a segment's members; with a rule those for whom it holds at `now`. All are read for
        that, as they are asked for. Raises `NotFound` where there is no such segment, and InvalidRule."""
        people = self.people.members(self.epoch, self._index(segment), newest_first=newest_first)
        if rule is not None:
            types = types_of(self.fields)
            check(rule, types)
            people = (one for one in people if holds(rule, subject_of(one, one.fields, types), now)[0])
        return self._shown(people)

    def page(
        self, segment: str | None, after: str, most: int, *, newest_first: bool = False
    ) -> tuple[list[dict[str, Any]], str | None]:
        """So many people at most, of everyone or a segment, after a person id ("" is the beginning); in order
        of id, which is that of their creation. Who is gone since is missing. Raises `NotFound`."""
        members = self.people.member_ids(self.epoch, self._index(segment), after, newest_first=newest_first)
        ids = list(islice(members, most + 1))
        people = list(self._shown(self.people.of_ids(self.epoch, ids[:most])))
        return people, ids[most - 1] if len(ids) > most else None

    def people_of(self, ids: Iterable[str]) -> Iterator[dict[str, Any]]:
        """The people of those ids who are still there, in that order."""
        return self._shown(self.people.of_ids(self.epoch, ids))

    def search(self, text: str, most: int) -> Iterator[dict[str, Any]]:
        """At most so many people who are found by a text; raises `TooShort`."""
        return iter(self.search_page(text, "", most)[0])

    def search_page(self, text: str, after: str, most: int) -> tuple[list[dict[str, Any]], str | None]:
        """The same, page by page. A page may hold fewer, or nobody, though others follow: several terms may
        find the same one. Raises `TooShort`."""
        people, rest = self.finder.page(self.epoch, text, most, after)
        return list(self._shown(people)), rest

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
        for. Raises what `meant` does."""
        return map(_entry, self._entries(who, None))

    def feed_page(
        self, who: str, before: Position | None, most: int
    ) -> tuple[list[dict[str, Any]], Position | None]:
        """So many of them at most, from the newest, or those before a place. Raises what `meant` does."""
        entries = list(islice(self._entries(who, before), most + 1))
        return list(map(_entry, entries[:most])), entries[most - 1][:2] if len(entries) > most else None

    def _entries(self, who: str, before: Position | None) -> Iterator[_Entry]:
        feeds = [self.people.feed(self.epoch, record, before) for record in self.meant(who).records]
        return heapq.merge(*feeds, key=lambda entry: entry[:2], reverse=True)

    def _index(self, segment: str | None) -> str:
        return EVERYONE if segment is None else self.segment(segment).id

    def _shown(self, people: Iterable[Person]) -> Iterator[dict[str, Any]]:
        return (present(one, self.fields) for one in people)

    def list_segments(self) -> Iterator[dict[str, Any]]:
        """The segments with how many are in each, as far as they have been counted."""
        sizes = self.sizes()
        return (_segment(one, sizes.of(one.id) if sizes else None) for one in self.segments())

    def described(self, segment: Segment) -> dict[str, Any]:
        """A segment with how many are in it, counted now."""
        return _segment(segment, self.people.count(self.epoch, segment.id))

    def estimate(self, rule: Rule, now: int, rng: random.Random, most: int) -> Preview:
        """About how many people a rule fits now, at most so many of them by name. Raises InvalidRule."""
        sizes = self.sizes()
        everybody = sizes.of(EVERYONE) if sizes else None
        return estimate(self.people, self.epoch, everybody, rule, now, rng, most=most, fields=self.fields)

    def suggestions(self, rng: random.Random) -> list[dict[str, Any]]:
        """Of what fields of one's own could be made; see `suggestions`."""
        sizes = self.sizes()
        everybody = sizes.of(EVERYONE) if sizes else None
        return suggestions(self.people, self.epoch, everybody, self.fields, rng)

    def list_fields(self) -> Iterator[dict[str, Any]]:
        """The fields that there are."""
        return map(describe_field, self.fields)


def _entry(entry: _Entry) -> dict[str, Any]:
    at, key, kind, content = entry
    return {"id": key, "at": iso(at), "kind": kind, **with_iso_instants(content)}


def _segment(segment: Segment, count: int | None) -> dict[str, Any]:
    return {
        "id": segment.id,
        "title": segment.title,
        "count": count,
        "rule": segment.rule,
        "enabled": segment.enabled,
        "predefined": segment.id in PREDEFINED_IDS,
    }
