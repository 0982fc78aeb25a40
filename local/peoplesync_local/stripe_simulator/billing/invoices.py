"""Invoices of subscriptions: drafted when a period begins, finalized an hour later, then collected."""

from __future__ import annotations

from collections.abc import Sequence

from peoplesync_local.stripe_simulator.account.timetable import HOUR, Timetable
from peoplesync_local.stripe_simulator.billing.discounts import Discounts
from peoplesync_local.stripe_simulator.billing.payments import Payments
from peoplesync_local.stripe_simulator.billing.periods import billed_period
from peoplesync_local.stripe_simulator.billing.pricing import (
    applies_to,
    cost,
    in_currency,
    is_metered,
    taken_off,
)
from peoplesync_local.stripe_simulator.objects import payments as stripe_payments
from peoplesync_local.stripe_simulator.objects.debits import under_way
from peoplesync_local.stripe_simulator.objects.shapes import DAY, StripeObject, major_units

DESCRIPTIONS = {"subscription_create": "Subscription creation"}

_WRITTEN_OFF = {
    "void": ("void", "voided_at", "invoice.voided"),
    "mark_uncollectible": (
        "uncollectible",
        "marked_uncollectible_at",
        "invoice.marked_uncollectible",
    ),
}
"""The status, its moment in `status_transitions`, and the event, by how the collection is paused."""


