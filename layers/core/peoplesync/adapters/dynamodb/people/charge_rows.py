"""What charges count for, in rows beside the feed of their record."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from peoplesync.adapters.dynamodb.people.stored_people import snapshot_from_json
from peoplesync.adapters.dynamodb.tables import CHARGE, FeedRow
from peoplesync.domain.connections import Epoch
from peoplesync.domain.records.snapshots import Snapshot

CHARGES_A_LOOK: Final = 20
"""How many charges at a time are searched for one that was paid."""


def charges_known(
    epoch: Epoch, charges: Mapping[str, Collection[Snapshot]]
) -> Mapping[str, Mapping[str, Snapshot]]:
    """What the stored ones of these charges count for, by record. Reads are consistent."""
    keys = {
        (FeedRow.key(epoch, record), FeedRow.charge_key(charge.content)): record
        for record, theirs in charges.items()
        for charge in theirs
    }
    known: dict[str, dict[str, Snapshot]] = {record: {} for record in charges}
    for row in FeedRow.batch_get(list(keys), consistent_read=True) if keys else ():
        charge = snapshot_from_json(row.content_json)
        known[keys[row.pk, row.sk]][charge.content["id"]] = charge
    return known


def newest_first(epoch: Epoch, record: str) -> Iterator[Snapshot]:
    """All charges of a record, the newest first. Reads are consistent."""
    rows = FeedRow.query(
        FeedRow.key(epoch, record),
        FeedRow.sk.startswith(f"{CHARGE}#"),
        scan_index_forward=False,
        consistent_read=True,
        page_size=CHARGES_A_LOOK,
    )
    return (snapshot_from_json(row.content_json) for row in rows)
