"""The few of the simulator's population that only some companies have."""

from itertools import islice
from typing import Any

import pytest

from peoplesync_local.stripe_simulator.account.account import Account, position_of
from peoplesync_local.stripe_simulator.account.clock import SimulatedClock
from peoplesync_local.stripe_simulator.account.showing import plain
from peoplesync_local.stripe_simulator.lifecycle import Lifecycle
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from peoplesync_local.stripe_simulator.population.cast import MEMBERS, Cast, members_of
from peoplesync_local.stripe_simulator.population.population import Population
from tests.support.builders.stripe import DAY, NOW

KINDS = ("customer", "subscription", "invoice", "charge", "event", "product", "price", "coupon")
SINCE = NOW - 1000 * DAY


@pytest.fixture(scope="module")
def cast() -> Cast:
    return Cast(len(MEMBERS), 7, SINCE, NOW)


@pytest.fixture(scope="module")
def company() -> Population:
    """As the demo has it."""
    return Population(2000, 7, NOW)


def subscription(cast: Cast, who: str) -> StripeObject:
    """The subscription of the member whose e-mail begins so."""
    (customer,) = [
        one for one in cast.account.newest_first("customer") if one["email"] == f"{who}@example.com"
    ]
    (held,) = cast.account.of_customer("subscription", customer["id"])
    return held


def charges(cast: Cast, who: str) -> list[StripeObject]:
    owner = subscription(cast, who)["customer"]
    return list(cast.account.of_customer("charge", owner))


def told(cast: Cast, who: str) -> list[StripeObject]:
    """The events of the member's subscription, newest first."""
    held = subscription(cast, who)["id"]
    return [one for one in cast.newest_first("event") if one["data"]["object"]["id"] == held]


def test_the_same_seed_plays_the_same(cast: Cast) -> None:
    again, other = Cast(len(MEMBERS), 7, SINCE, NOW), Cast(len(MEMBERS), 8, SINCE, NOW)
    for kind in KINDS:
        assert list(again.newest_first(kind)) == list(cast.newest_first(kind))
    assert {one["id"] for one in other.newest_first("customer")}.isdisjoint(
        one["id"] for one in cast.newest_first("customer")
    )


def test_one_of_a_hundred_customers_is_of_the_cast_and_there_are_no_more_customers_for_it() -> None:
    assert [members_of(size) for size in (0, 99, 150, 1000, 2000, 100_000)] == [0, 0, 1, 10, 20, 20]
    for size in (0, 99, 150, 600):
        customers = list(Population(size, 7, NOW).newest_first("customer"))
        assert len(customers) == size
        assert sum(not one["email"].startswith("customer-") for one in customers) == size // 100


def test_the_demos_company_has_2000_customers_and_all_of_the_cast(company: Population) -> None:
    customers = list(company.newest_first("customer"))
    assert len(customers) == 2000
    emails = {one["email"].rpartition("-")[0] for one in customers}
    assert {"euro", "sepa-debit", "portal", "free-offer", "modules", "deposit", "account"} <= emails
    assert sum(1 for _ in company.newest_first("price")) < 100


@pytest.mark.parametrize("kind", KINDS)
def test_the_cast_is_listed_and_found_among_the_others(kind: str) -> None:
    population = Population(500, 7, NOW)
    window: Any = {"gte": NOW - 20 * DAY} if kind in ("charge", "invoice", "event") else {}
    whole = list(population.newest_first(kind, **window))
    positions = [position_of(one) for one in whole]
    assert positions == sorted(set(positions), reverse=True)
    assert list(population.oldest_first(kind, **window)) == whole[::-1]
    paged: list[StripeObject] = []
    while page := list(islice(population.newest_first(kind, _last(paged), **window), 150)):
        paged += page
    assert paged == whole
    assert all(population.get(kind, one["id"]) == one for one in whole)


def _last(paged: list[StripeObject]) -> Any:
    return position_of(paged[-1]) if paged else None


def test_the_events_of_the_cast_lead_to_what_the_lists_show(cast: Cast) -> None:
    last = {one["data"]["object"]["id"]: one["data"]["object"] for one in cast.oldest_first("event")}
    assert len(last) > 50
    for shown in last.values():
        held = cast.get(shown["object"], shown["id"])
        if held is not None and not held.get("deleted") and shown["object"] != "plan":
            assert shown == plain(held) | ({"end": shown["end"]} if shown["object"] == "discount" else {})


def test_events_go_back_thirty_days(cast: Cast) -> None:
    assert min(one["created"] for one in cast.newest_first("event")) >= NOW - 30 * DAY
    old = next(cast.account.oldest_first("event"))
    assert (old["created"] < NOW - 30 * DAY, cast.get("event", old["id"])) == (True, None)


def test_who_pays_in_another_currency_than_the_prices(cast: Cast) -> None:
    for who, currency, tiered in (("euro-01", "eur", False), ("yen-01", "jpy", True)):
        held = subscription(cast, who)
        price = held["items"]["data"][0]["price"]
        assert (held["currency"], price["currency"]) == (currency, "usd")
        full = cast.account.get("price", price["id"]) or {}
        assert ("tiers" in full["currency_options"][currency]) == tiered


