"""Index: each write of a person, from the people's stream, is added to the read models once.

What has been added of a person stands in their mark: the version, and what they contribute. A write of that
version or an older one adds nothing; of a newer one, the difference. So records of the stream may come twice,
and one that was lost is made up for by the next.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.people.person import record_identity
from peoplesync.domain.publishing import PersonWritten
from peoplesync.domain.read_models.contribution import (
    NOTHING,
    REINDEX,
    Circumstances,
    Contribution,
    Move,
    contribution_of,
    delta_of,
)
from peoplesync.domain.read_models.days import DAY, Counts
from peoplesync.domain.read_models.search_terms import terms_of_person
from peoplesync.use_cases.ports import Unavailable, VersionConflict

PEOPLE_AT_ONCE: Final = 80
"""Of how many people the marks are written in one transaction, which has room for 100 items."""

ATTEMPTS: Final = 8
"""How often a write is tried while others count at the same time."""


Lost = frozenset[tuple[str, str]]
"""Records that a person has lost: (person, record)."""


@dataclass(frozen=True)
class Mark:
    """What of a person has been counted: as of which version, and what they contribute."""

    version: int = 0
    contribution: Contribution = NOTHING


@dataclass(frozen=True)
class MoveOfDay:
    """A move, with the day on which it was learnt and the person's version that showed it."""

    move: Move
    day: int
    version: int


@dataclass
class Update:
    """What a batch changes: by person, the mark as it was and will be; by day what is counted; who moved; the
    names under which moves are no longer kept; `as_of` is the newest write's instant.

    `outdated` are search terms, with whom they find, that the writes tell of and the marks do not: an attempt
    that ended before it counted may have written them, from fewer of the writes than there are now."""

    marks: dict[str, tuple[Mark | None, Mark]] = field(default_factory=dict)
    totals: defaultdict[int, Counts] = field(default_factory=lambda: defaultdict(Counter))
    flows: defaultdict[int, Counts] = field(default_factory=lambda: defaultdict(Counter))
    moves: list[MoveOfDay] = field(default_factory=list)
    forgotten: set[str] = field(default_factory=set)
    outdated: set[tuple[str, str]] = field(default_factory=set)
    as_of: int = 0

    def __bool__(self) -> bool:
        return bool(self.marks or self.forgotten or self.outdated)


@dataclass
class Indexed:
    """How many `people` changed something, and who was `passed_over`, with the kind of fault."""

    people: int = 0
    passed_over: dict[str, str] = field(default_factory=dict)


class Store(Protocol):
    def marks(self, epoch: Epoch, people: Collection[str]) -> Mapping[str, Mark]:
        """Those that are there, consistently. Raises Unavailable."""

    def write(self, epoch: Epoch, update: Update) -> None:
        """Writes search terms and moves, and then counts and marks at once. Raises VersionConflict where
        somebody else has written one of these since, or Unavailable; then it may be written again."""

    def note_unindexed(self, epoch: Epoch, person: str, now: int) -> None:
        """Adds to an erased person's receipt that nothing of them is indexed any more. Raises Unavailable."""


class Connections(Protocol):
    def get_even_disconnected(self, name: str) -> Connection | None: ...


class Erased(Protocol):
    def erased(self, epoch: Epoch, identities: Collection[str]) -> Mapping[str, str | None]:
        """Those of the identities that were erased, each with whose it was, None where that is not known.
        Raises Unavailable."""


@dataclass(frozen=True)
class Indexer:
    """The use case with what it needs. What `connections` answers must not be older than the call."""

    connections: Connections
    identities: Erased
    store: Store

    def index(self, writes: Sequence[PersonWritten]) -> Indexed:
        """Adds writes, in the order in which each person was written. Raises Unavailable."""
        indexed = Indexed()
        for epoch, theirs in _by_epoch(writes).items():
            if not self._is_current(epoch):
                continue
            erased = self._erased(epoch, theirs)
            for some in _portions(theirs):
                self._add_or_pass_over(epoch, some, erased, indexed)
            for one in theirs:
                # Also where it was added before: the function may have ended just before this.
                if one.after is None and one.before is not None:
                    self.store.note_unindexed(epoch, one.before.id, one.written_at)
        return indexed

    def _is_current(self, epoch: Epoch) -> bool:
        """An epoch that is over is only being cleared away."""
        connection = self.connections.get_even_disconnected(epoch.connection)
        return connection is not None and connection.epoch == epoch

    def _add_or_pass_over(
        self, epoch: Epoch, writes: Sequence[PersonWritten], erased: Lost, indexed: Indexed
    ) -> None:
        """Where somebody cannot be counted, the others are, one by one."""
        try:
            indexed.people += self._add(epoch, writes, erased)
        except Unavailable:
            raise
        except Exception as fault:
            people = {_who(one) for one in writes}
            if len(people) == 1:
                indexed.passed_over[people.pop()] = type(fault).__name__
                return
            for person in sorted(people):
                theirs = [one for one in writes if _who(one) == person]
                self._add_or_pass_over(epoch, theirs, erased, indexed)

    def _erased(self, epoch: Epoch, writes: Iterable[PersonWritten]) -> Lost:
        """The records that people have lost because they were erased, not because they moved: who had moved
        before is not theirs to remove."""
        lost = {(_who(one), record) for one in writes for record in _lost(one)}
        if not lost:
            return frozenset()
        known = self.identities.erased(epoch, sorted({record_identity(record) for _, record in lost}))
        return frozenset(
            (person, record)
            for person, record in lost
            if known.get(record_identity(record), "") in (person, None)
        )

    def _add(self, epoch: Epoch, writes: Sequence[PersonWritten], erased: Lost) -> int:
        people = {_who(one) for one in writes}
        for _ in range(ATTEMPTS):
            update = update_of(writes, self.store.marks(epoch, people), erased)
            if not update:
                return 0
            try:
                self.store.write(epoch, update)
            except VersionConflict:
                continue
            return len(update.marks)
        raise Unavailable("others kept counting the same people or days")


