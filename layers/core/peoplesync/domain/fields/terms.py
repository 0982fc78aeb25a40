"""Terms: what a record's subscriptions cost, with all that is known beside what their events show.

An event shows a price's default amount, a discount's id, the first ten items. The rest is put together here:
amounts in the billed currency and tiers from the catalogue, discounts from the record, coupons' terms from
both, further items from when Stripe was last asked. What is not known stays unknown: the value is None, or
it is an estimate; and `unknown_terms` says what Stripe is to be asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import cast

from peoplesync.domain.catalogue import EMPTY, Catalogue, CatalogueKey, Entry
from peoplesync.domain.records.record import (
    Record,
    as_one_customer,
    is_out_of_sight,
    is_shown_in_part,
)
from peoplesync.domain.records.snapshots import Rank
from peoplesync.domain.revenue.mrr import PAYING_STATUSES, Mrr, is_paid_for, subscription_mrr
from peoplesync.domain.revenue.primary import primary_item, primary_subscription
from peoplesync.domain.stripe_objects import (
    Discount,
    Item,
    Subscription,
    Terms,
    billed,
    fullest,
)


def mrrs_of(record: Record, now: int, catalogue: Catalogue) -> Iterator[Mrr]:
    """What each of a record's subscriptions is worth a month at `now`."""
    known = _Known(record, catalogue)
    for subscription in record.current_subscriptions:
        completed = known.completed(subscription)
        own = [*completed["discounts"], *known.given_since(subscription)]
        worth = subscription_mrr(
            Subscription(**{**completed, "discounts": own}), now, known.discount, known.customers()
        )
        # That nothing is paid for it does not depend on what it would cost.
        certain = not is_paid_for(subscription) or known.is_certain(subscription)
        yield replace(worth, exact=worth.exact and certain)


def completed(record: Record, subscription: Subscription, catalogue: Catalogue) -> Subscription:
    """The subscription with all of its items, and what they cost as it is billed, as far as is known."""
    return _Known(record, catalogue).completed(subscription)


def uses_of(records: Iterable[Record]) -> frozenset[CatalogueKey]:
    """The products, prices and coupons that a profile of these records is made with."""
    records = as_one_customer(records)
    primary = _primary(records)
    found = {CatalogueKey("product", one) for one in _products(records, primary)}
    for record in records:
        for subscription in record.current_subscriptions:
            if _shows_prices(subscription, primary):
                items = _items_of(record, subscription)
                found |= {CatalogueKey("price", one["price"]) for one in items if _needs_catalogue(one)}
        coupons = (one["coupon"] for one in _Known(record, EMPTY).discounts_in_use())
        found |= {CatalogueKey("coupon", one) for one in coupons if one}
    return frozenset(found)


def _products(records: Iterable[Record], primary: Subscription | None) -> Iterator[str]:
    """The product of the primary item; of all items, where which one that is depends on the catalogue."""
    if primary is None:
        return
    holder = next(record for record in records if primary["id"] in record.subscriptions)
    items = _items_of(holder, primary)
    if not any(map(_needs_catalogue, items)):
        item = primary_item(Subscription(**{**primary, "items": items}))
        items = [item] if item else []
    yield from (one["product"] for one in items if one["product"])


def _primary(records: Iterable[Record]) -> Subscription | None:
    return primary_subscription(one for record in records for one in record.current_subscriptions)


def _shows_prices(subscription: Subscription, primary: Subscription | None) -> bool:
    """Whether people show what it costs: as MRR, or as the plan that they have, or had last."""
    spoken_for = primary is not None and subscription["id"] == primary["id"]
    return spoken_for or subscription["status"] in PAYING_STATUSES or subscription["status"] == "trialing"


@dataclass(frozen=True)
class Unknown:
    """What Stripe is to be asked for: entries of the catalogue, and subscriptions of a record (their ids, and
    as of when they are known)."""

    entries: frozenset[CatalogueKey] = frozenset()
    subscriptions: frozenset[tuple[str, str, int]] = frozenset()


