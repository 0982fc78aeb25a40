"""Updates of a subscription by request: its items, trial, end, pause, discounts and small things."""

from __future__ import annotations

from peoplesync_local.stripe_simulator.account.timetable import Timetable
from peoplesync_local.stripe_simulator.billing.billing_modes import check_intervals
from peoplesync_local.stripe_simulator.billing.discounts import Discounts
from peoplesync_local.stripe_simulator.billing.invoices import Billing
from peoplesync_local.stripe_simulator.billing.periods import in_period
from peoplesync_local.stripe_simulator.billing.renewals import Renewals
from peoplesync_local.stripe_simulator.objects import subscription_changes
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from peoplesync_local.stripe_simulator.parameters.errors import InvalidRequest
from peoplesync_local.stripe_simulator.parameters.forms import Params
from peoplesync_local.stripe_simulator.parameters.params import changed_texts, choice, metadata, number, part
from peoplesync_local.stripe_simulator.requests.cancellations import (
    cancellation,
    cancellation_details,
    in_portal,
)
from peoplesync_local.stripe_simulator.requests.subscription_items import Items
from peoplesync_local.stripe_simulator.requests.subscriptions import ENDED, trial_end, trial_settings

PRORATIONS = ("create_prorations", "always_invoice", "none")
PAUSES = ("keep_as_draft", "mark_uncollectible", "void")
_OF_ENDED = {"metadata", "cancellation_details"}
_TEXTS = ("default_payment_method", "default_source", "description")


class SubscriptionUpdates:
    """One request makes one `customer.subscription.updated`, and the invoices that follow from it."""

    def __init__(
        self,
        timetable: Timetable,
        items: Items,
        discounts: Discounts,
        billing: Billing,
        renewals: Renewals,
    ) -> None:
        self._timetable = timetable
        self._items = items
        self._discounts = discounts
        self._billing = billing
        self._renewals = renewals

    def update(self, id: str, params: Params) -> StripeObject:  # noqa: A002 - Stripe's name
        at = self._timetable.now()
        before = self._timetable.existing("subscription", id)
        if before["status"] in ENDED and params.keys() - _OF_ENDED - {"expand"}:
            message = "A canceled subscription can only update its cancellation_details and metadata."
            raise InvalidRequest(message)
        proration = choice(params, "proration_behavior", PRORATIONS, "create_prorations")
        after = before | self._simple_changes(params, before)
        if "items" in params:
            items = self._items.after(params, before, at)
            check_intervals(before["billing_mode"], items)
            after = subscription_changes.with_items(after, items)
        if params.get("trial_end") not in (None, "", "now"):
            after = _on_trial(after, trial_end(params, [], at) or at, at)
        after |= cancellation(params, after, at)
        after |= self._discounted(params, before, at)
        if "items" in params:
            self._items.record(at)
        if params.get("trial_end") == "now" and before["status"] == "trialing":
            return self._renewals.end_trial(after, at, by_request=True)
        return self._updated(
            before, after, at, proration, restart=params.get("billing_cycle_anchor") == "now"
        )

    def cancel_in_portal(self, id: str, feedback: str | None, comment: str | None) -> StripeObject:  # noqa: A002
        """The customer cancels in the portal, with effect at the end of the period."""
        return self.update(id, in_portal(self._timetable.existing("subscription", id), feedback, comment))

    def keep_in_portal(self, id: str) -> StripeObject:  # noqa: A002 - Stripe's name
        """The customer takes that back."""
        return self.update(id, {"cancel_at": ""})

    def delete_discount(self, id: str) -> StripeObject:  # noqa: A002 - Stripe's name
        """The subscription loses its discounts; the first of them, as deleted."""
        subscription = self._timetable.existing("subscription", id)
        if not subscription["discounts"]:
            raise InvalidRequest(f"No active discount for subscription: {id}", code="resource_missing")
        first = self._timetable.existing("discount", subscription["discounts"][0])
        at = self._timetable.now()
        self._renewals.without_discounts(subscription, subscription["discounts"], at)
        return first | {"deleted": True}

    def _updated(
        self, before: StripeObject, after: StripeObject, at: int, proration: str, *, restart: bool
    ) -> StripeObject:
        begun = [item for item in subscription_changes.items_of(after) if _begins(item) or restart]
        if not begun or after["status"] in ("trialing", "paused", "incomplete", *ENDED):
            if begun:
                after = _aligned(after)
            owed = self._prorations(before, after, at, proration)
            if proration == "always_invoice" and owed:
                return self._renewals.bill_now(after, at, "subscription_update", owed)
            self._billing.owe(after, owed)
            return self._timetable.happens("customer.subscription.updated", after, at)
        owed = self._prorations(before, after, at, proration)
        if restart or len(begun) == len(subscription_changes.items_of(after)):
            after |= {"billing_cycle_anchor": at}
        anchor = after["billing_cycle_anchor"]
        ids = [item["id"] for item in begun]
        items = [
            in_period(item, at, anchor) if item["id"] in ids else item
            for item in subscription_changes.items_of(after)
        ]
        after = subscription_changes.with_items(after, items)
        lines = [self._billing.whole_period(after, item) for item in items if item["id"] in ids]
        lines += self._billing.take_owed(after) + owed
        return self._renewals.bill_now(after, at, "subscription_update", lines)

    def _prorations(
        self, before: StripeObject, after: StripeObject, at: int, proration: str
    ) -> list[StripeObject]:
        if proration == "none" or before["status"] not in ("active", "past_due"):
            return []
        return self._items.prorations(before, after, at)

    def _simple_changes(self, params: Params, before: StripeObject) -> StripeObject:
        changed = changed_texts(params, *_TEXTS)
        changed["metadata"] = metadata(before["metadata"], params)
        if "collection_method" in params:
            methods = ("charge_automatically", "send_invoice")
            changed["collection_method"] = choice(params, "collection_method", methods, "")
        if "days_until_due" in params:
            changed["days_until_due"] = number(params, "days_until_due")
        if "trial_settings" in params:
            changed["trial_settings"] = trial_settings(params, before["trial_settings"])
        if "pause_collection" in params:
            changed["pause_collection"] = _pause(params)
        if "cancellation_details" in params:
            given = cancellation_details(params)
            changed["cancellation_details"] = before["cancellation_details"] | given
        return changed

    def _discounted(self, params: Params, before: StripeObject, at: int) -> StripeObject:
        asked = self._discounts.asked_for(params)
        if asked is None:
            return {}
        held = before["discounts"]
        redeemed = self._discounts.redeem(
            asked, at, customer=before["customer"], subscription=before["id"], held=held
        )
        self._discounts.check_currency([one for one in redeemed if one["id"] not in held], before["currency"])
        ids = [discount["id"] for discount in redeemed]
        for gone in held:
            if gone not in ids:
                self._discounts.finish(gone, at)
        self._discounts.begin(redeemed, at)
        return {"discounts": ids}


