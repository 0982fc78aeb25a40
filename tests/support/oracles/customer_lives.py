"""What a customer does next: plans of single steps, which `histories` takes when their time has come."""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from tests.support.builders.addresses import Addresses
from tests.support.builders.stripe import HOUR
from tests.support.oracles.hidden_terms import HidingCustomer
from tests.support.oracles.hiding_account import HidingAccount
from tests.support.oracles.true_customers import TrueCustomer


@dataclass(frozen=True)
class Step:
    """One event of one object to come: `take(at)` makes it happen, not before the instant `not_before`. One
    that `repeats` shows the content of the previous event once more."""

    object_id: str
    take: Callable[[int], None]
    repeats: bool = False
    not_before: int = 0


class CustomerLife:
    """One customer's life; `pending` are the planned steps, of which the first creates the customer. One that
    `hides` has terms that no event shows, and pays by bank debits now and then."""

    def __init__(
        self, account: HidingAccount, rng: random.Random, addresses: Addresses, hides: bool = False
    ) -> None:
        self._account, self._rng, self._addresses, self._hides = account, rng, addresses, hides
        email = addresses.first()
        self._former: set[str | None] = {email}
        self.customer = (HidingCustomer if hides else TrueCustomer)(account, rng, email, hides)
        self.truth = self.customer.truth
        self.pending = deque([Step(self.customer.id, self.customer.create)])

    def small_change(self, object_id: str) -> Step | None:
        """A change of that object which can come at any moment; None if there is none now."""
        if self.truth.deleted:
            return None
        if object_id == self.customer.id:
            return self._change_customer()
        if object_id in self.truth.subscriptions:
            lives = self.truth.subscriptions[object_id]["ended_at"] is None
            return Step(object_id, partial(self.customer.adjust, object_id)) if lives else None
        charge = self.customer.charges.get(object_id) if object_id in self.customer.arrived else None
        left = charge["amount_captured"] - charge["amount_refunded"] if charge else 0
        return Step(object_id, partial(self.customer.refund, object_id)) if left > 1 else None

    def plan(self, *, may_leave: bool) -> None:
        """Think of something to do; `may_leave`: that may be to go for good."""
        living = [one for one in self.truth.subscriptions.values() if one["ended_at"] is None]
        if self._hides and self._rng.random() < 0.35 and self._plan_what_hides(living):
            return None
        wish = self._rng.random()
        if not self.truth.subscriptions and wish < 0.9:
            return self._sign_up()
        if wish < 0.05 and may_leave:
            return self._leave(living)
        if wish < 0.17:
            return self.pending.append(self._change_customer())
        if wish < 0.22:
            return self._charge(None, succeeds=self._rng.random() < 0.7)
        if wish < 0.27:
            return self._refund()
        if wish < 0.33 or not living:
            return self._sign_up()
        subscription = self._rng.choice(living)
        plans = {
            "incomplete": self._finish_incomplete,
            "trialing": self._finish_trial,
            "active": self._go_on,
            "paused": self._finish_pause,
        }
        return plans.get(subscription["status"], self._settle_debt)(subscription["id"])

    def _plan_what_hides(self, living: list[StripeObject]) -> bool:
        """Think of a debit that settles, money that is taken back, or a discount; whether there was one."""
        if isinstance(self.customer, HidingCustomer) and living and self._rng.random() < 0.3:
            subscription = self._rng.choice(living)["id"]
            # Told by an event of its own, which is of no other object.
            told = partial(self.customer.tell_discount, subscription)
            self.pending.append(Step(f"discount of {subscription}", told))
        elif self.customer.in_flight:
            self._settle_debit(self._rng.choice(sorted(self.customer.in_flight)))
        elif self.customer.arrived and self._rng.random() < 0.5:
            charge = self._rng.choice(sorted(self.customer.arrived))
            self.pending.append(Step(charge, partial(self.customer.take_back, charge)))
        else:
            return False
        return True

    def _settle_debit(self, charge: str) -> None:
        succeeds, owed = self._rng.random() < 0.6, self.customer.in_flight[charge]
        self.pending.append(Step(charge, partial(self.customer.settle_debit, charge, succeeds)))
        if owed and succeeds:
            self._pay(*owed)
        elif owed:
            invoice, subscription = owed
            self.pending.append(Step(invoice, partial(self.customer.fail_payment, invoice, subscription)))
            if self.truth.subscriptions[subscription]["status"] == "active":
                self._move(subscription, "past_due")

    def _change_customer(self) -> Step:
        if self._rng.random() < 0.55:
            return Step(self.customer.id, self.customer.update)
        return Step(self.customer.id, self._change_email)

    def _change_email(self, at: int) -> None:
        email = self._addresses.next(self.truth.customer["email"], self._former)
        self._former.add(email)
        self.customer.change_email(email, at)

    def _sign_up(self) -> None:
        subscription = self._account.new_id("sub")
        status = self._rng.choice(["incomplete", "incomplete", "trialing", "trialing", "active"])
        self.pending.append(Step(subscription, partial(self.customer.subscribe, subscription, status)))
        if status == "trialing":
            self._bill(subscription, pays=True, free=True)
        elif status == "incomplete":
            pays = self._rng.random() < 0.8
            self._bill(subscription, pays=pays)
            if pays:
                self._move(subscription, "active")
        if self._rng.random() < 0.2:
            session = self._account.new_id("cs_test")
            check_out = partial(self.customer.check_out, session, subscription)
            self.pending.append(Step(session, check_out))

    def _finish_incomplete(self, subscription: str) -> None:
        if self._rng.random() < 0.5 and subscription in self.customer.unpaid:
            self._collect(self.customer.unpaid[subscription], subscription, pays=True)
            self._move(subscription, "active")
        else:
            self._move(subscription, "incomplete_expired")

    def _finish_trial(self, subscription: str) -> None:
        if self._rng.random() < 0.5:
            self.pending.append(Step(subscription, partial(self.customer.remind, subscription), repeats=True))
        wish = self._rng.random()
        if wish < 0.3:
            self._cancel(subscription)
        elif wish < 0.72:
            self._move(subscription, "active")
            self._bill(subscription, pays=True)
        elif wish < 0.84:
            self._pause(subscription)
        else:
            self._bill(subscription, pays=False)
            self._move(subscription, "past_due" if wish < 0.96 else "unpaid")

    def _pause(self, subscription: str) -> None:
        self._move(subscription, "paused")
        self._tell_again(subscription, "paused")

    def _finish_pause(self, subscription: str) -> None:
        wish = self._rng.random()
        if wish < 0.6:
            self._move(subscription, "active")
            self._tell_again(subscription, "resumed")
        elif wish < 0.8:
            self.pending.append(Step(subscription, partial(self.customer.adjust, subscription)))
        else:
            self._cancel(subscription)

    def _go_on(self, subscription: str) -> None:
        wish = self._rng.random()
        if wish < 0.65:
            pays = wish < 0.35
            self.pending.append(Step(subscription, partial(self.customer.renew, subscription)))
            if self._hides and self._rng.random() < 0.3:
                return self._bill(subscription, pays=pays, by_debit=True)
            self._bill(subscription, pays=pays)
            if not pays:
                self._move(subscription, "past_due")
        elif wish < 0.83:
            self.pending.append(Step(subscription, partial(self.customer.adjust, subscription)))
        elif wish < 0.88:
            self._pause(subscription)
        elif wish < 0.95:
            self._cancel(subscription)
        else:
            self.pending.append(Step(subscription, partial(self.customer.try_again, subscription)))
        return None

    def _settle_debt(self, subscription: str) -> None:
        wish = self._rng.random()
        owed = self.customer.unpaid[subscription]
        if wish < 0.5:
            self._collect(owed, subscription, pays=True)
            self._move(subscription, "active")
        elif wish < 0.65:
            self._collect(owed, subscription, pays=False)
        elif wish < 0.85 and self.truth.subscriptions[subscription]["status"] == "past_due":
            self._move(subscription, "unpaid")
        else:
            self._cancel(subscription)

    def _leave(self, living: list[StripeObject]) -> None:
        for subscription in living:
            if subscription["status"] == "trialing":
                self._move(subscription["id"], "active")
            self._cancel(subscription["id"])
        # Well after the last change: a deleted customer cannot be asked how it was.
        not_before = self.customer.changed_at + HOUR
        self.pending.append(Step(self.customer.id, self.customer.delete, not_before=not_before))

    def _refund(self) -> None:
        if self.customer.charges:
            step = self.small_change(self._rng.choice(sorted(self.customer.charges)))
            self.pending.extend([step] if step else [])

    def _bill(self, subscription: str, *, pays: bool, free: bool = False, by_debit: bool = False) -> None:
        invoice = self._account.new_id("in")
        self.pending.append(Step(invoice, partial(self.customer.bill, invoice, subscription, free)))
        self.pending.append(Step(invoice, partial(self.customer.finalize, invoice)))
        if free:
            self._pay(invoice, subscription)
        elif by_debit:
            self._debit(invoice, subscription)
        else:
            self._collect(invoice, subscription, pays=pays)

    def _collect(self, invoice: str, subscription: str, *, pays: bool) -> None:
        self._charge(invoice, succeeds=pays)
        if pays:
            self._pay(invoice, subscription)
        else:
            self.pending.append(Step(invoice, partial(self.customer.fail_payment, invoice, subscription)))

    def _pay(self, invoice: str, subscription: str) -> None:
        self.pending.append(Step(invoice, partial(self.customer.pay, invoice, subscription)))
        self.pending.append(Step(invoice, partial(self.customer.pay_again, invoice), repeats=True))

    def _debit(self, invoice: str | None, subscription: str | None) -> None:
        charge = self._account.new_id("ch")
        self.pending.append(Step(charge, partial(self.customer.begin_debit, charge, invoice, subscription)))

    def _charge(self, invoice: str | None, *, succeeds: bool) -> None:
        if self._hides and invoice is None and self._rng.random() < 0.5:
            return self._debit(None, None)
        charge = self._account.new_id("ch")
        self.pending.append(Step(charge, partial(self.customer.charge, charge, invoice, succeeds)))
        return None

    def _move(self, subscription: str, status: str) -> None:
        self.pending.append(Step(subscription, partial(self.customer.move, subscription, status)))

    def _cancel(self, subscription: str) -> None:
        self.pending.append(Step(subscription, partial(self.customer.cancel, subscription)))

    def _tell_again(self, subscription: str, what: str) -> None:
        again = partial(self.customer.tell_again, subscription, what)
        self.pending.append(Step(subscription, again, repeats=True))
