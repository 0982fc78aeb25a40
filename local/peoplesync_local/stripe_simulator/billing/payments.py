"""Charges and refunds, and whose charges succeed."""

from __future__ import annotations

from peoplesync_local.stripe_simulator.account.timetable import Timetable
from peoplesync_local.stripe_simulator.objects import debits as stripe_debits
from peoplesync_local.stripe_simulator.objects import payments as stripe_payments
from peoplesync_local.stripe_simulator.objects import shapes as stripe_objects
from peoplesync_local.stripe_simulator.objects.debits import kind_of
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from peoplesync_local.stripe_simulator.parameters.errors import CardDeclined, InvalidRequest
from peoplesync_local.stripe_simulator.parameters.forms import Params
from peoplesync_local.stripe_simulator.parameters.params import (
    choice,
    metadata,
    number,
    positive,
    required,
    text,
    truth,
)

DECLINED = ("chargeCustomerFail", "chargeDeclined")
"""A payment method with one of these in its id is declined, like Stripe's test cards `pm_card_chargeDeclined`
and `tok_chargeCustomerFail`."""

_WITHOUT_FUNDS = "insufficientfunds"
"""In the id of a bank account whose debits are sent back (`pm_usBankAccount_insufficientFunds`)."""

_REASONS = ("", "duplicate", "fraudulent", "requested_by_customer")


