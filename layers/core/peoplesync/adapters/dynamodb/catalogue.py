"""Products and coupons in DynamoDB."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, cast

from pynamodb.exceptions import PutError

from peoplesync.adapters.dynamodb.errors import busy_as_unavailable, condition_failed
from peoplesync.adapters.dynamodb.people.stored_people import snapshot_from_json, snapshot_to_json
from peoplesync.adapters.dynamodb.tables import CatalogueRevisionRow, CatalogueRow, whole
from peoplesync.domain.catalogue import (
    PRODUCTS,
    SHOWN,
    TERMS,
    TIERS,
    Catalogue,
    CatalogueKey,
    Entry,
    Kind,
    Refusal,
)
from peoplesync.domain.connections import Epoch
from peoplesync.domain.records.snapshots import Rank, Snapshot
from peoplesync.use_cases.ports import VersionConflict

MAX_KEPT: Final = 5_000
"""So many entries at most are kept in memory."""


@dataclass
class CatalogueStore:
    """The catalogue of a stack. Entries are kept until their epoch's revision rises."""

    _kept: dict[tuple[Epoch, int], dict[CatalogueKey, Entry]] = field(default_factory=dict)

    def read(self, epoch: Epoch, keys: Collection[CatalogueKey], revision: int | None = None) -> Catalogue:
        """See `ports.Catalogues`; reads are consistent. What was kept is of the `revision` or later, since a
        revision rises after its entries are written."""
        if revision is None:
            return self._read(epoch, keys)
        kept = self._kept.get((epoch, revision))
        if kept is None or len(kept) > MAX_KEPT:
            self._kept = {(epoch, revision): (kept := {})}
        kept |= self._read(epoch, [key for key in keys if key not in kept])
        return {key: kept[key] for key in keys}

    def raise_revision(self, epoch: Epoch) -> None:
        """See `ports.Catalogues`."""
        with busy_as_unavailable():
            row = CatalogueRevisionRow(CatalogueRevisionRow.key(epoch))
            row.update(actions=[CatalogueRevisionRow.number.add(1)])

    def _read(self, epoch: Epoch, keys: Collection[CatalogueKey]) -> Catalogue:
        wanted = {CatalogueRow.key(epoch, key): key for key in keys}
        found = {key: Entry(key) for key in keys}
        if not found:
            return found
        with busy_as_unavailable():
            for row in CatalogueRow.batch_get(list(wanted), consistent_read=True):
                key = wanted[row.pk]
                found[key] = Entry(
                    key,
                    version=int(row.version),
                    revision=int(row.revision),
                    announced_revision=int(row.told),
                    editions={one: _parts(key, value) for one, value in row.editions_json.items()},
                    touched=whole(row.touched) or 0,
                    asked_at=whole(row.asked_at),
                    refusal=cast(Refusal, row.refusal or ""),
                )
        return found

    def write(self, epoch: Epoch, entry: Entry) -> None:
        """Raises `VersionConflict` where the entry was written since it was read, `Unavailable`."""
        row = CatalogueRow(
            pk=CatalogueRow.key(epoch, entry.key),
            version=entry.version,
            revision=entry.revision,
            told=entry.announced_revision,
            editions_json={
                one: {name: snapshot_to_json(part) for name, part in parts.items()}
                for one, parts in entry.editions.items()
            },
            touched=entry.touched or None,
            asked_at=entry.asked_at,
            refusal=entry.refusal or None,
            refused_in=str(epoch) if entry.refusal else None,
        )
        first = entry.version == 1
        unchanged = CatalogueRow.pk.does_not_exist() if first else CatalogueRow.version == entry.version - 1
        try:
            with busy_as_unavailable():
                row.save(condition=unchanged)
        except PutError as error:
            if condition_failed(error):
                raise VersionConflict from error
            raise

    def refused(self, epoch: Epoch, before: int, most: int) -> Sequence[tuple[CatalogueKey, int]]:
        """At most so many things that Stripe did not show when last asked, and when that was, if before that
        instant. Raises `Unavailable`."""
        with busy_as_unavailable():
            rows = CatalogueRow.unanswered.query(str(epoch), CatalogueRow.asked_at < before, limit=most)
            return [(_key(row), int(row.asked_at)) for row in rows]


def _key(row: CatalogueRow) -> CatalogueKey:
    kind, _, name = str(row.pk).split("#", 2)[2].partition(":")
    return CatalogueKey(cast(Kind, kind), name)


def _parts(key: CatalogueKey, value: Any) -> Mapping[str, Snapshot]:
    """The parts of an edition. Until version 0.2 there was one for all, which did not say whether a coupon
    that showed no products had none."""
    if isinstance(value, Mapping):
        return {name: snapshot_from_json(part) for name, part in value.items()}
    stored = snapshot_from_json(value)
    if key.kind != "coupon":
        return {SHOWN if key.kind == "product" else TIERS: stored}
    terms = {name: one for name, one in stored.content.items() if name != PRODUCTS}
    parts = {TERMS: replace(stored, rank=Rank.STATE, content=terms)}
    if stored.rank is Rank.TERMINAL or stored.content[PRODUCTS]:
        products = {PRODUCTS: stored.content[PRODUCTS]}
        parts[PRODUCTS] = replace(stored, rank=Rank.STATE, content=products)
    return parts
