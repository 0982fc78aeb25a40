"""Users of the app: who they are, how they meet Stripe's customers, and what counts of what they did."""

from __future__ import annotations

from typing import Any

import pytest

from peoplesync.domain.people.person import CUSTOMERS_IN_SYNC, EVERYONE, SHARED_BY, Person
from peoplesync.domain.publishing import PersonWritten, person_events
from peoplesync.domain.segments.definitions import Segment
from tests.support.builders.app_users import defining, identified, only, told_by_app, tracked
from tests.support.builders.stripe import (
    DAY,
    HOUR,
    NOW,
    charge,
    customer,
    deleted_customer,
    event,
    subscription,
)
from tests.support.fakes.batches import counts_of
from tests.support.fakes.world import TEST, World

A, B = "a@example.com", "b@example.com"
EXPORTS = Segment("exports", "Exports", {"event": "tracked:Report Exported", "at_least": 2, "within": "30d"})
WITH_EMAIL = Segment("with_email", "With e-mail", {"has": "email"})
IDLE = Segment("idle", "Idle", {"field": "last_activity_at", "older_than": "15d"})


@pytest.fixture
def world() -> World:
    return defining(EXPORTS, WITH_EMAIL, IDLE)


def at_stripe(world: World, customer_id: str = "cus_1", email: str | None = A, at: int = NOW - DAY) -> None:
    world.apply(event("customer.updated", customer(customer_id, email=email), created=at, previous={}))


def homes(world: World) -> dict[str | None, set[str]]:
    """Who lives with whom: records by the e-mail of their person."""
    people = world.people.people.values()
    assert len({person.email for person in people}) == len(people)
    return {person.email: set(person.records) for person in people}


def indexes(world: World) -> set[str]:
    return {index for index, _ in world.people.members}


def told_outside(before: Person | None, after: Person | None) -> list[str]:
    """What the bus hears of a write."""
    return [one.type for one in person_events(PersonWritten(TEST, before, after, "live", NOW))]


# --- who waits for an e-mail


@pytest.mark.parametrize("activity", [tracked(), identified(tier="gold"), identified(email=None)])
def test_a_user_without_an_email_is_nobody_yet(world: World, activity: dict[str, Any]) -> None:
    told_by_app(world, activity)

    person = only(world)
    assert person.unidentified
    assert (person.email, person.segments, person.review_at) == (None, {}, None)
    assert not indexes(world)
    assert world.people.identities == {"user:42": person.id}
    assert told_outside(None, person) == []


@pytest.mark.parametrize("blank", ["", "   ", 7, ["a@example.com"]])
def test_what_is_no_email_makes_nobody_somebody(world: World, blank: Any) -> None:
    told_by_app(world, identified(email=blank))

    assert only(world).unidentified
    assert world.people.identities == {"user:42": only(world).id}


def test_stripe_is_never_asked_for_a_user(world: World) -> None:
    told_by_app(world, tracked())
    world.now += HOUR

    world.deliver(['{"connection":"main","epoch":1,"cause":"sweep","attempt":0,"review":["per_1"]}'])

    assert world.stripe.asked == []
    assert only(world).unidentified


def test_what_a_user_did_before_they_were_identified_counts(world: World) -> None:
    told_by_app(world, tracked(at=NOW - 2 * DAY), tracked(at=NOW - DAY))
    pending = only(world)

    told_by_app(world, identified(email=A))

    person = only(world)
    assert (person.id, person.email, person.unidentified) == (pending.id, A, False)
    assert person.fields["last_activity_at"] == NOW - DAY
    assert set(person.segments) == {"exports", "with_email"}
    assert len(world.people.feeds["user:42"]) == 2
    assert told_outside(pending, person) == ["Person Created", "Segment Entered", "Segment Entered"]


def test_a_track_that_brings_the_email_needs_no_identify(world: World) -> None:
    told_by_app(world, tracked(traits={"email": f" {A.upper()} "}))

    assert homes(world) == {A: {"user:42"}}


def test_two_users_who_are_not_identified_are_two(world: World) -> None:
    told_by_app(world, tracked("1"), tracked("2"))

    assert sorted(sorted(one.records) for one in world.people.people.values()) == [["user:1"], ["user:2"]]


# --- people who are at no Stripe


