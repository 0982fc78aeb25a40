"""Trial offers: a first price of an item for some of its intervals, free or not, and the price that follows.

They are in preview since 2026-03-25. While one runs, its item shows `current_trial`; only where all items are
on free ones is the subscription `trialing`, and its own `trial_start` and `trial_end` are null even then.
"""

from __future__ import annotations

from collections.abc import Sequence

from peoplesync_local.stripe_simulator.account.account import Account
from peoplesync_local.stripe_simulator.account.showing import plain
from peoplesync_local.stripe_simulator.account.timetable import Timetable
from peoplesync_local.stripe_simulator.billing.periods import next_end
from peoplesync_local.stripe_simulator.billing.pricing import cost
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject, plan_of
from peoplesync_local.stripe_simulator.parameters.errors import InvalidRequest
from peoplesync_local.stripe_simulator.parameters.forms import Params
from peoplesync_local.stripe_simulator.parameters.params import choice, part, positive, required, text, truth

KIND = "product_catalog.trial_offer"


class TrialOffers:
    """What requests make of them; there are no events of that."""

    def __init__(self, timetable: Timetable) -> None:
        self._timetable = timetable
        self._account = timetable.account

    def create(self, params: Params) -> StripeObject:
        duration, end = part(params, "duration"), part(params, "end_behavior")
        choice(duration, "type", ("relative",), "relative")
        prices = required(params, "price"), required(part(end, "transition"), "price")
        for price_id, param in zip(prices, ("price", "end_behavior[transition][price]"), strict=True):
            price = self._timetable.existing("price", price_id, param)
            if price["recurring"] is None:
                raise InvalidRequest("A trial offer's prices must be recurring.", param=param)
        relative = {"iterations": positive({"iterations": "1"} | part(duration, "relative"), "iterations")}
        offer = {
            "id": self._account.new_id("to"),
            "object": KIND,
            "active": truth(params, "active", default=True),
            "duration": {"relative": relative, "type": "relative"},
            "end_behavior": {"transition": {"price": prices[1]}, "type": "transition"},
            "livemode": self._account.livemode,
            "nickname": text(params, "nickname"),
            "price": prices[0],
        }
        return self._timetable.put(offer)

    def begin(
        self, offer_id: str, price: str | None, at: int, param: str
    ) -> tuple[StripeObject, StripeObject]:
        """The price of an item that takes the offer up at `at`, and its `current_trial`. `price`: what the
        request says the price is, which must be the offer's."""
        offer = self._timetable.existing(KIND, offer_id, param)
        if not offer["active"] or (price is not None and price != offer["price"]):
            message = f"The trial offer {offer_id} is not active or has another price than this item."
            raise InvalidRequest(message, param=param)
        held = plain(self._timetable.existing("price", offer["price"], param))
        end = at
        for _ in range(offer["duration"]["relative"]["iterations"]):
            end = next_end(end, held, at)
        return held, {"end_date": end, "start_date": at, "trial_offer": offer_id}


def are_free(items: Sequence[StripeObject]) -> bool:
    """Whether all of the items are on trial offers that cost nothing."""
    return all("current_trial" in item and is_free(item) for item in items)


def is_free(item: StripeObject) -> bool:
    return item["price"]["tiers_mode"] is None and cost(item["price"], 1) == 0


def without_ended(items: Sequence[StripeObject], account: Account, at: int) -> list[StripeObject]:
    """The items after their trial offers that are over by then: each on the price that follows."""
    return [_after_offer(item, account) if _is_over(item, at) else item for item in items]


def _is_over(item: StripeObject, at: int) -> bool:
    return "current_trial" in item and bool(item["current_trial"]["end_date"] <= at)


def _after_offer(item: StripeObject, account: Account) -> StripeObject:
    rest = {key: value for key, value in item.items() if key != "current_trial"}
    offer = account.get(KIND, item["current_trial"]["trial_offer"]) or {}
    price = account.get("price", offer["end_behavior"]["transition"]["price"]) if offer else None
    if price is None or price.get("deleted"):
        return rest
    return rest | {"price": plain(price), "plan": plan_of(plain(price))}