class Payments:
    """A customer pays, unless it was said that it does not, its card is one that is declined, or its last
    payment failed and nothing was said since."""

    def __init__(self, timetable: Timetable) -> None:
        self._timetable = timetable
        self._account = timetable.account
        self._said: dict[str, bool] = {}

    def customer_pays(self, customer_id: str, pays: bool) -> None:
        """From now on this customer's charges succeed, or fail."""
        self._timetable.existing("customer", customer_id)
        self._said[customer_id] = pays

    def pays(self, customer: StripeObject, subscription: StripeObject | None = None) -> bool:
        """Whether a charge would succeed now."""
        if customer["id"] in self._said:
            return self._said[customer["id"]]
        return not is_declined(method_of(customer, subscription)) and not customer["delinquent"]

    def declines(self, customer: StripeObject) -> bool:
        """Whether a charge would be declined at once; a bank debit never is."""
        return not self.pays(customer) and kind_of(method_of(customer)) is None

    def collect(
        self,
        customer: StripeObject,
        amount: int,
        currency: str,
        at: int,
        *,
        pays: bool,
        description: str | None,
        method: str | None = None,
        invoice: str | None = None,
    ) -> StripeObject:
        """The attempt to charge the customer (by `method`, or else by the customer's own); a failed charge is
        a charge too, and a bank debit is pending first, whatever becomes of it."""
        method = method or method_of(customer)
        shown = {
            "customer": customer["id"],
            "currency": currency,
            "description": description,
            "livemode": self._account.livemode,
            "payment_method": method,
            "refunds": stripe_objects.list_of([], "/v1/refunds"),
        } | ({"invoice": invoice} if invoice else {})
        charge = self._attempted(method, amount, at, pays, shown)
        charge["payment_intent"] = "pi_" + charge["id"].partition("_")[2]
        return self._timetable.happens(f"charge.{charge['status']}", charge, at)

    def settle_debit(self, charge: StripeObject, at: int, *, pays: bool) -> StripeObject:
        """By the clock: the money of a pending debit comes, or the bank sends it back."""
        settled = stripe_debits.arrived(charge) if pays else stripe_debits.returned(charge)
        return self._timetable.happens(f"charge.{settled['status']}", settled, at)

    def _attempted(
        self, method: str | None, amount: int, at: int, pays: bool, shown: StripeObject
    ) -> StripeObject:
        """A charge whose event is still to come."""
        kind = kind_of(method)
        if kind is not None:
            new = self._account.new_id("py")
            return stripe_debits.pending(new, kind=kind, amount=amount, created=at, **shown)
        status, new = "succeeded" if pays else "failed", self._account.new_id("ch")
        return stripe_payments.charge(new, amount=amount, created=at, status=status, **shown)

    def create_charge(self, params: Params) -> StripeObject:
        at = self._timetable.now()
        customer = self._customer(params)
        amount, currency = positive(params, "amount"), required(params, "currency").lower()
        source = text(params, "source") or ""
        pays = self.pays(customer) if customer else True
        pays = pays and not any(word in source for word in DECLINED)
        captured = truth(params, "capture", default=True)
        method = source or (method_of(customer) if customer else None)
        shown: StripeObject = {
            "customer": customer["id"] if customer else None,
            "currency": currency,
            "description": text(params, "description"),
            "livemode": self._account.livemode,
            "metadata": metadata({}, params),
            "payment_method": method,
            "receipt_email": text(params, "receipt_email"),
            "refunds": stripe_objects.list_of([], "/v1/refunds"),
            "payment_intent": None,
        }
        charge = self._attempted(method, amount, at, pays, shown)
        if not captured:
            charge |= {"captured": False, "amount_captured": 0}
        self._timetable.happens(f"charge.{charge['status']}", charge, at)
        if charge["status"] == "failed":
            raise CardDeclined(charge["id"])
        return charge

    def update_charge(self, id: str, params: Params) -> StripeObject:  # noqa: A002 - Stripe's name
        charge = self._timetable.existing("charge", id)
        description = text(params, "description", charge["description"])
        changed = {"metadata": metadata(charge["metadata"], params), "description": description}
        return self._account.happens("charge.updated", charge | changed, self._timetable.now())

    def capture_charge(self, id: str, params: Params | None = None) -> StripeObject:  # noqa: A002
        """Take what was only authorized, or less: the rest is released, and is not a refund."""
        charge = self._timetable.existing("charge", id)
        if charge["captured"] or charge["status"] != "succeeded":
            raise InvalidRequest(f"Charge {id} has already been captured.", code="charge_already_captured")
        amount = number(params or {}, "amount", charge["amount"]) or 0
        if not 0 < amount <= charge["amount"]:
            message = f"Amount to capture ({amount}) is not between 1 and the authorized {charge['amount']}."
            raise InvalidRequest(message, param="amount", code="amount_too_large")
        captured = charge | {"captured": True, "amount_captured": amount}
        return self._account.happens("charge.captured", captured, self._timetable.now())

    def create_refund(self, params: Params) -> StripeObject:
        at = self._timetable.now()
        charge = self._timetable.existing("charge", required(params, "charge"), "charge")
        if charge["status"] != "succeeded":
            message = f"Charge {charge['id']} is {charge['status']} and cannot be refunded."
            raise InvalidRequest(message, param="charge")
        left = charge["amount_captured"] - charge["amount_refunded"]
        amount = number(params, "amount", left) or 0
        if not left:
            message = f"Charge {charge['id']} has already been refunded."
            raise InvalidRequest(message, code="charge_already_refunded")
        if not 0 < amount <= left:
            message = f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"
            raise InvalidRequest(message, param="amount")
        refund = stripe_payments.refund(
            self._account.new_id("re"),
            charge=charge,
            amount=amount,
            created=at,
            reason=choice(params, "reason", _REASONS, "") or None,
            metadata=metadata({}, params),
        )
        changed = stripe_payments.refunded(charge, amount)
        refunds = charge.get("refunds") or stripe_objects.list_of([], "/v1/refunds")
        changed["refunds"] = refunds | {"data": [refund, *refunds["data"]]}
        self._account.happens("refund.created", refund, at)
        self._account.happens("charge.refunded", changed, at)
        return refund

    def _customer(self, params: Params) -> StripeObject | None:
        if "customer" not in params:
            if "source" not in params:
                raise InvalidRequest("Must provide source or customer.")
            return None
        return self._timetable.existing("customer", params["customer"], "customer")


def method_of(customer: StripeObject, subscription: StripeObject | None = None) -> str | None:
    """The payment method that would be charged."""
    of_subscription: str | None = subscription["default_payment_method"] if subscription else None
    of_customer: str | None = customer["invoice_settings"]["default_payment_method"]
    return of_subscription or of_customer or customer["default_source"]


def is_declined(method: str | None) -> bool:
    """Whether the payment method is one that is always declined, or a debit that is always sent back."""
    return method is not None and (
        any(word in method for word in DECLINED) or _WITHOUT_FUNDS in method.replace("_", "").lower()
    )
