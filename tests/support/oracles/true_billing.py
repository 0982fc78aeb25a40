"""What a customer is billed and pays at Stripe, with the truth of it: all is recorded as it happens.

Nothing here uses the product: this is the oracle that the product is compared with.
"""

import random
from dataclasses import dataclass, field

from peoplesync_local.stripe_simulator.objects import debits as stripe_debits
from peoplesync_local.stripe_simulator.objects import payments as stripe_payments
from peoplesync_local.stripe_simulator.objects import shapes as stripe_objects
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from peoplesync_local.stripe_simulator.objects.subscription_changes import items_of
from tests.support.builders.stripe import DAY
from tests.support.oracles.hiding_account import HidingAccount
from tests.support.oracles.price_list import HIDDEN, PRICES, as_invoiced

KINDS = (
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


@dataclass
class Truth:
    """What is true of a customer in the end: its objects as they were last (of a deleted one: just before),
    and how often each kind of billing event happened. `last_charge` is, of those whose money arrived and was
    not taken back by the bank, the one with the greatest (created, id), `last_paid_invoice` the one of more
    than nothing with the greatest (paid_at, id)."""

    customer: StripeObject
    deleted: bool = False
    subscriptions: dict[str, StripeObject] = field(default_factory=dict)
    last_charge: StripeObject | None = None
    last_paid_invoice: StripeObject | None = None
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))


class TrueBilling:
    """One customer's invoices, charges and checkouts. Every method of the kind `…(at)` is exactly one event,
    at that instant."""

    def __init__(self, account: HidingAccount, rng: random.Random, hides: bool = False) -> None:
        self._account, self._rng = account, rng
        self.id = account.new_id("cus")
        self.truth = Truth(customer={})
        prices = HIDDEN if hides else PRICES
        self.currency = rng.choices(list(prices), weights=[6, 3, 1, 1])[0]
        self.prices = prices[self.currency]
        self.charges: dict[str, StripeObject] = {}
        self.arrived: set[str] = set()  # charges whose money is there
        self.in_flight: dict[str, tuple[str, str] | None] = {}  # debit -> its invoice and subscription
        self.unpaid: dict[str, str] = {}  # subscription -> its invoice that could not be collected
        self._invoices: dict[str, StripeObject] = {}

    # --- invoices and charges

    def bill(self, invoice: str, subscription: str, free: bool, at: int) -> None:
        """A draft invoice of the subscription's items, or of nothing."""
        lines = [
            stripe_payments.line(
                f"il_{invoice.removeprefix('in_')}_{number}",
                price=price,
                period=(item["current_period_start"], item["current_period_end"]),
                quantity=item["quantity"],
                amount=0 if free else None,
                subscription=subscription,
                subscription_item=item["id"],
                description=stripe_payments.describe_line(item["quantity"], "Product", price),
            )
            for number, item in enumerate(items_of(self.truth.subscriptions[subscription]), start=1)
            for price in [as_invoiced(item, self.currency)]
        ]
        self._count("invoice_created")
        drafted = stripe_payments.invoice(
            invoice,
            customer=self.id,
            lines=lines,
            created=at,
            subscription=subscription,
            email=self.truth.customer["email"],
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
        amount = self._amount_of(invoice)
        shown = stripe_payments.charge(
            charge_id,
            customer=self.id,
            amount=amount,
            created=at,
            currency=self.currency,
            status="succeeded" if succeeds else "failed",
            description=self._rng.choice([None, "Subscription update"]),
        )
        self._come_to(shown, succeeds, at)

    def begin_debit(self, charge_id: str, invoice: str | None, subscription: str | None, at: int) -> None:
        """A bank is asked for the money, which is there in some days or not at all. The charge's first event
        is none that anybody takes; the one after it shows another description."""
        pending = stripe_debits.pending(
            charge_id,
            kind="sepa_debit",
            customer=self.id,
            amount=self._amount_of(invoice),
            created=at,
            currency=self.currency,
        )
        self._account.becomes(pending)
        self.in_flight[charge_id] = (invoice, subscription) if invoice and subscription else None
        self._show_charge("updated", pending | {"description": "Bank debit"}, at)

    def settle_debit(self, charge_id: str, succeeds: bool, at: int) -> None:
        """The bank has paid, or it has not."""
        del self.in_flight[charge_id]
        before = self.charges[charge_id]
        after = stripe_debits.arrived(before) if succeeds else stripe_debits.returned(before)
        self._come_to(after, succeeds, at)

    def take_back(self, charge_id: str, at: int) -> None:
        """The bank takes back what it had paid; of what was refunded meanwhile only the words change."""
        before = self.charges[charge_id]
        if before["amount_refunded"]:
            words = {"description": f"Looked at {at}"}
            return self._show_charge("updated", before | words, at)
        return self._come_to(stripe_debits.returned(before), False, at)

    def refund(self, charge_id: str, at: int) -> None:
        """A part of what is left of the charge, or all of it."""
        left = self.charges[charge_id]["amount_captured"] - self.charges[charge_id]["amount_refunded"]
        self._count("charge_refunded")
        amount = left if self._rng.random() < 0.3 else self._rng.randrange(1, left)
        self._show_charge("refunded", stripe_payments.refunded(self.charges[charge_id], amount), at)

    def check_out(self, session: str, subscription: str, at: int) -> None:
        """The page on which the customer subscribed is completed."""
        self._count("checkout_completed")
        shown = stripe_objects.checkout_session(
            session,
            customer=self.id,
            created=at,
            email=self.truth.customer["email"],
            amount_total=0,
            currency=self.currency,
            subscription=subscription,
        )
        self._account.happens("checkout.session.completed", shown, at)

    # --- recording

    def _count(self, kind: str, happened: bool = True) -> None:
        self.truth.counts[kind] += happened

    def _show_invoice(self, what: str, shown: StripeObject, at: int) -> None:
        self._invoices[shown["id"]] = self._account.happens(f"invoice.{what}", shown, at)

    def _amount_of(self, invoice: str | None) -> int:
        return self._invoices[invoice]["amount_due"] if invoice else self._rng.randrange(500, 90_000)

    def _come_to(self, charge: StripeObject, succeeded: bool, at: int) -> None:
        """The money of the charge arrives, or it does not, or not for good."""
        if succeeded:
            self.arrived.add(charge["id"])
        else:
            self.arrived.discard(charge["id"])
        self._count("charge_succeeded" if succeeded else "charge_failed")
        self._show_charge("succeeded" if succeeded else "failed", charge, at)

    def _show_charge(self, what: str, shown: StripeObject, at: int) -> None:
        self.charges[shown["id"]] = self._account.happens(f"charge.{what}", shown, at)
        there = (self.charges[one] for one in self.arrived)
        self.truth.last_charge = max(there, key=lambda one: (one["created"], one["id"]), default=None)


def _paid(invoice: StripeObject) -> tuple[int, str]:
    return invoice["status_transitions"]["paid_at"], invoice["id"]
