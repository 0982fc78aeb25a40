"""What happens to subscriptions, apart from their trials.

| from → to | entry |
|---|---|
| created | `subscription_created` |
| created active, incomplete → active, trialing → active | `subscription_activated` |
| past_due, unpaid, paused, canceled → active | `subscription_reactivated` |
| anything else → past_due | `subscription_past_due` |
| ended | `subscription_canceled` |
| worth more, worth less, worth something else | `subscription_expanded`, `_contracted`, `_changed` |

So a subscription is activated when it is paid for the first time, and reactivated whenever it comes back to
active from a state in which payment, or the service, was stopped. One that invoices are sent for
(`collection_method`) is active before anything is paid: it is activated only by an event that shows its
latest invoice as paid, else `invoice_paid` alone reports the payment.

Stripe reports a pause and its end twice: `.paused` and `.resumed` come "whenever" that happens, and
`.updated` comes with every change. No value that all API versions have would give both one key and one
moment. So each entry comes from one type of event: `subscription_paused` and `subscription_resumed` by the
events of their name, `subscription_reactivated` (a pause's end makes the subscription active again) by
`.updated`. They are about the status `paused`; `pause_collection` leaves the status alone and does not count.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from peoplesync.domain.billing_events.endings import lost_mrr
from peoplesync.domain.billing_events.kinds import BillingEvent
from peoplesync.domain.billing_events.transitions import Transition, read_transition
from peoplesync.domain.billing_events.trials import trial_events
from peoplesync.domain.billing_events.worth import change_of, direction, facts_of
from peoplesync.domain.stripe_objects import StripeEvent, Subscription
from peoplesync.domain.stripe_objects.subscriptions import TERMINAL_STATUSES

KEPT_BY_KIND: Final = ("subscription_expanded", "subscription_contracted")
OF_VALUE: Final = frozenset({*KEPT_BY_KIND, "subscription_changed"})
STOPPED: Final = frozenset({"past_due", "unpaid", "paused", "canceled"})


def subscription_events(event: StripeEvent, subscription: Subscription) -> Iterator[BillingEvent]:
    """What a `customer.subscription.*` event says happened to the subscription.

    Raises `UnreadableStripeObject` where its `previous_attributes` cannot be read.
    """
    transition = read_transition(event, subscription)
    yield from _once(transition)
    for kind, more in _again(transition):
        happened = BillingEvent(kind, f"{event.id}:{kind}", event.created, change_of(transition) | more)
        yield _of_value(event, happened) if kind in OF_VALUE else happened
    yield from trial_events(transition)


def _of_value(event: StripeEvent, happened: BillingEvent) -> BillingEvent:
    """One event in the shapes of two API versions may show the direction in one of them only: it is one
    entry nevertheless, and the first stands. Earlier versions knew such an entry by its kind."""
    formerly = tuple(replace(happened, key=f"{event.id}:{kind}").entry for kind in KEPT_BY_KIND)
    return replace(happened, marker=f"{event.id}:value", formerly=formerly)


def _once(transition: Transition) -> Iterator[BillingEvent]:
    """The beginning and the end, keyed by the subscription."""
    subscription, status = transition.after, {"status": transition.status}
    if transition.action == "created":
        at = subscription["created"]
        yield _of_subscription("subscription_created", subscription, at, facts_of(transition, at) | status)
    elif transition.action == "deleted":
        at = transition.ended_at or transition.at
        facts = facts_of(transition, at) | status | lost_mrr(transition)
        facts |= {"reason": transition.circumstances.cancellation_reason}
        yield _of_subscription("subscription_canceled", subscription, at, facts)


def _of_subscription(kind: str, subscription: Subscription, at: int, content: dict[str, Any]) -> BillingEvent:
    return BillingEvent(kind, f"{kind}:{subscription['id']}", at, content)


def _again(transition: Transition) -> Iterator[tuple[str, dict[str, Any]]]:
    """What can happen again, keyed by the Stripe event: kinds, with what is to be said beside the change."""
    status, previous = transition.status, transition.previous_status
    if _is_activated(transition):
        yield "subscription_activated", {}
    if status == "active" and transition.action == "updated" and previous in STOPPED:
        yield "subscription_reactivated", {}
    if status == "past_due" and transition.changes_status:
        yield "subscription_past_due", {}
    if transition.action in ("paused", "resumed"):
        yield f"subscription_{transition.action}", {"reason": transition.circumstances.pause_reason}
    if (way := direction(transition)) is not None:
        yield f"subscription_{way}", {}
    yield from _cancellation(transition)


def _is_activated(transition: Transition) -> bool:
    """Whether it is paid for the first time. One that invoices are sent for is active unpaid: neither its
    creation nor its trial's end says more, unless the invoice is shown as paid."""
    if transition.status != "active":
        return False
    if transition.previous_status == "incomplete":
        return True
    why = transition.circumstances
    begins = transition.action == "created" or transition.previous_status == "trialing"
    return begins and (not why.is_invoiced or bool(why.latest_invoice_paid))


def _cancellation(transition: Transition) -> Iterator[tuple[str, dict[str, Any]]]:
    """Whether the end was scheduled, or is no longer. Another date for a scheduled end is neither, nor is
    the end itself, nor a subscription created for a fixed time."""
    before, after = transition.before, transition.after
    if before is None or after["status"] in TERMINAL_STATUSES:
        return
    if _ends(after) and not _ends(before):
        yield "cancellation_scheduled", {"cancels_at": _cancels_at(after)}
    elif _ends(before) and not _ends(after):
        yield "cancellation_unscheduled", {"cancels_at": _cancels_at(before)}


def _ends(subscription: Subscription) -> bool:
    return subscription["cancel_at_period_end"] or subscription["cancel_at"] is not None


def _cancels_at(subscription: Subscription) -> int | None:
    """Of several periods the flag means the earliest end."""
    ends = (item["period_end"] for item in subscription["items"])
    return subscription["cancel_at"] or min((end for end in ends if end is not None), default=None)
