"""The population's invoices and charges, as they were at any instant.

A subscription's invoices are numbered: 0 at its begin, 1 at the end of its trial (if it has one), 2 and on
for its renewals."""

from __future__ import annotations

from decimal import Decimal

from peoplesync_local.stripe_simulator.billing.pricing import cost, rounded, share
from peoplesync_local.stripe_simulator.objects import payments as stripe_payments
from peoplesync_local.stripe_simulator.objects.payments import describe_line
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject, list_of
from peoplesync_local.stripe_simulator.population.catalogue import PARTNER, WELCOME, Offer
from peoplesync_local.stripe_simulator.population.ids import customer_id, of_subscription, pair
from peoplesync_local.stripe_simulator.population.lives import RETRIES_AT, Life
from peoplesync_local.stripe_simulator.population.objects import Objects, email_of, is_discounted, is_flexible

_OFF = {WELCOME: 50, PARTNER: 20}
_OPEN = {"automatically_finalizes_at": None, "next_payment_attempt": None}


class InvoicesAndCharges:
    """Makes them for a life; who asks sees to it that there was one with this number."""

    def __init__(self, objects: Objects, *, livemode: bool) -> None:
        self._objects = objects
        self._livemode = livemode

    def invoice(self, life: Life, number: int, at: int, *, draft: bool = False) -> StripeObject:
        """The invoice at an instant; `draft`: as it was when it was made, even if it was finalized in the
        same second."""
        begun = begins(life, number)
        lines = [self._line(life, number, index) for index in range(len(self._objects.items_of(life)))]
        subtotal = sum(line["amount"] for line in lines)
        off = self._off(life, begun, subtotal)
        total = subtotal - off
        discounts = [of_subscription("di", life.draw, life.series)] if off else []
        invoice = stripe_payments.invoice(
            self._objects.invoice_id(life, number),
            customer=customer_id(life.draw),
            lines=lines,
            created=begun,
            subscription=of_subscription("sub", life.draw, life.series),
            currency=life.offer.price["currency"],
            billing_reason="subscription_cycle" if number else "subscription_create",
            email=email_of(life.draw),
            livemode=self._livemode,
            amount_due=total,
            amount_remaining=total,
            discounts=discounts,
            total=total,
            total_discount_amounts=[{"amount": off, "discount": one} for one in discounts],
            total_excluding_tax=total,
        )
        return self._at_stage(invoice, life, number, begun if draft else at, draft=draft)

    def charge(self, life: Life, number: int, attempt: int) -> StripeObject:
        """The charge of an attempt (from 0) to collect an invoice."""
        succeeded = succeeds(life, number, attempt)
        charge_id = of_subscription("ch", life.draw, life.series, f"{pair(number)}{attempt}")
        return stripe_payments.charge(
            charge_id,
            customer=customer_id(life.draw),
            amount=self.total(life, number),
            created=attempted_at(life, number, attempt),
            currency=life.offer.price["currency"],
            status="succeeded" if succeeded else "failed",
            description="Subscription update" if number else "Subscription creation",
            livemode=self._livemode,
            payment_intent=f"pi_{charge_id[3:]}",
            refunds=list_of([], f"/v1/charges/{charge_id}/refunds"),
        )

    def total(self, life: Life, number: int) -> int:
        """What an invoice asks for, in the minor unit."""
        items = self._objects.items_of(life)
        subtotal = sum(self._amount(life, number, offer, quantity) for offer, quantity in items)
        return subtotal - self._off(life, begins(life, number), subtotal)

    def _at_stage(
        self, invoice: StripeObject, life: Life, number: int, at: int, *, draft: bool
    ) -> StripeObject:
        begun = invoice["created"]
        if number == 0:
            if draft:
                return invoice
            opened = stripe_payments.finalized(invoice, begun) | _OPEN | {"effective_at": begun}
            return self._first_at(opened, life, at)
        if life.course == "unpaid" and life.fails_at is not None and number - 2 > life.fails_at:
            return invoice | {"auto_advance": False}
        collected_at = begun + RETRIES_AT[0]
        if draft or at < collected_at:
            due = {"automatically_finalizes_at": collected_at, "next_payment_attempt": collected_at}
            return invoice | due
        opened = stripe_payments.finalized(invoice, collected_at) | _OPEN | {"effective_at": collected_at}
        if number - 2 != life.fails_at:
            return self._paid(opened, life, number, 0)
        attempts = life.attempts_until(number - 2, at)
        for attempt in range(attempts):
            if succeeds(life, number, attempt):
                return self._paid(opened, life, number, attempt)
            retry = begun + RETRIES_AT[attempt + 1] if attempt + 1 < len(RETRIES_AT) else None
            opened = stripe_payments.payment_failed(opened, retry)
        return opened

    def _first_at(self, opened: StripeObject, life: Life, at: int) -> StripeObject:
        if life.trial_end is not None:
            return stripe_payments.paid(opened, life.created)
        if at <= life.created:
            return opened
        if life.course != "incomplete":
            return self._paid(opened, life, 0, 0)
        failed = stripe_payments.payment_failed(opened, None)
        if life.ended_at is not None and life.ended_at <= at:
            moments = failed["status_transitions"] | {"voided_at": life.ended_at}
            return failed | {"status": "void", "auto_advance": False, "status_transitions": moments}
        return failed

    def _paid(self, opened: StripeObject, life: Life, number: int, attempt: int) -> StripeObject:
        at = attempted_at(life, number, attempt)
        charge_id = of_subscription("ch", life.draw, life.series, f"{pair(number)}{attempt}")
        payments = stripe_payments.invoice_payments(
            charge_id,
            of=opened["id"],
            created=at,
            amount=opened["amount_due"],
            currency=opened["currency"],
            livemode=self._livemode,
        )
        return stripe_payments.paid(opened, at) | {"payments": payments}

    def _line(self, life: Life, number: int, index: int) -> StripeObject:
        offer, quantity = self._objects.items_of(life)[index]
        start, end = billed(life, number)
        if life.trial_end is not None and number == 0:
            description = (
                f"Free trial for {quantity or 1} x {offer.product_name}"
                if is_flexible(life)
                else f"Trial period for {offer.product_name}"
            )
        elif offer.price["unit_amount"] is None:
            description = f"{quantity or 0} × {offer.product_name}"
        else:
            description = describe_line(quantity or 0, offer.product_name, offer.price)
        return stripe_payments.line(
            of_subscription("il", life.draw, life.series, f"{pair(number)}{index}"),
            price=offer.price,
            period=(start, end),
            quantity=quantity or 0,
            amount=self._amount(life, number, offer, quantity),
            subscription=of_subscription("sub", life.draw, life.series),
            subscription_item=of_subscription("si", life.draw, life.series, str(index)),
            description=description,
            livemode=self._livemode,
        )

    def _amount(self, life: Life, number: int, offer: Offer, quantity: int | None) -> int:
        if number == 0 and life.trial_end is not None:
            return 0
        if quantity is None:  # metered: what was used in the period before
            used = (life.draw.number * 7919 + number * 104_729) % 5000 if number > 1 else 0
            return cost(offer.full, used)
        whole = cost(offer.full, quantity)
        if number > 1:
            return whole
        start, end = billed(life, number)
        return min(whole, share(whole, end - start, life.renewal(0) - life.renewal(-1)))

    def _off(self, life: Life, at: int, amount: int) -> int:
        if life.discounted is None or not is_discounted(life, at):
            return 0
        if life.discount_end is not None and life.discount_end <= at:
            return 0
        return rounded(Decimal(_OFF[life.discounted] * amount) / 100)


def begins(life: Life, number: int) -> int:
    """When an invoice was made."""
    return life.created if number == 0 else life.starts if number == 1 else life.renewal(number - 2)


def billed(life: Life, number: int) -> tuple[int, int]:
    """The period that an invoice is for."""
    if number == 0 and life.trial_end is not None:
        return (life.created, life.trial_end)
    return (begins(life, number), life.renewal(max(0, number - 1)))


def attempted_at(life: Life, number: int, attempt: int) -> int:
    """When an invoice was charged; the first one a second after it was made."""
    return life.created + 1 if number == 0 else begins(life, number) + RETRIES_AT[attempt]


def succeeds(life: Life, number: int, attempt: int) -> bool:
    """Whether an attempt brought the money."""
    if number == 0:
        return life.course != "incomplete"
    if number - 2 != life.fails_at:
        return True
    return life.course == "late" and attempt == len(RETRIES_AT) - 1
