"""Apply to the catalogue: a product's name or a coupon's terms, and then to everybody who uses it.

An entry is written first and its users are told afterwards, by a walk through their index; that they were
told is written last. After a crash in between, the message is delivered again and finds them untold. Who is
being folded with the older entry while this happens finds that out by its revision, after writing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from peoplesync.domain.catalogue import (
    CatalogueChange,
    CatalogueKey,
    Entry,
    fold_entry,
    index_of_users,
)
from peoplesync.domain.connections import Epoch
from peoplesync.domain.outgoing import OF_IMPORTS
from peoplesync.domain.snapshots import Tied
from peoplesync.sync.messages import Message, Walk
from peoplesync.sync.ports import Catalogues, Queue, Stripe


def apply_to_catalogue(
    epoch: Epoch,
    change: CatalogueChange,
    catalogue: Catalogues,
    stripe: Stripe,
    queue: Queue,
    cause: str,
    mapped: Collection[str] = (),
) -> bool:
    """Folds a change into its entry; whether that was news. Raises `VersionConflict` or `Unavailable`.

    `mapped` is the metadata of products that fields are made of. What an import brings stays the import's
    with those who use it, so that they are not told of either.
    """
    entry = catalogue.read(epoch, [change.key])[change.key]
    folded = _folded(epoch, entry, change, stripe, mapped)
    if folded != entry:
        catalogue.write(epoch, folded)
    if folded.told != folded.revision:
        told_as = cause if cause in OF_IMPORTS else "definition_changed"
        queue.send(Message(epoch, walk=Walk(index_of_users(change.key)), cause=told_as).encode())
        catalogue.write(epoch, replace(folded, version=folded.version + 1, told=folded.revision))
    return folded != entry


def answer_of(
    epoch: Epoch, key: CatalogueKey, after: int, catalogue: Catalogues, stripe: Stripe
) -> CatalogueChange:
    """Stripe's answer for an entry; a change of nothing where it has answered since `after`. Raises
    `Unavailable`."""
    entry = catalogue.read(epoch, [key])[key]
    if entry.asked_at is not None and entry.asked_at > after:
        return CatalogueChange(key)
    return stripe.terms(epoch.connection, key)


def _folded(
    epoch: Epoch, entry: Entry, change: CatalogueChange, stripe: Stripe, mapped: Collection[str]
) -> Entry:
    try:
        return fold_entry(entry, [change], None, mapped)
    except Tied:
        return fold_entry(entry, [change], stripe.fetch(epoch.connection, change.object), mapped)
