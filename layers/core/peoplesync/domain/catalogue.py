"""The catalogue: products' names, prices' tiers and coupons' terms, which belong to no customer.

Events report them on their own, before or after the subscriptions that use them; a person's fields are
projected with what the catalogue holds, and again when it changes.

No shape shows all there is to know, so an entry holds each part by itself, with its own `as_of`: a shape
that does not show a part leaves it alone. What no event shows is asked of Stripe, once. That Stripe has no
such object, or that the key may not read it, is an answer too; it never replaces what is known.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, Literal, cast

from peoplesync.domain.records.changes import Answer, ObjectKey, shown_of_product
from peoplesync.domain.records.snapshots import GONE, TIE_WINDOW, Rank, Snapshot, settle
from peoplesync.domain.stripe_objects import (
    CurrencyOption,
    StripeEvent,
    Terms,
    Tiers,
    read_coupon,
    read_options,
    read_product,
    read_tiers,
)
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

Kind = Literal["product", "price", "coupon"]
Refusal = Literal["", "not_found", "not_permitted", "unreadable"]
"""What Stripe answered instead of showing an object."""

SHOWN, TERMS, TIERS, OPTIONS, PRODUCTS = "shown", "terms", "tiers", "options", "products"
"""The parts: what people show of a product; a coupon's terms but for the products it applies to; a price's
tiers; a price's or coupon's amounts in other currencies, the only part that can change."""


@dataclass(frozen=True)
class CatalogueKey:
    """A product, price or coupon."""

    kind: Kind
    id: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


def index_of_users(key: CatalogueKey | str) -> str:
    """The member index of the people who use a product, price or coupon."""
    return f"uses:{key}"


@dataclass(frozen=True)
class Entry:
    """What is known of a product, price or coupon.

    A coupon's id can be given to another coupon once it is deleted: `editions` holds the parts of each by its
    `created`, of the only one of a product or price under "". `touched` is when the object was last updated.
    Stripe was last asked for it at `asked_at`, and answered with it, or with a `refusal`.

    `version` rises with every write and is 0 until the first; `revision` rises when what people show changes,
    and `announced_revision` is the one last announced to the people who use it.
    """

    key: CatalogueKey
    version: int = 0
    revision: int = 0
    announced_revision: int = 0
    editions: Mapping[str, Mapping[str, Snapshot]] = field(default_factory=dict)
    touched: int = 0
    asked_at: int | None = None
    refusal: Refusal = ""

    @property
    def name(self) -> str | None:
        """A product's name."""
        product = self._part(SHOWN)
        return product["name"] if product else None

    @property
    def metadata(self) -> Mapping[str, str]:
        """What the company attached to a product."""
        product = self._part(SHOWN)
        return product.get("metadata") or {} if product else {}

    @property
    def tiers(self) -> Tiers | None:
        """A price's tiers."""
        return cast("Tiers | None", self._part(TIERS))

    @property
    def options(self) -> Mapping[str, CurrencyOption] | None:
        """What a price costs in each currency; None where that is not known."""
        return cast("Mapping[str, CurrencyOption] | None", self._part(OPTIONS))

    def terms(self, start: int | None) -> Terms | None:
        """The terms of the newest coupon created before a discount's start, as far as they are known."""
        edition = self._edition(start)
        terms = self._part(TERMS, edition)
        if terms is None:
            return None
        products = self._part(PRODUCTS, edition)
        options = self._part(OPTIONS, edition)
        return Terms(
            percent_off=terms["percent_off"],
            amount_off=terms["amount_off"],
            currency=terms["currency"],
            duration=terms["duration"],
            products=None if products is None else list(products["products"]),
            options=None if options is None else dict(options),
        )

    def is_fresh(self, start: int | None = None) -> bool:
        """Whether the amounts in other currencies were seen well after the last update, which does not show
        them."""
        options = self.editions.get(self._edition(start), {}).get(OPTIONS)
        return options is not None and self._is_after_update(options.as_of)

    @property
    def may_be_asked(self) -> bool:
        """Whether asking Stripe can show something new: it was not asked since the object was updated."""
        return self.asked_at is None or not self._is_after_update(self.asked_at)

    @property
    def ask_after(self) -> int:
        """The instant that an answer must be of to count for good."""
        return self.touched + TIE_WINDOW if self.touched else 0

    def _is_after_update(self, as_of: int) -> bool:
        return not self.touched or as_of > self.ask_after

    def _edition(self, start: int | None) -> str:
        if self.key.kind != "coupon":
            return ""
        created = [int(one) for one in self.editions if one and (start is None or int(one) <= start)]
        return str(max(created)) if created else ""

    def _part(self, name: str, edition: str = "") -> Any:
        part = self.editions.get(edition, {}).get(name)
        return None if part is None else part.content


