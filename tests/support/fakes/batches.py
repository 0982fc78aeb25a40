"""Batches of changes for tests of the worker, and what became of them."""

from __future__ import annotations

from typing import Any

from peoplesync.use_cases.messages.message import Message
from peoplesync.use_cases.worker.outcome.report import Report
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from tests.support.builders.stripe import NOW, customer, event
from tests.support.fakes.world import TEST, World


def told_of(who: StripeObject, at: int = NOW - 60) -> StripeObject:
    """The event by which Stripe tells of a customer, a minute ago."""
    return event("customer.updated", who, created=at)


def tie() -> list[StripeObject]:
    """Two states of `cus_1`, two seconds apart."""
    return [told_of(customer(name="One"), NOW - 60), told_of(customer(name="Two"), NOW - 58)]


def messages(*events: StripeObject, attempt: int = 0) -> list[str]:
    """The events as they travel on the queue."""
    return [Message(TEST, one, attempt=attempt).encode() for one in events]


def name_of(world: World, record: str = "cus_1") -> Any:
    """What a customer's person is called; None where there is none."""
    person = world.person(f"customer:{record}")
    return person.fields["customer_name"] if person else None


def counts_of(report: Report) -> dict[str, int]:
    """What became of the messages: the report's counts without the zeros."""
    return {name: count for name, count in report.counts.items() if count}
