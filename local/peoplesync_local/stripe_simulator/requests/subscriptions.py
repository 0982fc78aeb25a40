"""Subscriptions by request: created, canceled, resumed."""

from __future__ import annotations

from peoplesync_local.stripe_simulator.account.timetable import REMINDED_BEFORE, Timetable, trial_end_of
from peoplesync_local.stripe_simulator.billing.billing_modes import billing_mode, check_intervals, migrated
from peoplesync_local.stripe_simulator.billing.discounts import Discounts
from peoplesync_local.stripe_simulator.billing.dunning import Dunning
from peoplesync_local.stripe_simulator.billing.invoices import Billing
from peoplesync_local.stripe_simulator.billing.payments import Payments
from peoplesync_local.stripe_simulator.billing.periods import in_period
from peoplesync_local.stripe_simulator.billing.renewals import Renewals
from peoplesync_local.stripe_simulator.billing.trial_offers import are_free
from peoplesync_local.stripe_simulator.objects import shapes as stripe_objects
from peoplesync_local.stripe_simulator.objects import subscription_changes
from peoplesync_local.stripe_simulator.objects.shapes import DAY, StripeObject
from peoplesync_local.stripe_simulator.parameters.errors import CardDeclined, InvalidRequest, Missing
from peoplesync_local.stripe_simulator.parameters.forms import Params, whole
from peoplesync_local.stripe_simulator.parameters.params import (
    choice,
    metadata,
    number,
    part,
    required,
    text,
    truth,
)
from peoplesync_local.stripe_simulator.requests.cancellations import cancellation, cancellation_details
from peoplesync_local.stripe_simulator.requests.subscription_items import Items

ENDED = ("canceled", "incomplete_expired")
BEHAVIORS = ("allow_incomplete", "default_incomplete", "error_if_incomplete", "pending_if_incomplete")
MISSING_METHOD = ("cancel", "create_invoice", "pause")


class Subscriptions:
    """What requests make of subscriptions, apart from updates."""

    def __init__(
        self,
        timetable: Timetable,
        items: Items,
        discounts: Discounts,
        payments: Payments,
        billing: Billing,
        dunning: Dunning,
        renewals: Renewals,
    ) -> None:
        self._timetable = timetable
        self._account = timetable.account
        self._items = items
        self._discounts = discounts
        self._payments = payments
        self._billing = billing
        self._dunning = dunning
        self._renewals = renewals
        self._of_customer: dict[str, list[str]] = {}

    def of_customer(self, customer_id: str) -> list[StripeObject]:
        """The customer's subscriptions that were made by request."""
        found = [self._account.get("subscription", one) for one in self._of_customer.get(customer_id, [])]
        return [one for one in found if one is not None]

    def create(self, params: Params) -> StripeObject:
        at = self._timetable.now()
        customer = self._timetable.existing("customer", required(params, "customer"), "customer")
        behavior = choice(params, "payment_behavior", BEHAVIORS, "allow_incomplete")
        if behavior == "error_if_incomplete" and self._payments.declines(customer):
            raise CardDeclined()
        subscription_id = self._account.new_id("sub")
        items, currency = self._items.of_new(params, subscription_id, customer, at)
        discounts = self._discounts.redeem(
            self._discounts.asked_for(params) or [],
            at,
            customer=customer["id"],
            subscription=subscription_id,
        )
        self._discounts.check_currency(discounts, currency)
        mode = billing_mode(params)
        check_intervals(mode, items)
        subscription = stripe_objects.subscription(
            subscription_id,
            customer=customer["id"],
            items=items,
            created=at,
            start_date=number(params, "backdate_start_date", at),
            status="incomplete",
            latest_invoice=self._account.new_id("in"),
            livemode=self._account.livemode,
            billing_cycle_anchor=number(params, "billing_cycle_anchor", at),
            billing_mode=mode,
            collection_method=choice(
                params, "collection_method", ("charge_automatically", "send_invoice"), "charge_automatically"
            ),
            currency=currency,
            days_until_due=number(params, "days_until_due"),
            default_payment_method=text(params, "default_payment_method"),
            description=text(params, "description"),
            discounts=[discount["id"] for discount in discounts],
            metadata=metadata({}, params),
            trial_settings=trial_settings(params, None),
        )
        subscription = _in_first_period(subscription, trial_end(params, items, at), at)
        subscription |= cancellation(params, subscription, at)
        self._timetable.happens("customer.subscription.created", subscription, at)
        self._of_customer.setdefault(customer["id"], []).append(subscription_id)
        self._discounts.begin(discounts, at)
        self._items.record(at)
        self._timetable.watch(subscription)  # for the discounts' ends, which are known only now
        if customer["currency"] is None:
            self._timetable.happens("customer.updated", customer | {"currency": subscription["currency"]}, at)
        return self._first_invoice(subscription, at, behavior)

    def cancel(self, id: str, params: Params | None = None) -> StripeObject:  # noqa: A002 - Stripe's name
        """The subscription ends now."""
        subscription = self._timetable.existing("subscription", id)
        if subscription["status"] in ENDED:
            raise Missing("subscription", id)
        given = cancellation_details(params or {})
        return self._renewals.end(subscription, self._timetable.now(), given)

    def resume(self, id: str, params: Params | None = None) -> StripeObject:  # noqa: A002 - Stripe's name
        """The paused subscription is active again, by default with a new period."""
        subscription = self._timetable.existing("subscription", id)
        if subscription["status"] != "paused":
            raise InvalidRequest(f"Subscription {id} is not paused.")
        at = self._timetable.now()
        anchor = choice(params or {}, "billing_cycle_anchor", ("now", "unchanged"), "now")
        active = subscription | {"status": "active", "status_details": {"paused": None}}
        if anchor == "now" or active["items"]["data"][0]["current_period_end"] <= at:
            active |= {"billing_cycle_anchor": at}
            items = [in_period(item, at, at) for item in subscription_changes.items_of(active)]
            active = subscription_changes.with_items(active, items)
            active = self._renewals.bill_now(active, at, "subscription_update")
        else:
            self._timetable.happens("customer.subscription.updated", active, at)
        return self._timetable.happens("customer.subscription.resumed", active, at)

    def migrate(self, id: str, params: Params) -> StripeObject:  # noqa: A002 - Stripe's name
        """The subscription is billed flexibly from now on, and for good."""
        subscription = self._timetable.existing("subscription", id)
        at = self._timetable.now()
        flexible = migrated(subscription["billing_mode"], params, at)
        return self._timetable.happens(
            "customer.subscription.updated", subscription | {"billing_mode": flexible}, at
        )

    def _first_invoice(self, subscription: StripeObject, at: int, behavior: str) -> StripeObject:
        invoice = self._billing.draft(subscription, at, "subscription_create")
        by_mail = subscription["collection_method"] == "send_invoice"
        if by_mail and subscription["status"] != "trialing":
            return self._now(subscription)
        invoice = self._billing.finalize(invoice, at)
        if subscription["status"] == "trialing":
            self._billing.settle(invoice, at, None)
            if trial_end_of(subscription) - REMINDED_BEFORE <= at:
                self._renewals.remind(subscription, at)
            return self._now(subscription)
        if behavior != "default_incomplete" or not invoice["amount_due"]:
            self._dunning.collect(invoice, at)
        return self._renewals.spend_once(self._now(subscription), at)

    def _now(self, subscription: StripeObject) -> StripeObject:
        return self._timetable.existing("subscription", subscription["id"])


