"""What becomes of a subscription by the clock: its trial ends, its period ends, it ends."""

from __future__ import annotations

from collections.abc import Sequence

from peoplesync_local.stripe_simulator.account.timetable import INCOMPLETE_FOR, Timetable, trial_end_of
from peoplesync_local.stripe_simulator.billing.discounts import Discounts
from peoplesync_local.stripe_simulator.billing.dunning import Dunning
from peoplesync_local.stripe_simulator.billing.invoices import Billing
from peoplesync_local.stripe_simulator.billing.payments import method_of
from peoplesync_local.stripe_simulator.billing.periods import in_period
from peoplesync_local.stripe_simulator.billing.trial_offers import without_ended
from peoplesync_local.stripe_simulator.objects import subscription_changes
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject


class Renewals:
    """Every method returns the subscription after what happens to it at `at`."""

    def __init__(
        self, timetable: Timetable, billing: Billing, dunning: Dunning, discounts: Discounts
    ) -> None:
        self._timetable = timetable
        self._account = timetable.account
        self._billing = billing
        self._dunning = dunning
        self._discounts = discounts

    def is_due(self, subscription: StripeObject, at: int) -> StripeObject:
        """Whatever is due for the subscription now; what else is due has an entry of its own."""
        pause = subscription["pause_collection"]
        if subscription["status"] == "incomplete":
            return self._expire(subscription, at)
        if subscription["cancel_at"] is not None and subscription["cancel_at"] <= at:
            return self.end(subscription, at)
        if pause is not None and pause["resumes_at"] is not None and pause["resumes_at"] <= at:
            return self._changed(subscription | {"pause_collection": None}, at)
        if ended := self._discounts.ended(subscription["discounts"], at):
            return self.without_discounts(subscription, ended, at)
        if subscription["status"] != "trialing":
            return self._renew(subscription, at)
        if trial_end_of(subscription) <= at:
            return self.end_trial(subscription, at)
        self.remind(subscription, at)
        return subscription

    def remind(self, subscription: StripeObject, at: int) -> None:
        """Stripe's reminder that the trial ends."""
        self._timetable.remind(subscription)
        self._timetable.happens("customer.subscription.trial_will_end", subscription, at)

    def end_trial(self, subscription: StripeObject, at: int, *, by_request: bool = False) -> StripeObject:
        """The first period to be paid begins; without a payment method, what `trial_settings` say."""
        customer = self._timetable.existing("customer", subscription["customer"])
        missing = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
        if method_of(customer, subscription) is None and not by_request:
            if missing == "cancel":
                return self.end(subscription, at)
            if missing == "pause":
                return self._pause(subscription, at)
        active = subscription | {"status": "active", "billing_cycle_anchor": at}
        if subscription["trial_end"] is not None:
            active["trial_end"] = at
        until = max(at, trial_end_of(subscription))  # by request, what would run on is over too
        active = subscription_changes.with_items(
            active, without_ended(subscription_changes.items_of(active), self._account, until)
        )
        if not by_request:
            return self.begin_period(active, at, "subscription_cycle")
        return self.bill_now(self._in_new_period(active, at), at, "subscription_update")

    def begin_period(
        self, subscription: StripeObject, at: int, reason: str, items: Sequence[StripeObject] | None = None
    ) -> StripeObject:
        """A new period of these items (all unless given), and its invoice, to be collected in an hour."""
        before = self._account.get("subscription", subscription["id"])
        renewed = self._in_new_period(subscription, at, items)
        renewed |= {"latest_invoice": self._account.new_id("in")}
        self._changed(renewed, at)
        begun = [one["id"] for one in (items or subscription_changes.items_of(subscription))]
        billed = [one for one in subscription_changes.items_of(renewed) if one["id"] in begun]
        pause = renewed["pause_collection"]
        collect = pause is None and renewed["status"] != "unpaid"
        invoice = self._billing.draft(renewed, at, reason, before=before, items=billed, collect=collect)
        if pause is not None and pause["behavior"] != "keep_as_draft":
            self._billing.write_off(invoice, at, pause["behavior"])
        return self.spend_once(renewed, at)

    def bill_now(
        self, subscription: StripeObject, at: int, reason: str, lines: list[StripeObject] | None = None
    ) -> StripeObject:
        """The subscription changes, and an invoice (of these lines, or else of its items) is collected."""
        changed = subscription | {"latest_invoice": self._account.new_id("in")}
        self._changed(changed, at)
        if lines is None:
            invoice = self._billing.draft(changed, at, reason)
        else:
            invoice = self._billing.bill(changed, lines, at, reason)
        self._dunning.collect(self._billing.finalize(invoice, at), at)
        return self.spend_once(self._timetable.existing("subscription", subscription["id"]), at)

    def end(self, subscription: StripeObject, at: int, details: StripeObject | None = None) -> StripeObject:
        """The subscription is canceled, and its invoice is no longer collected."""
        ended = subscription_changes.ended(subscription, at)
        reason = {"reason": "cancellation_requested"} if ended["canceled_at"] else {}
        ended["cancellation_details"] = subscription["cancellation_details"] | reason | (details or {})
        self._timetable.happens("customer.subscription.deleted", ended, at)
        invoice = self._account.get("invoice", ended["latest_invoice"] or "")
        if invoice is not None and invoice["status"] in ("draft", "open") and invoice["auto_advance"]:
            self._billing.stop(invoice, at)
        return ended

    def without_discounts(self, subscription: StripeObject, gone: list[str], at: int) -> StripeObject:
        """The subscription after some of its discounts were taken away or have ended."""
        for discount in gone:
            self._discounts.finish(discount, at)
        left = [one for one in subscription["discounts"] if one not in gone]
        return self._changed(subscription | {"discounts": left}, at)

    def spend_once(self, subscription: StripeObject, at: int) -> StripeObject:
        """The subscription without the discounts that were for one invoice only, once that is made."""
        if subscription["status"] == "trialing":
            return subscription
        if not subscription["discounts"]:
            self._spend_of_customer(subscription, at)
            return subscription
        running = self._discounts.running(subscription["discounts"], at)
        spent = [discount["id"] for discount, coupon in running if coupon["duration"] == "once"]
        return self.without_discounts(subscription, spent, at) if spent else subscription

    def discount_of_customer_ends(self, customer: StripeObject, at: int) -> StripeObject:
        """A customer's discount has ended, or is taken away."""
        self._discounts.finish(customer["discount"]["id"], at)
        return self._timetable.happens("customer.updated", customer | {"discount": None}, at)

    def _spend_of_customer(self, subscription: StripeObject, at: int) -> None:
        customer = self._timetable.existing("customer", subscription["customer"])
        if customer["discount"] is not None:
            coupon = self._discounts.coupon_of(customer["discount"])
            if coupon is not None and coupon["duration"] == "once":
                self.discount_of_customer_ends(customer, at)

    def _renew(self, subscription: StripeObject, at: int) -> StripeObject:
        items = without_ended(subscription_changes.items_of(subscription), self._account, at)
        subscription = subscription_changes.with_items(subscription, items)
        due = [item for item in items if item["current_period_end"] <= at]
        return self.begin_period(subscription, at, "subscription_cycle", due)

    def _in_new_period(
        self, subscription: StripeObject, at: int, items: Sequence[StripeObject] | None = None
    ) -> StripeObject:
        anchor = subscription["billing_cycle_anchor"]
        all_items = subscription_changes.items_of(subscription)
        begun = [one["id"] for one in (items or all_items)]
        renewed = [in_period(one, at, anchor) if one["id"] in begun else one for one in all_items]
        return subscription_changes.with_items(subscription, renewed)

    def _pause(self, subscription: StripeObject, at: int) -> StripeObject:
        why = {
            "subscription": {"type": "trial_end_without_payment_method"},
            "transitioned_at": at,
            "type": "subscription",
        }
        paused = subscription | {"status": "paused", "status_details": {"paused": why}}
        self._changed(paused, at)
        return self._timetable.happens("customer.subscription.paused", paused, at)

    def _expire(self, subscription: StripeObject, at: int) -> StripeObject:
        """The first payment never came."""
        if at < subscription["created"] + INCOMPLETE_FOR:
            return subscription
        expired = self._changed(subscription | {"status": "incomplete_expired", "ended_at": at}, at)
        invoice = self._account.get("invoice", subscription["latest_invoice"])
        if invoice is not None and invoice["status"] == "open":
            moments = invoice["status_transitions"] | {"voided_at": at}
            void = invoice | {"status": "void", "auto_advance": False, "status_transitions": moments}
            self._timetable.happens("invoice.voided", void, at)
        return expired

    def _changed(self, subscription: StripeObject, at: int) -> StripeObject:
        return self._timetable.happens("customer.subscription.updated", subscription, at)
