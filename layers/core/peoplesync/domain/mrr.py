"""Monthly recurring revenue, after Stripe's own definition.

Source: https://docs.stripe.com/billing/subscriptions/analytics - licensed, recurring items of subscriptions
that are active or past due, each brought to a month.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from peoplesync.domain.money import rounded_major
from peoplesync.domain.stripe_objects import Item, Subscription

PAYING_STATUSES = frozenset({"active", "past_due"})
UNCOLLECTED_PAUSES = frozenset({"void", "mark_uncollectible"})

_MONTHS = {
    "month": Fraction(1),
    "year": Fraction(12),
    "week": Fraction(12, 52),
    "day": Fraction(12, 365),
}


def monthly_value(item: Item) -> Fraction | None:
    """What an item is worth a month, in its currency's minor unit, exactly.

    0 for what is metered or does not recur; None where the price's terms are not supported yet
    (tiers, transformed quantities), so that no wrong number is ever shown.
    """
    if item["metered"] or item["interval"] is None:
        return Fraction(0)
    if item["tiered"] or item["transformed"] or item["unit_amount"] is None:
        return None
    months = _MONTHS[item["interval"]] * item["interval_count"]
    return Fraction(item["unit_amount"]) * item["quantity"] / months


def subscription_mrr(subscription: Subscription) -> dict[str, Fraction] | None:
    """A subscription's MRR by currency, in minor units, exactly; None where it cannot be known."""
    if subscription["status"] not in PAYING_STATUSES or subscription["pause"] in UNCOLLECTED_PAUSES:
        return {subscription["currency"]: Fraction(0)}
    if subscription["discounted"]:
        return None
    by_currency: dict[str, Fraction] = {subscription["currency"]: Fraction(0)}
    for item in subscription["items"]:
        value = monthly_value(item)
        if value is None:
            return None
        by_currency[item["currency"]] = by_currency.get(item["currency"], Fraction(0)) + value
    return by_currency


def total_mrr(subscriptions: Iterable[Subscription]) -> dict[str, str] | None:
    """The sum over subscriptions as amounts in the major unit by currency, each rounded once.

    None where one of them cannot be known. Currencies are never converted.
    """
    totals: dict[str, Fraction] = {}
    for subscription in subscriptions:
        values = subscription_mrr(subscription)
        if values is None:
            return None
        for currency, value in values.items():
            totals[currency] = totals.get(currency, Fraction(0)) + value
    return {currency: rounded_major(value, currency) for currency, value in sorted(totals.items())}
