"""What happens in a Stripe account: by request, and by the clock."""

# ruff: noqa: A002 - the parameters are Stripe's own names

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Concatenate, ParamSpec, TypeVar

from peoplesync_local.stripe_simulator.account.account import Account, Population
from peoplesync_local.stripe_simulator.account.timetable import Timetable
from peoplesync_local.stripe_simulator.billing.discounts import Discounts
from peoplesync_local.stripe_simulator.billing.dunning import GIVES_UP, Dunning
from peoplesync_local.stripe_simulator.billing.invoices import Billing
from peoplesync_local.stripe_simulator.billing.payments import Payments
from peoplesync_local.stripe_simulator.billing.renewals import Renewals
from peoplesync_local.stripe_simulator.billing.trial_offers import TrialOffers
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from peoplesync_local.stripe_simulator.parameters.forms import Params
from peoplesync_local.stripe_simulator.requests.accounts_v2 import AccountsV2
from peoplesync_local.stripe_simulator.requests.catalogue import Catalogue
from peoplesync_local.stripe_simulator.requests.checkout import Checkout
from peoplesync_local.stripe_simulator.requests.customers import Customers
from peoplesync_local.stripe_simulator.requests.subscription_items import Items
from peoplesync_local.stripe_simulator.requests.subscription_updates import SubscriptionUpdates
from peoplesync_local.stripe_simulator.requests.subscriptions import Subscriptions

P = ParamSpec("P")
R = TypeVar("R")


