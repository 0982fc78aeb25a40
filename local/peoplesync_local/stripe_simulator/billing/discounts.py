"""Coupons that were redeemed: for a customer, a subscription or one of its items."""

from __future__ import annotations

from peoplesync_local.stripe_simulator.account.timetable import Timetable
from peoplesync_local.stripe_simulator.billing.periods import months_later
from peoplesync_local.stripe_simulator.billing.pricing import amounts_off
from peoplesync_local.stripe_simulator.objects import offers as stripe_offers
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from peoplesync_local.stripe_simulator.parameters.errors import InvalidRequest
from peoplesync_local.stripe_simulator.parameters.forms import Params
from peoplesync_local.stripe_simulator.parameters.params import entries


class Discounts:
    """Makes discounts and takes them back; who shows them is up to the caller."""

    def __init__(self, timetable: Timetable) -> None:
        self._timetable = timetable
        self._account = timetable.account

    def asked_for(self, params: Params) -> list[Params] | None:
        """The entries of `discounts` (or the older `coupon`); None where the request says nothing of them."""
        if params.get("coupon"):
            return [{"coupon": params["coupon"]}]
        if "discounts" not in params and "coupon" not in params:
            return None
        return [entry for entry in entries(params, "discounts") if entry]

    def redeem(
        self,
        asked: list[Params],
        at: int,
        *,
        customer: str,
        subscription: str | None = None,
        subscription_item: str | None = None,
        held: list[str] | None = None,
    ) -> list[StripeObject]:
        """The discounts for the entries; an entry may name one that the holder already has (`held`). Record
        the events of the new ones (`begin`) once their holder is known."""
        found = []
        for number, entry in enumerate(asked):
            if entry.get("discount"):
                if entry["discount"] not in (held or []):
                    message = f"No such discount: '{entry['discount']}'"
                    raise InvalidRequest(message, param=f"discounts[{number}][discount]")
                found.append(self._timetable.existing("discount", entry["discount"]))
                continue
            coupon = self._valid(entry.get("coupon", ""), f"discounts[{number}][coupon]")
            months = coupon["duration_in_months"]
            found.append(
                stripe_offers.discount(
                    self._account.new_id("di"),
                    coupon=coupon["id"],
                    customer=customer,
                    start=at,
                    end=months_later(at, months) if months else None,
                    subscription=subscription,
                    subscription_item=subscription_item,
                )
            )
        return found

    def check_currency(self, discounts: list[StripeObject], currency: str | None) -> None:
        """Refuse a fixed amount that is not known in the currency of what it is for (None: unknown)."""
        for number, discount in enumerate(discounts):
            coupon = self.coupon_of(discount)
            known = amounts_off(coupon) if coupon else {}
            if currency is not None and known and currency not in known:
                message = (
                    f"The coupon '{discount['source']['coupon']}' takes off an amount in "
                    f"{', '.join(sorted(known))} and cannot be applied in {currency}."
                )
                raise InvalidRequest(message, param=f"discounts[{number}][coupon]")

    def begin(self, discounts: list[StripeObject], at: int) -> None:
        """Record the events of those that are new."""
        for discount in discounts:
            if self._account.get("discount", discount["id"]) is not None:
                continue
            self._account.happens("customer.discount.created", discount, at)
            coupon = self.coupon_of(discount)
            if coupon is not None:
                self._account.put(coupon | {"times_redeemed": coupon["times_redeemed"] + 1})

    def finish(self, discount_id: str, at: int) -> None:
        """Record that a discount was deleted; invoices go on naming it."""
        discount = self._account.get("discount", discount_id)
        if discount is not None:
            self._account.happens("customer.discount.deleted", discount | {"end": at}, at)

    def coupon_of(self, discount: StripeObject) -> StripeObject | None:
        """The discount's coupon; None once it was deleted."""
        coupon = self._account.get("coupon", discount["source"]["coupon"])
        return None if coupon is None or coupon.get("deleted") else coupon

    def running(self, ids: list[str], at: int) -> list[tuple[StripeObject, StripeObject]]:
        """Each of the discounts that runs at `at`, with its coupon."""
        found = []
        for discount_id in ids:
            discount = self._account.get("discount", discount_id)
            if discount is None or (discount["end"] is not None and discount["end"] <= at):
                continue
            coupon = self.coupon_of(discount)
            if coupon is not None:
                found.append((discount, coupon))
        return found

    def ended(self, ids: list[str], at: int) -> list[str]:
        """The ids of those whose time is over."""
        shown = [(one, self._account.get("discount", one)) for one in ids]
        return [one for one, discount in shown if discount and discount["end"] and discount["end"] <= at]

    def _valid(self, coupon_id: str, param: str) -> StripeObject:
        coupon = self._account.get("coupon", coupon_id)
        if coupon is None or coupon.get("deleted"):
            message = f"No such coupon: '{coupon_id}'"
            raise InvalidRequest(message, param=param, code="resource_missing")
        most = coupon["max_redemptions"]
        expired = coupon["redeem_by"] is not None and coupon["redeem_by"] <= self._timetable.now()
        if expired or not coupon["valid"] or (most is not None and coupon["times_redeemed"] >= most):
            raise InvalidRequest(f"Coupon expired: {coupon_id}", param=param, code="coupon_expired")
        return coupon
