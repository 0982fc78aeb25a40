"""What an entry says of a subscription: its plan, and its MRR as far as one event can know it.

The terms are the event's own. A discount of which it only gives the id, and a customer's, are unknown to it,
and no event says which products a coupon applies to: amounts that leave a discount out, or presume that it
applies to all, are marked `mrr_estimated`. An MRR that cannot be known at all is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Final, Literal

from peoplesync.domain.billing_events.transitions import Transition
from peoplesync.domain.revenue.money import major
from peoplesync.domain.revenue.mrr import (
    PAYING_STATUSES,
    UNCOLLECTED_PAUSES,
    Mrr,
    Resolve,
    rounded,
    subscription_mrr,
)
from peoplesync.domain.revenue.primary import primary_item
from peoplesync.domain.stripe_objects import Discount, Subscription, Terms

_NO_TERMS: Final = frozenset({"id", "discounts", "nickname", "period_start", "period_end"})
"""What of an item says nothing of what it costs; its discounts are compared by themselves."""


def facts_of(transition: Transition, now: int) -> dict[str, Any]:
    """Subscription, plan and MRR at `now`, as a reader of the feed needs them."""
    subscription = transition.after
    item = primary_item(subscription)
    facts: dict[str, Any] = {"subscription": subscription["id"]}
    if item is not None:
        facts |= {
            "product": item["product"],
            "plan": item["price"],
            "plan_nickname": item["nickname"],
            "plan_price": major(item["unit_amount"], item["currency"]) if item["unit_amount"] else None,
            "plan_interval": item["interval"],
            "plan_interval_count": item["interval_count"],
            "quantity": item["quantity"],
            "currency": item["currency"],
        }
    return facts | amounts(subscription["currency"], mrr=known_mrr(transition, subscription, now))


def change_of(transition: Transition) -> dict[str, Any]:
    """The facts of now, with status and MRR before and after."""
    before, now = transition.before, transition.at
    change = facts_of(transition, now)
    change |= {"status": transition.status, "previous_status": transition.previous_status}
    if before is not None:
        change |= amounts(before["currency"], previous_mrr=known_mrr(transition, before, now))
    return change


def known_mrr(transition: Transition, subscription: Subscription, now: int) -> Mrr:
    """The MRR at `now` of the subscription as it is or was, as far as the event alone shows."""
    return subscription_mrr(subscription, now, transition.discounts.get)


def amounts(currency: str, **mrrs: Mrr) -> dict[str, Any]:
    """The MRRs in the currency, by name; one that cannot be known is left out."""
    shown: dict[str, Any] = {}
    for name, mrr in mrrs.items():
        by_currency = rounded(mrr) or {}
        if currency in by_currency:
            shown[name] = by_currency[currency]
            shown |= {} if mrr.exact else {"mrr_estimated": True}
    return shown


def direction(transition: Transition) -> Literal["expanded", "contracted", "changed"] | None:
    """Whether the subscription's monthly value rose or fell while it was, and stayed, paid for.

    "changed" where what it is billed for changed, and the event does not show in which direction: amounts
    or a discount's terms are not in it, or one currency rose while another fell. None where nothing changed,
    and where it began or ceased to count as MRR (trials, cancellations, pauses, reactivations) or a paid
    trial began or is over.
    """
    before, after = transition.before, transition.after
    if before is None or not (_paid_for(before) and _paid_for(after)):
        return None
    if transition.offers_begun or transition.offers_over:
        return None
    was, now = (subscription_mrr(one, transition.at, _presumed(transition)) for one in (before, after))
    if was.by_currency is None or now.by_currency is None:
        return "changed" if _billed_for(before) != _billed_for(after) else None
    if _discounts(before) == _discounts(after):
        # What is not known of a discount is the same on both sides, and turns no rise into a fall.
        was, now = (Mrr(one.by_currency) for one in (was, now))
    steps = set(_steps(was, now))
    if None in steps or {"rise", "fall"} <= steps:
        return "changed"
    if "rise" in steps:
        return "expanded"
    return "contracted" if "fall" in steps else None


def _presumed(transition: Transition) -> Resolve:
    """The discounts that the event shows, presumed to apply to all products: no discount raises a value."""

    def resolve(name: str) -> Discount | None:
        discount = transition.discounts.get(name)
        terms = discount["terms"] if discount else None
        if discount is None or terms is None:
            return discount
        return Discount(**{**discount, "terms": Terms(**{**terms, "products": terms["products"] or []})})

    return resolve


def _steps(was: Mrr, now: Mrr) -> Iterator[Literal["rise", "fall", "none"] | None]:
    """What each currency's amount did, None where it cannot be known: one that is not exact is an upper
    bound, and may be as little as nothing."""
    before, after = was.by_currency or {}, now.by_currency or {}
    for currency in {*before, *after}:
        most_before, most_after = before.get(currency, Fraction(0)), after.get(currency, Fraction(0))
        least_before = most_before if was.exact else Fraction(0)
        least_after = most_after if now.exact else Fraction(0)
        if least_after > most_before:
            yield "rise"
        elif most_after < least_before:
            yield "fall"
        else:
            yield "none" if least_before == most_before == least_after == most_after else None


def _billed_for(subscription: Subscription) -> list[Any]:
    """What its amounts are made of. Ids, names and periods of items are not part of that: a renewal, which
    lists all items with their new periods, is not a change."""
    items = [
        {key: value for key, value in item.items() if key not in _NO_TERMS} for item in subscription["items"]
    ]
    return [_discounts(subscription), sorted(items, key=repr)]


def _discounts(subscription: Subscription) -> list[Any]:
    of_items = [(item["id"], item["discounts"]) for item in subscription["items"] if item["discounts"]]
    return [subscription["discounts"], of_items]


def _paid_for(subscription: Subscription) -> bool:
    return subscription["status"] in PAYING_STATUSES and subscription["pause"] not in UNCOLLECTED_PAUSES
