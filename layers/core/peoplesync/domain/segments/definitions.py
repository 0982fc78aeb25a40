"""Segments: named rules. Eight are predefined."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from peoplesync.domain.fields.built_in import FIELDS, Field
from peoplesync.domain.segments.rules import Rule, Subject, earliest, holds


@dataclass(frozen=True)
class Segment:
    """A segment's definition. One that is not enabled has no members."""

    id: str
    title: str
    rule: Rule
    enabled: bool = True


@dataclass(frozen=True)
class Definitions:
    """The segments and fields that people are folded with; `version` rises whenever one of them changes, but
    for its title."""

    version: int
    segments: tuple[Segment, ...]
    fields: tuple[Field, ...] = FIELDS

    @property
    def enabled(self) -> tuple[Segment, ...]:
        """The segments that people are evaluated with."""
        return tuple(segment for segment in self.segments if segment.enabled)


def _status(*statuses: str) -> Rule:
    return {"field": "subscription_status", "in": list(statuses)}


PREDEFINED: Final[tuple[Segment, ...]] = (
    Segment("syncing_with_stripe", "Syncing with Stripe", {"has": "stripe_customer"}),
    Segment("current_trials", "Current Trials (Stripe)", _status("trialing")),
    Segment(
        "slipping_trials",
        "Slipping Trials (Stripe)",
        {"all": [_status("trialing"), {"field": "last_activity_at", "older_than": "2d"}]},
    ),
    Segment(
        "slipping_customers",
        "Slipping Customers (Stripe)",
        {"all": [_status("active", "past_due"), {"field": "last_activity_at", "older_than": "15d"}]},
    ),
    Segment(
        "expired_trials",
        "Expired Trials (Stripe)",
        {"all": [_status("trialing"), {"field": "subscription_trial_ends_at", "older_than": "0d"}]},
    ),
    Segment("customers", "Customers (Stripe)", _status("active", "past_due")),
    Segment(
        "churned_customers",
        "Churned Customers (Stripe)",
        _status("canceled", "incomplete_expired", "unpaid"),
    ),
    Segment(
        "past_due_subscriptions",
        "Past Due Subscriptions (Stripe)",
        {"field": "subscription_statuses", "contains": "past_due"},
    ),
)


PREDEFINED_IDS: Final = frozenset(segment.id for segment in PREDEFINED)

MOST_ENABLED: Final = 40
"""How many segments may be enabled: all that a person enters and leaves is written in one transaction."""


def memberships(segments: Iterable[Segment], subject: Subject, now: int) -> tuple[frozenset[str], int | None]:
    """The ids of the segments the subject is in at `now`, and the next moment at which that may change."""
    verdicts = {segment.id: holds(segment.rule, subject, now) for segment in segments}
    entered = frozenset(segment for segment, (truth, _) in verdicts.items() if truth)
    return entered, earliest(until for _, until in verdicts.values())
