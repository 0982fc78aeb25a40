"""The simulator's population goes on by the clock and by requests, each from where it stands."""

from typing import Any

from peoplesync_local.stripe_simulator.account.account import Account
from peoplesync_local.stripe_simulator.account.clock import SimulatedClock
from peoplesync_local.stripe_simulator.lifecycle import Lifecycle
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from peoplesync_local.stripe_simulator.population.population import Population
from tests.support.builders.stripe import DAY, NOW


def simulated(size: int) -> tuple[Account, Lifecycle, list[StripeObject]]:
    account = Account(SimulatedClock(frozen_at=NOW))
    lifecycle = Lifecycle(account)
    account.populate(Population(size, 7, NOW))
    events: list[StripeObject] = []
    account.listen(events.append)
    return account, lifecycle, events


def test_the_clock_takes_the_untouched_on_where_they_stand() -> None:
    account, lifecycle, events = simulated(150)
    was: dict[str, Any] = {one["id"]: one for one in account.newest_first("subscription")}
    until = account.clock.advance(45 * DAY)
    assert lifecycle.advance(until) == len(events) > 300
    assert [event["created"] for event in events] == sorted(event["created"] for event in events)
    assert events[0]["created"] > NOW
    assert events[-1]["created"] <= until
    last = dict(was)
    for event in events:
        shown = event["data"]["object"]
        if shown["object"] == "subscription":
            previous = event["data"].get("previous_attributes") or {}
            assert last[shown["id"]]["status"] == previous.get("status", shown["status"]) or (
                event["type"] == "customer.subscription.deleted"
            )
            last[shown["id"]] = shown
    for subscription in account.newest_first("subscription"):
        assert subscription == last[subscription["id"]]
        if subscription["status"] in ("active", "past_due", "unpaid"):
            assert all(item["current_period_end"] > until for item in subscription["items"]["data"])
        if subscription["status"] == "trialing":
            assert subscription["trial_end"] > until


def test_the_clock_gives_the_same_in_one_step_as_in_many() -> None:
    at_once, in_steps = simulated(60), simulated(60)
    at_once[1].advance(at_once[0].clock.advance(20 * DAY))
    for _ in range(40):
        in_steps[1].advance(in_steps[0].clock.advance(DAY // 2))
    assert in_steps[2] == at_once[2]


def test_a_touched_subscription_goes_on_by_the_same_clock() -> None:
    account, lifecycle, events = simulated(100)
    trialing = next(one for one in account.newest_first("subscription") if one["status"] == "trialing")
    lifecycle.update_subscription(trialing["id"], {"cancel_at_period_end": "true"})
    lifecycle.advance(account.clock.advance(31 * DAY))
    own = [event for event in events if event["data"]["object"]["id"] == trialing["id"]]
    assert own[-1]["type"] == "customer.subscription.deleted"
    assert own[-1]["created"] == trialing["trial_end"]
    reminders = [event for event in own if event["type"].endswith("trial_will_end")]
    assert len(reminders) == (1 if trialing["trial_end"] - 3 * DAY > NOW else 0)


def test_a_deleted_customer_of_the_population_takes_its_subscriptions_along() -> None:
    account, lifecycle, _ = simulated(50)
    active = next(one for one in account.newest_first("subscription") if one["status"] == "active")
    lifecycle.delete_customer(active["customer"])
    gone = account.get("customer", active["customer"])
    assert gone == {"id": active["customer"], "object": "customer", "deleted": True}
    canceled = account.get("subscription", active["id"])
    assert canceled is not None
    assert canceled["status"] == "canceled"
    assert active["customer"] not in {one["id"] for one in account.newest_first("customer")}