def test_who_pays_by_bank_debit(cast: Cast) -> None:
    assert [one["status"] for one in charges(cast, "sepa-debit-01")] == ["pending"]
    assert {one["status"] for one in charges(cast, "sepa-debit-02")} == {"succeeded"}
    assert subscription(cast, "bank-debit-returned-01")["status"] == "past_due"
    returned = charges(cast, "bank-debit-returned-01")
    assert {(one["status"], one["failure_code"]) for one in returned} == {("failed", "insufficient_funds")}


def test_who_cancels_in_the_portal(cast: Cast) -> None:
    leaves, left, stays = (subscription(cast, f"portal-{who}01") for who in ("", "left-", "kept-"))
    assert (leaves["status"], leaves["cancel_at"] > NOW, leaves["cancel_at_period_end"]) == (
        "active",
        True,
        False,
    )
    assert leaves["cancellation_details"]["feedback"] == "too_expensive"
    assert (left["status"], left["ended_at"]) == ("canceled", left["cancel_at"])
    assert (stays["cancel_at"], stays["canceled_at"]) == (None, None)
    assert told(cast, "portal-kept-01")[0]["data"]["previous_attributes"]["cancel_at"] is not None
    assert subscription(cast, "classic-01")["cancel_at_period_end"] is True
    two = subscription(cast, "two-intervals-01")
    assert two["cancel_at"] == max(item["current_period_end"] for item in two["items"]["data"])


def test_who_took_a_trial_offer_up(cast: Cast) -> None:
    free, paid = subscription(cast, "free-offer-01"), subscription(cast, "paid-offer-01")
    assert [one["status"] for one in (free, paid)] == ["trialing", "active"]
    assert all("current_trial" in one["items"]["data"][0] for one in (free, paid))
    for who in ("free-offer-over-01", "paid-offer-over-01"):
        changed = [one["data"].get("previous_attributes", {}) for one in told(cast, who)]
        was = [one["items"]["data"][0] for one in changed if "items" in one]
        assert "current_trial" in was[-1]
        assert subscription(cast, who)["items"]["data"][0]["price"]["unit_amount"] == 5900


def test_who_has_a_coupon_that_tells_only_a_part(cast: Cast) -> None:
    limited = cast.account.get("coupon", "ADDONS30") or {}
    items = subscription(cast, "limited-coupon-01")["items"]["data"]
    assert [item["price"]["product"] in limited["applies_to"]["products"] for item in items] == [False, True]
    euros = subscription(cast, "euro-coupon-01")
    invoice = cast.account.get("invoice", euros["latest_invoice"]) or {}
    assert (invoice["subtotal"], invoice["total"]) == (5500, 4600)


def test_who_has_twelve_items(cast: Cast) -> None:
    held = subscription(cast, "modules-01")
    assert len(held["items"]["data"]) == 12
    assert plain(held)["items"]["total_count"] == 12


def test_who_was_charged_less_than_was_authorized(cast: Cast) -> None:
    (charge,) = [one for one in cast.newest_first("charge") if one["amount"] == 20_000]
    assert (charge["amount_captured"], charge["amount_refunded"]) == (15_000, 4000)


def test_who_is_an_account(cast: Cast) -> None:
    both, alone = subscription(cast, "account-01"), subscription(cast, "account-02")
    assert (both["customer"][:4], both["customer_account"][:5]) == ("cus_", "acct_")
    shown = plain(alone)
    assert (shown["customer"], shown["customer_account"][:5]) == (None, "acct_")
    assert alone["customer"] not in {one["id"] for one in cast.newest_first("customer")}


def played_on(*days: int) -> tuple[Account, list[StripeObject]]:
    """The account after so many days at a time, and what was told of the cast's subscriptions and charges."""
    account, population = Account(SimulatedClock(frozen_at=NOW)), Population(400, 7, NOW)
    lifecycle = Lifecycle(account)
    account.populate(population)
    cast = {one["id"] for one in population.waiting() if one["object"] in ("subscription", "charge")}
    events: list[StripeObject] = []
    account.listen(events.append)
    for some in days:
        lifecycle.advance(account.clock.advance(some * DAY))
    return account, [one for one in events if one["data"]["object"]["id"] in cast]


def test_the_cast_goes_on_by_the_clock_in_one_step_as_in_many() -> None:
    cast = Cast(4, 7, SINCE, NOW)
    account, events = played_on(8)
    assert [one["type"] for one in events if one["data"]["object"]["object"] == "charge"] == [
        "charge.succeeded"
    ]
    (charge,) = charges(cast, "sepa-debit-01")
    settled = account.get("charge", charge["id"]) or {}
    assert (settled["status"], settled["paid"]) == ("succeeded", True)
    gone = account.get("subscription", subscription(cast, "portal-01")["id"]) or {}
    assert (gone["status"], gone["ended_at"]) == ("canceled", gone["cancel_at"])
    assert [one["data"] for one in played_on(3, 4, 1)[1]] == [one["data"] for one in events]
