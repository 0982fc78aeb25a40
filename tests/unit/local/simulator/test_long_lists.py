"""The simulator's subscriptions of more items than Stripe shows within one."""

import pytest

from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from tests.support.worlds.simulated_account import SimulatedAccount


@pytest.fixture
def stripe() -> SimulatedAccount:
    return SimulatedAccount()


def of_modules(stripe: SimulatedAccount, count: int) -> StripeObject:
    prices = [stripe.price(f"module {number}", 1000 + number) for number in range(count)]
    return stripe.subscribe(*prices)


def shown(event: StripeObject) -> StripeObject:
    shown_: StripeObject = event["data"]["object"]
    return shown_


def test_an_event_shows_ten_of_twelve_items_and_of_the_invoices_lines(stripe: SimulatedAccount) -> None:
    subscription = of_modules(stripe, 12)
    assert len(subscription["items"]["data"]) == 12
    created = shown(stripe.events[0])["items"]
    assert (len(created["data"]), created["has_more"], created["total_count"]) == (10, True, 12)
    paid = shown(next(one for one in stripe.events if one["type"] == "invoice.paid"))
    assert (len(paid["lines"]["data"]), paid["lines"]["has_more"]) == (10, True)
    assert paid["total"] == sum(1000 + number for number in range(12))


def test_ten_items_are_shown_whole(stripe: SimulatedAccount) -> None:
    of_modules(stripe, 10)
    items = shown(stripe.events[0])["items"]
    assert (len(items["data"]), items["has_more"], "total_count" in items) == (10, False, False)


def test_a_change_beyond_the_tenth_item_is_told_by_the_count_alone(stripe: SimulatedAccount) -> None:
    subscription = of_modules(stripe, 12)
    last = subscription["items"]["data"][-1]["id"]
    stripe.update(subscription, items=[{"id": last, "deleted": True}], proration_behavior="none")
    (updated,) = stripe.events
    assert updated["data"]["previous_attributes"] == {"items": {"total_count": 12}}
    assert len(stripe.now(subscription)["items"]["data"]) == 11
