"""Customers at Stripe of whom the truth is known: everything that happens to one is recorded as it happens.

Nothing here uses the product: this is the oracle that the product is compared with.
"""

import random
from dataclasses import dataclass, field

from peoplesync_local import stripe_objects, stripe_payments, subscription_changes
from peoplesync_local.stripe_account import StripeAccount
from peoplesync_local.stripe_objects import StripeObject
from peoplesync_local.subscription_changes import items_of

from tests.builders import DAY

KINDS = (
    "subscription_created",
    "subscription_activated",
    "subscription_past_due",
    "subscription_canceled",
    "trial_started",
    "trial_ended",
    "invoice_created",
    "invoice_paid",
    "payment_failed",
    "charge_succeeded",
    "charge_failed",
    "charge_refunded",
)


def _plans(currency: str, *plans: tuple[str, int, int, str]) -> list[StripeObject]:
    """Prices of (product, amount in the minor unit, interval count, interval)."""
    return [
        stripe_objects.price(
            f"price_{product}_{currency}_{count}{interval}",
            product=f"prod_{product}",
            unit_amount=amount,
            currency=currency,
            interval=interval,
            interval_count=count,
            nickname=f"{product} {interval}" if count == 1 else None,
        )
        for product, amount, count, interval in plans
    ]


PRICES = {
    "usd": _plans("usd", ("basic", 1900, 1, "month"), ("pro", 4900, 1, "month"), ("pro", 9000, 3, "month")),
    "eur": _plans("eur", ("basic", 500, 1, "week"), ("pro", 25, 1, "day"), ("pro", 52_000, 1, "year")),
    "jpy": _plans("jpy", ("basic", 1500, 1, "month"), ("pro", 30_000, 1, "year")),
    "kwd": _plans("kwd", ("basic", 5125, 1, "month"), ("pro", 12_500, 2, "month")),
}


@dataclass
class Truth:
    """What is true of a customer in the end: its objects as they were last (of a deleted one: just before),
    and how often each kind of billing event happened. `last_charge` is the captured one with the greatest
    (created, id), `last_paid_invoice` the one of more than nothing with the greatest (paid_at, id)."""

    customer: StripeObject
    deleted: bool = False
    subscriptions: dict[str, StripeObject] = field(default_factory=dict)
    last_charge: StripeObject | None = None
    last_paid_invoice: StripeObject | None = None
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))


