"""Transitions: a subscription as an event shows it, and as it was before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from peoplesync.domain.stripe_objects import (
    Discount,
    StripeEvent,
    Subscription,
    UnreadableStripeObject,
    discounts_in,
    read_subscription,
)
from peoplesync.domain.stripe_objects.circumstances import Circumstances, read_circumstances
from peoplesync.domain.stripe_objects.reading import Json
from peoplesync.domain.stripe_objects.subscriptions import TERMINAL_STATUSES, Span, read_offers


@dataclass(frozen=True)
class Transition:
    """What one `customer.subscription.*` event says of a subscription.

    `action` is the event's type without the prefix. `before` is what `updated` lists; of what was `resumed`
    only the status is known to have changed. The other actions do not show it: None. `offers` are the trials
    by trial offers, by item, and `previous_offers` those of before; `circumstances` are those of now.
    `discounts` are those of now and before that the event shows themselves, by id.
    """

    event: str
    action: str
    at: int
    before: Subscription | None
    after: Subscription
    offers: Mapping[str, Span] = field(default_factory=dict)
    previous_offers: Mapping[str, Span] = field(default_factory=dict)
    circumstances: Circumstances = field(default_factory=Circumstances)
    discounts: Mapping[str, Discount] = field(default_factory=dict)

    @property
    def status(self) -> str:
        return self.after["status"]

    @property
    def previous_status(self) -> str | None:
        return self.before["status"] if self.before else None

    @property
    def changes_status(self) -> bool:
        """Whether this is the `updated` out of another status."""
        return self.action == "updated" and self.previous_status != self.status

    @property
    def offers_begun(self) -> Span | None:
        """From when to when the trials by offers are that began with this."""
        if self.action not in ("created", "updated"):
            return None
        # An incomplete subscription shows its trial, which begins when it is paid for.
        before = {} if self.previous_status == "incomplete" else self.previous_offers
        starts = {item: start for item, (start, _) in before.items()}
        return _span(one for item, one in self.offers.items() if starts.get(item) != one[0])

    @property
    def offers_over(self) -> Span | None:
        """From when to when the trials by offers were that are over with this."""
        return _span(one for item, one in self.previous_offers.items() if item not in self.offers)

    @property
    def ended_at(self) -> int | None:
        """When the subscription ended; None while it lives."""
        if self.action != "deleted" and self.status not in TERMINAL_STATUSES:
            return None
        return self.after["ended_at"] or self.after["canceled_at"] or self.at


def read_transition(event: StripeEvent, after: Subscription) -> Transition:
    """The transition that an event reports; raises `UnreadableStripeObject` where `previous_attributes` do
    not fit the subscription."""
    action = event.type.removeprefix("customer.subscription.")
    before: Subscription | None = None
    previous_offers: Mapping[str, Span] = {}
    was = as_it_was(event.object, event.previous)
    if action == "updated":
        before = _read_before(was)
        previous_offers = read_offers(was)
    elif action == "resumed":
        before = Subscription(**{**after, "status": "paused"})
    offers = read_offers(event.object)
    why = read_circumstances(event.object)
    shown = (was, event.object) if before else (event.object,)
    discounts = {name: one for holder in shown for name, one in discounts_in(holder).items()}
    return Transition(event.id, action, event.created, before, after, offers, previous_offers, why, discounts)


def _span(trials: Iterable[Span]) -> Span | None:
    trials = list(trials)
    return (min(start for start, _ in trials), max(end for _, end in trials)) if trials else None


def _read_before(was: Json) -> Subscription:
    try:
        return read_subscription(was)
    except UnreadableStripeObject as error:
        path = f"previous_attributes.{error.path}"
        raise UnreadableStripeObject(error.kind, error.object_id, path, error.problem) from None


def as_it_was(after: Json, previous: Json) -> Json:
    """The subscription with `previous_attributes` laid over it.

    Of a nested object Stripe lists just the keys that changed; of an array, such as the items, all of it.
    Where the oldest shapes give only the subscription's own `quantity` and `plan`, they are those of its
    single item.
    """
    before = _merged(after, previous)
    if "items" in previous or not previous.keys() & {"quantity", "plan"}:
        return before
    listed = before.get("items")
    items = listed.get("data") if isinstance(listed, Mapping) else None
    if not isinstance(items, list) or len(items) != 1 or not isinstance(items[0], Mapping):
        return before
    item = dict(items[0])
    if previous.get("quantity") is not None:
        item["quantity"] = previous["quantity"]
    if isinstance(previous.get("plan"), Mapping):
        # The price shows the terms of now, and would be read before the plan.
        item = {**item, "plan": before["plan"], "price": None}
    return {**before, "items": {**listed, "data": [item]}} if isinstance(listed, Mapping) else before


def _merged(after: Json, previous: Json) -> dict[str, Any]:
    merged = dict(after)
    for key, value in previous.items():
        now = after.get(key)
        both = isinstance(now, Mapping) and isinstance(value, Mapping)
        merged[key] = _merged(now, value) if both else value  # type: ignore[arg-type]
    return merged
