"""Customers by request."""

from __future__ import annotations

from peoplesync_local.stripe_simulator.account.timetable import Timetable
from peoplesync_local.stripe_simulator.billing.discounts import Discounts
from peoplesync_local.stripe_simulator.billing.renewals import Renewals
from peoplesync_local.stripe_simulator.objects import shapes as stripe_objects
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from peoplesync_local.stripe_simulator.parameters.errors import InvalidRequest
from peoplesync_local.stripe_simulator.parameters.forms import Params
from peoplesync_local.stripe_simulator.parameters.params import address, changed_texts, metadata, part, text

_TEXTS = ("description", "email", "name", "phone")


class Customers:
    """Makes, changes and deletes customers."""

    def __init__(self, timetable: Timetable, discounts: Discounts, renewals: Renewals) -> None:
        self._timetable = timetable
        self._account = timetable.account
        self._discounts = discounts
        self._renewals = renewals

    def create(self, params: Params, *, account: str | None = None, is_shown: bool = True) -> StripeObject:
        """A customer; that of an `account` (v2) names it, or has its id and is shown to nobody."""
        at = self._timetable.now()
        customer_id = self._account.new_id("cus") if account is None or is_shown else account
        redeemed = self._redeemed(params, customer_id, at)
        customer = stripe_objects.customer(
            customer_id,
            created=at,
            email=text(params, "email"),
            name=text(params, "name"),
            phone=text(params, "phone"),
            description=text(params, "description"),
            address=address(params),
            livemode=self._account.livemode,
            metadata=metadata({}, params),
            invoice_prefix=customer_id[-8:].upper(),
            tax_exempt=text(params, "tax_exempt", "none"),
            customer_account=account,
        )
        customer |= _payment(params, customer)
        customer["discount"] = redeemed
        self._timetable.happens("customer.created", customer, at)
        if redeemed is not None:
            self._discounts.begin([redeemed], at)
        return customer

    def update(self, id: str, params: Params) -> StripeObject:  # noqa: A002 - Stripe's name
        at = self._timetable.now()
        customer = self._timetable.existing("customer", id)
        changed = changed_texts(params, *_TEXTS, "tax_exempt") | _payment(params, customer)
        changed["metadata"] = metadata(customer["metadata"], params)
        changed["address"] = address(params, customer["address"])
        redeemed = self._redeemed(params, id, at)
        if redeemed is not None:
            self._discounts.check_currency([redeemed], customer["currency"])
            if customer["discount"] is not None:
                self._discounts.finish(customer["discount"]["id"], at)
            self._discounts.begin([redeemed], at)
            changed["discount"] = redeemed
        return self._timetable.happens("customer.updated", customer | changed, at)

    def delete(self, id: str, subscriptions: list[StripeObject]) -> StripeObject:  # noqa: A002
        """The customer is deleted, and its running subscriptions (those given) with it."""
        customer = self._timetable.existing("customer", id)
        at = self._timetable.now()
        for subscription in subscriptions:
            if subscription["status"] not in ("canceled", "incomplete_expired"):
                self._renewals.end(subscription, at)
        self._timetable.happens("customer.deleted", customer, at)
        return {"id": id, "object": "customer", "deleted": True}

    def delete_discount(self, id: str) -> StripeObject:  # noqa: A002 - Stripe's name
        """The customer loses its discount; the discount, as deleted."""
        customer = self._timetable.existing("customer", id)
        discount: StripeObject | None = customer["discount"]
        if discount is None:
            raise InvalidRequest(f"No active discount for customer: {id}", code="resource_missing")
        self._renewals.discount_of_customer_ends(customer, self._timetable.now())
        return discount | {"deleted": True}

    def _redeemed(self, params: Params, customer_id: str, at: int) -> StripeObject | None:
        asked = self._discounts.asked_for(params)
        return self._discounts.redeem(asked[:1], at, customer=customer_id)[0] if asked else None


def _payment(params: Params, customer: StripeObject) -> StripeObject:
    """How the customer pays: `invoice_settings[default_payment_method]`, or the shorter `payment_method` and
    `source`."""
    changed: StripeObject = {}
    settings = part(params, "invoice_settings")
    method = settings.get("default_payment_method", params.get("payment_method"))
    if method is not None:
        changed["invoice_settings"] = customer["invoice_settings"] | {
            "default_payment_method": method or None
        }
    if "source" in params or "default_source" in params:
        changed["default_source"] = params.get("source") or params.get("default_source") or None
    return changed
