"""The fold's input and output."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from peoplesync.domain.billing_events import BillingEvent
from peoplesync.domain.catalogue import Catalogue, CatalogueKey
from peoplesync.domain.connections import Connection
from peoplesync.domain.people.person import Person
from peoplesync.domain.records.changes import Change, ObjectKey
from peoplesync.domain.records.snapshots import Snapshot


@dataclass(frozen=True)
class LoadedState:
    """What was read before the fold.

    `identities` maps each identity that was looked up to its person's id, to None where it is nobody's, to
    SHARED where too many had it, to ERASED where its person was erased; `people` holds all of those people,
    and those to be reviewed; `entries` holds, by record, those of the `BillingEvent.memories` that are in
    its feed already; `charges`, by record, what those of the changes count for so far, and `earlier` the
    newest payment beside them of records of which it was looked for; `catalogue` the products and coupons
    that were looked up, entries of version 0 where nothing is known of one. `connection` and
    `catalogue_revision` are those of before the people were read.
    """

    identities: Mapping[str, str | None] = field(default_factory=dict)
    people: Mapping[str, Person] = field(default_factory=dict)
    entries: Mapping[str, Collection[str]] = field(default_factory=dict)
    catalogue: Catalogue = field(default_factory=dict)
    charges: Mapping[str, Mapping[str, Snapshot]] = field(default_factory=dict)
    earlier: Mapping[str, Sequence[Snapshot]] = field(default_factory=dict)
    connection: Connection | None = None
    catalogue_revision: int = 0


@dataclass(frozen=True)
class WriteSet:
    """People whose change is written as one: `before` and `after` by id, None where one does not exist
    before, or after.

    `entries` are the new billing events with the record whose feed they join, `charges` what charges of a
    record count for from now on; `changes` is what was folded,
    `reviewed` who was looked at again. Identities that became `shared` are nobody's from now on; who is
    `unsharing` is to be reviewed until they are not. Identities that became `erased` are nobody's either, and
    what is heard of them is dropped; who is `erasing` was to be, and where they are still in `after` has
    records left.
    """

    before: Mapping[str, Person | None]
    after: Mapping[str, Person | None]
    entries: tuple[tuple[str, BillingEvent], ...]
    changes: tuple[Change, ...]
    charges: tuple[tuple[str, Snapshot], ...] = ()
    reviewed: frozenset[str] = frozenset()
    shared: frozenset[str] = frozenset()
    unsharing: frozenset[str] = frozenset()
    erased: frozenset[str] = frozenset()
    erasing: frozenset[str] = frozenset()

    @property
    def only_with_definitions(self) -> int | None:
        """The version of the definitions that may not have risen when this is written; None where that is
        looked at after writing, and the same tasks are folded again. Where records move, or are erased, those
        need not lead to all of these people again: not to whom a record has left. Who is to be erased is
        looked at until they are gone."""
        left = [one for one in self.after.values() if one is not None and one.id not in self.erasing]
        return left[0].definitions_version if left and (len(self.after) > 1 or self.erased) else None

    @property
    def uses_new_catalogue_items(self) -> bool:
        """Whether somebody uses a product or coupon that they did not use before."""
        return any(
            after is not None and after.terms.keys() - (before.terms.keys() if before else ())
            for before, after in ((self.before[one], self.after[one]) for one in self.after)
        )


@dataclass(frozen=True)
class FoldResult:
    """The fold's result. Where it lacks something to decide, it says what, and there are no write sets:
    `ties` that only Stripe can settle, `unknown` identities, products and coupons that are `unlisted` so far,
    the payment before those of the charges that `fell`, by record, or newer definitions than the `outdated`
    ones it was given."""

    write_sets: tuple[WriteSet, ...] = ()
    ties: frozenset[ObjectKey] = frozenset()
    unknown: frozenset[str] = frozenset()
    unlisted: frozenset[CatalogueKey] = frozenset()
    fell: Mapping[str, Collection[str]] = field(default_factory=dict)
    outdated: bool = False

    @property
    def complete(self) -> bool:
        """Whether nothing was lacking."""
        return not (self.ties or self.unknown or self.unlisted or self.fell or self.outdated)
