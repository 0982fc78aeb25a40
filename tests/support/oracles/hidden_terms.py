"""Customers of whose terms Stripe's events show a part only, and what of it can be told from the events.

What is hidden is known here because it was hidden here: nothing is read from what events show.
"""

from peoplesync_local.stripe_simulator.objects import subscription_changes
from peoplesync_local.stripe_simulator.objects.shapes import DAY, StripeObject
from peoplesync_local.stripe_simulator.objects.subscription_changes import items_of
from tests.support.oracles.hiding_account import SHOWN_ITEMS
from tests.support.oracles.price_list import COUPONS, PARTS
from tests.support.oracles.true_customers import TrueCustomer

A_WHILE = 92 * DAY
"""How long the coupon for three months takes something off."""


class HidingCustomer(TrueCustomer):
    """A customer who may be billed in another currency than prices show, for twelve items, with discounts, or
    by a price in tiers; and who cancels as the portal does in flexible billing."""

    def _chosen_prices(self) -> list[StripeObject]:
        many = self.currency == "usd" and self._rng.random() < 0.2
        return list(PARTS) if many else super()._chosen_prices()

    def _first_discounts(self, subscription: str, at: int) -> list[StripeObject]:
        return [self._discount(subscription, at)] if self._rng.random() < 0.2 else []

    def _adjusted_otherwise(self, before: StripeObject, at: int) -> StripeObject | None:
        wish = self._rng.random()
        if wish < 0.15:
            return before | {"discounts": [] if before["discounts"] else [self._discount(before["id"], at)]}
        items = items_of(before)
        if wish < 0.5 and len(items) > SHOWN_ITEMS:
            last = items[-1] | {"quantity": items[-1]["quantity"] + 1}
            return subscription_changes.with_items(before, [*items[:-1], last])
        return None

    def _ending(self, before: StripeObject, at: int) -> StripeObject:
        if self._rng.random() < 0.4:
            return super()._ending(before, at)
        ends = min(item["current_period_end"] for item in items_of(before))
        return before | {"cancel_at": ends, "canceled_at": at}

    def _kind_of_change(self, before: StripeObject, after: StripeObject) -> str:
        if _names(before) != _names(after):
            return "changed"
        if any(map(self._is_hidden, (before, after))):
            return "" if _shown_terms(before) == _shown_terms(after) else "changed"
        return super()._kind_of_change(before, after)

    def _is_hidden(self, subscription: StripeObject) -> bool:
        """Whether what it costs is not in its event."""
        items = items_of(subscription)
        prices = [item["price"] for item in items]
        other = any(price["currency"] != self.currency or price["tiers_mode"] for price in prices)
        return other or len(items) > SHOWN_ITEMS

    def _discount(self, subscription: str, at: int) -> StripeObject:
        coupon = self._rng.choice(sorted(COUPONS))
        return {
            "id": self._account.new_id("di"),
            "object": "discount",
            "checkout_session": None,
            "customer": self.id,
            "end": at + A_WHILE if COUPONS[coupon]["duration"] == "repeating" else None,
            "invoice": None,
            "invoice_item": None,
            "promotion_code": None,
            "source": {"type": "coupon", "coupon": coupon},
            "start": at,
            "subscription": subscription,
            "subscription_item": None,
        }

    # --- discounts that events of their own tell of

    def tell_discount(self, subscription: str, at: int) -> None:
        """A discount is given, or the one there is ends. Only the subscription's next event will show it."""
        before = self.truth.subscriptions[subscription]
        if not before["discounts"]:
            given = self._discount(subscription, at)
            self._become(before | {"discounts": [given]})
            self._account.happens("customer.discount.created", given, at)
        else:
            ended = before["discounts"][0] | {"end": at}
            self._become(before | {"discounts": []})
            self._account.happens("customer.discount.deleted", ended, at)

    def _become(self, subscription: StripeObject) -> None:
        self._account.becomes(subscription)
        self.truth.subscriptions[subscription["id"]] = subscription


def _names(subscription: StripeObject) -> list[str]:
    return [one["id"] for one in subscription["discounts"]]


def _shown_terms(subscription: StripeObject) -> list[tuple[str, int]]:
    shown = items_of(subscription)[:SHOWN_ITEMS]
    return sorted((item["price"]["id"], item["quantity"]) for item in shown)
