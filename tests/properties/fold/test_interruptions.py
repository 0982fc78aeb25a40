"""Version conflicts, crashes and a Stripe that cannot be asked change nothing in the end."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peoplesync.domain.connections import Epoch
from peoplesync.domain.people.write_set import LoadedState, WriteSet
from peoplesync.domain.records.changes import Answer, ObjectKey
from peoplesync.use_cases.messages.message import Message, decode
from peoplesync.use_cases.ports import Unavailable
from tests.support.fakes.world import TEST, FakePeople, FakeQueue, FakeStripe, World
from tests.support.oracles.tellings import Telling, expected, outcome, tellings, told_history, world_of

QUICK = settings(max_examples=100, deadline=None, derandomize=True, database=None)
LONG = settings(QUICK, max_examples=1_000)
LONGEST = 1_000
"""Batches after which a queue that is still not empty never will be: no telling takes more than 150."""
MOST_QUESTIONS = 20
"""More attempts than the blows of any fate can cost a question."""
Answered = TypeVar("Answered")


class Killed(BaseException):
    """The worker's process ends here; no code of the worker can catch that."""


@dataclass
class Fate:
    """What happens at each call to the outside, in turn: "before" and "after" end it with `blow` before or
    after the call took effect, anything else lets it pass. When the list is used up, all pass."""

    turns: list[str]
    blow: type[BaseException] = Killed
    _calls: Iterator[str] = field(init=False)
    blows: int = 0

    def __post_init__(self) -> None:
        self._calls = iter(self.turns)

    def call(self, act: Callable[[], Answered]) -> Answered:
        turn = next(self._calls, "pass")
        if turn == "before":
            self.blows += 1
            raise self.blow
        answer = act()
        if turn == "after":
            self.blows += 1
            raise self.blow
        return answer


@dataclass
class MortalPeople(FakePeople):
    fate: Fate = field(default_factory=lambda: Fate([]))

    def read(self, *asked: Any, **more: Any) -> LoadedState:
        return self.fate.call(lambda: FakePeople.read(self, *asked, **more))

    def write_one(self, epoch: Epoch, write_set: WriteSet, cause: str, now: int) -> None:
        self.fate.call(lambda: FakePeople.write_one(self, epoch, write_set, cause, now))


@dataclass
class MortalStripe(FakeStripe):
    fate: Fate = field(default_factory=lambda: Fate([]))

    def fetch(self, connection: str, key: ObjectKey) -> Answer:
        return self.fate.call(lambda: FakeStripe.fetch(self, connection, key))


@dataclass
class MortalQueue(FakeQueue):
    fate: Fate = field(default_factory=lambda: Fate([]))

    def send(self, body: str, delay: int = 0) -> None:
        self.fate.call(lambda: FakeQueue.send(self, body, delay))


def bodies(telling: Telling) -> deque[list[str]]:
    """The batches as they lie on the queue."""
    return deque([Message(TEST, event).encode() for event in batch] for batch in telling.batches)


def from_queue(world: World) -> list[list[str]]:
    """The next message that waits, if any; but for what is asked again and again of a Stripe whose clock
    stands still."""
    while world.queue.sent:
        body, _ = world.queue.sent.popleft()
        message = decode(body)
        if message.ask is None or message.attempt < MOST_QUESTIONS:
            return [[body]]
    return []


def work_off(world: World, waiting: deque[list[str]]) -> None:
    """Delivers batches until the queue is empty; what crashed is delivered again, as SQS would."""
    for _ in range(LONGEST):
        if not waiting:
            waiting.extend(from_queue(world))
        if not waiting:
            return
        batch = waiting.popleft()
        try:
            report = world.deliver(batch)
        except Killed:
            waiting.append(batch)
        else:
            assert not report.dead_lettered
            waiting.extend([batch[int(name.removeprefix("m"))]] for name in report.crashed)
    raise AssertionError("the queue is never empty")


def races_are_lost(telling: Telling, gaps: list[int], deepest: int) -> int:
    """Between one worker's reading and its writing, others work off whole batches; returns the conflicts."""
    world, waiting, races = world_of(telling), bodies(telling), 0
    turns, depth = iter(gaps), 0

    def others_come_first() -> None:
        nonlocal depth, races
        if depth < deepest and next(turns, 0) and waiting:
            depth += 1
            races += world.deliver(waiting.popleft()).counts["races"]
            depth -= 1

    world.people.before_write = others_come_first
    for _ in range(LONGEST):
        if not waiting:
            waiting.extend(from_queue(world))
        if not waiting:
            break
        races += world.deliver(waiting.popleft()).counts["races"]
    assert outcome(world) == expected(telling)
    return races


GAPS = st.lists(st.integers(0, 2), max_size=80)


@given(tellings(), GAPS, st.integers(1, 3))
@QUICK
def test_workers_that_get_in_each_others_way_come_to_the_same(
    telling: Telling, gaps: list[int], others: int
) -> None:
    races_are_lost(telling, gaps, others)


@pytest.mark.long
@given(tellings(), GAPS, st.integers(1, 3))
@LONG
def test_thousands_of_races_come_to_the_same(telling: Telling, gaps: list[int], others: int) -> None:
    races_are_lost(telling, gaps, others)


def test_workers_that_get_in_each_others_way_do_lose_races() -> None:
    lost = 0
    for seed in range(20):
        batches = [[event] for event in told_history(seed, 30, 0.33).events]
        lost += races_are_lost(Telling(seed, 30, 0.33, batches, "truth"), [1] * 80, 3)
    assert lost > 30


FATES = st.lists(st.sampled_from(["pass", "pass", "pass", "before", "after"]), max_size=60)


def dies_and_is_told_again(telling: Telling, turns: list[str], blow: type[BaseException]) -> int:
    fate = Fate(turns, blow)
    parts: dict[str, Any] = {
        "people": MortalPeople(fate=fate),
        "stripe": MortalStripe(fate=fate),
        "queue": MortalQueue(fate=fate),
    }
    world = world_of(telling, **parts)
    work_off(world, bodies(telling))
    assert outcome(world) == expected(telling)
    return fate.blows


@pytest.mark.parametrize("blow", [Killed, ConnectionError])
@given(tellings(), FATES)
@QUICK
def test_a_worker_that_dies_at_any_call_changes_nothing_once_its_messages_come_again(
    blow: type[BaseException], telling: Telling, turns: list[str]
) -> None:
    dies_and_is_told_again(telling, turns, blow)


@given(tellings(), FATES)
@QUICK
def test_what_cannot_be_asked_now_waits_and_changes_nothing(telling: Telling, turns: list[str]) -> None:
    # A table that answers "later" after it wrote is what a lost answer looks like.
    dies_and_is_told_again(telling, turns, Unavailable)


def test_a_worker_that_dies_at_every_single_call_is_not_undone() -> None:
    events = [[event] for event in Telling(3, 12, 0.33, [], "truth").history.events]
    telling = Telling(3, 12, 0.33, events, "truth")
    deaths = [
        dies_and_is_told_again(telling, ["pass"] * number + [turn], Killed)
        for number in range(40)
        for turn in ("before", "after")
    ]
    assert deaths[:40] == [1] * 40
    assert deaths[-1] == 0, "more calls than were tried"
