"""The 25 kinds of billing event, and what an entry of the feed is."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Final

KINDS: Final = (
    "subscription_created",
    "subscription_activated",
    "subscription_expanded",
    "subscription_contracted",
    "subscription_changed",
    "subscription_past_due",
    "subscription_reactivated",
    "subscription_paused",
    "subscription_resumed",
    "cancellation_scheduled",
    "cancellation_unscheduled",
    "subscription_canceled",
    "trial_started",
    "trial_ending",
    "trial_ended",
    "trial_converted",
    "trial_expired",
    "invoice_created",
    "invoice_paid",
    "payment_failed",
    "charge_succeeded",
    "charge_failed",
    "charge_refunded",
    "checkout_completed",
    "customer_deleted",
)


@dataclass(frozen=True)
class BillingEvent:
    """One entry of the feed. `content` is plain JSON: amounts as text in the major unit, instants as
    Unix seconds under names that end in `_at`.

    `marker` is what it is known by where its time does not belong to what it is: a row of its own.
    `formerly` are the entries that stand for the same in feeds that earlier versions wrote.
    """

    kind: str
    key: str
    at: int
    content: dict[str, Any]
    marker: str = ""
    formerly: tuple[str, ...] = field(default=(), compare=False)

    @property
    def entry(self) -> str:
        """Unique among the entries of its record's feed, and sorts by time."""
        return f"{self.at:011d}#{self.key}"

    @property
    def memory(self) -> str:
        """By what its record's feed knows that it was counted."""
        return self.marker or self.entry

    @property
    def memories(self) -> tuple[str, ...]:
        """Everything by which a feed may know it."""
        return self.memory, *self.formerly

    def is_known(self, known: Collection[str]) -> bool:
        """Whether a feed that knows these has counted it."""
        return any(one in known for one in self.memories)
