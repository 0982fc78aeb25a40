"""Identities: which person a record belongs to: the one of its e-mail, else one of its own.

A record whose e-mail changed, or became known, moves; one that has a person to itself keeps it under the new
e-mail. What a move touches is written together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Final

from peoplesync.domain.billing_events import BillingEvent
from peoplesync.domain.catalogue import CatalogueKey
from peoplesync.domain.fields.built_in import FieldValue
from peoplesync.domain.fields.terms import uses_of
from peoplesync.domain.people.person import (
    ERASED,
    SHARED,
    SHARED_BY,
    Person,
    email_identity,
    evaluate,
    record_identity,
    terms_of,
)
from peoplesync.domain.people.write_set import LoadedState, WriteSet
from peoplesync.domain.records.changes import Change
from peoplesync.domain.records.record import Record
from peoplesync.domain.records.snapshots import Snapshot
from peoplesync.domain.revenue.by_customer import Amounts, MrrByCustomer, sum_of
from peoplesync.domain.segments.definitions import Definitions

ERASED_AT_ONCE: Final = 15
USED_AT_ONCE: Final = 20
"""How many records are erased in one transaction; fewer where they use more products, prices and coupons than
that, each of which has an index of its users."""


class IdentityResolver:
    """The people as they stand while records move in."""

    def __init__(self, known: LoadedState, now: int, new_id: Callable[[], str]) -> None:
        self._known, self._now, self._new_id = known, now, new_id
        self._people: dict[str, Person] = dict(known.people)
        held = {identity: person.id for person in known.people.values() for identity in person.identities}
        self._owner: dict[str, str | None] = {**known.identities, **held}
        self._holders = {record: person for person in known.people.values() for record in person.records}
        self._touched: dict[str, set[str]] = {}
        self._entries: defaultdict[str, list[tuple[str, BillingEvent]]] = defaultdict(list)
        self._charges: defaultdict[str, list[tuple[str, Snapshot]]] = defaultdict(list)
        self._changes: defaultdict[str, list[Change]] = defaultdict(list)
        self._reviewed: set[str] = set()
        self._shared: dict[str, str] = {}
        self._erased: dict[str, str] = {}
        self._erasing: set[str] = set()

    def holder_of(self, record_id: str) -> Person | None:
        owner = self._owner.get(record_identity(record_id))
        return self._people[owner] if owner and owner != ERASED else None

    def is_erased(self, identity: str) -> bool:
        """Whether the person of an identity was erased."""
        return self._owner.get(identity) == ERASED

    def knows(self, identity: str) -> bool:
        """Whether an identity was looked up: its person is known, or that it has none."""
        return identity in self._owner

    def is_stale(self, record_id: str, version: int) -> bool:
        """Whether a record has no person yet, or one written with an older catalogue than there is, or with
        older definitions than those of that version."""
        holder = self.holder_of(record_id)
        if holder is None or holder.definitions_version < version:
            return True
        current = terms_of(holder, self._known.catalogue)
        return any(revision != holder.terms.get(key) for key, revision in current.items())

    def uses(self) -> frozenset[CatalogueKey]:
        """The products and coupons of everybody who was touched."""
        return frozenset(key for one in self._touched for key in uses_of(self._people[one].records.values()))

    def record(self, record_id: str) -> Record:
        holder = self.holder_of(record_id)
        new = Record(record_id, first_seen_at=self._now)
        return holder.records.get(record_id, new) if holder else new

    def with_free_alias(self, record: Record) -> Record:
        """The record, without an alias that finds somebody else already, who is more than just that."""
        holder = self.holder_of(record.alias) if record.alias else None
        if holder is None or holder is self.holder_of(record.id) or record.alias in holder.records:
            return record
        return replace(record, alias=None)

    def assign(self, record: Record, email: str | None) -> None:
        """Assigns a record: to the person of its e-mail, else to one of its own."""
        holder = self.holder_of(record.id)
        if holder is not None and any(one.alias == record.id for one in holder.records.values()):
            self._put(holder, record)  # it stays with the customer whose account it is
            return
        owner = self._owner.get(email_identity(email)) if email else None
        if owner == SHARED:
            email = owner = None
        if holder is not None and holder.email == email and not holder.unsharing:
            self._put(holder, record)
        elif owner is not None and len(self._people[owner].records) + 1 < SHARED_BY:
            self._move(record, holder, self._people[owner])
        elif owner is not None:
            self._share(self._people[owner])
            self.assign(record, email)
            self._touch(owner, str(self._owner[record_identity(record.id)]))
        elif holder is not None and holder.customers == 1:
            self._rename(replace(holder, email=email), record, holder.email)
        else:
            new = Person(self._new_id(), created_at=self._now, email=email)
            self._move(record, holder, new)
        self._take_in_alias(record)

    def _take_in_alias(self, record: Record) -> None:
        """Assigns what was kept under another id of the customer to the same person."""
        if record.alias is None:
            return
        home, other = self.holder_of(record.id), self.holder_of(record.alias)
        if home and other and other.id != home.id and record.alias in other.records:
            self._move(other.records[record.alias], other, home)

    def note(
        self,
        record_id: str,
        entries: Iterable[BillingEvent],
        changes: Iterable[Change],
        charges: Iterable[Snapshot] = (),
    ) -> None:
        """Remembers what came with a record, for the write set it ends in."""
        person = str(self._owner[record_identity(record_id)])
        self._entries[person] += [(record_id, entry) for entry in entries]
        self._charges[person] += [(record_id, charge) for charge in charges]
        self._changes[person] += changes

    def review(self, people: Collection[str]) -> None:
        """Has people evaluated again, as far as they are still there."""
        reviewed = {person for person in people if person in self._people}
        self._reviewed |= reviewed
        for person in sorted(reviewed):
            self._touch(person, person)
            if self._people[person].unsharing:
                self.assign(max(self._people[person].records.items())[1], None)

    def erase(self, people: Collection[str]) -> None:
        """Removes people's records, so many of each at a time, and in the end the people."""
        for person_id in sorted(person for person in people if person in self._people):
            self._erasing.add(person_id)
            self._reviewed.add(person_id)
            for record_id in _first_to_erase(self._people[person_id]):
                self._forget(record_id, person_id)
            person = self._people[person_id]
            if not person.records and person.email:
                self._owner[email_identity(person.email)] = ERASED
                self._erased[email_identity(person.email)] = person_id

    def reject_erased(self, record_id: str, changes: Iterable[Change]) -> None:
        """A record whose e-mail is an erased person's: nothing is kept of it but that it is to be dropped."""
        holder = self.holder_of(record_id) or Person(self._new_id(), created_at=self._now)
        self._people[holder.id] = holder
        self._forget(record_id, holder.id)
        if not self._people[holder.id].records and holder.email:
            self._owner[email_identity(holder.email)] = None
        self._changes[holder.id] += changes

    def _forget(self, record_id: str, person_id: str) -> None:
        person = self._people[person_id]
        left = {name: one for name, one in person.records.items() if name != record_id}
        self._people[person_id] = replace(person, records=left)
        alias = person.records[record_id].alias if record_id in person.records else None
        for name in (record_id, alias):
            if name is not None:
                self._owner[record_identity(name)] = ERASED
                self._erased[record_identity(name)] = person_id
        self._touch(person_id, person_id)

    def write_sets(self, definitions: Definitions) -> Iterable[WriteSet]:
        """The touched people, evaluated; those linked by a move together."""
        for together in self._groups():
            before = {person: self._known.people.get(person) for person in together}
            after = {person: self._finished(person, definitions) for person in together}
            erased = frozenset(one for one, former in self._erased.items() if former in together)
            charges = tuple(charge for person in together for charge in self._charges[person])
            if not (erased or charges) and all(_unmoved(before[one], after[one]) for one in together):
                continue
            after |= self._with_merged(before, after)
            yield WriteSet(
                before=before,
                after=after,
                entries=tuple(entry for person in together for entry in self._entries[person]),
                changes=tuple(change for person in together for change in self._changes[person]),
                charges=charges,
                reviewed=frozenset(together) & self._reviewed,
                shared=frozenset(one for one, former in self._shared.items() if former in together),
                unsharing=frozenset(one for one, person in after.items() if person and person.unsharing),
                erased=erased,
                erasing=frozenset(together) & self._erasing,
            )

    def _with_merged(
        self, before: Mapping[str, Person | None], after: Mapping[str, Person | None]
    ) -> Mapping[str, Person]:
        """The people who took over the last records of other identified people, with those."""
        taken_in: defaultdict[str, set[str]] = defaultdict(set)
        for former in before.values():
            if former is None or former.unidentified or after[former.id] is not None:
                continue
            for record in former.records:
                taken_in[str(self._owner[record_identity(record)])].add(former.id)
        into = {one: after[one] for one in taken_in if one in after}
        return {
            one: replace(person, absorbed=tuple(sorted(taken_in[one])))
            for one, person in into.items()
            if person is not None
        }

    def _finished(self, person_id: str, definitions: Definitions) -> Person | None:
        person = self._people[person_id]
        if not person.records:
            return None
        before = self._known.people.get(person_id)
        if before is None or before.records != person.records:
            person = replace(person, last_sync_at=self._now)
        moved_in = self._moved_in(person)
        written = replace(person, version=person.version + 1, absorbed=(), moved_in=moved_in)
        return evaluate(written, definitions, self._now, self._known.catalogue)

    def _moved_in(self, person: Person) -> MrrByCustomer:
        """The customers who were kept elsewhere, or under another id, with the MRR they had there, nothing
        too. What is only just being identified was nobody's yet."""
        found: dict[str, Amounts | None] = {}
        for record in (one for one in person.records.values() if not one.is_user):
            for name in {record.id, record.alias or record.id}:
                former = self._holders.get(name)
                if former is None or former.unidentified:
                    continue
                if (former.id, name) != (person.id, record.id):
                    theirs = None if former.mrr is None else former.mrr.get(name, {})
                    found[record.id] = sum_of(found.get(record.id, {}), theirs)
        return {name: found[name] for name in sorted(found)}

    def _put(self, person: Person, record: Record) -> None:
        self._people[person.id] = replace(person, records={**person.records, record.id: record})
        self._owner[record_identity(record.id)] = person.id
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
        self._put(self._people.get(home.id, home), record)

    def _share(self, person: Person) -> None:
        """So many customers with one e-mail are an agency's, and people of their own, for good. They leave
        one by one, as the person is reviewed; a transaction would not hold them all."""
        identity = email_identity(str(person.email))
        self._owner[identity], self._shared[identity] = SHARED, person.id
        self._people[person.id] = replace(person, email=None)

    def _claim(self, person: Person) -> None:
        """Gives the person their e-mail; a person who gave it up in this very fold is written with them."""
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


def _first_to_erase(person: Person) -> Collection[str]:
    """The records of a person that one transaction removes."""
    first = sorted(person.records)[:ERASED_AT_ONCE]
    while len(first) > 1 and len(uses_of(person.records[one] for one in first)) > USED_AT_ONCE:
        first.pop()
    return first


def _unmoved(before: Person | None, after: Person | None) -> bool:
    """Whether nothing has to be written, though it may have been evaluated with newer definitions."""
    if before is None or after is None:
        return before is after
    same = replace(
        after,
        version=before.version,
        evaluated_at=before.evaluated_at,
        definitions_version=before.definitions_version,
        fields=before.fields,
        absorbed=before.absorbed,
        moved_in=before.moved_in,
        mrr=after.mrr if before.mrr is not None else None,
    )
    return same == before and _values(after) == _values(before)


def _values(person: Person) -> Mapping[str, FieldValue]:
    """A person's fields that have a value; those without one are not stored."""
    return {key: value for key, value in person.fields.items() if value is not None}
