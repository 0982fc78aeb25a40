"""The simulator's population: lifelike, the same for the same seed, and made only where it is looked at."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice

import pytest

from peoplesync.domain.records.changes import read_change
from peoplesync.domain.stripe_objects import read_event
from peoplesync_local.stripe_simulator.account.account import position_of
from peoplesync_local.stripe_simulator.account.showing import plain
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from peoplesync_local.stripe_simulator.population.population import Population
from tests.support.builders.old_shapes import before as before_the_change
from tests.support.builders.stripe import DAY, HOUR, NOW

KINDS = ("customer", "subscription", "invoice", "charge", "event", "product", "price", "coupon")
SKEWS = ("growing", "even", "recent", "old")


@pytest.fixture(scope="module")
def population() -> Population:
    return Population(160, 7, NOW)


def everything(population: Population, kind: str) -> list[StripeObject]:
    return list(population.newest_first(kind))


def by_pages(population: Population, kind: str, size: int) -> Iterator[StripeObject]:
    before = None
    while page := list(islice(population.newest_first(kind, before), size)):
        yield from page
        before = position_of(page[-1])


def test_the_same_seed_makes_the_same_and_another_seed_others(population: Population) -> None:
    again, other = Population(160, 7, NOW), Population(160, 8, NOW)
    for kind in KINDS[:5]:
        assert everything(again, kind) == everything(population, kind)
        assert everything(other, kind) != everything(population, kind)


@pytest.mark.parametrize("skew", SKEWS)
@pytest.mark.parametrize("kind", KINDS)
def test_pages_are_slices_of_the_whole_which_is_in_order(kind: str, skew: str) -> None:
    population = Population(30, 3, NOW, skew=skew)
    whole = everything(population, kind)
    positions = [position_of(one) for one in whole]
    assert positions == sorted(set(positions), reverse=True)
    assert list(by_pages(population, kind, 11)) == whole
    assert list(population.oldest_first(kind)) == whole[::-1]
    middle = positions[len(positions) // 2] if positions else (NOW, "")
    assert list(population.oldest_first(kind, middle)) == [
        one for one in whole[::-1] if position_of(one) > middle
    ]


@pytest.mark.parametrize("kind", KINDS[:5])
def test_windows_of_time_are_parts_of_the_whole(population: Population, kind: str) -> None:
    whole = everything(population, kind)
    start, end = NOW - 25 * DAY, NOW - 5 * DAY
    window = list(population.newest_first(kind, gte=start, lt=end))
    assert window == [one for one in whole if start <= one["created"] < end]
    assert list(population.oldest_first(kind, gte=start, lt=end)) == window[::-1]


@pytest.mark.parametrize("kind", KINDS)
def test_an_object_got_by_its_id_is_the_listed_one(population: Population, kind: str) -> None:
    for listed in everything(population, kind):
        assert population.get(kind, listed["id"]) == listed


def test_other_ids_are_nobodys(population: Population) -> None:
    real = everything(population, "customer")[0]["id"]
    other = real[:-1] + ("0" if real[-1] != "0" else "1")
    for unknown in (other, "cus_1", "", "cus_P", "sub_" + real[4:], "cus_PzzzzAAAAAAAAA", "price_none"):
        assert all(population.get(kind, unknown) is None for kind in KINDS)


def test_what_objects_refer_to_is_there(population: Population) -> None:
    for subscription in everything(population, "subscription"):
        assert population.get("customer", subscription["customer"]) is not None
        invoice = population.get("invoice", subscription["latest_invoice"])
        assert invoice is not None
        assert invoice["parent"]["subscription_details"]["subscription"] == subscription["id"]
        for discount in subscription["discounts"]:
            held = population.get("discount", discount)
            assert held is not None
            assert population.get("coupon", held["source"]["coupon"]) is not None
        for item in subscription["items"]["data"]:
            price = population.get("price", item["price"]["id"])
            assert price is not None
            assert plain(price) == item["price"]
            assert population.get("product", price["product"]) is not None
        listed = population.subscriptions_of(subscription["customer"])
        assert subscription in listed
    for invoice in everything(population, "invoice"):
        for payment in invoice.get("payments", {"data": []})["data"]:
            charge = population.get("charge", payment["payment"]["charge"])
            assert charge is not None
            assert (charge["status"], charge["amount"]) == ("succeeded", invoice["amount_paid"])


def test_who_did_not_pay_is_shown_so_everywhere() -> None:
    population = Population(1500, 7, NOW)
    failing: set[str] = set()
    seen: Counter[str] = Counter()
    for subscription in population.newest_first("subscription"):
        invoice = population.get("invoice", subscription["latest_invoice"])
        assert invoice is not None
        status, attempts = subscription["status"], invoice["attempt_count"]
        reason = subscription["cancellation_details"]["reason"]
        if status == "past_due":
            assert (invoice["status"], attempts in (1, 2, 3)) == ("open", True)
            assert invoice["next_payment_attempt"] > NOW
        elif reason == "payment_failed":
            assert (status, invoice["status"], attempts) == ("canceled", "open", 4)
            assert invoice["next_payment_attempt"] is None
        elif status == "active" and attempts > 1:
            assert (invoice["status"], attempts) == ("paid", 4)
            assert invoice["status_transitions"]["paid_at"] == invoice["created"] + 15 * DAY + HOUR
            seen["recovered"] += 1
        elif status in ("active", "trialing"):
            is_debited = invoice["status"] == "open" and invoice["payments"]["data"][0]["status"] == "open"
            assert invoice["status"] in ("paid", "draft") or is_debited
        if status in ("past_due", "unpaid") or reason == "payment_failed":
            failing.add(subscription["customer"])
        seen[status if reason != "payment_failed" else reason] += 1
    assert {"past_due", "unpaid", "payment_failed", "recovered"} <= seen.keys()
    customers = population.newest_first("customer")
    assert {one["id"] for one in customers if one["delinquent"]} == failing


def test_what_customers_paid_is_what_their_invoices_say() -> None:
    population = Population(600, 7, NOW)
    charged: Counter[str] = Counter()
    for charge in population.newest_first("charge"):
        assert (charge["status"] == "failed") == bool(charge["failure_code"])
        if charge["status"] == "succeeded":
            charged[charge["customer"]] += charge["amount_captured"]
    paid: Counter[str] = Counter()
    for invoice in population.newest_first("invoice"):
        paid[invoice["customer"]] += invoice["amount_paid"]
    assert +charged == +paid
    assert len(charged) > 400


def test_the_first_weeks_cost_their_share_of_a_period() -> None:
    population = Population(300, 7, NOW)
    tried = 0
    for invoice in population.newest_first("invoice"):
        for line in invoice["lines"]["data"]:
            price = population.get("price", line["pricing"]["price_details"]["price"])
            assert price is not None
            length = line["period"]["end"] - line["period"]["start"]
            is_yearly = price["recurring"]["interval"] == "year"
            if price["unit_amount"] is None or price["transform_quantity"] or "rial" in line["description"]:
                continue
            if line["currency"] != price["currency"]:
                continue
            whole = price["unit_amount"] * line["quantity"]
            if length >= (365 if is_yearly else 31) * DAY:
                assert line["amount"] == whole
            elif length < 28 * DAY:
                month = whole / (12 if is_yearly else 1)
                assert line["amount"] == pytest.approx(month * length / (30.4 * DAY), rel=0.1, abs=1)
                tried += 1
    assert tried > 100


def test_a_discount_goes_when_it_ends_but_not_from_what_ended_before() -> None:
    population = Population(1500, 7, NOW)
    kept: Counter[bool] = Counter()
    for subscription in population.newest_first("subscription"):
        for held in (population.get("discount", one) for one in subscription["discounts"]):
            assert held is not None
            if held["end"] is not None and held["end"] <= NOW:
                over = subscription["ended_at"] or subscription["trial_end"]
                assert over <= held["end"]
                kept[True] += 1
            else:
                kept[False] += 1
    assert min(kept[True], kept[False]) > 10


def test_customers_are_billed_evenly_over_the_first_28_days_of_a_month() -> None:
    population = Population(1500, 7, NOW)
    anchors = [one["billing_cycle_anchor"] for one in population.newest_first("subscription")]
    days = Counter(datetime.fromtimestamp(anchor, UTC).day for anchor in anchors)
    assert set(days) == set(range(1, 29))
    assert max(days.values()) < 2 * min(days.values())


def test_every_event_can_be_read(population: Population) -> None:
    events = everything(population, "event")
    assert len(events) > 500
    for event in events:
        read_change(read_event(event))


def test_each_event_tells_what_the_one_before_it_had_left(population: Population) -> None:
    """Only of an object's own chain: what changed within one second is told apart by order alone."""
    last: dict[str, StripeObject] = {}
    for event in population.oldest_first("event"):
        shown, previous = event["data"]["object"], event["data"].get("previous_attributes")
        known = last.get(shown["id"])
        if previous is not None and known is not None:
            was = before_the_change(shown, previous)
            # A key that is new shows null: it was not there.
            assert {key: value for key, value in was.items() if known.get(key) != value} == {}
        last[shown["id"]] = shown


