"""Collecting invoices, and what follows: active, past due, and in the end canceled or unpaid."""

from __future__ import annotations

from peoplesync_local.stripe_simulator.account.timetable import RUNNING, Timetable
from peoplesync_local.stripe_simulator.billing.invoices import Billing
from peoplesync_local.stripe_simulator.billing.payments import Payments, is_declined, method_of
from peoplesync_local.stripe_simulator.objects import subscription_changes
from peoplesync_local.stripe_simulator.objects.shapes import DAY, StripeObject
from peoplesync_local.stripe_simulator.parameters.errors import CardDeclined, InvalidRequest

RETRIES = (3 * DAY, 5 * DAY, 7 * DAY)
"""How long after each failed attempt Stripe tries again, by default."""

GIVES_UP = ("canceled", "unpaid")


class Dunning:
    """`gives_up` is the account's setting: what a subscription becomes when the last attempt has failed."""

    def __init__(self, timetable: Timetable, payments: Payments, billing: Billing) -> None:
        self._timetable = timetable
        self._account = timetable.account
        self._payments = payments
        self._billing = billing
        self.gives_up = "canceled"

    def invoice_is_due(self, invoice: StripeObject, at: int) -> None:
        """By the clock: the draft is finalized, and the open invoice collected."""
        if invoice["status"] == "draft":
            invoice = self._billing.finalize(invoice, at)
            if invoice["collection_method"] == "send_invoice":
                return
        self.collect(invoice, at)

    def collect(self, invoice: StripeObject, at: int) -> str:
        """One attempt to collect the open invoice: it `succeeded` or `failed`, or is `pending`."""
        subscription = self.subscription_of(invoice)
        customer = self._timetable.existing("customer", invoice["customer"])
        pays, method = self._payments.pays(customer, subscription), method_of(customer, subscription)
        charge = self._billing.attempt(invoice, at, pays=pays, method=method)
        if charge is None or charge["status"] == "succeeded":
            self._billing.settle(invoice, at, charge)
            if charge is not None or subscription is None or subscription["status"] == "incomplete":
                self._is_paid(subscription, invoice, customer, at)
            return "succeeded"
        if charge["status"] == "pending":
            self._billing.await_debit(invoice, at, charge)
            if subscription is not None and subscription["status"] == "incomplete":
                active = subscription | {"status": "active"}
                self._timetable.happens("customer.subscription.updated", active, at)
            return "pending"
        self._is_not_paid(subscription, invoice, customer, at)
        return "failed"

    def debit_is_due(self, charge: StripeObject, at: int) -> None:
        """By the clock: the pending debit succeeds or fails, and so its invoice is paid or not."""
        customer = self._account.get("customer", charge["customer"] or "")
        if customer is None or customer.get("deleted"):
            self._payments.settle_debit(charge, at, pays=not is_declined(charge["payment_method"]))
            return
        invoice = self._account.get("invoice", charge.get("invoice") or "")
        subscription = self.subscription_of(invoice) if invoice else None
        pays = self._payments.pays(customer, subscription)
        charge = self._payments.settle_debit(charge, at, pays=pays)
        if invoice is None or invoice["status"] != "open":
            return
        if pays:
            self._billing.settle(invoice, at, charge)
            self._is_paid(subscription, invoice, customer, at)
        else:
            self._is_not_paid(subscription, invoice, customer, at)

    def pay_invoice(self, id: str) -> StripeObject:  # noqa: A002 - Stripe's name
        """By request: the invoice is collected now."""
        invoice = self._timetable.existing("invoice", id)
        at = self._timetable.now()
        if invoice["status"] == "draft":
            invoice = self._billing.finalize(invoice, at)
        if invoice["status"] != "open":
            raise InvalidRequest(f"Invoice is already {invoice['status']}", code="invoice_already_paid")
        if invoice["attempted"] and "payments" in invoice:
            raise InvalidRequest(f"A payment of invoice {id} is processing already.")
        if self.collect(invoice, at) == "failed":
            raise CardDeclined()
        return self._timetable.existing("invoice", id)

    def subscription_of(self, invoice: StripeObject) -> StripeObject | None:
        parent = invoice["parent"]
        if parent is None:
            return None
        return self._account.get("subscription", parent["subscription_details"]["subscription"])

    def _is_paid(
        self, subscription: StripeObject | None, invoice: StripeObject, customer: StripeObject, at: int
    ) -> None:
        is_latest = subscription is not None and subscription["latest_invoice"] == invoice["id"]
        if subscription is None or not is_latest:
            return
        if subscription["status"] in ("incomplete", "past_due", "unpaid"):
            active = subscription | {"status": "active"}
            self._timetable.happens("customer.subscription.updated", active, at)
        if customer["delinquent"]:
            self._timetable.happens("customer.updated", customer | {"delinquent": False}, at)

    def _is_not_paid(
        self, subscription: StripeObject | None, invoice: StripeObject, customer: StripeObject, at: int
    ) -> None:
        status = subscription["status"] if subscription else "incomplete"
        attempts: int = invoice["attempt_count"]
        is_retried = status in RUNNING and attempts < len(RETRIES)
        self._billing.fail(invoice, at, at + RETRIES[attempts] if is_retried else None)
        if subscription is None or status == "incomplete":
            return
        if status == "active":
            past_due = subscription | {"status": "past_due"}
            subscription = self._timetable.happens("customer.subscription.updated", past_due, at)
        if not customer["delinquent"]:
            self._timetable.happens("customer.updated", customer | {"delinquent": True}, at)
        if not is_retried and subscription["status"] == "past_due":
            self._give_up(subscription, at)

    def _give_up(self, subscription: StripeObject, at: int) -> None:
        if self.gives_up == "unpaid":
            unpaid = subscription | {"status": "unpaid"}
            self._timetable.happens("customer.subscription.updated", unpaid, at)
            return
        canceled = subscription_changes.ended(subscription, at)
        canceled["cancellation_details"] = subscription["cancellation_details"] | {"reason": "payment_failed"}
        self._timetable.happens("customer.subscription.deleted", canceled, at)
