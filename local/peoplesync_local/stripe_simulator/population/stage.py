"""What the cast of a population finds at its company: prices, coupons, trial offers, and how to buy them."""

from __future__ import annotations

from typing import Any

from peoplesync_local.stripe_simulator.lifecycle import Lifecycle
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from peoplesync_local.stripe_simulator.parameters.forms import Params

_CARD = "pm_card_visa"
_MONTH = {"interval": "month"}
_STEPS = {"tiers_mode": "graduated", "billing_scheme": "tiered"}
_MODULES = 12


class Stage:
    """`does` takes the company's requests. `worldwide` and `tiered` are prices in several currencies, dollars
    by default; `modules` are twelve small ones, `yearly` is for a year."""

    def __init__(self, does: Lifecycle) -> None:
        self.does = does
        team, add_ons = (self._make("product", name=name) for name in ("Team worldwide", "Add-ons"))
        self.worldwide = self._price(
            team, "Worldwide", unit_amount=5900, options={"eur": {"unit_amount": 5500}}
        )
        self.tiered = self._price(
            team,
            "Worldwide by steps",
            **_STEPS,
            tiers=_tiers(9900, 1500),
            options={"eur": {"tiers": _tiers(9200, 1400)}, "jpy": {"tiers": _tiers(15_000, 2300)}},
        )
        self.modules = [
            self._price(add_ons, f"Module {number}", unit_amount=300 + 50 * number)
            for number in range(1, _MODULES + 1)
        ]
        self.yearly = self._price(add_ons, "Support", unit_amount=48_000, recurring={"interval": "year"})
        free, little = (self._price(team, f"Trial at {amount}", unit_amount=amount) for amount in (0, 900))
        self.free_offer, self.paid_offer = self._offer(free, 1), self._offer(little, 3)
        self._make(
            "coupon",
            id="ADDONS30",
            percent_off=30,
            duration="forever",
            applies_to={"products": [add_ons["id"]]},
            name="30 % off add-ons",
        )
        euros = {"eur": {"amount_off": 900}}
        self._make(
            "coupon",
            id="TENOFF",
            amount_off=1000,
            currency="usd",
            currency_options=euros,
            duration="forever",
            name="Ten off",
        )

    def customer(self, who: str, method: str = _CARD) -> str:
        """The id of a new customer; `who` is the local part of its e-mail."""
        return str(self._make("customer", **_called(who), payment_method=method)["id"])

    def subscribe(
        self,
        who: str,
        *prices: StripeObject,
        quantity: int = 1,
        method: str = _CARD,
        offer: StripeObject | None = None,
        **params: Any,
    ) -> StripeObject:
        """A new customer's subscription of these prices, or by a trial offer."""
        items: list[dict[str, Any]] = [{"price": price["id"], "quantity": quantity} for price in prices]
        if offer is not None:
            items.append({"current_trial": {"trial_offer": offer["id"]}})
        return self._make("subscription", customer=self.customer(who, method), items=items, **params)

    def subscribe_account(self, who: str, *, with_customer: bool) -> StripeObject:
        """The subscription of a new account (v2)."""
        account = self.does.create_account(_called(who), with_customer=with_customer)
        items = [{"price": self.modules[2]["id"], "quantity": 2}]
        return self._make("subscription", customer_account=account["id"], items=items)

    def authorize(self, customer: str, amount: int) -> StripeObject:
        """A charge that is still to be captured, in dollars."""
        asked = {"customer": customer, "amount": amount, "currency": "usd", "capture": "false"}
        return self._make("charge", **asked, description="Deposit")

    def _price(
        self, product: StripeObject, nickname: str, *, options: Params | None = None, **params: Any
    ) -> StripeObject:
        asked = {"product": product["id"], "nickname": nickname, "currency": "usd", "recurring": _MONTH}
        return self._make("price", **asked | params | ({"currency_options": options} if options else {}))

    def _offer(self, first: StripeObject, months: int) -> StripeObject:
        duration = {"type": "relative", "relative": {"iterations": months}}
        transition = {"type": "transition", "transition": {"price": self.worldwide["id"]}}
        return self._make("trial_offer", price=first["id"], duration=duration, end_behavior=transition)

    def _make(self, kind: str, **params: Any) -> StripeObject:
        create = {
            "charge": self.does.create_charge,
            "coupon": self.does.create_coupon,
            "customer": self.does.create_customer,
            "price": self.does.create_price,
            "product": self.does.create_product,
            "subscription": self.does.create_subscription,
            "trial_offer": self.does.create_trial_offer,
        }[kind]
        return create(_as_a_form(params))


def _tiers(first: int, further: int) -> list[Params]:
    """So much for up to five, and so much for each after them."""
    return [{"up_to": 5, "flat_amount": first}, {"up_to": "inf", "unit_amount": further}]


def _called(who: str) -> Params:
    return {"email": f"{who}@example.com", "name": who.replace("-", " ").capitalize()}


def _as_a_form(params: Any) -> Any:
    """The parameters as a form has them: all values are text, lists are hashes by index."""
    if isinstance(params, dict):
        return {key: _as_a_form(value) for key, value in params.items()}
    if isinstance(params, list):
        return {str(index): _as_a_form(value) for index, value in enumerate(params)}
    return str(params)