def test_folding_the_events_leads_to_what_the_lists_show(population: Population) -> None:
    last = {
        event["data"]["object"]["id"]: event["data"]["object"] for event in population.oldest_first("event")
    }
    assert Counter(shown["object"] for shown in last.values()).keys() >= {
        "customer",
        "subscription",
        "invoice",
    }
    for shown in last.values():
        now = population.get(shown["object"], shown["id"])
        assert now is not None
        assert shown == plain(now)


def test_what_was_created_or_ended_within_30_days_is_in_the_events(population: Population) -> None:
    told = {(event["type"], event["data"]["object"]["id"]) for event in population.newest_first("event")}
    since = NOW - 30 * DAY
    for kind, name in (
        ("customer", "customer.created"),
        ("charge", "charge."),
        ("invoice", "invoice.created"),
    ):
        for shown in population.newest_first(kind, gte=since):
            assert any(type_.startswith(name) and one == shown["id"] for type_, one in told)
    for subscription in everything(population, "subscription"):
        if subscription["created"] >= since:
            assert ("customer.subscription.created", subscription["id"]) in told
        if (subscription["ended_at"] or 0) >= since and subscription["status"] == "canceled":
            assert ("customer.subscription.deleted", subscription["id"]) in told


def test_the_shares_are_lifelike() -> None:
    population = Population(3000, 1, NOW)
    subscriptions = everything(population, "subscription")
    assert len(subscriptions) / 3000 == pytest.approx(1.2, abs=0.04)
    of_status = Counter(one["status"] for one in subscriptions)
    shares = {status: count / len(subscriptions) for status, count in of_status.items()}
    assert shares["active"] == pytest.approx(0.46, abs=0.04)
    assert shares["canceled"] == pytest.approx(0.36, abs=0.04)
    assert shares["trialing"] == pytest.approx(0.075, abs=0.02)
    assert shares["past_due"] == pytest.approx(0.032, abs=0.015)
    assert shares.keys() >= {"unpaid", "paused", "incomplete_expired"}
    of_customer = Counter(one["customer"] for one in subscriptions)
    assert set(of_customer.values()) == {1, 2}
    assert 100 < 3000 - len(of_customer) < 400
    customers = everything(population, "customer")
    emails = Counter(one["email"] for one in customers)
    assert 40 < sum(count for count in emails.values() if count > 1) < 400
    assert all(email.endswith("@example.com") for email in emails)
    assert sum(not email.startswith("customer-") for email in emails) == 19  # the cast
    assert {one["currency"] for one in subscriptions} == {"usd", "eur", "jpy", "kwd"}
    assert {len(one["items"]["data"]) for one in subscriptions} == {1, 2, 12}


