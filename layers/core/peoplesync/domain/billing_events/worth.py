"""What an entry says of a subscription: its plan, and its MRR as far as one event can know it.

The terms are the event's own. A discount of which it only gives the id, and a customer's, are unknown to it:
amounts that leave one out are marked `mrr_estimated`. An MRR that cannot be told at all is left out.
"""

from __future__ import annotations

from typing import Any, Literal

from peoplesync.domain.billing_events.transitions import Transition
from peoplesync.domain.money import major
from peoplesync.domain.mrr import (
    PAYING_STATUSES,
    UNCOLLECTED_PAUSES,
    Mrr,
    nothing_resolved,
    rounded,
    subscription_mrr,
)
from peoplesync.domain.primary import primary_item
from peoplesync.domain.stripe_objects import Subscription


def facts_of(subscription: Subscription, now: int) -> dict[str, Any]:
    """Subscription, plan and MRR at `now`, as a reader of the feed needs them."""
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
    return facts | _amounts(subscription["currency"], mrr=_known_mrr(subscription, now))


def change_of(transition: Transition) -> dict[str, Any]:
    """The facts of now, with status and MRR before and after."""
    before, after, now = transition.before, transition.after, transition.at
    change = facts_of(after, now)
    change |= {"status": transition.status, "previous_status": transition.previous_status}
    if before is not None:
        change |= _amounts(before["currency"], previous_mrr=_known_mrr(before, now))
    return change


def _known_mrr(subscription: Subscription, now: int) -> Mrr:
    return subscription_mrr(subscription, now, nothing_resolved)


def _amounts(currency: str, **mrrs: Mrr) -> dict[str, Any]:
    amounts: dict[str, Any] = {}
    for name, mrr in mrrs.items():
        if (by_currency := rounded(mrr)) is not None:
            amounts[name] = by_currency[currency]
            amounts |= {} if mrr.exact else {"mrr_estimated": True}
    return amounts


def direction(transition: Transition) -> Literal["expanded", "contracted"] | None:
    """Whether the subscription's monthly value rose or fell while it was, and stayed, paid for.

    None where it began or ceased to count as MRR (trials, cancellations, pauses, reactivations), and where
    before and after cannot be compared: unknown terms, or one currency rose while another fell.
    """
    before, after = transition.before, transition.after
    if before is None or not (_paid_for(before) and _paid_for(after)):
        return None
    was, now = (_known_mrr(one, transition.at).by_currency for one in (before, after))
    if was is None or now is None:
        return None
    steps = [now.get(currency, 0) - was.get(currency, 0) for currency in {*was, *now}]
    if any(step > 0 for step in steps):
        return None if any(step < 0 for step in steps) else "expanded"
    return "contracted" if any(step < 0 for step in steps) else None


def _paid_for(subscription: Subscription) -> bool:
    return subscription["status"] in PAYING_STATUSES and subscription["pause"] not in UNCOLLECTED_PAUSES
