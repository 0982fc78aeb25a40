"""People in DynamoDB: read by identity, written one write set at a time, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import Final

from pynamodb.connection import Connection
from pynamodb.exceptions import TransactWriteError
from pynamodb.transactions import TransactWrite

from peoplesync.adapters.aws.erasure_keys import ErasureKeys, is_personal
from peoplesync.adapters.dynamodb.errors import busy_as_unavailable, error_codes
from peoplesync.adapters.dynamodb.people.charge_rows import charges_known, newest_first
from peoplesync.adapters.dynamodb.people.erasure_receipts import additions, note_feed_deleted
from peoplesync.adapters.dynamodb.people.member_pages import MemberPages
from peoplesync.adapters.dynamodb.people.stored_people import from_row, snapshot_to_json, to_row
from peoplesync.adapters.dynamodb.tables import (
    CHARGE,
    MARKER,
    FeedRow,
    IdentityRow,
    MemberRow,
    PersonRow,
    ReceiptRow,
)
from peoplesync.domain.billing_events import BillingEvent
from peoplesync.domain.connections import Epoch
from peoplesync.domain.people.person import ERASED, SHARED, Person
from peoplesync.domain.people.write_set import LoadedState, WriteSet
from peoplesync.domain.records.charges import is_paid
from peoplesync.domain.records.snapshots import Snapshot
from peoplesync.use_cases.erasing.receipt import ErasureReceipt, removed_with
from peoplesync.use_cases.ports import TooLarge, Unavailable, VersionConflict

MAX_ITEMS: Final = 100
"""What one transaction takes."""

MAX_PERSON_BYTES: Final = 300_000
"""Under DynamoDB's 400 KB, with room for keys and for what a fold adds."""

_DAY: Final = 86_400
_NONE: Final[Mapping[str, Collection[Snapshot]]] = MappingProxyType({})
_LOST: Final = frozenset({"ConditionalCheckFailed", "TransactionConflict"})


