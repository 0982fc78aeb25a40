"""Queries: who of everybody, or of a segment, matches a rule.

The index is walked in order of person id, so many people at a time. Their ids are stored, then how far the
walk has come; after an interruption between the two the same people are looked at again.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Protocol

from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.fields.built_in import Field, types_of
from peoplesync.domain.people.person import EVERYONE, Person, subject_of
from peoplesync.domain.segments.conditions import InvalidRule
from peoplesync.domain.segments.definitions import Segment
from peoplesync.domain.segments.rules import check, holds
from peoplesync.use_cases.jobs.job import Answer, Unacceptable, failed
from peoplesync.use_cases.tasks.runs import A_PAGE, Json, Turn
from peoplesync.use_cases.tasks.sorting import Sort, sort_stored
from peoplesync.use_cases.tasks.steps import DONE, MORE

IDS: Final = "ids"
"""What the pages of the answer are called."""

UNSORTED: Final = "found"
"""What the pages of those found are called where they are still to be sorted."""

READ_AT_ONCE: Final = 250
"""Ids that are read of a shard together."""


class Definitions(Protocol):
    def fields_of(self, connection: Connection) -> Sequence[Field]: ...

    def segments(self, epoch: Epoch) -> Sequence[Segment]: ...


class People(Protocol):
    def members_page(self, epoch: Epoch, index: str, shard: int, after: str, most: int) -> Sequence[str]: ...

    def count(self, epoch: Epoch, index: str) -> int: ...

    def of_ids(self, epoch: Epoch, ids: Iterable[str]) -> Iterator[Person]: ...

    @property
    def shards(self) -> int: ...


@dataclass(frozen=True)
class QueryRequest:
    """What a query may be given: a `rule`; a `segment` of whose members alone it asks; the key of the field
    to `sort` by, after a `-` the largest first; the keys of the fields that are its `columns`, which only
    whoever shows it needs."""

    definitions: Definitions

    def __call__(self, connection: Connection, given: Json) -> dict[str, Any]:
        """What was given, checked. Raises `InvalidRule` or `Unacceptable`."""
        types = types_of(self.definitions.fields_of(connection))
        rule, segment, sort = given.get("rule"), given.get("segment"), given.get("sort")
        columns = given.get("columns") or []
        check(rule, types)
        if segment is not None:
            known = [one.id for one in self.definitions.segments(connection.epoch)]
            if segment not in known:
                raise Unacceptable(f"there is no segment {segment}; there are {', '.join(known)}")
        if sort is not None:
            Sort.of(sort, types)
        if not isinstance(columns, list) or not all(isinstance(one, str) for one in columns):
            raise Unacceptable("columns are a list of the keys of fields")
        if unknown := [one for one in columns if one not in types]:
            raise Unacceptable(f"there is no field {', '.join(unknown)}; peoplesync fields list shows them")
        return {"rule": rule, "segment": segment, "sort": sort, "columns": columns}


@dataclass(frozen=True)
class QueryWork:
    """What a turn of a query does. Of each person it looks at the state of that moment, by the clock of when
    the query was started.

    To sort takes one step, which must end within the function's timeout and memory: about a million people.
    """

    people: People
    definitions: Definitions

    def __call__(self, connection: Connection, turn: Turn) -> Answer:
        types = types_of(self.definitions.fields_of(connection))
        given = turn.run.given
        try:
            check(given["rule"], types)
            sort = None if given["sort"] is None else Sort.of(given["sort"], types)
        except (InvalidRule, Unacceptable) as changed:
            return failed(f"fields have changed since it began, so that it cannot go on: {changed}")
        index = given["segment"] or EVERYONE
        if "of" not in turn.progress:
            turn.keep(of=self.people.count(connection.epoch, index))
        now = turn.run.started_at

        def matches(person: Person) -> bool:
            return holds(given["rule"], subject_of(person, person.fields, types), now)[0]

        if not self._walk(connection.epoch, index, turn, matches, sort):
            return MORE
        if sort is not None:
            sort_stored(turn, sort, UNSORTED, IDS)
        return DONE

    def _walk(
        self, epoch: Epoch, index: str, turn: Turn, matches: Callable[[Person], bool], sort: Sort | None
    ) -> bool:
        """Goes on until everybody has been looked at, or there is no time; whether everybody has."""
        everybody = self._ids(epoch, index, str(turn.progress.get("after", "")))
        while not turn.progress.get("walked"):
            ids = list(islice(everybody, A_PAGE))
            found = [one for one in self.people.of_ids(epoch, ids) if matches(one)]
            _store(turn, ids, found, sort)
            if turn.out_of_time():
                break
        return bool(turn.progress.get("walked"))

    def _ids(self, epoch: Epoch, index: str, after: str) -> Iterator[str]:
        """The members of an index after that one, in order, as they are asked for."""

        def shard(number: int) -> Iterator[str]:
            at = after
            while page := self.people.members_page(epoch, index, number, at, READ_AT_ONCE):
                yield from page
                at = page[-1]

        return heapq.merge(*map(shard, range(self.people.shards)))


def _store(turn: Turn, looked_at: Sequence[str], found: Sequence[Person], sort: Sort | None) -> None:
    """Stores who was found, and how far the walk has come."""
    before: Mapping[str, Any] = turn.progress
    page = int(before.get("pages", 0))
    if sort is None:
        turn.put(IDS, page, [one.id for one in found])
    else:
        turn.put(UNSORTED, page, [[one.id, one.fields.get(sort.field)] for one in found])
    total = int(before.get("looked_at", 0)) + len(looked_at)
    walked = len(looked_at) < A_PAGE
    turn.keep(
        pages=page + 1,
        looked_at=total,
        of=total if walked else max(total, before["of"]),
        found=int(before.get("found", 0)) + len(found),
        after=looked_at[-1] if looked_at else before.get("after", ""),
        walked=walked,
    )
