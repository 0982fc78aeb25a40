"""The fold: people after some changes.

First each record takes its changes, by itself. Then it is brought home to the person of its e-mail. Then the
people it touched are evaluated: fields, segments, next review. What must be written together comes out as one
household: a person, or the two of a move.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from peoplesync.domain.billing_events import BillingEvent
from peoplesync.domain.changes import Answer, Change, ObjectKey
from peoplesync.domain.people import Person, customer_identity, email_identity, evaluate, normal_email
from peoplesync.domain.records import Record, fold_record
from peoplesync.domain.segments import Definitions


@dataclass(frozen=True)
class Known:
    """What was read before the fold.

    `identities` maps each identity that was looked up to its person's id, or to None where it is nobody's;
    `people` holds all of those people; `entries` holds, by record, the keys of billing events that are in
    its feed already.
    """

    identities: Mapping[str, str | None] = field(default_factory=dict)
    people: Mapping[str, Person] = field(default_factory=dict)
    entries: Mapping[str, Collection[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Household:
    """People whose change is written as one: `before` and `after` by id, None where one is not (any more).

    `entries` are the new billing events with the record whose feed they join; `changes` is what was folded.
    """

    before: Mapping[str, Person | None]
    after: Mapping[str, Person | None]
    entries: tuple[tuple[str, BillingEvent], ...]
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Outcome:
    """What the fold came to. Where it lacks something to decide - `ties` that only Stripe can settle, or
    `unknown` identities - it says so, and there are no households."""

    households: tuple[Household, ...] = ()
    ties: frozenset[ObjectKey] = frozenset()
    unknown: frozenset[str] = frozenset()


def fold(
    known: Known,
    changes: Sequence[Change],
    definitions: Definitions,
    now: int,
    answers: Mapping[ObjectKey, Answer],
    new_id: Callable[[], str],
) -> Outcome:
    """The people after the changes, in whatever order those came.

    `answers` holds what Stripe said about earlier `ties`; `new_id` names a person seen for the first time.
    """
    town = _Town(known, now, new_id)
    ties: set[ObjectKey] = set()
    unknown: set[str] = set()
    for record_id, theirs in _by_record(changes).items():
        identity = customer_identity(record_id)
        if identity not in known.identities:
            unknown.add(identity)
            continue
        before = town.record(record_id)
        folded = fold_record(before, theirs, known.entries.get(record_id, ()), answers)
        ties |= folded.ties
        email = normal_email(folded.record.facts["email"]) if folded.record.facts else None
        if email is not None and email_identity(email) not in known.identities:
            unknown.add(email_identity(email))
        elif folded.record != before or folded.entries or town.holder_of(record_id) is None:
            town.settle(folded.record, email)
            town.note(record_id, folded.entries, theirs)
    if ties or unknown:
        return Outcome(ties=frozenset(ties), unknown=frozenset(unknown))
    return Outcome(households=tuple(town.households(definitions)))


def _by_record(changes: Iterable[Change]) -> Mapping[str, list[Change]]:
    grouped: defaultdict[str, list[Change]] = defaultdict(list)
    for change in changes:
        grouped[change.record].append(change)
    return dict(sorted(grouped.items()))


class _Town:
    """The people as they stand while records move in."""

    def __init__(self, known: Known, now: int, new_id: Callable[[], str]) -> None:
        self._known, self._now, self._new_id = known, now, new_id
        self._people: dict[str, Person] = dict(known.people)
        self._owner: dict[str, str | None] = dict(known.identities)
        self._touched: dict[str, set[str]] = {}
        self._entries: defaultdict[str, list[tuple[str, BillingEvent]]] = defaultdict(list)
        self._changes: defaultdict[str, list[Change]] = defaultdict(list)

    def holder_of(self, record_id: str) -> Person | None:
        owner = self._owner.get(customer_identity(record_id))
        return self._people[owner] if owner else None

    def record(self, record_id: str) -> Record:
        holder = self.holder_of(record_id)
        return holder.records[record_id] if holder else Record(record_id, first_seen_at=self._now)

    def settle(self, record: Record, email: str | None) -> None:
        """Brings a record home: to the person of its e-mail, else to one of its own."""
        holder = self.holder_of(record.id)
        if holder is not None and holder.email == email:
            self._put(holder, record)
            return
        owner = self._owner.get(email_identity(email)) if email else None
        if owner is not None:
            self._move(record, holder, self._people[owner])
        elif holder is not None and len(holder.records) == 1:
            self._rename(replace(holder, email=email), record, holder.email)
        else:
            newcomer = Person(self._new_id(), created_at=self._now, email=email)
            self._move(record, holder, newcomer)

    def note(self, record_id: str, entries: Iterable[BillingEvent], changes: Iterable[Change]) -> None:
        """Remembers what came with a record, for the household it ends in."""
        person = str(self._owner[customer_identity(record_id)])
        self._entries[person] += [(record_id, entry) for entry in entries]
        self._changes[person] += changes

    def households(self, definitions: Definitions) -> Iterable[Household]:
        """The touched people, evaluated; those linked by a move together."""
        for together in self._groups():
            after = {person: self._finished(person, definitions) for person in together}
            yield Household(
                before={person: self._known.people.get(person) for person in together},
                after=after,
                entries=tuple(entry for person in together for entry in self._entries[person]),
                changes=tuple(change for person in together for change in self._changes[person]),
            )

    def _finished(self, person_id: str, definitions: Definitions) -> Person | None:
        person = self._people[person_id]
        if not person.records:
            return None
        written = replace(person, version=person.version + 1, last_sync_at=self._now)
        return evaluate(written, definitions, self._now)

    def _put(self, person: Person, record: Record) -> None:
        self._people[person.id] = replace(person, records={**person.records, record.id: record})
        self._owner[customer_identity(record.id)] = person.id
        self._touch(person.id, person.id)

    def _rename(self, person: Person, record: Record, old_email: str | None) -> None:
        if old_email:
            self._owner[email_identity(old_email)] = None
        self._claim(person)
        self._put(person, record)

    def _move(self, record: Record, holder: Person | None, home: Person) -> None:
        self._claim(home)
        if holder is not None:
            left = {name: one for name, one in holder.records.items() if name != record.id}
            self._people[holder.id] = replace(holder, records=left)
            if not left and holder.email:
                self._owner[email_identity(holder.email)] = None
            self._touch(holder.id, home.id)
        self._put(home, record)

    def _claim(self, person: Person) -> None:
        """Gives the person their e-mail; whoever gave it up in this very fold is written with them."""
        if person.email:
            identity = email_identity(person.email)
            former = self._known.identities.get(identity)
            self._owner[identity] = person.id
            if former is not None and former != person.id:
                self._touch(former, person.id)

    def _touch(self, one: str, other: str) -> None:
        self._touched.setdefault(one, set()).add(other)
        self._touched.setdefault(other, set()).add(one)

    def _groups(self) -> list[list[str]]:
        groups, seen = [], set()
        for start in self._touched:
            if start in seen:
                continue
            group, open_ends = set(), [start]
            while open_ends:
                person = open_ends.pop()
                if person not in group:
                    group.add(person)
                    open_ends += self._touched[person]
            seen |= group
            groups.append(sorted(group))
        return groups
