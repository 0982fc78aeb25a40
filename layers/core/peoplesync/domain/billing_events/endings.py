"""What was lost when a subscription ended, as far as its last event alone shows."""

from __future__ import annotations

from typing import Any, Final

from peoplesync.domain.billing_events.transitions import Transition
from peoplesync.domain.billing_events.trials import ended_in_trial
from peoplesync.domain.billing_events.worth import amounts, known_mrr
from peoplesync.domain.revenue.mrr import UNCOLLECTED_PAUSES
from peoplesync.domain.stripe_objects import Subscription
from peoplesync.domain.stripe_objects.circumstances import UNPAID_REASONS

DAY: Final = 86_400
FIRST_PAYMENT: Final = DAY
"""Seconds for which the first payment may be outstanding (`incomplete`, 23 hours at most)."""

END_SLACK: Final = DAY
"""Seconds after its last period within which it may have ended with that: one that is renewed has a new
period at once, paid or not."""


def lost_mrr(transition: Transition) -> dict[str, Any]:
    """`previous_mrr`: what it was worth a month until it ended.

    Stripe's event shows it as canceled and not what it was before. So:

    - 0 where it ended within a trial of its own, or with it;
    - its items' value, less the discounts that the event shows, where nothing says that it was not paid for
      until then: it ended more than a day after it was made (an incomplete one does not live that long)
      and in the period that its items show, or with it; it was not paused, nor was its payment collection;
      Stripe did not end it for want of payment; and where invoices are sent for it, the last one is shown as
      paid;
    - None where something of that does not hold or is not known, as within a trial by an offer, which may
      have been free or paid. `mrr_estimated` is beside an amount that leaves out a discount.
    """
    after, currency = transition.after, transition.after["currency"]
    if ended_in_trial(transition):
        lost = (
            {}
            if transition.offers
            else amounts(currency, previous_mrr=known_mrr(transition, after, transition.at))
        )
    elif _was_paid_for(transition):
        living = Subscription(**{**after, "status": "active"})
        lost = amounts(
            currency, previous_mrr=known_mrr(transition, living, transition.ended_at or transition.at)
        )
    else:
        lost = {}
    return {"previous_mrr": None} | lost


def _was_paid_for(transition: Transition) -> bool:
    after, why = transition.after, transition.circumstances
    ended = transition.ended_at or transition.at
    last_period = max((item["period_end"] or 0 for item in after["items"]), default=0)
    unpaid = why.latest_invoice_paid is False or (why.is_invoiced and not why.latest_invoice_paid)
    return (
        after["status"] == "canceled"
        and ended - after["created"] > FIRST_PAYMENT
        and ended <= last_period + END_SLACK
        and not why.is_paused
        and after["pause"] not in UNCOLLECTED_PAUSES
        and why.cancellation_reason not in UNPAID_REASONS
        and not unpaid
    )
