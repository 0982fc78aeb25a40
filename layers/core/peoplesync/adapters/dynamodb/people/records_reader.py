"""Records in DynamoDB, many at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from peoplesync.adapters.dynamodb.people.charge_rows import charges_known
from peoplesync.adapters.dynamodb.people.stored_people import from_row
from peoplesync.adapters.dynamodb.tables import IdentityRow, MemberRow, PersonRow
from peoplesync.domain.connections import Epoch
from peoplesync.domain.people.person import CUSTOMERS_IN_SYNC, ERASED, customer_identity
from peoplesync.domain.records.snapshots import Snapshot
from peoplesync.use_cases.verifying.differences import Stored


class RecordsReader:
    """Reads records by their Stripe customers."""

    def customers(self, epoch: Epoch) -> Iterator[str]:
        """Ids of all Stripe customers that are in sync."""
        for shard in MemberRow.shards(epoch, CUSTOMERS_IN_SYNC):
            yield from (row.sk for row in MemberRow.query(shard))

    def records(self, epoch: Epoch, customers: Collection[str]) -> Mapping[str, Stored]:
        """The records of those customers that have one; who was erased has none."""
        keys = {IdentityRow.key(epoch, customer_identity(one)): one for one in customers}
        rows = IdentityRow.batch_get(list(keys), consistent_read=True)
        people = {PersonRow.key(epoch, row.person) for row in rows if row.person != ERASED}
        found: dict[str, Stored] = {}
        for row in PersonRow.batch_get(list(people), consistent_read=True):
            person = from_row(row)
            for record in person.records.values():
                if record.id in customers:
                    found[record.id] = Stored(person.id, record)
        return found

    def charges(
        self, epoch: Epoch, charges: Mapping[str, Collection[Snapshot]]
    ) -> Mapping[str, Mapping[str, Snapshot]]:
        """What the stored ones of these charges count for, by record."""
        return charges_known(epoch, charges)

    def erased(self, epoch: Epoch, customers: Collection[str]) -> Collection[str]:
        """The customers who were erased."""
        keys = {IdentityRow.key(epoch, customer_identity(one)): one for one in customers}
        rows = IdentityRow.batch_get(list(keys), consistent_read=True)
        return {keys[row.pk] for row in rows if row.person == ERASED}
