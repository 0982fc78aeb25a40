"""What one customer of a small SaaS does, told in the events that Stripe sends when it happens.

A life has one subscription. Every method is something that happens at an instant `at` (seconds since 1970)
and records all of its events, in Stripe's order, several of them in one second.
"""

from peoplesync_local import stripe_objects, stripe_payments, subscription_changes
from peoplesync_local.stripe_account import StripeAccount
from peoplesync_local.stripe_objects import DAY, StripeObject
from peoplesync_local.stripe_payments import describe_line, finalized, paid, payment_failed, refunded

HOUR = 3600
RETRY = 3 * DAY


class BillingLife:
    """A customer at Stripe, created at `at`. `products` gives the names that invoice lines show."""

    def __init__(
        self, account: StripeAccount, products: dict[str, str], at: int, *, email: str, name: str | None
    ) -> None:
        self._account = account
        self._products = products
        self.id = account.new_id("cus")
        self._customer = stripe_objects.customer(self.id, created=at, email=email, name=name)
        self._subscription: StripeObject = {}
        self._invoice: StripeObject = {}
        self._charge: StripeObject = {}
        account.happens("customer.created", self._customer, at)

    # --- the customer

    def update(self, at: int, **changes: object) -> None:
        """Some of the customer's keys get other values."""
        self._customer = self._account.happens("customer.updated", self._customer | changes, at)

    def delete(self, at: int) -> None:
        """The customer is deleted, with its subscription."""
        self.cancel(at)
        self._account.happens("customer.deleted", self._customer, at)

    # --- trials

    def start_trial(
        self, at: int, price: StripeObject, *, quantity: int = 1, days: int = 14, checkout: bool = False
    ) -> None:
        """A trial begins, with an invoice of nothing that is paid at once; perhaps through a Checkout
        page."""
        trial = (at, at + days * DAY)
        self._create_subscription(at, price, quantity, trial, status="trialing", trial=trial)
        self._bill(at, "subscription_create")
        self._settle(at)
        if checkout:
            self._check_out(at + 1)

    def remind_of_trial_end(self) -> None:
        """Stripe's reminder, three days before the trial ends."""
        at = self._subscription["trial_end"] - 3 * DAY
        self._account.happens("customer.subscription.trial_will_end", self._subscription, at)

    def end_trial(self, *, paying: bool = True) -> None:
        """The trial ends and the first period is to be paid: active if it is, else past due."""
        self._next_period(self._subscription["trial_end"], paying)

    def abandon_trial(self) -> None:
        """The trial ends without a payment method and Stripe cancels the subscription."""
        self.cancel(self._subscription["trial_end"])

    # --- subscriptions

    def subscribe(
        self,
        at: int,
        price: StripeObject,
        *,
        quantity: int = 1,
        paying: bool = True,
        checkout: bool = False,
    ) -> None:
        """A subscription starts incomplete and becomes active with its first payment, all within two
        seconds."""
        period = (at, subscription_changes.period_end(at, price))
        self._create_subscription(at, price, quantity, period, status="incomplete")
        self._bill(at, "subscription_create")
        self._finalize(at)
        self._collect(at + 1, paying, "Subscription creation")
        if paying:
            self._change_subscription(at + 1, self._subscription | {"status": "active"})
        if checkout:
            self._check_out(at + 2)

    def never_pay(self, at: int) -> None:
        """The incomplete subscription expires."""
        ended = {"status": "incomplete_expired", "ended_at": at}
        self._change_subscription(at, self._subscription | ended)

    def renew(self, *, paying: bool = True) -> int:
        """The next period begins, an hour later it is paid, or the payment fails. Returns when that is."""
        at: int = self._items()[0]["current_period_end"]
        self._next_period(at, paying)
        return at + HOUR

    def retry(self, at: int, *, paying: bool) -> None:
        """Stripe collects the open invoice once more."""
        self._collect(at, paying, "Subscription update")

    def give_up(self, at: int) -> None:
        """Stripe stops collecting: the subscription is unpaid."""
        self._change_subscription(at, self._subscription | {"status": "unpaid"})

    def change_seats(self, at: int, quantity: int) -> None:
        """More or fewer seats."""
        self._change_subscription(at, subscription_changes.with_quantity(self._subscription, quantity))

    def change_plan(self, at: int, price: StripeObject) -> None:
        """Another plan of the same interval."""
        self._change_subscription(at, subscription_changes.on_price(self._subscription, price))

    def cancel_at_period_end(self, at: int) -> None:
        """The cancellation is scheduled."""
        self._change_subscription(at, subscription_changes.ending_at_period_end(self._subscription, at))

    def keep(self, at: int) -> None:
        """The scheduled cancellation is withdrawn."""
        self._change_subscription(at, subscription_changes.kept(self._subscription))

    def run_out(self) -> None:
        """The period ends for which a cancellation was scheduled."""
        self.cancel(self._subscription["cancel_at"])

    def cancel(self, at: int) -> None:
        """The subscription ends now."""
        self._subscription = subscription_changes.ended(self._subscription, at)
        self._account.happens("customer.subscription.deleted", self._subscription, at)

    # --- payments

    def pay_once(self, at: int, amount: int, description: str, currency: str = "usd") -> None:
        """A payment without subscription or invoice; amount in the minor unit."""
        charge = self._account.new_id("ch")
        self._charge = stripe_payments.charge(
            charge, customer=self.id, amount=amount, created=at, currency=currency, description=description
        )
        self._account.happens("charge.succeeded", self._charge, at)

    def refund(self, at: int, amount: int) -> None:
        """So much of the last charge is given back; amount in the minor unit."""
        self._charge = self._account.happens("charge.refunded", refunded(self._charge, amount), at)

    # --- what these have in common

    def _create_subscription(
        self,
        at: int,
        price: StripeObject,
        quantity: int,
        period: tuple[int, int],
        *,
        status: str,
        trial: tuple[int | None, int | None] = (None, None),
    ) -> None:
        subscription, item_id = self._account.new_id("sub"), self._account.new_id("si")
        item = stripe_objects.item(
            item_id, subscription=subscription, price=price, period=period, created=at, quantity=quantity
        )
        self._subscription = stripe_objects.subscription(
            subscription,
            customer=self.id,
            items=[item],
            created=at,
            status=status,
            trial_start=trial[0],
            trial_end=trial[1],
            latest_invoice=self._account.new_id("in"),
        )
        self._account.happens("customer.subscription.created", self._subscription, at)

    def _change_subscription(self, at: int, changed: StripeObject) -> None:
        self._subscription = self._account.happens("customer.subscription.updated", changed, at)

    def _next_period(self, at: int, paying: bool) -> None:
        renewed = subscription_changes.in_period(self._subscription, at)
        invoice = self._account.new_id("in")
        self._change_subscription(at, renewed | {"status": "active", "latest_invoice": invoice})
        self._bill(at, "subscription_cycle")
        self._finalize(at + HOUR)
        self._collect(at + HOUR, paying, "Subscription update")

    def _bill(self, at: int, reason: str) -> None:
        """The subscription's latest invoice, drafted; a trial's first one asks for nothing."""
        invoice_id: str = self._subscription["latest_invoice"]
        lines = [self._line(f"il_{invoice_id.removeprefix('in_')}", item) for item in self._items()]
        invoice = stripe_payments.invoice(
            invoice_id,
            customer=self.id,
            lines=lines,
            created=at,
            subscription=self._subscription["id"],
            billing_reason=reason,
            email=self._customer["email"],
        )
        self._invoice = self._account.happens("invoice.created", invoice, at)

    def _line(self, line_id: str, item: StripeObject) -> StripeObject:
        price, quantity = item["price"], item["quantity"]
        in_trial = self._subscription["status"] == "trialing"
        name = self._products[price["product"]]
        return stripe_payments.line(
            line_id,
            price=price,
            period=(item["current_period_start"], item["current_period_end"]),
            quantity=quantity,
            amount=0 if in_trial else None,
            subscription=self._subscription["id"],
            subscription_item=item["id"],
            description=f"Trial period for {name}" if in_trial else describe_line(quantity, name, price),
        )

    def _finalize(self, at: int) -> None:
        self._invoice = self._account.happens("invoice.finalized", finalized(self._invoice, at), at)

    def _settle(self, at: int) -> None:
        """The invoice is paid, which Stripe tells twice."""
        if self._invoice["status"] == "draft":
            self._finalize(at)
        self._invoice = self._account.happens("invoice.paid", paid(self._invoice, at), at)
        self._account.happens("invoice.payment_succeeded", self._invoice, at)

    def _collect(self, at: int, paying: bool, description: str) -> None:
        """An attempt to charge the open invoice, and what follows for the subscription and the customer."""
        charge = self._account.new_id("ch")
        self._charge = stripe_payments.charge(
            charge,
            customer=self.id,
            amount=self._invoice["amount_due"],
            created=at,
            currency=self._invoice["currency"],
            status="succeeded" if paying else "failed",
            description=description,
        )
        self._account.happens("charge.succeeded" if paying else "charge.failed", self._charge, at)
        status = self._subscription["status"]
        if paying:
            self._settle(at)
            if status in ("past_due", "unpaid"):
                self._change_subscription(at, self._subscription | {"status": "active"})
                self.update(at, delinquent=False)
            return
        self._invoice = payment_failed(self._invoice, at + RETRY)
        self._account.happens("invoice.payment_failed", self._invoice, at)
        if status == "active":
            self._change_subscription(at, self._subscription | {"status": "past_due"})
            self.update(at, delinquent=True)

    def _check_out(self, at: int) -> None:
        session = stripe_objects.checkout_session(
            self._account.new_id("cs_test"),
            customer=self.id,
            created=self._subscription["created"],
            email=self._customer["email"],
            amount_total=self._invoice["amount_paid"],
            currency=self._invoice["currency"],
            subscription=self._subscription["id"],
            invoice=self._invoice["id"],
        )
        self._account.happens("checkout.session.completed", session, at)

    def _items(self) -> list[StripeObject]:
        return subscription_changes.items_of(self._subscription)
