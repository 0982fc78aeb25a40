"""Customers at Stripe of whom the truth is known: everything that happens to one is recorded as it happens.

Nothing here uses the product: this is the oracle that the product is compared with.
"""

import random
from fractions import Fraction

from peoplesync_local.stripe_simulator.objects import shapes as stripe_objects
from peoplesync_local.stripe_simulator.objects import subscription_changes
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from peoplesync_local.stripe_simulator.objects.subscription_changes import items_of
from tests.support.builders.stripe import DAY
from tests.support.oracles.hiding_account import HidingAccount
from tests.support.oracles.price_list import monthly_worth
from tests.support.oracles.true_billing import KINDS, TrueBilling, Truth

__all__ = ["KINDS", "TrueCustomer", "Truth"]


class TrueCustomer(TrueBilling):
    """One customer at Stripe. Every method of the kind `…(at)` is exactly one event, at that instant."""

    def __init__(
        self, account: HidingAccount, rng: random.Random, email: str | None, hides: bool = False
    ) -> None:
        super().__init__(account, rng, hides)
        self._email = email
        self.changed_at = 0
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

    def change_email(self, email: str | None, at: int) -> None:
        """To another address, another spelling, or none."""
        self._show_customer("customer.updated", self.truth.customer | {"email": email}, at)

    def delete(self, at: int) -> None:
        self._count("customer_deleted")
        self.truth.deleted = True
        self._show_customer("customer.deleted", self.truth.customer, at)

    # --- subscriptions

    def subscribe(self, subscription: str, status: str, at: int) -> None:
        """A new subscription that is incomplete, trialing or active."""
        trial = (at, at + DAY * self._rng.choice([7, 14, 30, 60, 120])) if status == "trialing" else None
        chosen = self._chosen_prices()
        items = [
            stripe_objects.item(
                f"si_{subscription.removeprefix('sub_')}_{number:02}",
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
            currency=self.currency,
            discounts=self._first_discounts(subscription, at),
        )
        self._show_subscription("created", created, at)

    def move(self, subscription: str, status: str, at: int) -> None:
        """To another status. A trial that is left early ends now; a new period begins with a trial's
        conversion, even an unpaid one, and with the end of a pause."""
        before = self.truth.subscriptions[subscription]
        after, was = before | {"status": status}, before["status"]
        if was == "trialing":
            after["trial_end"] = min(at, before["trial_end"])
        if was in ("trialing", "paused") and status != "paused":
            after = subscription_changes.in_period(after, at)
        if status == "incomplete_expired":
            after["ended_at"] = at
        converted = was == "trialing" and status in ("active", "past_due")
        self._count("subscription_activated", status == "active" and was in ("incomplete", "trialing"))
        self._count(
            "subscription_reactivated", status == "active" and was in ("past_due", "unpaid", "paused")
        )
        self._count("subscription_past_due", status == "past_due")
        self._count("trial_ended", was == "trialing")
        self._count("trial_converted", converted)
        self._count("trial_expired", was == "trialing" and not converted)
        self._show_subscription("updated", after, at)

    def tell_again(self, subscription: str, what: str, at: int) -> None:
        """Stripe's second event of a pause (`paused`) or its end (`resumed`)."""
        self._count(f"subscription_{what}")
        self._show_subscription(what, self.truth.subscriptions[subscription], at)

    def remind(self, subscription: str, at: int) -> None:
        """The trial will end, unless its time has run out."""
        before = self.truth.subscriptions[subscription]
        if before["trial_end"] <= at:
            return self.adjust(subscription, at)
        self._count("trial_ending")
        return self._show_subscription("trial_will_end", before, at)

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
        if (otherwise := self._adjusted_otherwise(before, at)) is not None:
            after = otherwise
        elif wish < 0.5:
            quantity = self._rng.choice([q for q in (1, 2, 3, 5, 8, 13) if q != first["quantity"]])
            after = subscription_changes.with_quantity(before, quantity)
        elif wish < 0.8:
            others = [price for price in self.prices if price["id"] != first["price"]["id"]]
            after = subscription_changes.on_price(before, self._rng.choice(others))
        elif before["cancel_at"] is not None:
            self._count("cancellation_unscheduled")
            after = subscription_changes.kept(before)
        else:
            self._count("cancellation_scheduled")
            after = self._ending(before, at)
        if before["status"] in ("active", "past_due") and (kind := self._kind_of_change(before, after)):
            self._count(f"subscription_{kind}")
        self._show_subscription("updated", after, at)

    def cancel(self, subscription: str, at: int) -> None:
        """The end; a trial whose time has run out becomes active instead."""
        before = self.truth.subscriptions[subscription]
        if before["status"] == "trialing" and before["trial_end"] <= at:
            return self.move(subscription, "active", at)
        self._count("subscription_canceled")
        self._count("trial_ended", before["status"] == "trialing")
        self._count("trial_expired", before["status"] == "trialing")
        return self._show_subscription("deleted", subscription_changes.ended(before, at), at)

    # --- what others may do differently

    def _chosen_prices(self) -> list[StripeObject]:
        return self._rng.sample(self.prices, k=2 if self._rng.random() < 0.15 else 1)

    def _first_discounts(self, subscription: str, at: int) -> list[StripeObject]:
        return []

    def _adjusted_otherwise(self, before: StripeObject, at: int) -> StripeObject | None:
        """The subscription adjusted in some way that is not of every history."""
        return None

    def _ending(self, before: StripeObject, at: int) -> StripeObject:
        return subscription_changes.ending_at_period_end(before, at)

    def _kind_of_change(self, before: StripeObject, after: StripeObject) -> str:
        """Whether the value of what is paid for has expanded or contracted, "" for neither."""
        growth = self._worth(after) - self._worth(before)
        return "expanded" if growth > 0 else "contracted" if growth < 0 else ""

    def _worth(self, subscription: StripeObject) -> Fraction:
        each = (monthly_worth(item, self.currency) for item in items_of(subscription))
        return sum(each, Fraction(0))

    # --- recording

    def _show_customer(self, event_type: str, shown: StripeObject, at: int) -> None:
        self.changed_at = at
        self.truth.customer = self._account.happens(event_type, shown, at)

    def _show_subscription(self, what: str, shown: StripeObject, at: int) -> None:
        happened = self._account.happens(f"customer.subscription.{what}", shown, at)
        self.truth.subscriptions[shown["id"]] = happened
