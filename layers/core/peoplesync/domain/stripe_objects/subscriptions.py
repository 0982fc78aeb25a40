"""Stripe subscriptions with their items.

Where things were: periods on the subscription until 2025-03-31.basil, on each item since. A trial is the
subscription's own (`trial_start`, `trial_end`), or one by a trial offer, which only its items show
(`current_trial`, since 2026): a free one gives the status trialing, a paid one active.

`subscription.currency` is what is billed. An item's price shows its own default currency and amount; where
that is another currency, what the item costs is known only where Stripe was asked for the price's
`currency_options`. A nested list shows its first ten items, and with `has_more` that there are others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict

from peoplesync.domain.stripe_objects.discounts import Discount, discount_ids, shown_discounts
from peoplesync.domain.stripe_objects.prices import CurrencyOption, Price, price_of
from peoplesync.domain.stripe_objects.reading import Node

Span = tuple[int, int]
"""From when to when."""

TERMINAL_STATUSES = frozenset({"canceled", "incomplete_expired"})


class Item(Price):
    """One line of a subscription: so many of a price, and the ids of the discounts of this line alone, in
    order. `currency` is what is billed, `price_currency` the price's own: where they differ, `unit_amount`
    and `tiers` are None unless the price's `options` were shown."""

    id: str
    quantity: int
    discounts: list[str]
    price_currency: str
    period_start: int | None
    period_end: int | None


class Subscription(TypedDict):
    """A subscription at one moment. `pause` is `pause_collection.behavior`; `discounts` are the ids of
    those of the whole subscription, in the order in which they apply. `more_items` says that it has items
    that are not shown. `currency` is "" where neither it nor an item is shown. The trial is the latest one;
    of trials by offers, it is from the first's start to the last's end, while an item shows one."""

    id: str
    status: str
    created: int
    start_date: int
    currency: str
    trial_start: int | None
    trial_end: int | None
    cancel_at_period_end: bool
    cancel_at: int | None
    canceled_at: int | None
    ended_at: int | None
    pause: str | None
    discounts: list[str]
    items: list[Item]
    more_items: bool
    metadata: dict[str, str]


def read_subscription(value: Any) -> Subscription:
    """A subscription in any API version."""
    subscription = Node.top(value, "subscription")
    created = subscription.required_integer("created")
    items = read_items(subscription)
    pause = subscription.node("pause_collection")
    trial = _trial(subscription)
    return Subscription(
        id=subscription.required_text("id"),
        status=subscription.required_text("status"),
        created=created,
        start_date=subscription.integer("start_date") or created,
        currency=subscription.text("currency") or (items[0]["currency"] if items else ""),
        trial_start=trial[0],
        trial_end=trial[1],
        cancel_at_period_end=bool(subscription.boolean("cancel_at_period_end")),
        cancel_at=subscription.integer("cancel_at"),
        canceled_at=subscription.integer("canceled_at"),
        ended_at=subscription.integer("ended_at"),
        pause=pause.text("behavior") if pause else None,
        discounts=discount_ids(subscription),
        items=items,
        more_items=subscription.is_cut("items"),
        metadata=subscription.texts("metadata"),
    )


def hides_discounts(value: Any) -> bool:
    """Whether a subscription's shape shows one discount of it at most, and none of its items'. Its snapshots
    say so as `more_discounts`: it is not part of the state."""
    subscription = Node.top(value, "subscription")
    return not all("discounts" in one for one in (subscription, *subscription.nodes("items")))


def discounts_in(value: Any) -> dict[str, Discount]:
    """What a subscription or a customer shows of its discounts themselves, and of its items', by id."""
    holder = Node.top(value, "subscription")
    if not holder.is_text("object", "subscription"):
        return shown_discounts(holder)
    name = holder.required_text("id")
    shown = shown_discounts(holder, subscription=name)
    for item in holder.nodes("items"):
        shown |= shown_discounts(item, subscription=name, item=item.text("id"))
    return shown


def _trial(subscription: Node) -> tuple[int | None, int | None]:
    offers = _offers(subscription).values()
    if offers:
        return min(start for start, _ in offers), max(end for _, end in offers)
    return subscription.integer("trial_start"), subscription.integer("trial_end")


def read_offers(value: Any) -> dict[str, Span]:
    """The trials by trial offers that a subscription shows, by item; empty where the subscription has a trial
    of its own, which speaks for all of them."""
    return _offers(Node.top(value, "subscription"))


