"""The catalogue: products' names, prices' tiers and coupons' terms, which belong to no customer.

Events tell of them on their own, before or after the subscriptions that use them; a person's fields are
projected with what the catalogue holds, and again when it changes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, Literal, cast

from peoplesync.domain.changes import Answer, ObjectKey, shown_of_product
from peoplesync.domain.snapshots import Rank, Snapshot, settle
from peoplesync.domain.stripe_objects import StripeEvent, Terms, Tiers, read_coupon, read_product, read_tiers
from peoplesync.domain.stripe_objects.reading import Json

EVENT_TYPES: Final = frozenset(
    {
        "product.created",
        "product.updated",
        "product.deleted",
        "price.created",
        "price.updated",
        "plan.created",
        "plan.updated",
        "coupon.created",
        "coupon.updated",
        "coupon.deleted",
    }
)


@dataclass(frozen=True)
class CatalogueKey:
    """A product, price or coupon."""

    kind: Literal["product", "price", "coupon"]
    id: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


def index_of_users(key: CatalogueKey | str) -> str:
    """The member index of the people who use a product, price or coupon."""
    return f"uses:{key}"


@dataclass(frozen=True)
class Entry:
    """What is known of a product, price or coupon.

    A coupon's id can be given to another coupon once it is deleted: `editions` holds each by its `created`,
    the only one of a product or price under "".

    `version` rises with every write and is 0 until the first; `revision` rises when what people show changes,
    and `told` is the one of which the people who use it were told.
    """

    key: CatalogueKey
    version: int = 0
    revision: int = 0
    told: int = 0
    editions: Mapping[str, Snapshot] = field(default_factory=dict)

    @property
    def name(self) -> str | None:
        """A product's name."""
        product = self.editions.get("")
        return product.content["name"] if product else None

    @property
    def metadata(self) -> Mapping[str, str]:
        """What the company attached to a product."""
        product = self.editions.get("")
        return product.content.get("metadata") or {} if product else {}

    @property
    def tiers(self) -> Tiers | None:
        """A price's tiers."""
        price = self.editions.get("")
        return cast(Tiers, price.content) if price else None

    def terms(self, start: int | None) -> Terms | None:
        """The terms of the newest coupon created before a discount's start."""
        created = [int(one) for one in self.editions if start is None or int(one) <= start]
        return cast(Terms, self.editions[str(max(created))].content) if created else None


Catalogue = Mapping[CatalogueKey, Entry]
EMPTY: Final[Catalogue] = MappingProxyType({})


@dataclass(frozen=True)
class CatalogueChange:
    """What an event says about an entry; `snapshot` is None where that is nothing that people show."""

    key: CatalogueKey
    edition: str
    snapshot: Snapshot | None

    @property
    def object(self) -> ObjectKey:
        return ObjectKey(self.key.kind, self.key.id)


def read_catalogue_change(event: StripeEvent) -> CatalogueChange:
    """The change that a catalogue event is; raises `UnreadableStripeObject` where it cannot be read."""
    rank = Rank.CREATION if event.type.endswith(".created") else Rank.STATE
    if event.type.startswith("product."):
        return _product_change(event.object, event.created, event.id, rank)
    if event.type.startswith(("price.", "plan.")):
        return _price_change(event.object, event.created, event.id)
    # What a coupon applies to is in no event, unless somebody has asked for it.
    whole = event.object.get("applies_to") is not None
    return _coupon_change(event.object, event.created, event.id, Rank.TERMINAL if whole else rank)


def listed_entry(value: Json, as_of: int) -> CatalogueChange:
    """What a product, price or coupon in a list of Stripe's says; raises `UnreadableStripeObject`."""
    match value.get("object"):
        case "product":
            return _product_change(value, as_of, "", Rank.STATE)
        case "price" | "plan":
            return _price_change(value, as_of, "")
    # Lists are asked for all of a coupon's terms, which never change.
    return _coupon_change(value, as_of, "", Rank.TERMINAL)


def _coupon_change(value: Json, as_of: int, event: str, rank: Rank) -> CatalogueChange:
    coupon = read_coupon(value)
    snapshot = Snapshot(as_of, event, rank, coupon["terms"])
    return CatalogueChange(CatalogueKey("coupon", coupon["id"]), str(coupon["created"]), snapshot)


def _product_change(value: Json, as_of: int, event: str, rank: Rank) -> CatalogueChange:
    product = read_product(value)
    snapshot = None if product is None else Snapshot(as_of, event, rank, shown_of_product(product))
    return CatalogueChange(CatalogueKey("product", str(value.get("id"))), "", snapshot)


def _price_change(value: Json, as_of: int, event: str) -> CatalogueChange:
    tiers = read_tiers(value)
    # Most events show no tiers. Those that do tell all there will ever be: a price's terms never change.
    snapshot = Snapshot(as_of, event, Rank.TERMINAL, tiers) if tiers["tiers"] else None
    return CatalogueChange(CatalogueKey("price", str(value.get("id"))), "", snapshot)


def fold_entry(
    entry: Entry, changes: Sequence[CatalogueChange], answer: Answer | None, mapped: Collection[str] = ()
) -> Entry:
    """The entry after the changes, by the rules of `snapshots`; raises `Tied` where only Stripe can tell.
    People show the metadata that is `mapped` to a field, and no other."""
    editions = dict(entry.editions)
    for edition in {change.edition for change in changes}:
        arriving = [one.snapshot for one in changes if one.edition == edition and one.snapshot]
        settled = settle(editions.get(edition), arriving, answer.snapshot if answer else None)
        if settled is not None:
            editions[edition] = settled
    if editions == entry.editions:
        return entry
    news = _shown(editions, mapped) != _shown(entry.editions, mapped)
    return replace(entry, version=entry.version + 1, revision=entry.revision + news, editions=editions)


def _shown(editions: Mapping[str, Snapshot], mapped: Collection[str]) -> Mapping[str, Mapping[str, Any]]:
    return {edition: _mapped(snapshot.content, mapped) for edition, snapshot in editions.items()}


def _mapped(content: Mapping[str, Any], mapped: Collection[str]) -> Mapping[str, Any]:
    # An edition that was stored before metadata was kept is one without any.
    attached = content.get("metadata") or {}
    return {**content, "metadata": {name: text for name, text in attached.items() if name in mapped}}