def _pause(params: Params) -> StripeObject | None:
    given = part(params, "pause_collection")
    if not given:
        return None
    behavior = choice(given, "behavior", PAUSES, "")
    return {"behavior": behavior, "resumes_at": number(given, "resumes_at")}


def _on_trial(subscription: StripeObject, ends: int, at: int) -> StripeObject:
    """The subscription in a trial that ends then: a longer one, or a new one."""
    starts = (subscription["trial_start"] or at) if subscription["status"] == "trialing" else at
    items = [
        {key: value for key, value in item.items() if key != "current_trial"}
        | {"current_period_start": starts, "current_period_end": ends}
        for item in subscription_changes.items_of(subscription)
    ]
    trial = {"status": "trialing", "trial_start": starts, "trial_end": ends, "billing_cycle_anchor": ends}
    return subscription_changes.with_items(subscription, items) | trial


def _begins(item: StripeObject) -> bool:
    return bool(item["current_period_start"] == item["current_period_end"])


def _aligned(subscription: StripeObject) -> StripeObject:
    """Items without a period take the subscription's: where nothing is billed now."""
    items = subscription_changes.items_of(subscription)
    there = next((item for item in items if not _begins(item)), None)
    if subscription["status"] == "trialing" and subscription["trial_end"] is not None:
        start, end = subscription["trial_start"], subscription["trial_end"]
    elif there is not None:
        start, end = there["current_period_start"], there["current_period_end"]
    else:
        begun = [(item, item["current_period_start"]) for item in items]
        return subscription_changes.with_items(subscription, [in_period(one, at, at) for one, at in begun])
    period = {"current_period_start": start, "current_period_end": end}
    return subscription_changes.with_items(
        subscription, [item | period if _begins(item) else item for item in items]
    )
