"""Monthly recurring revenue, after Stripe's own definition.

Source: https://docs.stripe.com/billing/subscriptions/analytics - licensed, recurring items of subscriptions
that are active or past due, each brought to a month, less the discounts that recur. Everything is an exact
rational in the minor unit until `rounded`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from peoplesync.domain.revenue.money import rounded_major
from peoplesync.domain.stripe_objects import Discount, Item, Subscription, Terms, Tier, Transform

PAYING_STATUSES: Final = frozenset({"active", "past_due"})
UNCOLLECTED_PAUSES: Final = frozenset({"void", "mark_uncollectible"})

_MONTHS: Final = {
    "month": Fraction(1),
    "year": Fraction(12),
    "week": Fraction(12, 52),
    "day": Fraction(12, 365),
}

Resolve = Callable[[str], Discount | None]
"""What is known of the discount of an id; None where nothing is."""


@dataclass(frozen=True)
class Mrr:
    """What one or more subscriptions are worth a month.

    `by_currency` is in minor units, exactly; None where it cannot be known (tiers, items or amounts in the
    billed currency that Stripe did not show, amounts that customers choose). `exact` is False where it is an
    estimate: a discount whose amount is not known was left out, or one was taken off all items whose products
    are not known. `until` is the next instant at which a discount starts or ends, None where none does.
    """

    by_currency: Mapping[str, Fraction] | None
    exact: bool = True
    until: int | None = None


def monthly_value(item: Item) -> Fraction | None:
    """What an item is worth a month before discounts, in its currency's minor unit, exactly.

    0 for what is metered or does not recur; None where the price's terms do not say, so that no wrong number
    is ever shown.
    """
    if not _recurs(item):
        return Fraction(0)
    quantity = _transformed(item["quantity"], item["transform"])
    amount = None if quantity is None else _amount(item, quantity)
    if amount is None or item["interval"] not in _MONTHS:
        return None
    return amount / _months(item)


def subscription_mrr(
    subscription: Subscription, now: int, resolve: Resolve, customer_discounts: Sequence[str] = ()
) -> Mrr:
    """A subscription's MRR at `now`.

    Discounts come off in Stripe's order, each from what the one before left: those of the items first, then
    those of the subscription, or the customer's where no discount of the subscription itself is running.
    """
    if not is_paid_for(subscription):
        return Mrr(_nothing(subscription))
    if subscription["more_items"] or not subscription["items"]:
        return Mrr(None)
    items = [item for item in subscription["items"] if _recurs(item)]
    left: dict[str, Fraction] = {}
    for item in items:
        value = monthly_value(item)
        if value is None:
            return Mrr(None)
        left[item["id"]] = value

    of_items = [(resolve(one), [item]) for item in items for one in item["discounts"]]
    own = [(resolve(one), items) for one in subscription["discounts"]]
    customers = [(resolve(one), items) for one in customer_discounts]
    overridden = any(_running(discount, now) for discount, _ in own)
    every = of_items + own + ([] if overridden else customers)

    left_out = presumed = False
    for discount, its_items in every:
        if _running(discount, now) and any(left[one["id"]] for one in its_items):
            taken = _discounted(left, its_items, discount["terms"] if discount else None)
            left, left_out, presumed = taken.left, left_out or taken.left_out, presumed or taken.presumed

    by_currency = _nothing(subscription)
    for item in items:
        by_currency[item["currency"]] = by_currency.get(item["currency"], Fraction(0)) + left[item["id"]]
    # A discount can only lower the value, so one that was left out cannot matter where nothing is left.
    exact = not presumed and not (left_out and any(left.values()))
    return Mrr(by_currency, exact, _next_change((one for one, _ in every), now))


def is_paid_for(subscription: Subscription) -> bool:
    """Whether it counts as MRR at all."""
    return subscription["status"] in PAYING_STATUSES and subscription["pause"] not in UNCOLLECTED_PAUSES


def _nothing(subscription: Subscription) -> dict[str, Fraction]:
    """0 in the subscription's currency; nothing where no currency was ever shown."""
    return {subscription["currency"]: Fraction(0)} if subscription["currency"] else {}


def total(mrrs: Iterable[Mrr]) -> Mrr:
    """The sum, by currency: currencies are never converted. Unknown if one of them is unknown."""
    mrrs = list(mrrs)
    until = min((one.until for one in mrrs if one.until is not None), default=None)
    exact = all(one.exact for one in mrrs)
    sums: dict[str, Fraction] = {}
    for one in mrrs:
        if one.by_currency is None:
            return Mrr(None, exact, until)
        for currency, value in one.by_currency.items():
            sums[currency] = sums.get(currency, Fraction(0)) + value
    return Mrr(sums, exact, until)


def rounded(mrr: Mrr) -> dict[str, str] | None:
    """Amounts in the major unit by currency, each rounded once, half up; None where it cannot be known."""
    if mrr.by_currency is None:
        return None
    return {currency: rounded_major(value, currency) for currency, value in sorted(mrr.by_currency.items())}