def _alone(act: Callable[Concatenate[Lifecycle, P], R]) -> Callable[Concatenate[Lifecycle, P], R]:
    """What a request does, while nobody else changes the account."""

    @functools.wraps(act)
    def acts(self: Lifecycle, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.account.lock:
            self.know_population()
            return act(self, *args, **kwargs)

    return acts


class Lifecycle:
    """Every method for a request takes Stripe's parameters as nested dictionaries of text, records the events
    of what happens, and returns the object as it is then. Wrong parameters raise `InvalidRequest`, an object
    that is not there where the address names it `Missing`, a payment that the request insists on
    `CardDeclined`.

    The account's lock is held meanwhile. The clock's part is `advance`: call it before a request, so that
    what was due has happened."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._timetable = timetable = Timetable(account)
        self._payments = payments = Payments(timetable)
        discounts = Discounts(timetable)
        self._billing = billing = Billing(timetable, payments, discounts)
        self._dunning = dunning = Dunning(timetable, payments, billing)
        self._renewals = renewals = Renewals(timetable, billing, dunning, discounts)
        self._catalogue = catalogue = Catalogue(timetable)
        self._offers = offers = TrialOffers(timetable)
        items = Items(timetable, catalogue, offers, discounts, billing)
        self._customers = customers = Customers(timetable, discounts, renewals)
        self._accounts = AccountsV2(timetable, customers)
        self._subscriptions = subscriptions = Subscriptions(
            timetable, items, discounts, payments, billing, dunning, renewals
        )
        self._updates = SubscriptionUpdates(timetable, items, discounts, billing, renewals)
        self._checkout = Checkout(
            timetable, payments, lambda params: customers.create(params), subscriptions.create
        )
        self._population: Population | None = None
        self._advanced_to = 0
        self._recorded = 0
        account.listen(self._count)

    @_alone
    def create_customer(self, params: Params) -> StripeObject:
        return self._customers.create(params)

    @_alone
    def create_account(self, params: Params, *, with_customer: bool) -> StripeObject:
        """An account (v2) that is billed, beside a v1 customer or instead of one."""
        return self._accounts.create(params, with_customer=with_customer)

    @_alone
    def update_customer(self, id: str, params: Params) -> StripeObject:
        return self._customers.update(id, params)

    @_alone
    def delete_customer(self, id: str) -> StripeObject:
        subscriptions = {one["id"]: one for one in self._subscriptions.of_customer(id)}
        if self._population is not None:
            for one in self._population.subscriptions_of(id):
                subscriptions[one["id"]] = self._timetable.existing("subscription", one["id"])
        return self._customers.delete(id, list(subscriptions.values()))

    @_alone
    def delete_customer_discount(self, id: str) -> StripeObject:
        return self._customers.delete_discount(id)

    @_alone
    def create_product(self, params: Params) -> StripeObject:
        return self._catalogue.create_product(params)

    @_alone
    def update_product(self, id: str, params: Params) -> StripeObject:
        return self._catalogue.update_product(id, params)

    @_alone
    def delete_product(self, id: str) -> StripeObject:
        return self._catalogue.delete_product(id)

    @_alone
    def create_price(self, params: Params) -> StripeObject:
        return self._catalogue.create_price(params)

    @_alone
    def update_price(self, id: str, params: Params) -> StripeObject:
        return self._catalogue.update_price(id, params)

    @_alone
    def create_trial_offer(self, params: Params) -> StripeObject:
        return self._offers.create(params)

    @_alone
    def create_coupon(self, params: Params) -> StripeObject:
        return self._catalogue.create_coupon(params)

    @_alone
    def update_coupon(self, id: str, params: Params) -> StripeObject:
        return self._catalogue.update_coupon(id, params)

    @_alone
    def delete_coupon(self, id: str) -> StripeObject:
        return self._catalogue.delete_coupon(id)

    @_alone
    def create_subscription(self, params: Params) -> StripeObject:
        return self._subscriptions.create(self._accounts.named(params))

    @_alone
    def update_subscription(self, id: str, params: Params) -> StripeObject:
        return self._updates.update(id, params)

    @_alone
    def cancel_subscription(self, id: str, params: Params | None = None) -> StripeObject:
        return self._subscriptions.cancel(id, params)

    @_alone
    def resume_subscription(self, id: str, params: Params | None = None) -> StripeObject:
        return self._subscriptions.resume(id, params)

    @_alone
    def migrate_subscription(self, id: str, params: Params) -> StripeObject:
        return self._subscriptions.migrate(id, params)

    @_alone
    def cancel_in_portal(
        self, id: str, feedback: str | None = None, comment: str | None = None
    ) -> StripeObject:
        """The customer cancels in the portal; the subscription then."""
        return self._updates.cancel_in_portal(id, feedback, comment)

    @_alone
    def keep_in_portal(self, id: str) -> StripeObject:
        """The customer takes it back; the subscription then."""
        return self._updates.keep_in_portal(id)

    @_alone
    def delete_subscription_discount(self, id: str) -> StripeObject:
        return self._updates.delete_discount(id)

    @_alone
    def pay_invoice(self, id: str) -> StripeObject:
        return self._dunning.pay_invoice(id)

    @_alone
    def create_charge(self, params: Params) -> StripeObject:
        return self._payments.create_charge(params)

    @_alone
    def update_charge(self, id: str, params: Params) -> StripeObject:
        return self._payments.update_charge(id, params)

    @_alone
    def capture_charge(self, id: str, params: Params | None = None) -> StripeObject:
        return self._payments.capture_charge(id, params)

    @_alone
    def create_refund(self, params: Params) -> StripeObject:
        return self._payments.create_refund(params)

    @_alone
    def create_checkout_session(self, params: Params) -> StripeObject:
        return self._checkout.create(params)

    @_alone
    def complete_checkout_session(self, id: str) -> StripeObject:
        return self._checkout.complete(id)

    @_alone
    def customer_pays(self, customer_id: str, pays: bool) -> None:
        """Whether this customer's charges succeed from now on."""
        self._payments.customer_pays(customer_id, pays)

    @property
    def gives_up(self) -> str:
        """The account's setting: what a subscription becomes after the last failed retry, `canceled` or
        `unpaid`."""
        return self._dunning.gives_up

    @gives_up.setter
    def gives_up(self, status: str) -> None:
        if status not in GIVES_UP:
            raise ValueError(f"a subscription becomes one of {GIVES_UP}, not {status}")
        self._dunning.gives_up = status

    def advance(self, until: int) -> int:
        """Everything due up to then happens, in order of time, each event with its own `created`; how many
        events that were."""
        with self.account.lock:
            before = self._recorded
            due = self._due_of_population(until)
            ahead = next(due, None)
            while True:
                at = self._timetable.next_at()
                if ahead is not None and (at is None or ahead[0] <= at):
                    self._adopt(ahead[1])
                    ahead = next(due, None)
                elif at is not None and at <= until:
                    self._take(at)
                else:
                    break
            self._advanced_to = max(self._advanced_to, until)
            return self._recorded - before

    def _take(self, at: int) -> None:
        """What is due first, if it still is."""
        shown = self._timetable.take()
        if shown is None:
            return
        kind = shown["object"]
        if kind in ("subscription", "invoice") and self._is_gone(shown["customer"]):
            stop = self._renewals.end if kind == "subscription" else self._billing.stop
            stop(shown, at)
        elif kind == "subscription":
            self._renewals.is_due(shown, at)
        elif kind == "invoice":
            self._dunning.invoice_is_due(shown, at)
        elif kind == "charge":
            self._dunning.debit_is_due(shown, at)
        elif kind == "customer":
            self._renewals.discount_of_customer_ends(shown, at)
        else:
            self._checkout.is_due(shown, at)

    def _is_gone(self, customer_id: str) -> bool:
        customer = self.account.get("customer", customer_id)
        return customer is None or bool(customer.get("deleted"))

    def _due_of_population(self, until: int) -> Iterator[tuple[int, str]]:
        population = self.know_population()
        if population is None:
            return iter(())
        return population.due(max(self._advanced_to, population.now), until)

    def _adopt(self, subscription_id: str) -> None:
        """What happens to this subscription of the population is decided here from now on."""
        subscription = self.account.get("subscription", subscription_id)
        if subscription is None:
            return
        self._timetable.watch(subscription)
        invoice = self.account.get("invoice", subscription["latest_invoice"] or "")
        if invoice is not None:
            self._timetable.watch(invoice)

    def know_population(self) -> Population | None:
        """The account's population; what was due before it began to be has happened."""
        population = self.account.population
        if population is not self._population and population is not None:
            self._timetable.reminded_until = population.now
            for shown in population.waiting():
                self._timetable.watch(shown)
        self._population = population
        return population

    def _count(self, _: StripeObject) -> None:
        self._recorded += 1
