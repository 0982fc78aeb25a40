"""The events that Stripe sent of what happened to the population's customers."""

from __future__ import annotations

from collections.abc import Iterator

from peoplesync_local.stripe_simulator.account.showing import plain
from peoplesync_local.stripe_simulator.objects.events import event, previous_attributes
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from peoplesync_local.stripe_simulator.population import points
from peoplesync_local.stripe_simulator.population.calendar import Calendar
from peoplesync_local.stripe_simulator.population.ids import of_subscription, pair
from peoplesync_local.stripe_simulator.population.lives import Draw, Life
from peoplesync_local.stripe_simulator.population.objects import Objects
from peoplesync_local.stripe_simulator.population.payments import InvoicesAndCharges
from peoplesync_local.stripe_simulator.population.points import Happening, Walk

EventShape = tuple[str, StripeObject, StripeObject | None]
"""An event's type, its object, and what it was before."""


class Events:
    """Makes the events of what happened; each shows its object as it was then."""

    def __init__(
        self,
        walk: Walk,
        calendar: Calendar,
        objects: Objects,
        payments: InvoicesAndCharges,
        *,
        livemode: bool,
    ) -> None:
        self._walk = walk
        self._calendar = calendar
        self._objects = objects
        self._payments = payments
        self._livemode = livemode

    def of(self, happening: Happening) -> list[StripeObject]:
        """All events of what happened, in Stripe's order; their ids sort in it."""
        draw = self._walk.draw(happening.number)
        events = []
        for ordinal, (type_, shown, before) in enumerate(self._shapes(happening, draw)):
            within = f"{happening.point.code}{pair(happening.renewal)}{ordinal}"
            made = event(
                type_,
                {},
                id=of_subscription("evt", draw, happening.series, within),
                created=happening.at,
                previous=None if before is None else previous_attributes(before, shown),
                livemode=self._livemode,
            )
            made["data"]["object"] = plain(shown)
            made["pending_webhooks"] = 0
            events.append(made)
        return events

    def _shapes(self, happening: Happening, draw: Draw) -> Iterator[EventShape]:
        at, point, renewal = happening.at, happening.point, happening.renewal
        if point is points.SIGNS_UP:
            yield "customer.created", self._customer(draw, at), None
            return
        life = self._walk.life(draw, happening.series)
        if point is points.SUBSCRIBES:
            yield from self._begin(life, at)
        elif point in (points.PAYS_FIRST, points.PAYS_AFTER_TRIAL):
            yield from self._collected(life, 0 if point is points.PAYS_FIRST else 1, 0, at)
        elif point is points.EXPIRES:
            yield self._updated(life, at)
            yield "invoice.voided", self._payments.invoice(life, 0, at), None
        elif point is points.IS_REMINDED:
            yield "customer.subscription.trial_will_end", self._objects.subscription(life, at), None
        elif point is points.TRIAL_ENDS:
            yield from self._renewed(life, 1, at)
        elif point is points.DISCOUNT_ENDS:
            yield "customer.discount.deleted", self._objects.discount(life), None
            yield self._updated(life, at)
        elif point in (points.LEAVES, points.LEAVES_TRIAL):
            yield self._updated(life, at)
        elif point is points.RENEWS:
            yield from self._renewed(life, renewal + 2, at)
        else:
            attempt = 0 if point is points.IS_COLLECTED else 1 + points.RETRIES.index(point)
            yield from self._collected(life, renewal + 2, attempt, at)

    def _begin(self, life: Life, at: int) -> Iterator[EventShape]:
        yield "customer.subscription.created", self._objects.subscription(life, at), None
        if life.discounted is not None:
            yield "customer.discount.created", self._objects.discount(life), None
        yield "invoice.created", self._payments.invoice(life, 0, at, draft=True), None
        invoice = self._payments.invoice(life, 0, at)
        yield "invoice.finalized", invoice | ({} if invoice["status"] == "open" else {"status": "open"}), None
        if invoice["status"] == "paid":
            yield "invoice.paid", invoice, None
            yield "invoice.payment_succeeded", invoice, None

    def _renewed(self, life: Life, number: int, at: int) -> Iterator[EventShape]:
        """A trial or a period ends: another begins, or it is paused, or ended."""
        shown = self._objects.subscription(life, at)
        if shown["status"] == "canceled":
            yield "customer.subscription.deleted", shown, None
            return
        yield self._updated(life, at)
        if shown["status"] == "paused":
            yield "customer.subscription.paused", shown, None
        else:
            yield "invoice.created", self._payments.invoice(life, number, at, draft=True), None

    def _collected(self, life: Life, number: int, attempt: int, at: int) -> Iterator[EventShape]:
        """An attempt to collect an invoice, and what followed."""
        charge = self._payments.charge(life, number, attempt)
        invoice = self._payments.invoice(life, number, at)
        if number > 0 and attempt == 0:
            before = self._payments.invoice(life, number, at - 1)
            opened = {"status": "open", "number": invoice["number"], "automatically_finalizes_at": None}
            opened |= {"effective_at": at, "next_payment_attempt": None}
            moments = before["status_transitions"] | {"finalized_at": at}
            yield "invoice.finalized", before | opened | {"status_transitions": moments}, None
        yield f"charge.{charge['status']}", charge, None
        if charge["status"] == "succeeded":
            yield "invoice.paid", invoice, None
            yield "invoice.payment_succeeded", invoice, None
        else:
            yield "invoice.payment_failed", invoice, None
        before, after = self._objects.subscription(life, at - 1), self._objects.subscription(life, at)
        if after["status"] == "canceled":
            yield "customer.subscription.deleted", after, None
        elif before != after:
            yield "customer.subscription.updated", after, before
        was, customer = self._customer(life.draw, at - 1), self._customer(life.draw, at)
        if was != customer:
            yield "customer.updated", customer, was

    def _updated(self, life: Life, at: int) -> EventShape:
        before, after = self._objects.subscription(life, at - 1), self._objects.subscription(life, at)
        return "customer.subscription.updated", after, before

    def _customer(self, draw: Draw, at: int) -> StripeObject:
        return self._objects.customer(draw, self._calendar.created(draw.number), self._walk.lives(draw), at)