def test_when_customers_signed_up_follows_the_skew() -> None:
    def signed_up(skew: str, since: int, until: int = NOW) -> float:
        window = Population(1000, 1, NOW, skew=skew).newest_first("customer", gte=since, lt=until)
        return len(list(window)) / 1000

    assert signed_up("recent", NOW - 2 * DAY) == pytest.approx(0.9, abs=0.01)
    begin = NOW - 5 * 365 * DAY
    assert signed_up("old", begin, begin + 30 * DAY) == pytest.approx(0.9, abs=0.01)
    assert signed_up("even", NOW - 365 * DAY) == pytest.approx(1 / 3, abs=0.01)
    assert signed_up("growing", NOW - 365 * DAY) > 0.6
    with pytest.raises(ValueError, match="skew"):
        Population(10, 1, NOW, skew="sideways")


@pytest.mark.parametrize("skew", SKEWS)
def test_a_page_of_100_000_customers_looks_at_few_of_them(skew: str) -> None:
    population = Population(100_000, 1, NOW, skew=skew)
    middle = position_of(next(population.newest_first("customer", lt=NOW - DAY)))
    for kind, most in (("customer", 250), ("subscription", 400)):
        for page in (
            population.newest_first(kind),
            population.oldest_first(kind),
            population.newest_first(kind, middle),
        ):
            made = population.made
            assert len(list(islice(page, 100))) == 100
            assert population.made - made < most
    for kind in ("event", "charge"):
        made = population.made
        assert len(list(islice(population.newest_first(kind, gte=NOW - 20 * DAY), 100))) == 100
        assert population.made - made < 5000


def test_nobody_at_all_is_a_population_too() -> None:
    empty = Population(0, 1, NOW)
    assert [everything(empty, kind) for kind in KINDS[:5]] == [[]] * 5
    assert list(empty.due(NOW, NOW + 30 * DAY)) == []