def test_a_user_whom_stripe_does_not_know_is_a_person_but_no_customer(world: World) -> None:
    told_by_app(world, identified(email=A), tracked(at=NOW - DAY), tracked(at=NOW - 2 * DAY))

    person = only(world)
    assert set(person.segments) == {"exports", "with_email"}
    assert indexes(world) == {EVERYONE, "exports", "with_email"}
    assert CUSTOMERS_IN_SYNC not in indexes(world)
    assert person.fields["last_activity_at"] == NOW - DAY
    assert person.fields["customer_last_sync_at"] == NOW
    shown = {key for key, value in person.fields.items() if value not in (None, [])}
    assert shown == {"customer_last_sync_at", "last_activity_at", "subscription_count"}


def test_two_events_within_thirty_days_are_no_more_so_when_the_first_is_older(world: World) -> None:
    told_by_app(world, identified(email=A), tracked(at=NOW - 29 * DAY), tracked(at=NOW - DAY))
    person = only(world)
    assert "exports" in person.segments
    assert person.review_at == NOW + DAY

    world.now = NOW + DAY
    world.deliver(['{"connection":"main","epoch":1,"cause":"sweep","attempt":0,"review":["per_1"]}'])

    assert "exports" not in only(world).segments


def test_another_event_of_the_app_does_not_count(world: World) -> None:
    told_by_app(world, identified(email=A), tracked(), tracked(name="report exported"), tracked(name="Other"))

    assert "exports" not in only(world).segments


def test_activity_ends_idleness(world: World) -> None:
    told_by_app(world, identified(email=A), tracked(at=NOW - 20 * DAY))
    assert "idle" in only(world).segments

    told_by_app(world, tracked(at=NOW - DAY))

    assert "idle" not in only(world).segments


# --- meeting Stripe's customers


@pytest.mark.parametrize("user_first", [True, False])
def test_a_user_with_a_customers_email_is_the_same_person(world: World, user_first: bool) -> None:
    def at_the_app() -> None:
        told_by_app(world, tracked(at=NOW - DAY), identified(email=" A@Example.com "), tracked(at=NOW - HOUR))

    first, second = (at_the_app, lambda: at_stripe(world))
    for tell in (first, second) if user_first else (second, first):
        tell()

    person = only(world)
    assert homes(world) == {A: {"cus_1", "user:42"}}
    assert set(person.segments) == {"exports", "syncing_with_stripe", "with_email"}
    assert person.fields["stripe_customer_id"] == "cus_1"
    assert set(world.people.identities) == {"customer:cus_1", "user:42", f"email:{A}"}


def test_feeds_and_counts_of_both_are_together(world: World) -> None:
    at_stripe(world)
    world.apply(event("charge.succeeded", charge(created=NOW - DAY), created=NOW - DAY))
    told_by_app(world, tracked("1"), identified("1", email=A), tracked("2"), identified("2", email=A))

    person = only(world)
    assert set(person.records) == {"cus_1", "user:1", "user:2"}
    assert {record: len(feed) for record, feed in world.people.feeds.items()} == {
        "cus_1": 1,
        "user:1": 1,
        "user:2": 1,
    }
    assert "exports" in person.segments


@pytest.mark.parametrize(
    ("tracked_at", "latest"), [(NOW - HOUR, NOW - HOUR), (NOW - 90 * DAY, NOW - 10 * DAY)]
)
def test_the_last_activity_is_the_latest_at_stripe_or_in_the_app(
    world: World, tracked_at: int, latest: int
) -> None:
    at_stripe(world)
    started = subscription(created=NOW - 10 * DAY)
    world.apply(event("customer.subscription.updated", started, created=NOW - DAY, previous={}))

    told_by_app(world, identified(email=A), tracked(at=tracked_at))

    assert only(world).fields["last_activity_at"] == latest


def test_a_user_who_waited_joins_the_customer_without_anybody_being_merged(world: World) -> None:
    at_stripe(world)
    told_by_app(world, tracked())
    (stripes, waiting) = sorted(world.people.people.values(), key=lambda one: one.unidentified)

    told_by_app(world, identified(email=A))

    person = only(world)
    assert (person.id, person.absorbed) == (stripes.id, ())
    assert told_outside(waiting, None) == []
    assert "Person Merged" not in told_outside(stripes, person)


