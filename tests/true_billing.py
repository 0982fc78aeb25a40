"""What a customer is billed and pays at Stripe, with the truth of it: all is recorded as it happens.

Nothing here uses the product: this is the oracle that the product is compared with.
"""

import random
from dataclasses import dataclass, field

from peoplesync_local import stripe_objects, stripe_payments
from peoplesync_local.stripe_account import StripeAccount
from peoplesync_local.stripe_objects import StripeObject
from peoplesync_local.subscription_changes import items_of
from tests.builders import DAY
from tests.price_list import PRICES

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
    and how often each kind of billing event happened. `last_charge` is the captured one with the greatest
    (created, id), `last_paid_invoice` the one of more than nothing with the greatest (paid_at, id)."""

    customer: StripeObject
    deleted: bool = False
    subscriptions: dict[str, StripeObject] = field(default_factory=dict)
    last_charge: StripeObject | None = None
    last_paid_invoice: StripeObject | None = None
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))


class TrueBilling:
    """One customer's invoices, charges and checkouts. Every method of the kind `…(at)` is exactly one event,
    at that instant."""

    def __init__(self, account: StripeAccount, rng: random.Random) -> None:
        self._account, self._rng = account, rng
        self.id = account.new_id("cus")
        self.truth = Truth(customer={})
        self.prices = PRICES[rng.choices(list(PRICES), weights=[6, 3, 1, 1])[0]]
        self.charges: dict[str, StripeObject] = {}
        self.unpaid: dict[str, str] = {}  # subscription -> its invoice that could not be collected
        self._invoices: dict[str, StripeObject] = {}

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

    def check_out(self, session: str, subscription: str, at: int) -> None:
        """The page on which the customer subscribed is completed."""
        self._count("checkout_completed")
        shown = stripe_objects.checkout_session(
            session,
            customer=self.id,
            created=at,
            email=self.truth.customer["email"],
            amount_total=0,
            currency=self.prices[0]["currency"],
            subscription=subscription,
        )
        self._account.happens("checkout.session.completed", shown, at)

    # --- recording

    def _count(self, kind: str, happened: bool = True) -> None:
        self.truth.counts[kind] += happened

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
