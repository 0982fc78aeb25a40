"""A Stripe account in which tests make things happen: by request, by the customer, and by the clock."""

from typing import Any

from peoplesync_local.stripe_simulator.account.account import Account
from peoplesync_local.stripe_simulator.account.clock import SimulatedClock
from peoplesync_local.stripe_simulator.lifecycle import Lifecycle
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from tests.support.builders.stripe import DAY, NOW


class SimulatedAccount:
    """The account at `NOW`, its clock standing still but for `pass_days`. Amounts in requests may be numbers:
    they are passed as text, as a form would."""

    def __init__(self) -> None:
        self.clock = SimulatedClock(frozen_at=NOW)
        self.account = Account(self.clock)
        self.does = Lifecycle(self.account)
        self.events: list[StripeObject] = []
        self.account.listen(self.events.append)
        self._product = self.does.create_product({"name": "Team"})["id"]
        self.prices: dict[str, StripeObject] = {}

    def price(self, name: str = "monthly", amount: int = 4900, **params: Any) -> StripeObject:
        """A price of so much a month; the same one for the same name."""
        if name not in self.prices:
            given = {"product": self._product, "currency": "usd", "recurring": {"interval": "month"}}
            if "tiers" not in params:
                given["unit_amount"] = amount
            self.prices[name] = self.does.create_price(texts(given | params))
        return self.prices[name]

    def customer(self, **params: Any) -> StripeObject:
        return self.does.create_customer(texts({"email": "customer-1@example.com"} | params))

    def subscribe(self, *prices: StripeObject, quantity: int = 1, **params: Any) -> StripeObject:
        """A new customer's subscription (or that of `customer`); what happened before is forgotten."""
        customer = params.pop("customer", None) or self.customer()["id"]
        items = {
            str(index): {"price": one["id"]} | ({} if is_metered(one) else {"quantity": quantity})
            for index, one in enumerate(prices or (self.price(),))
        }
        self.events.clear()
        return self.does.create_subscription(texts({"customer": customer, "items": items} | params))

    def update(self, subscription: StripeObject, **params: Any) -> StripeObject:
        """Update the subscription; what happened before is forgotten."""
        self.events.clear()
        return self.does.update_subscription(subscription["id"], texts(params))

    def pass_days(self, days: float) -> list[str]:
        """What happens meanwhile, as `told`."""
        self.events.clear()
        self.does.advance(self.clock.advance(int(days * DAY)))
        return self.told()

    def told(self) -> list[str]:
        """The types of the events, each with the days since `NOW` if that is not the first day, without
        `customer.` and without what each change of an invoice or a plan tells once more."""
        twice = ("invoice.updated", "invoice.payment_succeeded", "plan.created")
        return [_when(one) for one in self.events if one["type"] not in twice]

    def now(self, shown: StripeObject) -> StripeObject:
        """The object as it is now."""
        held = self.account.get(shown["object"], shown["id"])
        assert held is not None
        return held

    def latest_invoice(self, subscription: StripeObject) -> StripeObject:
        held = self.account.get("invoice", self.now(subscription)["latest_invoice"])
        assert held is not None
        return held


def texts(params: Any) -> Any:
    """The parameters as a form has them: all values are text, lists are hashes by index."""
    if isinstance(params, dict):
        return {key: texts(value) for key, value in params.items()}
    if isinstance(params, list):
        return {str(index): texts(value) for index, value in enumerate(params)}
    return str(params).lower() if isinstance(params, bool) else str(params)


def is_metered(price: StripeObject) -> bool:
    return bool(price["recurring"]["usage_type"] == "metered")


def _when(event: StripeObject) -> str:
    name = event["type"].removeprefix("customer.")
    day, rest = divmod(event["created"] - NOW, DAY)
    hours = f" {rest // 3600} h" if rest else ""
    return f"day {day}{hours}: {name}" if day or rest else name
