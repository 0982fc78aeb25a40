"""People in DynamoDB: read by identity, each write set written whole or not at all."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import Final

from pynamodb.connection import Connection
from pynamodb.models import Model

from peoplesync.adapters.aws.erasure_keys import ErasureKeys, is_personal
from peoplesync.adapters.dynamodb.connections_reader import connection_of
from peoplesync.adapters.dynamodb.errors import busy_as_unavailable
from peoplesync.adapters.dynamodb.people.batch_get import Key, batch_get
from peoplesync.adapters.dynamodb.people.charge_rows import charges_known, newest_first
from peoplesync.adapters.dynamodb.people.erasure_receipts import note_feed_deleted
from peoplesync.adapters.dynamodb.people.member_pages import MemberPages
from peoplesync.adapters.dynamodb.people.packs import PackWriter
from peoplesync.adapters.dynamodb.people.plans import Plan, owners, plan_of
from peoplesync.adapters.dynamodb.people.stored_people import from_row
from peoplesync.adapters.dynamodb.tables import (
    CatalogueRevisionRow,
    ConnectionRow,
    FeedRow,
    IdentityRow,
    PersonRow,
)
from peoplesync.domain.billing_events import BillingEvent
from peoplesync.domain.connections import Epoch
from peoplesync.domain.people.person import ERASED, SHARED
from peoplesync.domain.people.write_set import LoadedState, WriteSet
from peoplesync.domain.records.charges import is_paid
from peoplesync.domain.records.snapshots import Snapshot
from peoplesync.use_cases.ports import Unavailable

_DAY: Final = 86_400
_NONE: Final[Mapping[str, Collection[Snapshot]]] = MappingProxyType({})


@dataclass(frozen=True)
class PeopleStore(MemberPages):
    """The people of a stack. `connection` is PynamoDB's, for requests over several tables.

    Feed entries live for `feed_retention_days` from when they are written: they are the memory that prevents
    counting twice. Of who was erased, e-mails and users of the app are known by their `markers` only. At most
    `side_by_side` writes run in parallel.
    """

    connection: Connection
    feed_retention_days: int
    markers: ErasureKeys
    side_by_side: int = 1

    def read(
        self,
        epoch: Epoch,
        identities: Collection[str],
        entries: Mapping[str, Collection[BillingEvent]],
        people: Collection[str] = (),
        charges: Mapping[str, Collection[Snapshot]] = _NONE,
        *,
        again: bool = False,
    ) -> LoadedState:
        """See `ports.People`.

        Reads are consistent, but for the feed's: an entry that does not show yet is found when it is written,
        and the batch is read `again`. Charges are read after their people: a change in between also
        raises the person's version, so that our write fails. Raises `Unavailable`.
        """
        with busy_as_unavailable():
            markers = self.markers.known_markers(epoch, identities)
            by_key = {IdentityRow.key(epoch, one): one for one in identities}
            by_marker = {IdentityRow.key(epoch, marker): one for one, marker in markers.items()}
            memories = {
                (FeedRow.key(epoch, record), memory): (record, memory)
                for record, events in entries.items()
                for event in events
                for memory in event.memories
            }
            keys: dict[type[Model], Collection[Key]] = {
                ConnectionRow: [epoch.connection] if entries or people else [],
                CatalogueRevisionRow: [CatalogueRevisionRow.key(epoch)] if entries or people else [],
                IdentityRow: [*by_key, *by_marker],
                FeedRow: memories,
            }
            first = batch_get(self.connection, keys, () if again else (FeedRow,))
            found: dict[str, str | None] = dict.fromkeys(identities)
            found |= {by_key[row.pk]: row.person for row in first[IdentityRow] if row.pk in by_key}
            marked = [by_marker[row.pk] for row in first[IdentityRow] if row.pk in by_marker]
            found |= {one: ERASED for one in marked if found[one] is None}
            connection = next(map(connection_of, first[ConnectionRow]), None)
            self.markers.notice(connection)
            unowned = [one for one, owner in found.items() if owner is None and one not in markers]
            wanted = {*people, *(owner for owner in found.values() if owner not in (None, SHARED, ERASED))}
            rows, erased = self._people_and_erased(epoch, wanted, unowned)
            known: dict[str, set[str]] = {record: set() for record in entries}
            for row in first[FeedRow]:
                record, memory = memories[row.pk, row.sk]
                known[record].add(memory)
            return LoadedState(
                identities=found | dict.fromkeys(erased, ERASED),
                people={person.id: person for person in map(from_row, rows)},
                entries=known,
                charges=charges_known(epoch, charges),
                connection=connection,
                catalogue_revision=next((int(row.number) for row in first[CatalogueRevisionRow]), 0),
            )

    def _people_and_erased(
        self, epoch: Epoch, people: Collection[str], unowned: Collection[str]
    ) -> tuple[list[PersonRow], Collection[str]]:
        """The people's rows, and which of those whom no row was found of were erased.

        As long as nobody is known to have been erased, the connection is read after the rows of the unowned
        identities: an erasure meanwhile is seen in one place or the other.
        """
        personal = [one for one in unowned if is_personal(one)]
        markers = self.markers.known_markers(epoch, personal)
        keys: dict[type[Model], Collection[Key]] = {PersonRow: [PersonRow.key(epoch, one) for one in people]}
        if personal and not markers:
            keys[ConnectionRow] = [epoch.connection]
        keys[IdentityRow] = [IdentityRow.key(epoch, marker) for marker in markers.values()]
        rows = batch_get(self.connection, keys)
        marked = rows[IdentityRow]
        for connection in map(connection_of, rows.get(ConnectionRow, ())):
            self.markers.notice(connection)
            markers = self.markers.known_markers(epoch, personal)
            more = [IdentityRow.key(epoch, marker) for marker in markers.values()]
            marked = batch_get(self.connection, {IdentityRow: more})[IdentityRow]
        by_marker = {IdentityRow.key(epoch, marker): one for one, marker in markers.items()}
        return rows[PersonRow], [by_marker[row.pk] for row in marked]

    def versions(self, epoch: Epoch) -> tuple[int, int]:
        """See `ports.People`."""
        keys: dict[type[Model], Collection[Key]] = {
            ConnectionRow: [epoch.connection],
            CatalogueRevisionRow: [CatalogueRevisionRow.key(epoch)],
        }
        with busy_as_unavailable():
            rows = batch_get(self.connection, keys)
        connection = next(map(connection_of, rows[ConnectionRow]), None)
        return (
            connection.definitions_version if connection else 0,
            next((int(row.number) for row in rows[CatalogueRevisionRow]), 0),
        )

    def newest_payment(self, epoch: Epoch, record: str, apart_from: Collection[str]) -> Sequence[Snapshot]:
        """See `ports.People`."""
        with busy_as_unavailable():
            charges = newest_first(epoch, record)
            others = (one for one in charges if one.content["id"] not in apart_from and is_paid(one))
            return list(islice(others, 1))

    def write(
        self, epoch: Epoch, writes: Sequence[tuple[WriteSet, str]], now: int
    ) -> Sequence[Exception | None]:
        """See `ports.People`."""
        refusals: dict[int, Exception] = {}
        plans: dict[int, Plan] = {}
        expires_at = now + self.feed_retention_days * _DAY
        for number, (write_set, cause) in enumerate(writes):
            try:
                markers = self._markers_of(epoch, write_set)
                plans[number] = plan_of(epoch, write_set, cause, now, expires_at, markers)
            except Exception as refusal:
                refusals[number] = refusal
        refusals |= PackWriter(self.connection, self.side_by_side).write(plans)
        return [refusals.get(number) for number in range(len(writes))]

    def _markers_of(self, epoch: Epoch, write_set: WriteSet) -> Mapping[str, str]:
        """The markers of whom the write set erases, and of those it claims, who must not have one."""
        erased = [one for one in write_set.erased if is_personal(one)]
        claimed = owners(write_set.after).keys() - owners(write_set.before).keys()
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
