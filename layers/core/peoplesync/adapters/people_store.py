"""People in DynamoDB: read by identity, written one household at a time, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from pynamodb.connection import Connection
from pynamodb.exceptions import TransactWriteError
from pynamodb.transactions import TransactWrite

from peoplesync.adapters.busy import busy_as_unavailable, error_codes
from peoplesync.adapters.member_pages import MemberPages
from peoplesync.adapters.stored_people import from_row, to_row
from peoplesync.adapters.tables import FeedRow, IdentityRow, MemberRow, PersonRow
from peoplesync.domain.billing_events import BillingEvent
from peoplesync.domain.connections import Epoch
from peoplesync.domain.households import Household, Known
from peoplesync.domain.people import SHARED, Person
from peoplesync.sync.ports import LostRace, TooLarge

MAX_ITEMS: Final = 100
"""What one transaction takes."""

MAX_PERSON_BYTES: Final = 300_000
"""Under DynamoDB's 400 KB, with room for keys and for what a fold adds."""

_DAY: Final = 86_400
_LOST: Final = frozenset({"ConditionalCheckFailed", "TransactionConflict"})


@dataclass(frozen=True)
class PeopleStore(MemberPages):
    """The people of a stack. `connection` is PynamoDB's, for transactions.

    Feed entries live for `feed_retention_days` from when they are written: they are the memory that prevents
    counting twice.
    """

    connection: Connection
    feed_retention_days: int

    def read(
        self,
        epoch: Epoch,
        identities: Collection[str],
        entries: Mapping[str, Collection[BillingEvent]],
        people: Collection[str] = (),
    ) -> Known:
        """The people behind the identities and of the given ids, and which of the billing events are in
        their feeds already.

        Reads are consistent. Raises `Unavailable`.
        """
        with busy_as_unavailable():
            keys = {IdentityRow.key(epoch, identity): identity for identity in identities}
            owners: dict[str, str | None] = dict.fromkeys(identities)
            for row in IdentityRow.batch_get(list(keys), consistent_read=True):
                owners[keys[row.pk]] = row.person
            wanted = {*people, *(owner for owner in owners.values() if owner not in (None, SHARED))}
            rows = PersonRow.batch_get([PersonRow.key(epoch, one) for one in wanted], consistent_read=True)
            found = {person.id: person for person in map(from_row, rows)}
            return Known(owners, found, self._known_entries(epoch, entries))

    def _known_entries(
        self, epoch: Epoch, entries: Mapping[str, Collection[BillingEvent]]
    ) -> Mapping[str, Collection[str]]:
        wanted = {
            (FeedRow.key(epoch, record), event.entry): (record, event.entry)
            for record, events in entries.items()
            for event in events
        }
        known: dict[str, set[str]] = {record: set() for record in entries}
        keys = list(wanted)
        for row in FeedRow.batch_get(keys, consistent_read=True, attributes_to_get=["pk", "sk"]):
            record, entry = wanted[row.pk, row.sk]
            known[record].add(entry)
        return known

    def write(self, epoch: Epoch, household: Household, cause: str, now: int) -> None:
        """Writes people, identities, memberships and feed entries of a household in one transaction.

        Raises `LostRace` where any of them was written since it was read, `TooLarge`, `Unavailable`.
        """
        transaction = _Transaction(self.connection, epoch)
        for person_id, after in household.after.items():
            transaction.change_person(household.before[person_id], after, cause)
        transaction.change_identities(household)
        transaction.change_memberships(household)
        for record, event in household.entries:
            transaction.add_entry(record, event, cause, now, now + self.feed_retention_days * _DAY)
        transaction.commit()


class _Transaction:
    def __init__(self, connection: Connection, epoch: Epoch) -> None:
        self._write = TransactWrite(connection=connection)
        self._epoch = epoch
        self._items = 0

    def change_person(self, before: Person | None, after: Person | None, cause: str) -> None:
        unchanged = PersonRow.pk.does_not_exist() if before is None else PersonRow.version == before.version
        if after is not None:
            row = to_row(self._epoch, after, cause)
            _check_size(after, row)
            self._write.save(row, condition=unchanged)
        elif before is not None:
            self._write.delete(to_row(self._epoch, before, cause), condition=unchanged)
        else:
            return
        self._items += 1

    def change_identities(self, household: Household) -> None:
        before = _owners(household.before)
        after = _owners(household.after) | dict.fromkeys(household.shared, SHARED)
        for identity in sorted(before.keys() | after.keys()):
            old, new = before.get(identity), after.get(identity)
            if old == new:
                continue
            unchanged = IdentityRow.pk.does_not_exist() if old is None else IdentityRow.person == old
            row = IdentityRow(pk=IdentityRow.key(self._epoch, identity), person=new or old)
            if new is None:
                self._write.delete(row, condition=unchanged)
            else:
                self._write.save(row, condition=unchanged)
            self._items += 1

    def change_memberships(self, household: Household) -> None:
        before, after = _indexed(household.before), _indexed(household.after)
        for index, member in sorted(before.keys() | after.keys()):
            old, new = before.get((index, member)), after.get((index, member))
            if old == new:
                continue
            key = MemberRow.key(self._epoch, index, member)
            if new is None:
                self._write.delete(MemberRow(pk=key, sk=member))
            else:
                self._write.save(MemberRow(pk=key, sk=member, since=new))
            self._items += 1

    def add_entry(self, record: str, event: BillingEvent, cause: str, now: int, expires_at: int) -> None:
        row = FeedRow(
            pk=FeedRow.key(self._epoch, record),
            sk=event.entry,
            kind=event.kind,
            content_json=event.content,
            cause=cause,
            written_at=now,
            expires_at=expires_at,
        )
        self._write.save(row, condition=FeedRow.pk.does_not_exist())
        self._items += 1

    def commit(self) -> None:
        if self._items > MAX_ITEMS:
            raise TooLarge(f"{self._items} items in one transaction, {MAX_ITEMS} are allowed")
        if self._items:
            with busy_as_unavailable():
                try:
                    self._write._commit()
                except TransactWriteError as error:
                    if error_codes(error) & _LOST:
                        raise LostRace from error
                    raise


def _owners(people: Mapping[str, Person | None]) -> dict[str, str]:
    return {identity: person.id for person in people.values() if person for identity in person.identities}


def _indexed(people: Mapping[str, Person | None]) -> dict[tuple[str, str], int]:
    return {key: since for person in people.values() if person for key, since in person.indexed_in.items()}


def _check_size(person: Person, row: PersonRow) -> None:
    size = len(json.dumps([row.records_json, row.fields_json, row.segments_json]))
    if size > MAX_PERSON_BYTES:
        raise TooLarge(f"person {person.id} would take {size} bytes, {MAX_PERSON_BYTES} are allowed")
