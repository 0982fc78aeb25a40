"""What an app tells converges together with what Stripe tells of the same people: in any order, duplication
and batching the same people, feeds, counts, fields and memberships."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pynamodb.connection import Connection as PynamoConnection

from peoplesync.adapters.dynamodb.catalogue import CatalogueStore
from peoplesync.adapters.dynamodb.people.people_store import PeopleStore
from peoplesync.adapters.dynamodb.tables import ConnectionRow
from peoplesync.domain.connections import Epoch
from peoplesync.domain.fields.built_in import FIELDS, Field
from peoplesync.domain.people.person import normal_email
from peoplesync.domain.segments.definitions import PREDEFINED, Definitions, Segment
from peoplesync.use_cases.messages.message import BulkBatch, Message
from tests.support.builders.app_users import Activity, Defining, identified, tracked
from tests.support.builders.stripe import DAY
from tests.support.fakes.world import TEST, World, nobody_erased
from tests.support.oracles.histories import BEGIN, END
from tests.support.oracles.tellings import (
    LATER,
    Telling,
    in_old_shape,
    outcome,
    told_history,
    world_of,
)
from tests.support.stacks.in_tables import in_tables, without_nothing
from tests.support.stacks.moto_stack import REGION, moto_stack

QUICK = settings(max_examples=100, deadline=None, derandomize=True, database=None)
LONG = settings(QUICK, max_examples=1_000)

EVENTS = ("Report Exported", "Signed In")
DEFINED = Definitions(
    1,
    (
        *PREDEFINED,
        Segment("with_email", "With e-mail", {"has": "email"}),
        Segment("exports", "Exports", {"event": "tracked:Report Exported", "at_least": 2, "within": "120d"}),
        Segment("gold", "Gold", {"any": [{"field": "plan", "in": ["gold"]}, {"field": "seats", "over": 4}]}),
    ),
    (
        *FIELDS,
        Field("plan", "Plan", "Custom", "text", "traits.plan"),
        Field("seats", "Seats", "Custom", "number", "traits.seats"),
    ),
)


@dataclass(frozen=True)
class Mixed:
    """A history at Stripe, what the app tells of its users meanwhile, and both in the batches in which they
    arrive: each a Stripe event, or the activities of one message."""

    seed: int
    size: int
    batches: list[list[Activity | list[Activity]]]

    @property
    def telling(self) -> Telling:
        return Telling(self.seed, self.size, 0.33, [], "truth")


@lru_cache(maxsize=512)
def told_by_app(seed: int, size: int) -> list[Activity]:
    """So many activities of a few users, in order; some with e-mails of the customers of that history, some
    in one second or millisecond, and some of users who are never identified."""
    rng = random.Random(f"app {seed}")
    emails = [truth.customer["email"] for truth in told_history(seed, size, 0.33).truth.values()]
    emails = [
        *filter(normal_email, emails),
        "only-in-the-app@example.com",
        " Only-In-The-App@example.com",
        None,
    ]
    at, told = BEGIN, list[Activity]()
    for number in range(2 * size // 3):
        at += rng.choice([0, 0, 1, 3, DAY, 20 * DAY])
        user = rng.choice("123")
        traits: dict[str, Any] = rng.choice(
            [
                {},
                {"plan": rng.choice(["gold", "free", None])},
                {"seats": rng.choice([1, True, "5", "many", 7.5])},
                *2 * [{"email": rng.choice(emails)} if user != "3" else {}],
            ]
        )
        if rng.random() < 0.5:
            message = f"m-{number}"
            told.append(tracked(user, rng.choice(EVENTS), min(at, END), message=message, traits=traits))
        else:
            told.append(identified(user, min(at, END), ms=rng.choice([0, 0, 1]), **traits))
    return told


@st.composite
def mixtures(draw: st.DrawFn) -> Mixed:
    seed, size = draw(st.integers(0, 9_999)), draw(st.integers(3, 24))
    events, activities = told_history(seed, size, 0.33).events, told_by_app(seed, size)
    places = draw(st.permutations(range(len(events) + len(activities))))
    arrivals = [[*events, *activities][place] for place in places]
    for again in draw(st.lists(st.integers(0, len(arrivals) - 1), max_size=8)):
        twice = arrivals[again]
        old = twice.get("object") == "event" and draw(st.booleans())
        arrivals.insert(draw(st.integers(0, len(arrivals))), in_old_shape(twice) if old else twice)
    return Mixed(seed, size, mixed(arrivals, random.Random(draw(st.integers(0, 99)))))


def mixed(arrivals: list[Activity], rng: random.Random) -> list[list[Activity | list[Activity]]]:
    """Batches of messages; activities that follow each other may share one."""
    messages: list[Activity | list[Activity]] = []
    for one in arrivals:
        if one.get("object") == "event":
            messages.append(one)
        elif messages and isinstance(messages[-1], list) and rng.random() < 0.5:
            messages[-1].append(one)
        else:
            messages.append([one])
    batches: list[list[Activity | list[Activity]]] = []
    while messages:
        size = rng.choice([1, 1, 2, 5, 10])
        batches.append(messages[:size])
        messages = messages[size:]
    return batches


def after(mixture: Mixed, epoch: Epoch = TEST, **parts: Any) -> World:
    """The world after all of it, in which nothing died, crashed or had to wait."""
    world = world_of(mixture.telling, connections=Defining(current=DEFINED), **parts)
    for batch in mixture.batches:
        report = world.deliver([encoded(one, epoch) for one in batch])
        assert not report.dead_lettered
        assert not report.crashed
    world.settle()
    return world


def encoded(one: Activity | list[Activity], epoch: Epoch) -> str:
    if isinstance(one, list):
        return Message(epoch, chunk=BulkBatch(activities=tuple(one))).encode()
    return Message(epoch, one).encode()


def all_of(world: World) -> Mapping[str, Any]:
    """The outcome with what users have besides."""
    people = world.people.people.values()
    users = [one for person in people for one in person.records.values() if one.is_user]
    return {
        **outcome(world),
        "users": {one.id: (one.email, one.tracked_at, dict(one.traits)) for one in users},
        "errors": {"+".join(sorted(one.records)): dict(one.errors) for one in people},
        "pending": {"+".join(sorted(one.records)) for one in people if one.unidentified},
    }


@lru_cache(maxsize=512)
def plainly(seed: int, size: int) -> Mapping[str, Any]:
    """All told in order, Stripe first, one message at a time."""
    activities = [[one] for one in told_by_app(seed, size)]
    messages: list[Activity | list[Activity]] = [*told_history(seed, size, 0.33).events, *activities]
    return all_of(after(Mixed(seed, size, [[one] for one in messages])))


def comes_to_the_same(mixture: Mixed) -> None:
    assert all_of(after(mixture)) == plainly(mixture.seed, mixture.size)


@given(mixtures())
@QUICK
def test_activities_and_events_come_to_the_same_however_they_are_told(mixture: Mixed) -> None:
    comes_to_the_same(mixture)


@pytest.mark.long
@given(mixtures())
@LONG
def test_a_thousand_mixtures_come_to_the_same_however_they_are_told(mixture: Mixed) -> None:
    comes_to_the_same(mixture)


@given(mixtures())
@settings(QUICK, max_examples=60)
def test_they_come_to_what_a_naive_reader_of_the_activities_expects(mixture: Mixed) -> None:
    told = told_by_app(mixture.seed, mixture.size)
    world = after(mixture)
    for user in {one["user"] for one in told}:
        theirs = [one for one in told if one["user"] == user]
        tracks = [one for one in theirs if one["type"] == "track"]
        person = world.person(f"user:{user}")
        assert person is not None
        record = person.records[f"user:{user}"]
        counts = {f"tracked:{name}": sum(one["event"] == name for one in tracks) for name in EVENTS}
        assert {kind: one.count for kind, one in record.events.items()} == {
            k: n for k, n in counts.items() if n
        }
        assert record.tracked_at == max((one["at"] for one in tracks), default=None)
        assert len(world.people.feeds.get(record.id, {})) == len(tracks)
        emails = [one for one in theirs if "email" in one["traits"]]
        last = max((one["at_ms"] for one in emails), default=0)
        latest = {normal_email(one["traits"]["email"]) for one in emails if one["at_ms"] == last}
        assert normal_email(record.email) in (latest or {None})
        assert person.email == normal_email(record.email)
        assert record.unidentified is (person.email is None)


def test_the_mixtures_hold_what_makes_it_hard() -> None:
    together = waiting = moved = bad = 0
    for seed in range(40):
        told = told_by_app(seed, 24)
        world = after(Mixed(seed, 24, [[*told_history(seed, 24, 0.33).events, told]]))
        people = list(world.people.people.values())
        together += any(len({one.is_user for one in person.records.values()}) == 2 for person in people)
        waiting += any(person.unidentified for person in people)
        bad += any(person.errors for person in people)
        told_emails = {(one["user"], normal_email(one["traits"].get("email"))) for one in told}
        moved += len({user for user, email in told_emails if email}) < len(
            [1 for _, email in told_emails if email]
        )
    assert min(together, waiting, moved, bad) >= 10, (together, waiting, moved, bad)


# --- the same in the tables


@pytest.fixture
def tables() -> Iterator[None]:
    with moto_stack():
        yield


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize("first", [0, pytest.param(100, marks=pytest.mark.long)])
def test_mixtures_come_to_the_same_in_the_tables(first: int) -> None:
    for seed in range(first, first + (4 if first == 0 else 50)):
        rng = random.Random(seed)
        arrivals = [*told_history(seed, 16, 0.33).events, *told_by_app(seed, 16)]
        arrivals += rng.sample(arrivals, 4)
        rng.shuffle(arrivals)
        mixture = Mixed(seed, 16, mixed(arrivals, rng))
        store = PeopleStore(PynamoConnection(region=REGION), 400, nobody_erased())
        # Each in an epoch of its own, so that no table has to be emptied.
        epoch = Epoch("main", seed + 1)
        ConnectionRow(
            "main", livemode=False, epoch_number=epoch.number, definitions_version=1, created_at=0
        ).save()
        world = world_of(
            mixture.telling,
            people=store,
            catalogue=CatalogueStore(),
            connections=Defining(current=DEFINED, epoch_number=epoch.number),
        )
        for batch in mixture.batches:
            report = world.deliver([encoded(one, epoch) for one in batch])
            assert not report.dead_lettered
            assert not report.crashed
        world.settle()
        seen, plain = all_of(World(LATER, people=in_tables(epoch))), plainly(seed, 16)
        for part in plain:
            assert without_nothing(seen[part]) == without_nothing(plain[part]), (seed, part)
