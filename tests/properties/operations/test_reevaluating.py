"""Whatever happens while definitions change, everybody ends in exactly the segments whose rules hold.

A re-evaluation writes nobody whom it does not change, so that who is being folded with older definitions when
it passes does not lose a race by it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peoplesync.domain.connections import Epoch
from peoplesync.domain.fields.built_in import FIELDS, types_of
from peoplesync.domain.people.person import EVERYONE, Person, subject_of
from peoplesync.domain.people.write_set import LoadedState, WriteSet
from peoplesync.domain.segments.definitions import Definitions, Segment
from peoplesync.domain.segments.rules import Rule
from peoplesync.use_cases.messages.message import Erase, Message
from tests.support.builders.app_users import Defining, looked_at
from tests.support.builders.stripe import NOW, customer, event, subscription
from tests.support.fakes.world import TEST, FakePeople, World
from tests.support.oracles.naive_rules import naively

QUICK = settings(max_examples=300, deadline=None, derandomize=True, database=None)
LONG = settings(QUICK, max_examples=5_000)
CUSTOMERS = ["cus_1", "cus_2", "cus_3"]
EMAILS = ["a@example.com", "b@example.com", None]
SUBSCRIBED = {"field": "subscription_count", "over": 0}
RENAMED = {"field": "customer_name", "starts_with": "Name 1"}
RULES: dict[str, Rule] = {
    "subscribed": SUBSCRIBED,
    "unsubscribed": {"none": [SUBSCRIBED]},
    "renamed": RENAMED,
    "renamed_subscriber": {"all": [RENAMED, SUBSCRIBED]},
    "anybody": {"any": [RENAMED, {"none": [RENAMED]}]},
}
LONGEST = 1_000
Answered = TypeVar("Answered")


class Killed(BaseException):
    """The worker's process ends here; no code of the worker can catch that."""


@dataclass
class Town:
    """People, workers and somebody who changes the definitions. At each call of a worker to the tables it is
    the next one's turn: what they do takes place before the call, but for "dies after"."""

    turns: Iterator[str]
    versions: Iterator[Iterable[str]]
    waiting: deque[list[str]]
    depth: int = 0
    passed: int = 1
    deaths: int = 0
    world: World = field(init=False)

    def __post_init__(self) -> None:
        connections = Defining(current=Definitions(1, ()))
        self.world = World(NOW, people=BusyPeople(town=self), connections=connections)

    @property
    def connections(self) -> Defining:
        assert isinstance(self.world.connections, Defining)
        return self.world.connections

    def call(self, act: Callable[[], Answered]) -> Answered:
        turn = next(self.turns, "")
        if turn == "dies before":
            raise Killed
        if self.depth < 3:
            self.depth += 1
            self.others(turn)
            self.depth -= 1
        answer = act()
        if turn == "dies after":
            raise Killed
        return answer

    def others(self, turn: str) -> None:
        if turn in ("define", "define and pass"):
            names = next(self.versions, None)
            if names is not None:
                segments = tuple(Segment(name, name, RULES[name]) for name in names)
                self.connections.current = Definitions(self.connections.current.version + 1, segments)
        if turn in ("pass", "define and pass"):
            for batch in self.looks():
                self.deliver(batch)
        if turn == "deliver" and self.waiting:
            self.deliver(self.waiting.popleft())

    def looks(self) -> list[list[str]]:
        """What the job sends, once the version has risen."""
        if self.connections.current.version == self.passed:
            return []
        self.passed = self.connections.current.version
        people = self.world.people.members_page(TEST, EVERYONE, 0, "", 100)
        return [[looked_at(one, chunk=f"{self.passed}-{one}")] for one in people]

    def deliver(self, batch: list[str]) -> None:
        try:
            report = self.world.deliver(batch)
        except Killed:
            self.deaths += 1
            self.waiting.append(batch)
        else:
            assert not report.dead_lettered
            assert not report.crashed

    def work_off(self) -> None:
        for _ in range(LONGEST):
            while self.world.queue.sent:
                self.waiting.append([self.world.queue.sent.popleft()[0]])
            if not self.waiting:
                self.waiting.extend(self.looks())
            if not self.waiting:
                return
            self.deliver(self.waiting.popleft())
        raise AssertionError("the queue is never empty")


@dataclass
class BusyPeople(FakePeople):
    town: Town = field(default_factory=lambda: Town(iter(()), iter(()), deque()))

    def read(self, *asked: Any, **more: Any) -> LoadedState:
        return self.town.call(lambda: FakePeople.read(self, *asked, **more))

    def versions(self, epoch: Epoch) -> tuple[int, int]:
        return self.town.call(lambda: FakePeople.versions(self, epoch))

    def write_one(self, epoch: Epoch, write_set: WriteSet, cause: str, now: int) -> None:
        self.town.call(lambda: FakePeople.write_one(self, epoch, write_set, cause, now))