Catalogue = Mapping[CatalogueKey, Entry]
EMPTY: Final[Catalogue] = MappingProxyType({})


@dataclass(frozen=True)
class CatalogueChange:
    """What an event, a list or an answer says about an entry: some `parts` of one edition; that the object
    was updated at `touched`; or that Stripe was asked for it at `asked_at`, and with what `refusal`."""

    key: CatalogueKey
    edition: str = ""
    parts: Mapping[str, Snapshot] = field(default_factory=dict)
    touched: int = 0
    asked_at: int | None = None
    refusal: Refusal = ""

    @property
    def object(self) -> ObjectKey:
        return ObjectKey(self.key.kind, self.key.id)


def read_catalogue_change(event: StripeEvent) -> CatalogueChange:
    """The change that a catalogue event is; raises `UnreadableStripeObject` where it cannot be read."""
    rank = Rank.CREATION if event.type.endswith(".created") else Rank.STATE
    if event.type.startswith("product."):
        return _product_change(event.object, event.created, event.id, rank)
    if event.type.startswith(("price.", "plan.")):
        change = _price_change(event.object, event.created, event.id)
    else:
        change = _coupon_change(event.object, event.created, event.id)
    return replace(change, touched=event.created) if event.type.endswith(".updated") else change


def listed_entry(value: Json, as_of: int) -> CatalogueChange:
    """What a product, price or coupon in one of Stripe's lists says. A list is asked for all terms but the
    tiers of other currencies, which are shown by themselves only, so what it says is an answer. Raises
    `UnreadableStripeObject`."""
    match value.get("object"):
        case "product":
            return _product_change(value, as_of, "", Rank.STATE)
        case "price" | "plan":
            change = _price_change(value, as_of, "")
            hidden = value.get("billing_scheme") == "tiered" and OPTIONS in change.parts
            return change if hidden else replace(change, asked_at=as_of)
    return replace(_coupon_change(value, as_of, "", expanded=True), asked_at=as_of)


def answered_entry(key: CatalogueKey, value: Json, as_of: int) -> CatalogueChange:
    """Stripe's answer to the question for an entry; raises `UnreadableStripeObject`."""
    match key.kind:
        case "product":
            change = _product_change(value, as_of, "", Rank.STATE)
        case "price":
            change = _price_change(value, as_of, "")
        case "coupon":
            change = _coupon_change(value, as_of, "", expanded=True)
    return replace(change, asked_at=as_of)


def shown_prices(subscription: Json, as_of: int, event: str) -> Iterator[CatalogueChange]:
    """What a subscription shows of its prices beyond what each event does: tiers, in the oldest shapes, and
    whatever was expanded. Raises `UnreadableStripeObject`."""
    items = subscription.get("items")
    listed = items.get("data") if isinstance(items, Mapping) else None
    for item in [*(listed if isinstance(listed, list) else ()), subscription]:
        price = (item.get("price") or item.get("plan")) if isinstance(item, Mapping) else None
        if isinstance(price, Mapping) and (price.get("tiers") or price.get("currency_options")):
            yield _price_change(price, as_of, event)


def _coupon_change(value: Json, as_of: int, event: str, *, expanded: bool = False) -> CatalogueChange:
    coupon = read_coupon(value, expanded=expanded)
    terms = coupon["terms"]
    of_all = {name: value for name, value in terms.items() if name not in (PRODUCTS, OPTIONS)}
    parts: dict[str, Any] = {TERMS: of_all}
    if terms["products"] is not None:
        parts[PRODUCTS] = {"products": terms["products"]}
    if terms["options"] is not None:
        parts[OPTIONS] = terms["options"]
    return _change(CatalogueKey("coupon", coupon["id"]), str(coupon["created"]), parts, as_of, event)


