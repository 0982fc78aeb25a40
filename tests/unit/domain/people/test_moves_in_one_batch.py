"""E-mails that are given up and taken within one batch."""

from __future__ import annotations

from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from tests.support.builders.stripe import NOW, customer, event
from tests.support.fakes.world import World

A, B = "a@example.com", "b@example.com"


def has(record: str, email: str, at: int = NOW) -> StripeObject:
    return event("customer.updated", customer(record, email=email), created=at)


def homes(world: World) -> dict[str | None, set[str]]:
    return {person.email: set(person.records) for person in world.people.people.values()}


def test_who_is_renamed_is_joined_under_the_new_email_at_once() -> None:
    world = World(NOW)
    world.apply(has("cus_1", A))
    report = world.apply(has("cus_1", B, NOW + 60), has("cus_2", B, NOW + 60))
    assert report.counts["races"] == 0
    assert homes(world) == {B: {"cus_1", "cus_2"}}


def test_an_email_whose_person_moved_away_is_free_for_the_next_one() -> None:
    world = World(NOW)
    world.apply(has("cus_1", A), has("cus_2", B))
    report = world.apply(has("cus_1", B, NOW + 60), has("cus_3", A, NOW + 60))
    assert report.counts["races"] == 0
    assert homes(world) == {A: {"cus_3"}, B: {"cus_1", "cus_2"}}


def test_two_people_can_exchange_their_emails() -> None:
    world = World(NOW)
    world.apply(has("cus_1", A), has("cus_2", B))
    world.apply(has("cus_1", B, NOW + 60), has("cus_2", A, NOW + 60))
    assert homes(world) == {A: {"cus_2"}, B: {"cus_1"}}
    assert set(world.people.identities) == {f"email:{A}", f"email:{B}", "customer:cus_1", "customer:cus_2"}
