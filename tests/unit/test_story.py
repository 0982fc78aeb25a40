"""The demo's story: lifelike, repeatable, and with members for every segment it promises."""

import json
from collections import Counter, defaultdict
from typing import Any

import pytest

from peoplesync_local.story import PRODUCTS, story
from tests.builders import DAY, NOW

BEST_FIRST = ("active", "trialing", "past_due", "unpaid", "canceled", "incomplete_expired")
LEAP_DAY = 1_709_208_000  # 2024-02-29T12:00:00Z
NEW_YEAR = 1_767_225_600  # 2026-01-01T00:00:00Z


def now_showing(events: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The last snapshot of each object, by id."""
    shown = [event["data"]["object"] for event in events]
    return {one["id"]: one for one in shown if "id" in one}


def people(events: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The subscriptions of each e-mail address, those of deleted customers too."""
    objects = now_showing(events).values()
    emails = {one["id"]: one["email"].lower() for one in objects if one["object"] == "customer"}
    subscriptions: dict[str, list[dict[str, Any]]] = {email: [] for email in emails.values()}
    for one in objects:
        if one["object"] == "subscription":
            subscriptions[emails[one["customer"]]].append(one)
    return subscriptions


def last_activity(subscription: dict[str, Any], now: int) -> int:
    """The latest of trial start, activation and cancellation request (checkouts come with one of these)."""
    moments = [subscription["trial_start"] or 0, subscription["canceled_at"] or 0]
    if subscription["status"] in ("active", "past_due", "unpaid"):
        moments.append(subscription["trial_end"] or subscription["start_date"])
    return max(moment for moment in moments if moment <= now)


def segments(events: list[dict[str, Any]], now: int) -> Counter[str]:
    """How many people a naive reading of the segments' rules finds."""
    found: Counter[str] = Counter()
    for subscriptions in people(events).values():
        if not subscriptions:
            continue
        primary = min(subscriptions, key=lambda one: BEST_FIRST.index(one["status"]))
        status = primary["status"]
        quiet = now - max(last_activity(one, now) for one in subscriptions)
        found["current_trials"] += status == "trialing"
        found["slipping_trials"] += status == "trialing" and quiet > 2 * DAY
        found["slipping_customers"] += status in ("active", "past_due") and quiet > 15 * DAY
        found["expired_trials"] += status == "trialing" and primary["trial_end"] < now
        found["customers"] += status in ("active", "past_due")
        found["churned_customers"] += status in ("canceled", "incomplete_expired", "unpaid")
        found["past_due_subscriptions"] += any(one["status"] == "past_due" for one in subscriptions)
    return found


@pytest.fixture(scope="module")
def events() -> list[dict[str, Any]]:
    return story(NOW)


def test_the_same_seed_tells_the_same_story(events: list[dict[str, Any]]) -> None:
    assert story(NOW) == events
    assert story(NOW, seed=8) != events


@pytest.mark.parametrize("now", [NOW, LEAP_DAY, NEW_YEAR])
def test_the_story_is_chronological_and_ends_before_now(now: int) -> None:
    instants = [event["created"] for event in story(now)]
    assert instants == sorted(instants)
    assert now - 60 * DAY < instants[0]
    assert instants[-1] <= now


@pytest.mark.parametrize("now", [NOW, LEAP_DAY, NEW_YEAR])
@pytest.mark.parametrize("seed", [7, 8])
def test_every_segment_has_its_members_whenever_the_story_is_told(now: int, seed: int) -> None:
    assert segments(story(now, seed), now) == {
        "current_trials": 9,
        "slipping_trials": 6,
        "expired_trials": 1,
        "customers": 18,
        "slipping_customers": 8,
        "churned_customers": 8,
        "past_due_subscriptions": 2,
    }


def test_every_event_is_json_with_an_id_of_its_own(events: list[dict[str, Any]]) -> None:
    assert json.loads(json.dumps(events)) == events
    assert len({event["id"] for event in events}) == len(events) == 388
    assert not any(event["livemode"] for event in events)


def test_the_cast_lives_at_example_com_and_one_person_is_two_customers(events: list[dict[str, Any]]) -> None:
    customers = [one for one in now_showing(events).values() if one["object"] == "customer"]
    assert all(one["email"].lower().endswith("@example.com") for one in customers)
    assert (len(customers), len(people(events))) == (38, 37)
    assert {"trial-07@example.com", "team-03@example.com"} < {one["email"] for one in customers}
    assert "Trial 07" in {one["name"] for one in customers}


def test_the_promised_things_happen(events: list[dict[str, Any]]) -> None:
    kinds = {event["type"] for event in events}
    assert kinds >= {
        "customer.deleted",
        "customer.subscription.trial_will_end",
        "charge.refunded",
        "charge.failed",
        "invoice.payment_failed",
        "checkout.session.completed",
        "payout.paid",
        "invoice.upcoming",
    }
    charges = [one for one in now_showing(events).values() if one["object"] == "charge"]
    assert {one["currency"] for one in charges} == {"usd", "jpy", "kwd"}
    assert any(one["customer"] is None for one in charges)
    upcoming = next(event for event in events if event["type"] == "invoice.upcoming")
    assert "id" not in upcoming["data"]["object"]


def test_some_objects_change_twice_within_a_second(events: list[dict[str, Any]]) -> None:
    moments: defaultdict[tuple[str, int], int] = defaultdict(int)
    for event in events:
        moments[event["data"]["object"].get("id", ""), event["created"]] += 1
    assert sum(count > 1 for count in moments.values()) > 30


def test_product_names_appear_only_in_the_lines_of_invoices(events: list[dict[str, Any]]) -> None:
    described = set()
    for event in events:
        shown = event["data"]["object"]
        if shown["object"] == "subscription":
            products = {item["price"]["product"] for item in shown["items"]["data"]}
            assert products <= set(PRODUCTS)
        if shown["object"] == "invoice":
            described |= {line["description"] for line in shown["lines"]["data"]}
    assert "3 × Team (at $49.00 / month)" in described
    assert "1 × Business (at $1,188.00 / year)" in described
    assert "1 × Starter (at ¥2,500 / month)" in described
    assert "2 × Team (at KWD 15.000 / month)" in described