def update_of(
    writes: Iterable[PersonWritten], marks: Mapping[str, Mark], erased: Lost = frozenset()
) -> Update:
    """What writes change, given what has been counted. People of whom nothing changes are left out, though
    their version rose: a mark need not be of the newest one."""
    update = Update()
    told: defaultdict[str, set[str]] = defaultdict(set)
    for one in writes:
        person = _who(one)
        told[person] |= {term for each in (one.before, one.after) if each for term in terms_of_person(each)}
        counted = update.marks.get(person, (None, marks.get(person)))[1]
        gone = frozenset(record for record in _lost(one) if (person, record) in erased)
        update.forgotten |= gone | ({person} if one.after is None else set())
        step = _step(one, counted, gone)
        if step is None:
            continue
        mark, why = step
        contribution = counted.contribution if counted else NOTHING
        delta = delta_of(contribution, mark.contribution, why, person)
        day = (one.after.evaluated_at if one.after else one.written_at) // DAY
        update.marks[person] = (marks.get(person), mark)
        update.totals[day].update(delta.totals)
        update.flows[day].update(delta.flows)
        update.moves += [MoveOfDay(move, day, mark.version) for move in delta.moves]
        update.as_of = max(update.as_of, one.written_at)
    update.moves = [one for one in update.moves if one.move.who not in update.forgotten]
    for person, terms in told.items():
        mark = update.marks.get(person, (None, marks.get(person)))[1] or Mark()
        update.outdated |= {(term, person) for term in terms - mark.contribution.terms}
    return update


def _step(
    written: PersonWritten, counted: Mark | None, erased: frozenset[str]
) -> tuple[Mark, Circumstances] | None:
    """The mark after a write, and its circumstances; None where nothing is to be counted."""
    before, after = written.before, written.after
    version = after.version if after else (before.version if before else 0) + 1
    reindexed = written.cause == REINDEX
    if counted is not None and (counted.version > version or (counted.version == version and not reindexed)):
        return None
    contribution = contribution_of(after)
    if contribution == (counted.contribution if counted else NOTHING):
        return None
    # Who moved in with a version that is counted already did so then.
    arrives = after is not None and (counted is None or counted.version < version)
    moved_in = after.moved_in if after is not None and arrives else {}
    was_there = before is not None and not before.unidentified
    opening = counted is None and was_there and after is not None
    moved = bool(_lost(written) or (after and (after.absorbed or after.moved_in)))
    return Mark(version, contribution), Circumstances(written.cause, moved_in, erased, opening, moved)


def _lost(written: PersonWritten) -> frozenset[str]:
    """The records that a person had before and has no longer."""
    before, after = (one.records.keys() if one else set() for one in (written.before, written.after))
    return frozenset(before - after)


def _who(written: PersonWritten) -> str:
    person = written.after or written.before
    return person.id if person else ""


def _by_epoch(writes: Iterable[PersonWritten]) -> Mapping[Epoch, list[PersonWritten]]:
    grouped: defaultdict[Epoch, list[PersonWritten]] = defaultdict(list)
    for one in writes:
        grouped[one.epoch].append(one)
    return grouped


def _portions(writes: Sequence[PersonWritten]) -> Iterator[list[PersonWritten]]:
    """The writes of so many people at a time, all of one together."""
    by_person: dict[str, list[PersonWritten]] = {}
    for one in writes:
        by_person.setdefault(_who(one), []).append(one)
    people = list(by_person.values())
    for start in range(0, len(people), PEOPLE_AT_ONCE):
        yield [one for theirs in people[start : start + PEOPLE_AT_ONCE] for one in theirs]