@dataclass(frozen=True)
class PeopleStore(MemberPages):
    """The people of a stack. `connection` is PynamoDB's, for transactions.

    Feed entries live for `feed_retention_days` from when they are written: they are the memory that prevents
    counting twice. Erased e-mails and users of the app are known by their `markers` only.
    """

    connection: Connection
    feed_retention_days: int
    markers: ErasureKeys

    def read(
        self,
        epoch: Epoch,
        identities: Collection[str],
        entries: Mapping[str, Collection[BillingEvent]],
        people: Collection[str] = (),
        charges: Mapping[str, Collection[Snapshot]] = _NONE,
    ) -> LoadedState:
        """The people behind the identities and of the given ids, which of the billing events are in their
        feeds already, and what the charges count for so far.

        Reads are consistent. Charges are read after their people: who changes one in between changes its
        person too, and the write is found out by that. Raises `Unavailable`.
        """
        with busy_as_unavailable():
            keys = {IdentityRow.key(epoch, identity): identity for identity in identities}
            owners: dict[str, str | None] = dict.fromkeys(identities)
            for row in IdentityRow.batch_get(list(keys), consistent_read=True):
                owners[keys[row.pk]] = row.person
            owners |= self._erased(epoch, [one for one, owner in owners.items() if owner is None])
            wanted = {*people, *(owner for owner in owners.values() if owner not in (None, SHARED, ERASED))}
            rows = PersonRow.batch_get([PersonRow.key(epoch, one) for one in wanted], consistent_read=True)
            found = {person.id: person for person in map(from_row, rows)}
            known = self._known_entries(epoch, entries)
            return LoadedState(owners, found, known, charges=charges_known(epoch, charges))

    def _erased(self, epoch: Epoch, strangers: Collection[str]) -> Mapping[str, str]:
        """Which of the identities without a person were erased. Read after their own rows, so that an erasure
        meanwhile is seen in one place or the other."""
        markers = self.markers.markers(epoch, strangers)
        keys = {IdentityRow.key(epoch, marker): identity for identity, marker in markers.items()}
        rows = IdentityRow.batch_get(list(keys), consistent_read=True)
        return {keys[row.pk]: ERASED for row in rows}

    def _known_entries(
        self, epoch: Epoch, entries: Mapping[str, Collection[BillingEvent]]
    ) -> Mapping[str, Collection[str]]:
        wanted = {
            (FeedRow.key(epoch, record), memory): (record, memory)
            for record, events in entries.items()
            for event in events
            for memory in event.memories
        }
        known: dict[str, set[str]] = {record: set() for record in entries}
        keys = list(wanted)
        for row in FeedRow.batch_get(keys, consistent_read=True, attributes_to_get=["pk", "sk"]):
            record, entry = wanted[row.pk, row.sk]
            known[record].add(entry)
        return known

    def newest_payment(self, epoch: Epoch, record: str, apart_from: Collection[str]) -> Sequence[Snapshot]:
        """See `ports.People`."""
        with busy_as_unavailable():
            charges = newest_first(epoch, record)
            others = (one for one in charges if one.content["id"] not in apart_from and is_paid(one))
            return list(islice(others, 1))

    def write(self, epoch: Epoch, write_set: WriteSet, cause: str, now: int) -> None:
        """Writes people, identities, memberships and feed entries of a write set in one transaction.

        Raises `VersionConflict` where any of them was written since it was read, `TooLarge`, `Unavailable`.
        """
        transaction = _Transaction(self.connection, epoch)
        for person_id, after in write_set.after.items():
            transaction.change_person(write_set.before[person_id], after, cause)
        transaction.change_identities(write_set, self._markers_of(epoch, write_set))
        transaction.change_memberships(write_set)
        for person in sorted(write_set.erasing):
            transaction.add_to_receipt(removed_with(write_set, person, now))
        for record, event in write_set.entries:
            transaction.add_entry(record, event, cause, now, now + self.feed_retention_days * _DAY)
        for record, charge in write_set.charges:
            transaction.set_charge(record, charge, cause, now)
        transaction.commit()

    def _markers_of(self, epoch: Epoch, write_set: WriteSet) -> Mapping[str, str]:
        """The markers of the identities that the write set erases, and of those it claims, which must have
        none."""
        erased = [one for one in write_set.erased if is_personal(one)]
        claimed = _owners(write_set.after).keys() - _owners(write_set.before).keys()
        markers = self.markers.markers(epoch, erased)
        if missing := [one for one in erased if one not in markers]:
            raise Unavailable(f"{len(missing)} identities would be erased, and no key is there to do it with")
        return {**markers, **self.markers.known_markers(epoch, claimed)}

    def forget(self, epoch: Epoch, record: str, most: int) -> tuple[int, int]:
        """See `ports.People`."""
        with busy_as_unavailable():
            # Consistently: an entry that was written a moment ago is to go too.
            key, shown = FeedRow.key(epoch, record), ["pk", "sk"]
            rows = list(FeedRow.query(key, attributes_to_get=shown, consistent_read=True, limit=most))
            with FeedRow.batch_write() as batch:
                for row in rows:
                    batch.delete(row)
        return len(rows), sum(row.sk[0].isdigit() for row in rows)

    def note_forgotten(self, epoch: Epoch, person: str, entries: int, now: int, *, all_gone: bool) -> None:
        """See `ports.People`."""
        note_feed_deleted(epoch, person, entries, now if all_gone else None)


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

    def change_identities(self, write_set: WriteSet, markers: Mapping[str, str]) -> None:
        before = _owners(write_set.before)
        after = _owners(write_set.after) | dict.fromkeys(write_set.shared, SHARED)
        after |= dict.fromkeys(write_set.erased, ERASED)
        for identity in sorted(before.keys() | after.keys()):
            old, new = before.get(identity), after.get(identity)
            if old == new:
                continue
            unchanged = IdentityRow.pk.does_not_exist() if old is None else IdentityRow.person == old
            key = IdentityRow.key(self._epoch, identity)
            row = IdentityRow(pk=key, person=new or old, former=old if new == ERASED else None)
            if new is None or (new == ERASED and is_personal(identity)):
                self._write.delete(row, condition=unchanged)
            else:
                self._write.save(row, condition=unchanged)
            self._items += 1
            if identity in markers:
                self._mark(markers[identity], erased=new == ERASED)

    def _mark(self, marker: str, *, erased: bool) -> None:
        """Marks an identity as erased; or makes sure that one given to somebody is not."""
        key = IdentityRow.key(self._epoch, marker)
        if erased:
            self._write.save(IdentityRow(pk=key, person=ERASED))
        else:
            self._write.condition_check(IdentityRow, key, condition=IdentityRow.pk.does_not_exist())
        self._items += 1

    def add_to_receipt(self, removed: ErasureReceipt) -> None:
        receipt = ReceiptRow(ReceiptRow.key(self._epoch, removed.person))
        self._write.update(receipt, actions=additions(removed))
        self._items += 1

    def change_memberships(self, write_set: WriteSet) -> None:
        before, after = _indexed(write_set.before), _indexed(write_set.after)
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
        if event.marker:
            marker = FeedRow(
                pk=row.pk,
                sk=event.marker,
                kind=MARKER,
                content_json={},
                cause=cause,
                written_at=now,
                expires_at=expires_at,
            )
            self._write.save(marker, condition=FeedRow.pk.does_not_exist())
            self._items += 1

    def set_charge(self, record: str, charge: Snapshot, cause: str, now: int) -> None:
        """What a charge counts for. Nobody else has changed it since it was read, or the person is not as
        they were either."""
        row = FeedRow(
            pk=FeedRow.key(self._epoch, record),
            sk=FeedRow.charge_key(charge.content),
            kind=CHARGE,
            content_json=snapshot_to_json(charge),
            cause=cause,
            written_at=now,
        )
        self._write.save(row)
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
                        raise VersionConflict from error
                    raise


def _owners(people: Mapping[str, Person | None]) -> dict[str, str]:
    return {identity: person.id for person in people.values() if person for identity in person.identities}


def _indexed(people: Mapping[str, Person | None]) -> dict[tuple[str, str], int]:
    return {key: since for person in people.values() if person for key, since in person.indexed_in.items()}


def _check_size(person: Person, row: PersonRow) -> None:
    size = len(json.dumps([row.records_json, row.fields_json, row.segments_json]))
    if size > MAX_PERSON_BYTES:
        raise TooLarge(f"person {person.id} would take {size} bytes, {MAX_PERSON_BYTES} are allowed")