def unknown_terms(records: Iterable[Record], catalogue: Catalogue) -> Unknown:
    """What no event will show of the prices and discounts of these records, and was not asked for yet."""
    entries: set[CatalogueKey] = set()
    subscriptions: set[tuple[str, str, int]] = set()
    every = list(records)
    together = as_one_customer(every)
    primary = _primary(together)
    for record in together:
        known = _Known(record, catalogue)
        entries |= known.unknown_prices(primary) | known.unknown_coupons()
    for record in every:
        subscriptions |= {
            (record.id, name, snapshot.as_of)
            for name, snapshot in record.subscriptions.items()
            if is_shown_in_part(record, name)
        }
    return Unknown(frozenset(entries), frozenset(subscriptions))


@dataclass(frozen=True)
class _Known:
    """What is known of one record's terms."""

    record: Record
    catalogue: Catalogue

    def completed(self, subscription: Subscription) -> Subscription:
        items = [self._item(one) for one in _items_of(self.record, subscription)]
        more = subscription["more_items"] and _items_seen(self.record, subscription) is None
        return Subscription(**{**subscription, "items": items, "more_items": more})

    def is_certain(self, subscription: Subscription) -> bool:
        """Whether what is known beside the last event is not older than what that event may have changed."""
        name = subscription["id"]
        snapshot, look = self.record.subscriptions[name], self.record.looks.get(name)
        if subscription["more_items"] and look is not None and look.as_of < snapshot.as_of:
            return False
        if is_out_of_sight(self.record, name):
            return False
        items = _items_of(self.record, subscription)
        others = (one for one in items if _is_converted(one))
        if not all((entry := self._price(one)) is None or entry.is_fresh() for one in others):
            return False
        named = {*subscription["discounts"], *self.given_since(subscription), *self.customers()}
        named |= {name for one in items for name in one["discounts"]}
        return all(self._is_fresh(name, subscription["currency"]) for name in named)

    def discount(self, name: str) -> Discount | None:
        kept = self.record.discounts.get(name)
        if kept is None:
            return None
        discount = cast(Discount, kept.content)
        # A discount that was taken back has ended, whatever its event says of an end.
        ended = kept.as_of if kept.rank is Rank.TERMINAL and discount["end"] is None else discount["end"]
        return Discount(**{**discount, "end": ended, "terms": self._terms(discount)})

    def given_since(self, subscription: Subscription) -> list[str]:
        """Discounts that an event of their own showed after the last one of the subscription, which does not
        name them yet."""
        as_of = self.record.subscriptions[subscription["id"]].as_of
        return [one for one in self._since(as_of, subscription["id"]) if one not in subscription["discounts"]]

    def customers(self) -> list[str]:
        """The customer's own discounts."""
        customer = self.record.customer
        if customer is None:
            return self._since(0, None)
        named: list[str] = customer.content["discounts"]
        return [*named, *(one for one in self._since(customer.as_of, None) if one not in named)]

    def unknown_prices(self, primary: Subscription | None) -> set[CatalogueKey]:
        """Prices whose tiers, or whose amounts in the billed currency, are not known for certain."""
        found = set()
        for subscription in self.record.current_subscriptions:
            if _shows_prices(subscription, primary):
                for item in filter(_needs_catalogue, _items_of(self.record, subscription)):
                    entry = self._price(item)
                    if (entry is None or entry.may_be_asked) and not self._is_priced(item):
                        found.add(CatalogueKey("price", item["price"]))
        return found

    def unknown_coupons(self) -> set[CatalogueKey]:
        """Coupons whose products, or whose amount in the billed currency, are not known for certain."""
        found = set()
        for discount in self.discounts_in_use():
            if discount["coupon"] is None:
                continue
            key = CatalogueKey("coupon", discount["coupon"])
            entry = self.catalogue.get(key)
            if (entry is None or entry.may_be_asked) and not self._is_understood(discount, entry):
                found.add(key)
        return found

    def discounts_in_use(self) -> Iterator[Discount]:
        """What is known of the discounts of the customer and of the subscriptions that are paid for."""
        named = set(self.customers())
        for one in self.record.current_subscriptions:
            if one["status"] in PAYING_STATUSES:
                named |= {*one["discounts"], *self.given_since(one)}
                named |= {name for item in _items_of(self.record, one) for name in item["discounts"]}
        for name in sorted(named & self.record.discounts.keys()):
            yield cast(Discount, self.record.discounts[name].content)

    def _is_fresh(self, name: str, currency: str) -> bool:
        """Whether a discount's amount in a currency cannot have changed since it was seen."""
        discount = self.discount(name)
        terms = discount["terms"] if discount else None
        if discount is None or terms is None or terms["amount_off"] is None or terms["currency"] == currency:
            return True
        entry = self.catalogue.get(CatalogueKey("coupon", discount["coupon"] or ""))
        return entry is not None and entry.is_fresh(discount["start"])

    def _since(self, as_of: int, subscription: str | None) -> list[str]:
        """Discounts of the customer, or of one subscription as a whole, that were heard of after `as_of`."""
        return [
            name
            for name, one in self.record.discounts.items()
            if one.as_of > as_of
            and one.rank is not Rank.TERMINAL
            and one.content["subscription"] == subscription
            and one.content["item"] is None
            and not one.content["once"]
        ]

    def _item(self, item: Item) -> Item:
        entry = self._price(item) if _needs_catalogue(item) else None
        if entry is None:
            return item
        if _is_converted(item):
            return billed(item, entry.options)
        return item if item["tiers"] or entry.tiers is None else Item(**{**item, **entry.tiers})

    def _price(self, item: Item) -> Entry | None:
        return self.catalogue.get(CatalogueKey("price", item["price"]))

    def _is_priced(self, item: Item) -> bool:
        entry, priced = self._price(item), self._item(item)
        fresh = not _is_converted(item) or (entry is not None and entry.is_fresh())
        return fresh and bool(priced["tiers"] if priced["tiered"] else priced["unit_amount"] is not None)

    def _terms(self, discount: Discount) -> Terms | None:
        entry = self.catalogue.get(CatalogueKey("coupon", discount["coupon"] or ""))
        listed = entry.terms(discount["start"]) if entry else None
        return fullest(one for one in (discount["terms"], listed) if one is not None)

    def _is_understood(self, discount: Discount, entry: Entry | None) -> bool:
        terms = self._terms(discount)
        if terms is None or terms["products"] is None:
            return False
        currencies = {one["currency"] for one in self.record.current_subscriptions} - {"", terms["currency"]}
        if terms["percent_off"] is not None or not currencies:
            return True
        known = currencies <= (terms["options"] or {}).keys()
        return known and entry is not None and entry.is_fresh(discount["start"])


def _items_of(record: Record, subscription: Subscription) -> list[Item]:
    """The items of a subscription: those that events show, and those that Stripe showed when it was asked."""
    seen = _items_seen(record, subscription) if subscription["more_items"] else None
    if seen is None:
        return subscription["items"]
    every = {one["id"]: one for one in seen}
    every |= {one["id"]: one for one in subscription["items"]}
    return [every[name] for name in sorted(every)]


def _items_seen(record: Record, subscription: Subscription) -> list[Item] | None:
    """All items of a subscription, when Stripe was last asked for them."""
    look = record.looks.get(subscription["id"])
    return cast("list[Item] | None", look.content["items"]) if look else None


def _needs_catalogue(item: Item) -> bool:
    return (item["tiered"] and not item["tiers"]) or _is_converted(item)


def _is_converted(item: Item) -> bool:
    """Whether it is billed in another currency than its price's own."""
    return item["currency"] != item["price_currency"]
