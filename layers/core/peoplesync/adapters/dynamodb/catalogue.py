"""Products and coupons in DynamoDB."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from pynamodb.exceptions import PutError

from peoplesync.adapters.dynamodb.errors import busy_as_unavailable
from peoplesync.adapters.dynamodb.people.stored_people import snapshot_from_json, snapshot_to_json
from peoplesync.adapters.dynamodb.tables import CatalogueRow, whole
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
            told=entry.told,
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
            if error.cause_response_code == "ConditionalCheckFailedException":
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