def test_people_who_become_one_are_merged_and_the_next_write_does_not_say_so_again(world: World) -> None:
    at_stripe(world)
    told_by_app(world, identified(email=B))
    (user,) = (one for one in world.people.people.values() if one.email == B)
    (stripes,) = (one for one in world.people.people.values() if one.email == A)

    told_by_app(world, identified(at=NOW - 30, email=A))

    merged = only(world)
    assert (merged.id, merged.absorbed) == (stripes.id, (user.id,))
    assert "Person Merged" in told_outside(stripes, merged)
    assert told_outside(user, None) == ["Person Removed", "Segment Left"]
    told_by_app(world, tracked())
    assert only(world).absorbed == ()
    assert told_outside(merged, only(world)) == ["Person Updated"]


# --- e-mails that change


def test_a_new_email_of_a_lonely_user_renames_the_person(world: World) -> None:
    told_by_app(world, identified(email=A))
    before = only(world)

    told_by_app(world, identified(at=NOW - 30, email=B))

    assert homes(world) == {B: {"user:42"}}
    assert only(world).id == before.id
    assert f"email:{A}" not in world.people.identities


def test_a_new_email_moves_a_user_away_from_the_customer_with_all_they_did(world: World) -> None:
    at_stripe(world)
    told_by_app(world, identified(email=A), tracked(at=NOW - DAY), tracked(at=NOW - HOUR))

    told_by_app(world, identified(at=NOW - 30, email=B))

    assert homes(world) == {A: {"cus_1"}, B: {"user:42"}}
    members = {one.email: set(one.segments) for one in world.people.people.values()}
    assert members == {A: {"syncing_with_stripe", "with_email"}, B: {"exports", "with_email"}}


@pytest.mark.parametrize("at", [NOW - 60, NOW - DAY])
def test_a_late_identify_takes_no_email_back(world: World, at: int) -> None:
    told_by_app(world, identified(at=NOW - 60, ms=500, email=B))

    report = told_by_app(world, identified(at=at, ms=499, email=A))

    assert homes(world) == {B: {"user:42"}}
    assert counts_of(report) == {"stale": 1}


def test_a_user_whose_email_is_taken_back_waits_again(world: World) -> None:
    at_stripe(world)
    told_by_app(world, identified(email=A), tracked())

    told_by_app(world, identified(at=NOW - 30, email=None))

    assert homes(world) == {A: {"cus_1"}, None: {"user:42"}}
    (user,) = (one for one in world.people.people.values() if one.email is None)
    assert user.unidentified


def test_a_deleted_customers_person_stays_for_the_user(world: World) -> None:
    at_stripe(world)
    told_by_app(world, identified(email=A), tracked())
    world.apply(event("customer.deleted", deleted_customer(), created=NOW))

    person = only(world)
    assert set(person.segments) == {"with_email"}
    assert CUSTOMERS_IN_SYNC not in indexes(world)


def test_users_of_a_shared_email_are_people_of_their_own(world: World) -> None:
    users = [identified(str(n), email=A) for n in range(SHARED_BY + 2)]
    told_by_app(world, *users)
    world.settle()

    people = list(world.people.people.values())
    assert len(people) == SHARED_BY + 2
    assert {len(one.records) for one in people} == {1}
    assert all("with_email" in one.segments and not one.unidentified for one in people)


# --- what counts once


def test_a_message_that_comes_again_changes_nothing_whenever_it_says_it_was_sent(world: World) -> None:
    told_by_app(world, identified(email=A), tracked(at=NOW - DAY, message="m-1"))
    before, writes = only(world), world.people.writes

    again = [tracked(at=at, message="m-1") for at in (NOW - DAY, NOW - HOUR, NOW - 99 * DAY)]
    report = told_by_app(world, *again)

    assert counts_of(report) == {"stale": 3, "duplicate": 3}
    assert (only(world), world.people.writes) == (before, writes)


def test_messages_of_two_users_can_have_one_id(world: World) -> None:
    told_by_app(world, tracked("1", message="m-1"), tracked("2", message="m-1"))

    assert [len(feed) for feed in world.people.feeds.values()] == [1, 1]


def test_traits_that_are_known_cost_no_write(world: World) -> None:
    told_by_app(world, identified(email=A, tier="gold"))
    writes = world.people.writes

    assert counts_of(told_by_app(world, identified(email=A, tier="gold"))) == {"stale": 1}
    assert world.people.writes == writes
