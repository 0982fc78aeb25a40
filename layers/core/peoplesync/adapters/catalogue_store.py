"""Products and coupons in DynamoDB."""

from __future__ import annotations

from collections.abc import Collection

from pynamodb.exceptions import PutError

from peoplesync.adapters.busy import busy_as_unavailable
from peoplesync.adapters.stored_people import snapshot_from_json, snapshot_to_json
from peoplesync.adapters.tables import CatalogueRow
from peoplesync.domain.catalogue import Catalogue, CatalogueKey, Entry
from peoplesync.domain.connections import Epoch
from peoplesync.sync.ports import LostRace


class CatalogueStore:
    """The catalogue of a stack."""

    def read(self, epoch: Epoch, keys: Collection[CatalogueKey]) -> Catalogue:
        """An entry for each of the keys, of version 0 where nothing is known of it. Reads are consistent."""
        wanted = {CatalogueRow.key(epoch, key): key for key in keys}
        found = {key: Entry(key) for key in keys}
        with busy_as_unavailable():
            for row in CatalogueRow.batch_get(list(wanted), consistent_read=True):
                key = wanted[row.pk]
                found[key] = Entry(
                    key,
                    version=int(row.version),
                    revision=int(row.revision),
                    told=int(row.told),
                    editions={one: snapshot_from_json(value) for one, value in row.editions_json.items()},
                )
        return found

    def write(self, epoch: Epoch, entry: Entry) -> None:
        """Raises `LostRace` where the entry was written since it was read, `Unavailable`."""
        row = CatalogueRow(
            pk=CatalogueRow.key(epoch, entry.key),
            version=entry.version,
            revision=entry.revision,
            told=entry.told,
            editions_json={one: snapshot_to_json(snapshot) for one, snapshot in entry.editions.items()},
        )
        first = entry.version == 1
        unchanged = CatalogueRow.pk.does_not_exist() if first else CatalogueRow.version == entry.version - 1
        try:
            with busy_as_unavailable():
                row.save(condition=unchanged)
        except PutError as error:
            if error.cause_response_code == "ConditionalCheckFailedException":
                raise LostRace from error
            raise