class TrueCustomer:
    """One customer at Stripe. Every method of the kind `…(at)` is exactly one event, at that instant."""

    def __init__(self, account: StripeAccount, rng: random.Random, email: str) -> None:
        self._account, self._rng, self._email = account, rng, email
        self.id = account.new_id("cus")
        self.truth = Truth(customer={})
        self.prices = PRICES[rng.choices(list(PRICES), weights=[6, 3, 1, 1])[0]]
        self.charges: dict[str, StripeObject] = {}
        self.unpaid: dict[str, str] = {}  # subscription -> its invoice that could not be collected
        self.changed_at = 0
        self._invoices: dict[str, StripeObject] = {}
        self._changes = 0

    # --- the customer

    def create(self, at: int) -> None:
        number = self.id.removeprefix("cus_")
        name = f"Person {number}" if self._rng.random() < 0.8 else None
        phone = f"+1 555 {number}" if self._rng.random() < 0.4 else None
        created = stripe_objects.customer(self.id, created=at, email=self._email, name=name, phone=phone)
        self._show_customer("customer.created", created, at)

    def update(self, at: int) -> None:
        """Anything but the e-mail changes."""
        self._changes += 1
        before, text = self.truth.customer, f"change {self._changes}"
        address = {
            "line1": text,
            "city": "Example City",
            "country": "US",
            "state": "CA",
            "postal_code": "00001",
        }
        changes: list[StripeObject] = [
            {"name": f"Name {text}"},
            {"description": text},
            {"delinquent": not before["delinquent"]},
            {"address": stripe_objects.full_address(address)},
            {"phone": None} if before["phone"] else {"phone": f"+1 555 {self._changes:04}"},
        ]
        self._show_customer("customer.updated", before | self._rng.choice(changes), at)

    def delete(self, at: int) -> None:
        self.truth.deleted = True
        self._show_customer("customer.deleted", self.truth.customer, at)

    # --- subscriptions

    def subscribe(self, subscription: str, status: str, at: int) -> None:
        """A new subscription that is incomplete, trialing or active."""
        trial = (at, at + DAY * self._rng.choice([7, 14, 30, 60, 120])) if status == "trialing" else None
        chosen = self._rng.sample(self.prices, k=2 if self._rng.random() < 0.15 else 1)
        items = [
            stripe_objects.item(
                f"si_{subscription.removeprefix('sub_')}_{number}",
                subscription=subscription,
                price=price,
                period=trial or (at, subscription_changes.period_end(at, price)),
                created=at,
                quantity=self._rng.choice([1, 1, 2, 5, 10]),
            )
            for number, price in enumerate(chosen, start=1)
        ]
        start, end = trial or (None, None)
        self._count("subscription_created")
        self._count("subscription_activated", status == "active")
        self._count("trial_started", status == "trialing")
        created = stripe_objects.subscription(
            subscription,
            customer=self.id,
            items=items,
            created=at,
            status=status,
            trial_start=start,
            trial_end=end,
        )
        self._show_subscription("created", created, at)

    def move(self, subscription: str, status: str, at: int) -> None:
        """To another status. A trial that is left early ends now."""
        before = self.truth.subscriptions[subscription]
        after = before | {"status": status}
        self._count(
            "subscription_activated", status == "active" and before["status"] in ("incomplete", "trialing")
        )
        self._count("subscription_past_due", status == "past_due")
        self._count("trial_ended", before["status"] == "trialing")
        if before["status"] == "trialing":
            after = subscription_changes.in_period(after, at) | {"trial_end": min(at, before["trial_end"])}
        if status == "incomplete_expired":
            after["ended_at"] = at
        self._show_subscription("updated", after, at)

    def renew(self, subscription: str, at: int) -> None:
        """The next period."""
        self._show_subscription(
            "updated", subscription_changes.in_period(self.truth.subscriptions[subscription], at), at
        )

    def try_again(self, subscription: str, at: int) -> None:
        """An active subscription goes into a new trial, unless its old one ended in this second."""
        before = self.truth.subscriptions[subscription]
        if before["trial_end"] is not None and before["trial_end"] >= at:
            return self.adjust(subscription, at)
        self._count("trial_started")
        trial = {"status": "trialing", "trial_start": at, "trial_end": at + 30 * DAY}
        return self._show_subscription("updated", before | trial, at)

    def adjust(self, subscription: str, at: int) -> None:
        """Another quantity or price, or the cancellation at the period's end is set or withdrawn."""
        before = self.truth.subscriptions[subscription]
        first = items_of(before)[0]
        wish = self._rng.random()
        if wish < 0.5:
            quantity = self._rng.choice([q for q in (1, 2, 3, 5, 8, 13) if q != first["quantity"]])
            after = subscription_changes.with_quantity(before, quantity)
        elif wish < 0.8:
            others = [price for price in self.prices if price["id"] != first["price"]["id"]]
            after = subscription_changes.on_price(before, self._rng.choice(others))
        elif before["cancel_at_period_end"]:
            after = subscription_changes.kept(before)
        else:
            after = subscription_changes.ending_at_period_end(before, at)
        self._show_subscription("updated", after, at)

    def cancel(self, subscription: str, at: int) -> None:
        """The end; a trial whose time has run out becomes active instead."""
        before = self.truth.subscriptions[subscription]
        if before["status"] == "trialing" and before["trial_end"] <= at:
            return self.move(subscription, "active", at)
        self._count("subscription_canceled")
        self._count("trial_ended", before["status"] == "trialing")
        return self._show_subscription("deleted", subscription_changes.ended(before, at), at)

    # --- invoices and charges

    def bill(self, invoice: str, subscription: str, free: bool, at: int) -> None:
        """A draft invoice of the subscription's items, or of nothing."""
        lines = [
            stripe_payments.line(
                f"il_{invoice.removeprefix('in_')}_{number}",
                price=item["price"],
                period=(item["current_period_start"], item["current_period_end"]),
                quantity=item["quantity"],
                amount=0 if free else None,
                subscription=subscription,
                subscription_item=item["id"],
                description=stripe_payments.describe_line(item["quantity"], "Product", item["price"]),
            )
            for number, item in enumerate(items_of(self.truth.subscriptions[subscription]), start=1)
        ]
        self._count("invoice_created")
        drafted = stripe_payments.invoice(
            invoice, customer=self.id, lines=lines, created=at, subscription=subscription, email=self._email
        )
        self._show_invoice("created", drafted, at)

    def finalize(self, invoice: str, at: int) -> None:
        self._show_invoice("finalized", stripe_payments.finalized(self._invoices[invoice], at), at)

    def pay(self, invoice: str, subscription: str, at: int) -> None:
        """The invoice is paid; `pay_again` tells it once more."""
        paid = stripe_payments.paid(self._invoices[invoice], at)
        self._count("invoice_paid")
        last = self.truth.last_paid_invoice
        if paid["amount_paid"] and (last is None or _paid(last) < _paid(paid)):
            self.truth.last_paid_invoice = paid
        if self.unpaid.get(subscription) == invoice:
            del self.unpaid[subscription]
        self._show_invoice("paid", paid, at)

    def pay_again(self, invoice: str, at: int) -> None:
        self._show_invoice("payment_succeeded", self._invoices[invoice], at)

    def fail_payment(self, invoice: str, subscription: str, at: int) -> None:
        self._count("payment_failed")
        self.unpaid[subscription] = invoice
        self._show_invoice(
            "payment_failed", stripe_payments.payment_failed(self._invoices[invoice], at + 3 * DAY), at
        )

    def charge(self, charge_id: str, invoice: str | None, succeeds: bool, at: int) -> None:
        """An attempt to take the invoice's amount, or some amount without invoice."""
        amount = self._invoices[invoice]["amount_due"] if invoice else self._rng.randrange(500, 90_000)
        shown = stripe_payments.charge(
            charge_id,
            customer=self.id,
            amount=amount,
            created=at,
            currency=self.prices[0]["currency"],
            status="succeeded" if succeeds else "failed",
            description=self._rng.choice([None, "Subscription update"]),
        )
        self._count("charge_succeeded" if succeeds else "charge_failed")
        self._show_charge("succeeded" if succeeds else "failed", shown, at)

    def refund(self, charge_id: str, at: int) -> None:
        """A part of what is left of the charge, or all of it."""
        left = self.charges[charge_id]["amount_captured"] - self.charges[charge_id]["amount_refunded"]
        self._count("charge_refunded")
        amount = left if self._rng.random() < 0.3 else self._rng.randrange(1, left)
        self._show_charge("refunded", stripe_payments.refunded(self.charges[charge_id], amount), at)

    # --- recording

    def _count(self, kind: str, happened: bool = True) -> None:
        self.truth.counts[kind] += happened

    def _show_customer(self, event_type: str, shown: StripeObject, at: int) -> None:
        self.changed_at = at
        self.truth.customer = self._account.happens(event_type, shown, at)

    def _show_subscription(self, what: str, shown: StripeObject, at: int) -> None:
        happened = self._account.happens(f"customer.subscription.{what}", shown, at)
        self.truth.subscriptions[shown["id"]] = happened

    def _show_invoice(self, what: str, shown: StripeObject, at: int) -> None:
        self._invoices[shown["id"]] = self._account.happens(f"invoice.{what}", shown, at)

    def _show_charge(self, what: str, shown: StripeObject, at: int) -> None:
        self.charges[shown["id"]] = self._account.happens(f"charge.{what}", shown, at)
        last = self.truth.last_charge
        moment = (shown["created"], shown["id"])
        if shown["captured"] and (last is None or (last["created"], last["id"]) <= moment):
            self.truth.last_charge = shown


def _paid(invoice: StripeObject) -> tuple[int, str]:
    return invoice["status_transitions"]["paid_at"], invoice["id"]