def trial_end(params: Params, items: list[StripeObject], at: int) -> int | None:
    """When the trial that a request asks for ends; None: no trial."""
    asked = params.get("trial_end")
    if asked == "now":
        return None
    if asked:
        end = whole(asked, "trial_end")
        if end <= at:
            raise InvalidRequest("trial_end must be a timestamp in the future.", param="trial_end")
        return end
    days = number(params, "trial_period_days")
    if days is None and truth(params, "trial_from_plan"):
        of_prices = [item["price"]["recurring"]["trial_period_days"] or 0 for item in items]
        days = max(of_prices)
    return at + days * DAY if days else None


def trial_settings(params: Params, before: StripeObject | None) -> StripeObject:
    """What happens at a trial's end without a payment method."""
    default = before["end_behavior"]["missing_payment_method"] if before else "create_invoice"
    given = part(part(params, "trial_settings"), "end_behavior")
    return {
        "end_behavior": {
            "missing_payment_method": choice(given, "missing_payment_method", MISSING_METHOD, default)
        }
    }


def _in_first_period(subscription: StripeObject, ends: int | None, at: int) -> StripeObject:
    items = subscription_changes.items_of(subscription)
    on_offer = [item for item in items if "current_trial" in item]
    if on_offer and ends is not None:
        message = "You cannot use trial offers together with a trial of the subscription."
        raise InvalidRequest(message, param="items")
    if on_offer and are_free(items):
        free = {"status": "trialing", "billing_cycle_anchor": max(_offered_until(item) for item in items)}
        items = [
            item | {"current_period_start": at, "current_period_end": _offered_until(item)} for item in items
        ]
        return subscription_changes.with_items(subscription, items) | free
    if ends is None:
        anchor = subscription["billing_cycle_anchor"]
        active = subscription["collection_method"] == "send_invoice"
        items = [in_period(item, at, anchor) for item in items]
        status = "active" if active else "incomplete"
        return subscription_changes.with_items(subscription, items) | {"status": status}
    trial = {"status": "trialing", "trial_start": at, "trial_end": ends, "billing_cycle_anchor": ends}
    items = [item | {"current_period_start": at, "current_period_end": ends} for item in items]
    return subscription_changes.with_items(subscription, items) | trial


def _offered_until(item: StripeObject) -> int:
    return int(item["current_trial"]["end_date"])
