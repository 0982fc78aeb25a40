"""What happens at Stripe, as one event each, and the billing events that it should mean."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from peoplesync.domain.billing_events import BillingEvent
from peoplesync.domain.records.changes import read_change
from peoplesync.domain.stripe_objects import read_event
from peoplesync_local.stripe_simulator.objects.events import previous_attributes
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from tests.support.builders.stripe import DAY, HOUR, NOW, event, subscription

Builder = Callable[..., dict[str, Any]]
Entry = tuple[str, str, int]
"""Kind, key and moment of a billing event."""

STARTED = NOW - 10 * DAY
TRIAL_END = STARTED + 14 * DAY
TRIAL: dict[str, Any] = {"trial_start": STARTED, "trial_end": TRIAL_END}
OVER: dict[str, Any] = {"trial_start": STARTED, "trial_end": NOW - HOUR}
"""A trial that is going on, and one that was over an hour ago; the period is the trial's own."""
PAID_PERIOD: dict[str, Any] = {"period": (NOW - HOUR, NOW + 30 * DAY)}
"""The period that begins when the trial `OVER` converts."""


@dataclass(frozen=True)
class Happening:
    """An event of the object that `build(**facts)` makes, and the entries it means."""

    type: str
    build: Builder
    facts: dict[str, Any] = field(default_factory=dict)
    previous: dict[str, Any] | None = None
    means: tuple[Entry, ...] = ()

    def told(self, old: bool = False, **envelope: Any) -> tuple[BillingEvent, ...]:
        """The entries of the event `evt_1` of now that tells it."""
        shown = self.build(**self.facts)
        given: dict[str, Any] = {"id": "evt_1", "created": NOW, "previous": self.previous, "old": old}
        return read_change(read_event(event(self.type, shown, **(given | envelope)))).events

    def meant(self, old: bool = False) -> list[Entry]:
        return sorted((one.kind, one.key, one.at) for one in self.told(old))


def sub(action: str, status: str, was: str | None = None, *means: Entry, **facts: Any) -> Happening:
    """An event of a subscription in that status, and the status it had before."""
    previous = None if was is None else {"status": was}
    return Happening(
        f"customer.subscription.{action}", subscription, {"status": status, **facts}, previous, means
    )


def change(was: StripeObject, now: StripeObject, *means: Entry) -> Happening:
    """An update from one state of a subscription to another."""
    return Happening(
        "customer.subscription.updated", lambda: now, {}, previous_attributes(was, now), tuple(means)
    )


def again(kind: str) -> Entry:
    """What can happen again is keyed by the event."""
    return (kind, f"evt_1:{kind}", NOW)


def of_trial(kind: str, end: int, at: int | None = None) -> Entry:
    return (kind, f"{kind}:sub_1:{end}", end if at is None else at)


def canceled(at: int) -> Entry:
    return ("subscription_canceled", "subscription_canceled:sub_1", at)


CREATED = ("subscription_created", "subscription_created:sub_1", STARTED)
TRIAL_STARTED = ("trial_started", f"trial_started:sub_1:{STARTED}", STARTED)