def _offers(subscription: Node) -> dict[str, Span]:
    if "trial_start" in subscription or "trial_end" in subscription:
        return {}
    found: dict[str, Span] = {}
    for item in subscription.nodes("items"):
        trial = item.node("current_trial")
        start, end = (trial.integer("start_date"), trial.integer("end_date")) if trial else (None, None)
        if start is not None and end is not None:
            found[item.required_text("id")] = (start, end)
    return found


def read_items(subscription: Node) -> list[Item]:
    """The items of a subscription (or of the part of one in `previous_attributes`), in order of id.

    Stripe's order of items is not part of a subscription's state, so it must not make two snapshots differ.
    """
    period = (subscription.integer("current_period_start"), subscription.integer("current_period_end"))
    nodes = subscription.nodes("items")
    if not nodes and "plan" in subscription:
        # The oldest shapes may show no more than the plan of the only item.
        nodes = [subscription.only("id", "plan", "quantity")]
    currency = subscription.text("currency")
    return sorted((_read_item(item, period, currency) for item in nodes), key=lambda item: item["id"])


def billed(item: Item, options: Mapping[str, CurrencyOption] | None) -> Item:
    """The item with what it costs in the currency that is billed, where that is not its price's own; as far
    as the price's options are known."""
    if item["currency"] == item["price_currency"]:
        return item
    option = (options or {}).get(item["currency"]) or CurrencyOption(unit_amount=None, tiers=None)
    return Item(**{**item, **option})


def as_events_show(subscription: Subscription) -> Subscription:
    """The subscription with no more of its prices than what each event shows of them: what else there is to
    know belongs to the catalogue, and must not make two snapshots of one state differ."""
    items = [billed(Item(**{**one, "tiers": None, "options": None}), None) for one in subscription["items"]]
    return Subscription(**{**subscription, "items": items})


def billed_currency(subscriptions: Iterable[Mapping[str, Any]]) -> str | None:
    """The currency in which a subscription is billed, where one of its snapshots shows another one than its
    prices' own. It never changes; the oldest shapes do not show it."""
    for one in subscriptions:
        if any(item["price_currency"] != item["currency"] for item in one["items"]):
            return str(one["currency"])
    return None


def in_currency(subscription: Subscription, currency: str) -> Subscription:
    """The subscription as it is billed in a currency that its own shape may not show."""
    if subscription["currency"] == currency:
        return subscription
    items = [billed(Item(**{**one, "currency": currency}), None) for one in subscription["items"]]
    return Subscription(**{**subscription, "currency": currency, "items": items})


def alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two snapshots of a subscription show one state: what only one of them shows does not make them
    differ."""
    if one == other:
        return True
    if one.get("more_discounts") != other.get("more_discounts"):
        some, every = (one, other) if one.get("more_discounts") else (other, one)
        if not are_among(some["discounts"], every["discounts"]):
            return False
        one, other = _undiscounted(one), _undiscounted(other)
    if one["more_items"] == other["more_items"]:
        return one == other
    cut, whole = (one, other) if one["more_items"] else (other, one)
    shown = {item["id"] for item in cut["items"]}
    items = [item for item in whole["items"] if item["id"] in shown]
    return cut == {**whole, "items": items, "more_items": True}


def are_among(shown: Sequence[str], discounts: Sequence[str]) -> bool:
    """Whether a shape that shows one discount at most may show these where there are all of `discounts`."""
    return shown == discounts or (len(discounts) > 1 and {*shown} <= {*discounts})


def discounts_seen(subscription: Mapping[str, Any]) -> dict[str, list[str]]:
    """The ids of a subscription's discounts and of its items', by what they were given to ("" for the
    subscription as a whole)."""
    of_items = {item["id"]: item["discounts"] for item in subscription["items"] if item["discounts"]}
    return {"": subscription["discounts"], **of_items}


def _undiscounted(subscription: Mapping[str, Any]) -> Mapping[str, Any]:
    items = [{**item, "discounts": []} for item in subscription["items"]]
    return {**subscription, "discounts": [], "more_discounts": False, "items": items}


def _read_item(item: Node, period: tuple[int | None, int | None], currency: str | None) -> Item:
    price = price_of(item)
    quantity = item.integer("quantity")
    read = Item(
        id=item.required_text("id"),
        quantity=1 if quantity is None else quantity,
        discounts=discount_ids(item),
        period_start=item.integer("current_period_start") or period[0],
        period_end=item.integer("current_period_end") or period[1],
        price_currency=price["currency"],
        **{**price, "currency": currency or price["currency"]},  # type: ignore[typeddict-item]
    )
    return billed(read, price["options"])