def _recurs(item: Item) -> bool:
    return item["interval"] is not None and not item["metered"]


def _months(item: Item) -> Fraction:
    """How many months an item's interval is long: a week is 12/52 of one, a day 12/365."""
    return _MONTHS[item["interval"] or "month"] * item["interval_count"]


# --- what a quantity costs


def _transformed(quantity: int, transform: Transform | None) -> int | None:
    if transform is None:
        return quantity
    match transform:
        case {"round": "down", "divide_by": size} if size > 0:
            return quantity // size
        case {"round": "up", "divide_by": size} if size > 0:
            return -(-quantity // size)
    return None


def _amount(item: Item, quantity: int) -> Fraction | None:
    if not item["tiered"]:
        return None if item["unit_amount"] is None else Fraction(item["unit_amount"]) * quantity
    match item["tiers_mode"]:
        case "graduated":
            return _graduated(item["tiers"] or [], quantity)
        case "volume":
            return _volume(item["tiers"] or [], quantity)
    return None


def _graduated(tiers: Sequence[Tier], quantity: int) -> Fraction | None:
    """Each unit at its own tier's amount, and the flat amount of every tier that is reached. The first one is
    always reached: Stripe bills its flat amount even for a quantity of 0."""
    amount, below = Fraction(0), 0
    for tier in tiers:
        reached = quantity if tier["up_to"] is None else min(quantity, tier["up_to"])
        amount += (reached - below) * Fraction(tier["unit_amount"]) + Fraction(tier["flat_amount"])
        if reached == quantity:
            return amount
        below = reached
    return None


def _volume(tiers: Sequence[Tier], quantity: int) -> Fraction | None:
    """All units at the amount of the tier that the quantity falls into, and that tier's flat amount."""
    for tier in tiers:
        if tier["up_to"] is None or quantity <= tier["up_to"]:
            return quantity * Fraction(tier["unit_amount"]) + Fraction(tier["flat_amount"])
    return None


# --- what discounts leave of it


def _running(discount: Discount | None, now: int) -> bool:
    start, end = (discount["start"], discount["end"]) if discount else (None, None)
    return (start is None or start <= now) and (end is None or now < end)


def _next_change(discounts: Iterable[Discount | None], now: int) -> int | None:
    instants = (instant for one in discounts if one for instant in (one["start"], one["end"]))
    return min((one for one in instants if one is not None and one > now), default=None)


@dataclass(frozen=True)
class _Taken:
    """What is `left` of each item's monthly value after a discount; whether it was `left_out`, since its
    amount is not known, or `presumed` to apply to all products, since those are not."""

    left: dict[str, Fraction]
    left_out: bool = False
    presumed: bool = False


def _discounted(left: dict[str, Fraction], items: Iterable[Item], terms: Terms | None) -> _Taken:
    """What a discount on these items leaves of each item's monthly value.

    A fixed amount comes off each invoice. It is brought to a month with the billing interval of the items it
    comes off - with the shortest one where flexible billing mixes intervals, since that one makes the most
    invoices - and shared among them in proportion to their value, as Stripe shares it among an invoice's
    lines.
    """
    if terms is None or terms["duration"] not in ("forever", "once", "repeating"):
        return _Taken(left, left_out=True)
    if terms["duration"] == "once":
        return _Taken(left)
    touched = [one for one in items if left[one["id"]] > 0 and _applies_to(terms, one)]
    after, left_out = dict(left), False
    for currency in sorted({one["currency"] for one in touched}):
        its = [one for one in touched if one["currency"] == currency]
        off = _part_off(terms, currency, sum(left[one["id"]] for one in its), min(map(_months, its)))
        # Stripe takes a fixed amount only in a currency that the coupon has one for: it was not shown.
        left_out = left_out or off is None
        after |= {one["id"]: left[one["id"]] * max(1 - (off or 0), Fraction(0)) for one in its}
    return _Taken(after, left_out, presumed=terms["products"] is None and after != left)


def _part_off(terms: Terms, currency: str, monthly: Fraction | int, months: Fraction) -> Fraction | None:
    """The part that a discount takes off items of so much a month, billed every so many months; None where
    its amount in their currency is not known."""
    if terms["percent_off"] is not None:
        return Fraction(terms["percent_off"]) / 100
    amount = _amount_off(terms, currency)
    return None if amount is None else Fraction(amount) / months / monthly


def _amount_off(terms: Terms, currency: str) -> int | None:
    """The fixed amount off in a currency's minor unit; None where it is not known."""
    if terms["currency"] == currency:
        return terms["amount_off"]
    return (terms["options"] or {}).get(currency)


def _applies_to(terms: Terms, item: Item) -> bool:
    return not terms["products"] or item["product"] in terms["products"]