class Billing:
    """Drafts, finalizes and settles; what follows for the subscription is up to the caller."""

    def __init__(self, timetable: Timetable, payments: Payments, discounts: Discounts) -> None:
        self._timetable = timetable
        self._account = timetable.account
        self._payments = payments
        self._discounts = discounts
        self._pending: dict[str, list[StripeObject]] = {}

    def draft(
        self,
        subscription: StripeObject,
        at: int,
        reason: str,
        *,
        before: StripeObject | None = None,
        items: Sequence[StripeObject] | None = None,
        collect: bool = True,
    ) -> StripeObject:
        """The subscription's `latest_invoice`, drafted for its items that begin a period (all unless given).
        It finalizes by itself an hour later, unless `collect` says that it stays. `before`: the subscription
        in the period before, for what was used then."""
        previous = {item["id"]: item for item in before["items"]["data"]} if before else {}
        lines = [
            self.whole_period(subscription, item, previous.get(item["id"]))
            for item in (subscription["items"]["data"] if items is None else items)
        ]
        lines += self._pending.pop(subscription["id"], [])
        return self.bill(subscription, lines, at, reason, collect=collect)

    def bill(
        self,
        subscription: StripeObject,
        lines: list[StripeObject],
        at: int,
        reason: str,
        *,
        collect: bool = True,
    ) -> StripeObject:
        """The subscription's `latest_invoice` with these lines, discounts taken off."""
        customer = self._customer(subscription)
        discounts = self._taken_off(subscription, customer, lines, at)
        subtotal = sum(line["amount"] for line in lines)
        total = subtotal - sum(one["amount"] for one in discounts)
        due = max(0, total)
        by_mail = subscription["collection_method"] == "send_invoice"
        invoice = stripe_payments.invoice(
            subscription["latest_invoice"],
            customer=customer["id"],
            lines=lines,
            created=at,
            subscription=subscription["id"],
            currency=subscription["currency"],
            billing_reason=reason,
            email=customer["email"],
            livemode=self._account.livemode,
            amount_due=due,
            amount_remaining=due,
            auto_advance=collect,
            automatically_finalizes_at=at + HOUR if collect else None,
            collection_method=subscription["collection_method"],
            customer_address=customer["address"],
            customer_name=customer["name"],
            customer_phone=customer["phone"],
            default_payment_method=subscription["default_payment_method"],
            discounts=[one["discount"] for one in discounts],
            due_date=at + DAY * (subscription["days_until_due"] or 0) if by_mail else None,
            next_payment_attempt=at + HOUR if collect else None,
            total=total,
            total_discount_amounts=discounts,
            total_excluding_tax=total,
        )
        return self._timetable.happens("invoice.created", invoice, at)

    def finalize(self, invoice: StripeObject, at: int) -> StripeObject:
        """The draft, now open."""
        opened = stripe_payments.finalized(invoice, at)
        opened |= {"automatically_finalizes_at": None, "effective_at": at, "next_payment_attempt": None}
        if invoice["collection_method"] == "send_invoice":
            opened |= {"auto_advance": False}
        return self._timetable.happens("invoice.finalized", opened, at)

    def attempt(
        self, invoice: StripeObject, at: int, *, pays: bool, method: str | None = None
    ) -> StripeObject | None:
        """Charge the open invoice: the charge, or None where there is nothing to pay."""
        if not invoice["amount_due"]:
            return None
        customer = self._timetable.existing("customer", invoice["customer"])
        description = DESCRIPTIONS.get(invoice["billing_reason"], "Subscription update")
        amount, currency = invoice["amount_remaining"], invoice["currency"]
        return self._payments.collect(
            customer,
            amount,
            currency,
            at,
            pays=pays,
            description=description,
            method=method,
            invoice=invoice["id"],
        )

    def await_debit(self, invoice: StripeObject, at: int, charge: StripeObject) -> StripeObject:
        """The open invoice, whose payment is under way: it stays open, and is not collected meanwhile."""
        waiting = invoice | {"attempted": True, "next_payment_attempt": None}
        waiting["payments"] = under_way(self._payments_of(invoice, charge, at))
        return self._timetable.happens("invoice.updated", waiting, at)

    def settle(self, invoice: StripeObject, at: int, charge: StripeObject | None) -> StripeObject:
        """The open invoice, paid, which Stripe reports more than once."""
        settled = stripe_payments.paid(invoice, at)
        if charge is not None:
            settled["payments"] = self._payments_of(invoice, charge, at)
        self._timetable.happens("invoice.updated", settled, at)
        self._account.happens("invoice.paid", settled, at)
        return self._account.happens("invoice.payment_succeeded", settled, at)

    def _payments_of(self, invoice: StripeObject, charge: StripeObject, at: int) -> StripeObject:
        return stripe_payments.invoice_payments(
            charge["id"],
            of=invoice["id"],
            created=at,
            amount=charge["amount"],
            currency=charge["currency"],
            livemode=self._account.livemode,
        )

    def fail(self, invoice: StripeObject, at: int, retry_at: int | None) -> StripeObject:
        """The open invoice after an attempt failed."""
        failed = stripe_payments.payment_failed(invoice, retry_at)
        failed.pop("payments", None)
        self._timetable.happens("invoice.updated", failed, at)
        return self._account.happens("invoice.payment_failed", failed, at)

    def stop(self, invoice: StripeObject, at: int) -> StripeObject:
        """The invoice, which is no longer collected."""
        stopped = invoice | {
            "auto_advance": False,
            "automatically_finalizes_at": None,
            "next_payment_attempt": None,
        }
        return self._timetable.happens("invoice.updated", stopped, at)

    def write_off(self, invoice: StripeObject, at: int, behavior: str) -> StripeObject:
        """What becomes of a draft while the collection is paused: `void` or `mark_uncollectible`."""
        status, moment, event_type = _WRITTEN_OFF[behavior]
        opened = self.finalize(invoice, at)
        moments = opened["status_transitions"] | {moment: at}
        written_off = opened | {"status": status, "auto_advance": False, "status_transitions": moments}
        return self._timetable.happens(event_type, written_off, at)

    def owe(self, subscription: StripeObject, lines: list[StripeObject]) -> None:
        """Lines that the subscription's next invoice shows."""
        self._pending.setdefault(subscription["id"], []).extend(lines)

    def take_owed(self, subscription: StripeObject) -> list[StripeObject]:
        return self._pending.pop(subscription["id"], [])

    def line(
        self,
        subscription: StripeObject,
        item: StripeObject,
        *,
        amount: int,
        period: tuple[int, int],
        description: str,
        proration: bool = False,
    ) -> StripeObject:
        """One line of an invoice."""
        shown = stripe_payments.line(
            self._account.new_id("il"),
            price=self.billed_price(subscription, item),
            period=period,
            quantity=item.get("quantity", 0),
            amount=amount,
            subscription=subscription["id"],
            subscription_item=item["id"],
            description=description,
            livemode=self._account.livemode,
        )
        if proration:
            shown["parent"]["subscription_item_details"]["proration"] = True
        return shown

    def full_price(self, item: StripeObject) -> StripeObject:
        """The item's price with its tiers."""
        held = self._account.get("price", item["price"]["id"])
        return item["price"] if held is None or held.get("deleted") else held

    def billed_price(self, subscription: StripeObject, item: StripeObject) -> StripeObject:
        """The item's price with its tiers, in the subscription's currency."""
        return in_currency(self.full_price(item), subscription["currency"])

    def cost_of(self, subscription: StripeObject, item: StripeObject) -> int:
        """What the item costs for a whole period; nothing was used of metered ones."""
        return cost(self.billed_price(subscription, item), item.get("quantity", 0))

    def name_of(self, item: StripeObject) -> str:
        product = self._account.get("product", item["price"]["product"])
        return str(product["name"]) if product and not product.get("deleted") else item["price"]["product"]

    def whole_period(
        self, subscription: StripeObject, item: StripeObject, previous: StripeObject | None = None
    ) -> StripeObject:
        """The line for an item's period; metered items are billed for the period before."""
        name, price = self.name_of(item), item["price"]
        if subscription["status"] == "trialing":
            amount, description = 0, _free(subscription, item, name)
        else:
            amount = self.cost_of(subscription, item)
            description = _described(item.get("quantity", 0), self.billed_price(subscription, item), name)
            if is_metered(price) and previous is None:
                amount = 0
        period = billed_period(item, previous=previous)
        return self.line(subscription, item, amount=amount, period=period, description=description)

    def _taken_off(
        self, subscription: StripeObject, customer: StripeObject, lines: list[StripeObject], at: int
    ) -> list[StripeObject]:
        """What each discount takes off, those of items first, the customer's where the subscription has
        none."""
        ids = subscription["discounts"]
        if not ids and customer["discount"]:
            ids = [customer["discount"]["id"]]
        left = {line["id"]: line["amount"] for line in lines}
        found: dict[str, int] = {}
        of_items = {item["id"]: item["discounts"] for item in subscription["items"]["data"]}
        for line in lines:
            item = line["parent"]["subscription_item_details"]["subscription_item"]
            for discount, coupon in self._discounts.running(of_items.get(item, []), at):
                off = taken_off(coupon, left[line["id"]], line["currency"])
                left[line["id"]] -= off
                found[discount["id"]] = found.get(discount["id"], 0) + off
        for discount, coupon in self._discounts.running(ids, at):
            touched = [
                line["id"]
                for line in lines
                if applies_to(coupon, line["pricing"]["price_details"]["product"]) and left[line["id"]] > 0
            ]
            amount = sum(left[line] for line in touched)
            off = taken_off(coupon, amount, subscription["currency"])
            found[discount["id"]] = found.get(discount["id"], 0) + off
            for line in touched:
                part = min(off, left[line])
                left[line] -= part
                off -= part
        return [{"amount": amount, "discount": discount} for discount, amount in found.items()]

    def _customer(self, subscription: StripeObject) -> StripeObject:
        return self._timetable.existing("customer", subscription["customer"])


def _free(subscription: StripeObject, item: StripeObject, name: str) -> str:
    if subscription["billing_mode"]["type"] == "classic":
        return f"Trial period for {name}"
    return f"Free trial for {item.get('quantity', 1)} x {name}"


def _described(quantity: int, price: StripeObject, name: str) -> str:
    if price["unit_amount"] is None:
        return f"{quantity} × {name}"
    every = price["recurring"]["interval"]
    count = price["recurring"]["interval_count"]
    amount = major_units(price["unit_amount"], price["currency"])
    return f"{quantity} × {name} (at {amount} / {every if count == 1 else f'every {count} {every}s'})"
