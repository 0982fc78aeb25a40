"""What happens to trials, each once per subscription and trial.

A trial's end is told by what comes first of `.updated` (out of `trialing`), `.paused` and `.deleted`, or by
several of them. `trial_ended` says that it is over; just one of these says how:

- `trial_converted` - told only by the `.updated` out of `trialing`, into `active` or `past_due`: the company
  bills from now on. Whether the first payment succeeds is another story (`payment_failed`,
  `subscription_reactivated`): a status that follows past_due does not name the trial any more.
- `trial_expired` - it ended in `paused`, `unpaid`, `canceled` or `incomplete_expired` instead. Told by the
  `.updated` out of `trialing`, too, or by `.paused` and `.deleted`, which do not say what was before.

That never both are written holds in any order, since no event needs to know of another: converting begins
the first period that is paid, in the same moment. A subscription that is paused or deleted later shows that
period, and one whose trial came to nothing still shows the trial's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from peoplesync.domain.billing_events.kinds import BillingEvent
from peoplesync.domain.billing_events.transitions import Transition
from peoplesync.domain.billing_events.worth import change_of, facts_of
from peoplesync.domain.stripe_objects import Subscription

TRIAL_END_SLACK: Final = 86_400
"""Seconds after a trial's end within which a deletion or pause may be the trial's own end: Stripe works
ended trials off in its own time. A trial that ended by converting has the same key, so nothing doubles."""

REMINDER: Final = 3 * 86_400
"""Seconds before a trial's end at which Stripe sends `.trial_will_end`: at once where a trial is shorter."""

CONVERTED: Final = frozenset({"active", "past_due"})
EXPIRED: Final = frozenset({"paused", "unpaid", "canceled", "incomplete_expired"})


def trial_events(transition: Transition) -> Iterator[BillingEvent]:
    """What the event says happened to the subscription's trial."""
    subscription = transition.after
    if transition.status == "trialing" and (transition.action == "created" or transition.changes_status):
        started = subscription["trial_start"] or subscription["created"]
        content = facts_of(subscription, started) | _span(subscription)
        yield BillingEvent("trial_started", f"trial_started:{subscription['id']}:{started}", started, content)
    end = subscription["trial_end"]
    if end is None:
        return
    # Stripe also sends `.trial_will_end` for a trial that is ended at once: that one ends no more.
    if transition.action == "trial_will_end" and transition.at < end:
        reminded = max(end - REMINDER, subscription["trial_start"] or subscription["created"])
        content = facts_of(subscription, reminded) | _span(subscription)
        yield _of_trial("trial_ending", subscription, reminded, content)
    yield from _end(transition, end)


def _end(transition: Transition, end: int) -> Iterator[BillingEvent]:
    subscription, ended = transition.after, transition.ended_at
    at = end if ended is None else min(end, ended)
    left = transition.changes_status and transition.previous_status == "trialing"
    stopped = {"deleted": ended, "paused": transition.at}.get(transition.action)
    if not left and (stopped is None or stopped > end + TRIAL_END_SLACK):
        return
    # Neither status nor plan: several Stripe events can tell of this one end, and must write the same.
    yield _of_trial(
        "trial_ended", subscription, at, {"subscription": subscription["id"]} | _span(subscription)
    )
    if left and transition.status in CONVERTED:
        yield _of_trial("trial_converted", subscription, at, change_of(transition) | _span(subscription))
    elif (left and transition.status in EXPIRED) or (not left and not _paid_period_began(subscription, end)):
        content = {"subscription": subscription["id"]} | _span(subscription)
        yield _of_trial("trial_expired", subscription, at, content)


def _paid_period_began(subscription: Subscription, trial_end: int) -> bool:
    return any((item["period_start"] or 0) >= trial_end for item in subscription["items"])


def _of_trial(kind: str, subscription: Subscription, at: int, content: dict[str, Any]) -> BillingEvent:
    return BillingEvent(kind, f"{kind}:{subscription['id']}:{subscription['trial_end']}", at, content)


def _span(subscription: Subscription) -> dict[str, Any]:
    return {"trial_started_at": subscription["trial_start"], "trial_ends_at": subscription["trial_end"]}
