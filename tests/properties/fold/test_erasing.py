"""Erasing: whenever in whatever history somebody is erased, they stay so, and nobody else notices."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peoplesync.domain.people.person import ERASED, normal_email, record_identity
from peoplesync.use_cases.messages.message import BulkBatch, Message
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from tests.support.fakes.erased import erase
from tests.support.fakes.world import TEST, World, remembered_as
from tests.support.oracles.histories import END
from tests.support.oracles.tellings import Telling, outcome, told_history, world_of

SOME = settings(max_examples=40, deadline=None, derandomize=True, database=None)
MANY = settings(SOME, max_examples=1_000, suppress_health_check=[HealthCheck.too_slow])


@dataclass(frozen=True)
class Story:
    """What is told, as `(record, message)` with "" for what is about nobody, in this order; after so many
    messages the person of one of the records is erased, and `again` is how all of it is told once more."""

    telling: Telling
    told: list[tuple[str, str]]
    erased_after: int
    victim: int
    again: list[list[int]]

    def world(self) -> World:
        return world_of(self.telling)

    def only(self, records: Collection[str]) -> list[str]:
        """What is told of these records, and of nobody."""
        return [body for record, body in self.told if not record or record in records]


@st.composite
def stories(draw: st.DrawFn) -> Story:
    seed, size = draw(st.integers(0, 9_999)), draw(st.sampled_from([10, 30, 60]))
    events = told_history(seed, size, 0.33).events
    told = [(_customer(one), Message(TEST, one).encode()) for one in events]
    emails = sorted({_email(one) for one in events} - {""})
    for number in range(draw(st.integers(0, 3))):
        told += _of_the_app(f"app-{number}", draw(st.sampled_from(emails))) if emails else []
    order = draw(st.one_of(st.just(list(range(len(told)))), st.permutations(range(len(told)))))
    again = [draw(st.permutations(range(len(told)))), list(range(len(told)))]
    return Story(
        Telling(seed, size, 0.33, [], "truth"),
        [told[place] for place in order],
        draw(st.integers(1, len(told))),
        draw(st.sampled_from([0, 0, 0, 1, 2, 5])),
        again,
    )


def _customer(event: StripeObject) -> str:
    shown = event["data"]["object"]
    return str(shown["id"] if shown["object"] == "customer" else shown.get("customer") or "")


def _email(event: StripeObject) -> str:
    shown = event["data"]["object"]
    return str(shown.get("email") or "") if shown["object"] == "customer" else ""


def _of_the_app(user: str, email: str) -> list[tuple[str, str]]:
    about = {"user": user, "at": END, "at_ms": END * 1_000}
    activities: list[Mapping[str, Any]] = [
        {**about, "type": "identify", "message": f"i-{user}", "traits": {"email": email, "seen-by": user}},
        {**about, "type": "track", "message": f"t-{user}", "event": "Logged In", "properties": {"by": user}},
    ]
    return [
        (f"user:{user}", Message(TEST, chunk=BulkBatch(activities=(one,))).encode()) for one in activities
    ]


def deliver(world: World, bodies: list[str]) -> None:
    for body in bodies:
        report = world.deliver([body])
        assert not report.crashed
        assert not report.dead_lettered
    world.settle()


def with_somebody_erased(story: Story) -> tuple[World, Collection[str], str | None]:
    """The world after it all; the erased person's records and e-mail."""
    world = story.world()
    bodies = [body for _, body in story.told]
    deliver(world, bodies[: story.erased_after])
    # Those with the most records come first, so that many a one has company.
    people = sorted(world.people.people.values(), key=lambda one: (-len(one.records), one.id))
    victim = people[story.victim % len(people)] if people else None
    if victim is not None:
        deliver(world, [erase(victim.id, *victim.records)])
    deliver(world, bodies[story.erased_after :])
    for order in story.again:
        deliver(world, [bodies[place] for place in order])
    return world, victim.records.keys() if victim else (), victim.email if victim else None


def erased_records(story: Story, world: World) -> set[str]:
    """All who are erased in the end: also who came with an erased e-mail later."""
    owners = world.people.identities
    return {
        record
        for record, _ in story.told
        if record and owners.get(remembered_as(record_identity(record))) == ERASED
    }


def stay_erased_and_nobody_notices(story: Story) -> None:
    world, records, email = with_somebody_erased(story)
    gone = erased_records(story, world)
    assert gone >= set(records)
    stored = (world.people.people, world.people.members, world.people.feeds)
    for record in gone:
        assert record.removeprefix("user:") not in repr(stored)
    if email is not None:
        assert email not in repr(world.people.identities)
        shown = (one for person in world.people.people.values() for one in person.records.values())
        assert email not in {normal_email(one.email) for one in shown}

    without = story.world()
    deliver(without, story.only({record for record, _ in story.told} - gone))
    for name in [name for name, owner in world.people.identities.items() if owner == ERASED]:
        del world.people.identities[name]
    assert outcome(world) == outcome(without)


@given(stories())
@SOME
def test_the_erased_stay_so_and_the_others_are_as_if_they_had_never_been(story: Story) -> None:
    stay_erased_and_nobody_notices(story)


@pytest.mark.long
@given(stories())
@MANY
def test_a_thousand_stay_erased_and_nobody_notices(story: Story) -> None:
    stay_erased_and_nobody_notices(story)


def test_the_stories_hold_what_makes_it_hard() -> None:
    # Without companions, and later customers with the same e-mail, the properties above would say little.
    together = rejected = 0
    for seed in range(40):
        events = told_history(seed, 60, 0.33).events
        told = [(_customer(one), Message(TEST, one).encode()) for one in events]
        story = Story(Telling(seed, 60, 0.33, [], "truth"), told, 40, 0, [])
        world, records, _ = with_somebody_erased(story)
        together += len(records) > 1
        rejected += len(erased_records(story, world)) > len(records)
    assert together >= 4
    assert rejected >= 2