@st.composite
def batches(draw: st.DrawFn) -> deque[list[str]]:
    """What Stripe says of some customers, who change their names and e-mails and subscribe, in any order."""
    told = []
    for number in range(draw(st.integers(2, 8))):
        one, at = draw(st.sampled_from(CUSTOMERS)), NOW - 900 + 10 * number
        if draw(st.integers(0, 2)):
            shown = customer(one, email=draw(st.sampled_from(EMAILS)), name=f"Name {draw(st.integers(1, 2))}")
            told.append(event("customer.updated", shown, created=at, previous={}))
        else:
            bought = subscription(f"sub_{one}", customer=one, created=NOW - 900)
            told.append(event("customer.subscription.updated", bought, created=at, previous={}))
    bodies = [Message(TEST, one).encode() for one in draw(st.permutations(told))]
    if draw(st.integers(0, 3)) == 0:
        erased = Erase("per_1", ("cus_1",))
        bodies.insert(draw(st.integers(0, len(bodies))), Message(TEST, erase=erased, cause="erased").encode())
    size = draw(st.integers(1, 3))
    return deque(bodies[start : start + size] for start in range(0, len(bodies), size))


TURNS = st.lists(
    st.sampled_from(
        [
            "",
            "",
            "define",
            "pass",
            "define and pass",
            "define and pass",
            "deliver",
            "dies before",
            "dies after",
        ]
    ),
    max_size=40,
)
VERSIONS = st.lists(st.sets(st.sampled_from(sorted(RULES)), max_size=2).map(sorted), min_size=1, max_size=4)


def whole(person: Person) -> Any:
    types = types_of(FIELDS)
    return subject_of(person, dict.fromkeys(types) | dict(person.fields), types)


def ends_as_the_rules_say(town: Town) -> None:
    town.work_off()
    people, members = town.world.people.people, town.world.people.members
    everybody = [one for one in people.values() if not one.unidentified]
    for segment in town.connections.current.segments:
        expected = {one.id for one in everybody if naively(segment.rule, whole(one), NOW)}
        assert {member for index, member in members if index == segment.id} == expected, segment.id
        assert {one.id for one in everybody if segment.id in one.segments} == expected, segment.id
    known = {segment.id for segment in town.connections.current.segments}
    assert all(one.segments.keys() <= known for one in everybody)


@given(batches(), TURNS, VERSIONS)
@QUICK
def test_everybody_ends_in_the_segments_whose_rules_hold_for_them(
    waiting: deque[list[str]], turns: list[str], versions: list[list[str]]
) -> None:
    ends_as_the_rules_say(Town(iter(turns), iter(versions), waiting))


@pytest.mark.long
@given(batches(), TURNS, VERSIONS)
@LONG
def test_thousands_of_interleavings_end_in_the_segments_whose_rules_hold(
    waiting: deque[list[str]], turns: list[str], versions: list[list[str]]
) -> None:
    ends_as_the_rules_say(Town(iter(turns), iter(versions), waiting))


STORY = [
    event("customer.updated", customer("cus_1", email=EMAILS[0]), created=NOW - 900, previous={}),
    event("customer.updated", customer("cus_2", email=EMAILS[0]), created=NOW - 890, previous={}),
    event("customer.updated", customer("cus_3", email=EMAILS[1]), created=NOW - 880, previous={}),
    event("customer.updated", customer("cus_3", name="Name 1", email=EMAILS[1]), created=NOW, previous={}),
    event("customer.subscription.updated", subscription(customer="cus_2"), created=NOW, previous={}),
    event("customer.updated", customer("cus_2", email=EMAILS[1]), created=NOW, previous={}),
]


@pytest.mark.parametrize("dies", ["", "dies before", "dies after"])
@pytest.mark.parametrize("rule", sorted(RULES))
def test_the_job_may_pass_and_the_worker_die_at_any_call(rule: str, dies: str) -> None:
    messages = [Message(TEST, one).encode() for one in STORY]
    for length in range(1, len(messages) + 1):
        for calls in range(5):
            for later in range(3):
                turns = iter([*[""] * calls, "define and pass", *[""] * later, dies])
                town = Town(iter(()), iter([[rule]]), deque())
                for message in messages[: length - 1]:
                    town.deliver([message])
                town.turns = turns
                town.deliver([messages[length - 1]])
                ends_as_the_rules_say(town)
