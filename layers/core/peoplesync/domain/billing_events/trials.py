"""What happens to trials, each once per subscription and trial.

A trial's end is reported by whichever comes first of `.updated` (out of `trialing`), `.paused` and
`.deleted`, or by several of them. `trial_ended` says that it is over; just one of these says how:

- `trial_converted` - reported only by the `.updated` out of `trialing`, into `active` or `past_due`: the
  company bills from now on. Whether the first payment succeeds is another story (`payment_failed`,
  `subscription_reactivated`): a status that follows past_due no longer names the trial.
- `trial_expired` - it ended in `paused`, `unpaid`, `canceled` or `incomplete_expired` instead. Reported by
  the `.updated` out of `trialing`, too, or by `.paused` and `.deleted`, which do not say what was before.

That never both are written holds in any order, since no event needs to know of another: converting begins
the first period that is paid, in the same moment. A subscription that is paused or deleted later shows that
period, and one whose trial came to nothing still shows the trial's.

`trial_expired` has the reason that its event shows, why it was paused or canceled. Where a trial is paused
and canceled within the day, both events report it, perhaps with different reasons: the first that arrives
stands.

A trial by a paid trial offer leaves the status active: it begins and is over as its items show it, and what
they cost from then on is a conversion, not an expansion. To schedule a cancellation within a trial ends
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from peoplesync.domain.billing_events.kinds import BillingEvent
from peoplesync.domain.billing_events.transitions import Transition
from peoplesync.domain.billing_events.worth import change_of, facts_of
from peoplesync.domain.revenue.mrr import PAYING_STATUSES
from peoplesync.domain.stripe_objects import Subscription

Trial = tuple[int | None, int | None]
"""When a trial starts and ends, None where that is not shown."""

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
    if (begun := _begun(transition)) is not None:
        started, _ = begun
        content = facts_of(transition, started) | _span(begun)
        yield BillingEvent("trial_started", f"trial_started:{subscription['id']}:{started}", started, content)
    trial = subscription["trial_start"], subscription["trial_end"]
    # Stripe also sends `.trial_will_end` for a trial that is ended at once, which is over already.
    if transition.action == "trial_will_end" and trial[1] is not None and transition.at < trial[1]:
        reminded = max(trial[1] - REMINDER, trial[0] or subscription["created"])
        content = facts_of(transition, reminded) | _span(trial)
        yield _of_trial("trial_ending", transition, trial, reminded, content)
    yield from _end(transition)


def _begun(transition: Transition) -> tuple[int, int | None] | None:
    """The trial that began with this: a free one with its status, or after another one in flexible billing,
    where `trial_start` is the latest trial's; a paid one with the offer that the items show."""
    before, after = transition.before, transition.after
    if transition.status != "trialing":
        return transition.offers_begun if transition.status in PAYING_STATUSES else None
    started = after["trial_start"] or after["created"]
    follows = before is not None and (before["trial_start"] or before["created"]) < started
    if transition.action == "created" or (
        transition.action == "updated" and (transition.changes_status or follows)
    ):
        return started, after["trial_end"]
    return None


def _end(transition: Transition) -> Iterator[BillingEvent]:
    left = _left(transition)
    trial = left or (transition.after["trial_start"], transition.after["trial_end"])
    end, ended = trial[1], transition.ended_at
    stopped = {"deleted": ended, "paused": transition.at}.get(transition.action)
    if end is None or (left is None and (stopped is None or stopped > end + TRIAL_END_SLACK)):
        return
    at = end if ended is None else min(end, ended)
    if transition.previous_offers:
        at = min(at, transition.at)  # an offer that is taken away keeps its end
    # Neither status nor plan: several Stripe events can report this one end, and must write the same.
    content = {"subscription": transition.after["id"]} | _span(trial)
    yield _of_trial("trial_ended", transition, trial, at, content)
    if left and transition.status in CONVERTED:
        yield _of_trial("trial_converted", transition, trial, at, change_of(transition) | _span(trial))
    elif transition.status in EXPIRED if left else not _paid_period_began(transition.after, end):
        yield _of_trial("trial_expired", transition, trial, at, content | {"reason": _reason(transition)})


def ended_in_trial(transition: Transition) -> bool:
    """Whether a subscription that ended did so within its trial, or with it."""
    end, ended = transition.after["trial_end"], transition.ended_at
    if end is None or ended is None:
        return False
    return ended <= end + TRIAL_END_SLACK and not _paid_period_began(transition.after, end)


def _reason(transition: Transition) -> str | None:
    why = transition.circumstances
    return why.pause_reason or (why.cancellation_reason if transition.ended_at is not None else None)


def _left(transition: Transition) -> Trial | None:
    """The trial that an `.updated` says is over. Of a subscription's own the end may have moved with that;
    one by an offer is no longer shown, or the next one is."""
    before, after = transition.before, transition.after
    if transition.action != "updated" or before is None:
        return None
    if transition.previous_status == "trialing":
        if not transition.changes_status:
            return None
        of = before if transition.offers or after["trial_end"] is None else after
        return of["trial_start"], of["trial_end"]
    return transition.offers_over if transition.previous_status in PAYING_STATUSES else None


def _paid_period_began(subscription: Subscription, trial_end: int) -> bool:
    return any((item["period_start"] or 0) >= trial_end for item in subscription["items"])


def _of_trial(
    kind: str, transition: Transition, trial: Trial, at: int, content: dict[str, Any]
) -> BillingEvent:
    return BillingEvent(kind, f"{kind}:{transition.after['id']}:{trial[1]}", at, content)


def _span(trial: Trial) -> dict[str, Any]:
    return {"trial_started_at": trial[0], "trial_ends_at": trial[1]}