def _product_change(value: Json, as_of: int, event: str, rank: Rank) -> CatalogueChange:
    product = read_product(value)
    parts = {} if product is None else {SHOWN: Snapshot(as_of, event, rank, shown_of_product(product))}
    return CatalogueChange(CatalogueKey("product", str(value.get("id"))), "", parts)


def _price_change(value: Json, as_of: int, event: str) -> CatalogueChange:
    tiers, options = read_tiers(value), read_options(value)
    parts: dict[str, Any] = {TIERS: tiers} if tiers["tiers"] else {}
    if options is not None:
        parts[OPTIONS] = options
    return _change(CatalogueKey("price", str(value.get("id"))), "", parts, as_of, event)


def _change(
    key: CatalogueKey, edition: str, parts: Mapping[str, Any], as_of: int, event: str
) -> CatalogueChange:
    return CatalogueChange(
        key,
        edition,
        {name: Snapshot(as_of, event, Rank.STATE, content) for name, content in parts.items()},
    )


def fold_entry(
    entry: Entry, changes: Sequence[CatalogueChange], answer: Answer | None, mapped: Collection[str] = ()
) -> Entry:
    """The entry after the changes, by the rules of `snapshots`; raises `Tied` where only Stripe knows what
    a product shows. People show the metadata that is `mapped` to a field, and no other."""
    editions = {name: dict(parts) for name, parts in entry.editions.items()}
    for change in changes:
        parts = editions.setdefault(change.edition, {}) if change.parts else {}
        for name, arriving in change.parts.items():
            parts[name] = _settled(name, parts.get(name), arriving, answer)
    asked = max(changes, key=lambda one: one.asked_at or -1, default=None)
    after = replace(
        entry, editions=editions, touched=max(entry.touched, *(change.touched for change in changes))
    )
    if asked is not None and asked.asked_at is not None and asked.asked_at >= (entry.asked_at or 0):
        after = replace(after, asked_at=asked.asked_at, refusal=asked.refusal)
    if after == entry:
        return entry
    news = _shown(after, mapped) != _shown(entry, mapped)
    return replace(after, version=entry.version + 1, revision=entry.revision + news)


def _settled(name: str, stored: Snapshot | None, arriving: Snapshot, answer: Answer | None) -> Snapshot:
    if name == SHOWN:
        settled = settle(stored, [arriving], answer.snapshot if answer else None)
    elif name != OPTIONS and stored is not None and stored.content == arriving.content:
        settled = stored  # what never changes is not worth a write for being seen again
    else:
        settled = settle(stored, [arriving], GONE)
        if name == OPTIONS and settled is not None and stored is not None:
            other = stored if settled is arriving else arriving
            settled = replace(settled, content=_with_tiers(settled.content, other.content))
    return arriving if settled is None else settled


def _with_tiers(options: Mapping[str, Any], other: Mapping[str, Any]) -> Mapping[str, Any]:
    """The options, with tiers that only the other answer was asked for."""

    def completed(currency: str, option: Any) -> Any:
        if not isinstance(option, Mapping):
            return option  # a coupon's is just an amount
        tiers = (other.get(currency) or {}).get("tiers")
        return {**option, "tiers": tiers} if tiers and not option.get("tiers") else option

    return {currency: completed(currency, option) for currency, option in options.items()}


def _shown(entry: Entry, mapped: Collection[str]) -> Mapping[str, Any]:
    """What people show of an entry, and how sure it is."""
    return {
        edition: {name: _mapped(part.content, mapped) for name, part in parts.items()}
        | ({"fresh": entry._is_after_update(parts[OPTIONS].as_of)} if OPTIONS in parts else {})
        for edition, parts in entry.editions.items()
    }


def _mapped(content: Mapping[str, Any], mapped: Collection[str]) -> Mapping[str, Any]:
    # An edition that was stored before metadata was kept is one without any.
    attached = content.get("metadata") or {}
    return {**content, "metadata": {name: text for name, text in attached.items() if name in mapped}}
