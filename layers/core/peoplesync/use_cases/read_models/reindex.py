"""Reindex: the read models are compared with all people, and mended where they differ.

People may be written meanwhile: each is compared with what was counted of them, and what the stream is still
to bring is no difference in the end, since a version counts once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, Protocol, TypeVar

from peoplesync.domain.connections import Epoch
from peoplesync.domain.people.person import Person
from peoplesync.domain.publishing import PersonWritten
from peoplesync.domain.read_models.contribution import (
    NOTHING,
    REINDEX,
    Circumstances,
    contribution_of,
    delta_of,
)
from peoplesync.domain.read_models.days import DAY, Counts, nonzero
from peoplesync.use_cases.ports import VersionConflict
from peoplesync.use_cases.read_models.index import Indexer, Mark, Update

_One = TypeVar("_One")

AT_ONCE: Final = 80
LOOKS: Final = 3
"""How often sums are compared while somebody keeps being counted."""

PAUSES: Final = (3.0, 10.0, 30.0)
"""Seconds to wait before each further look at what differs."""


class Store(Protocol):
    def marks(self, epoch: Epoch, people: Collection[str]) -> Mapping[str, Mark]: ...

    def write(self, epoch: Epoch, update: Update) -> None: ...

    def missing_terms(self, epoch: Epoch, terms: Collection[tuple[str, str]]) -> Collection[tuple[str, str]]:
        """Of terms with whom they find, those that are not in the search index."""

    def all_marks(self, epoch: Epoch) -> Iterator[tuple[str, Mark]]:
        """All people of whom something is counted, consistently."""

    def all_terms(self, epoch: Epoch) -> Iterator[tuple[str, str]]:
        """All of the search index."""

    def change_terms(
        self, epoch: Epoch, new: Collection[tuple[str, str]], old: Collection[tuple[str, str]]
    ) -> None: ...

    def totals(self, epoch: Epoch) -> tuple[Counts, object]:
        """All that is counted, by kind and key, consistently, and what changes whenever something is."""


class People(Protocol):
    def everybody(self, epoch: Epoch) -> Iterator[Person]:
        """All people, consistently, in no order."""

    def people(self, epoch: Epoch, ids: Collection[str]) -> Collection[str]:
        """Those of the ids who are there, consistently."""


@dataclass
class Reindexed:
    """What was found: how many `people` there are; of how many something else is counted; how many are
    counted and not there; search terms that were missing or left over; sums that differ. `unsettled` where
    the sums could not be compared, since people kept being counted."""

    people: int = 0
    different: int = 0
    gone: int = 0
    terms: int = 0
    sums: int = 0
    unsettled: bool = False

    @property
    def agrees(self) -> bool:
        """Whether nothing differs."""
        return not (self.different or self.gone or self.terms or self.sums)


@dataclass(frozen=True)
class Reindexer:
    """The use case with what it needs. `say` gets how many people have been looked at."""

    indexer: Indexer
    store: Store
    people: People
    clock: Callable[[], int]
    say: Callable[[int], None]

    def reindex(self, epoch: Epoch, *, repair: bool) -> Reindexed:
        """Compares everything; mends it, where that is asked for. Raises Unavailable; it can be run again."""
        found = Reindexed()
        for some in _portions(self.people.everybody(epoch)):
            self._compare_people(epoch, some, found, repair=repair)
            self.say(found.people)
        for marks in _portions(self.store.all_marks(epoch)):
            self._compare_marks(epoch, dict(marks), found, repair=repair)
        for terms in _portions(self.store.all_terms(epoch)):
            self._compare_terms(epoch, terms, found, repair=repair)
        self._compare_sums(epoch, found, repair=repair)
        return found

    def settled(self, epoch: Epoch, sleep: Callable[[float], None], *, repair: bool) -> Reindexed:
        """The same; where nothing is mended, what differs has the time to agree: it may be on its way."""
        found = self.reindex(epoch, repair=repair)
        for pause in () if repair else PAUSES:
            if found.agrees:
                break
            sleep(pause)
            found = self.reindex(epoch, repair=False)
        return found

    def _compare_people(
        self, epoch: Epoch, people: Sequence[Person], found: Reindexed, *, repair: bool
    ) -> None:
        found.people += len(people)
        marks = self.store.marks(epoch, [one.id for one in people])
        differ = [one for one in people if _differs(one, marks.get(one.id))]
        found.different += len(differ)
        if repair:
            now = self.clock()
            self.indexer.index([PersonWritten(epoch, one, one, REINDEX, now) for one in differ])
        others = {one.id for one in people} - {one.id for one in differ}
        terms = {(term, one.id) for one in people if one.id in others for term in contribution_of(one).terms}
        missing = self.store.missing_terms(epoch, terms)
        found.terms += len(missing)
        if repair and missing:
            self.store.change_terms(epoch, missing, ())

    def _compare_marks(
        self, epoch: Epoch, marks: Mapping[str, Mark], found: Reindexed, *, repair: bool
    ) -> None:
        counted = {person: mark for person, mark in marks.items() if mark.contribution != NOTHING}
        gone = counted.keys() - self.people.people(epoch, counted)
        found.gone += len(gone)
        if repair:
            now = self.clock()
            before = [Person(one, created_at=0, version=counted[one].version) for one in sorted(gone)]
            self.indexer.index([PersonWritten(epoch, one, None, REINDEX, now) for one in before])

    def _compare_terms(
        self, epoch: Epoch, terms: Sequence[tuple[str, str]], found: Reindexed, *, repair: bool
    ) -> None:
        marks = self.store.marks(epoch, {person for _, person in terms})
        left = [(term, one) for term, one in terms if term not in marks.get(one, Mark()).contribution.terms]
        found.terms += len(left)
        if repair and left:
            self.store.change_terms(epoch, (), left)

    def _compare_sums(self, epoch: Epoch, found: Reindexed, *, repair: bool) -> None:
        """Whether the counts are the sums of what is counted of each person."""
        for _ in range(LOOKS):
            totals, state = self.store.totals(epoch)
            sums: Counts = Counter()
            for person, mark in self.store.all_marks(epoch):
                sums.update(delta_of(NOTHING, mark.contribution, Circumstances(REINDEX), person).totals)
            if self.store.totals(epoch)[1] == state:
                break
        else:
            found.unsettled = True
            return
        sums.subtract(totals)
        wrong = nonzero(sums)
        found.sums = len(wrong)
        if repair and wrong:
            now = self.clock()
            update = Update(as_of=now)
            update.totals[now // DAY] = wrong
            for (kind, *key), amount in wrong.items():
                if kind == "mrr":
                    update.flows[now // DAY]["mrr", key[0], "corrected", "amount"] += amount
                elif kind == "segments":
                    what = "entered" if amount > 0 else "left"
                    update.flows[now // DAY]["segments", key[0], REINDEX, what] += abs(amount)
            try:
                self.store.write(epoch, update)
            except VersionConflict:  # somebody was counted just now
                found.unsettled = True


def _differs(person: Person, mark: Mark | None) -> bool:
    """Whether something else is counted of a person than they contribute."""
    counted = mark or Mark()
    return counted.version <= person.version and counted.contribution != contribution_of(person)


def _portions(every: Iterable[_One]) -> Iterator[list[_One]]:
    rest = iter(every)
    while some := list(islice(rest, AT_ONCE)):
        yield some
