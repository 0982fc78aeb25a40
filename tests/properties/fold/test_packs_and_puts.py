"""Whatever happens to writes of one person or of several, on rows of either form, the truth comes of it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pynamodb.connection import Connection as PynamoConnection

from peoplesync.adapters.dynamodb.catalogue import CatalogueStore
from peoplesync.adapters.dynamodb.people.people_store import PeopleStore
from peoplesync.adapters.dynamodb.people.stored_people import from_row
from peoplesync.adapters.dynamodb.tables import CatalogueRow, ConnectionRow, PersonRow
from peoplesync.use_cases.messages.message import Message, decode
from peoplesync.use_cases.worker.outcome.report import Delivery, Report
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from tests.support.fakes.world import TEST, World, nobody_erased
from tests.support.oracles.tellings import Telling, expected, outcome, world_of
from tests.support.stacks.earlier_rows import in_earlier_form
from tests.support.stacks.in_tables import in_tables, without_nothing
from tests.support.stacks.moto_stack import REGION, MotoStack, moto_stack
from tests.support.stacks.unlucky_writes import KINDS, LOST, PASS, TURNS, UnluckyWrites

SOME = settings(max_examples=8, deadline=None, derandomize=True, database=None)
MANY = settings(SOME, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
MOST_QUESTIONS = 20
"""More attempts than the turns of any story can cost a question."""
MOST_BATCHES = 300
WITH_ALL_KINDS = 4
"""The seed of a history that has writes of all kinds, and in which many a person is overtaken."""


@dataclass(frozen=True)
class Story:
    """A history, the order and the batches in which it arrives, the turns that each kind of its writes takes,
    and the share of people whose rows are put back into the earlier form before each batch."""

    telling: Telling
    in_order: bool
    sizes: list[int]
    turns: Mapping[str, list[str]]
    earlier: float
    luck: int

    @property
    def arrivals(self) -> list[StripeObject]:
        events = self.telling.history.events
        return list(events) if self.in_order else random.Random(self.luck).sample(events, len(events))


@st.composite
def stories(draw: st.DrawFn) -> Story:
    seed, size = draw(st.integers(0, 9_999)), draw(st.sampled_from([24, 36, 48]))
    return Story(
        Telling(seed, size, 0.33, [], "truth"),
        draw(st.booleans()),
        draw(st.lists(st.sampled_from([1, 1, 5, 30]), min_size=1, max_size=20)),
        {kind: draw(st.lists(st.sampled_from(TURNS), max_size=10)) for kind in KINDS},
        draw(st.sampled_from([0.0, 0.3, 1.0])),
        draw(st.integers(0, 9_999)),
    )


class Tables:
    """A worker at tables of its own, and another one that may overtake it."""

    def __init__(self, aws: MotoStack) -> None:
        self.aws, self.dynamodb = aws, aws.client("dynamodb")
        ConnectionRow(
            "main", livemode=False, epoch_number=1, definitions_version=1, created_at=0, endpoint_id="we_1"
        ).save()
        self.empty = aws.remembered()
        self.connection = PynamoConnection(region=REGION)
        self.clients = [self.connection.client, CatalogueRow._get_connection().connection.client]
        self.seen: Counter[tuple[str, str]] = Counter()

    def tell(self, story: Story) -> int:
        """Tells a story to the end, which is the truth; returns how often something was folded again."""
        self.aws.recall(self.empty)
        rng, waiting = random.Random(story.luck), story.arrivals
        parts: dict[str, Any] = {
            "people": PeopleStore(self.connection, 400, nobody_erased()),
            "catalogue": CatalogueStore(),
        }
        world = world_of(story.telling, **parts)
        other = replace(world.applier, catalogue=CatalogueStore())

        def overtake(row: PersonRow) -> bool:
            theirs = [one for one in waiting if customer_of(one) in from_row(row).records][:2]
            waiting[:] = [one for one in waiting if one not in theirs]
            sound(other.apply(deliveries(world, [Message(TEST, one).encode() for one in theirs])))
            return bool(theirs)

        unlucky = UnluckyWrites(
            {kind: iter(turns) for kind, turns in story.turns.items()}, rng, overtake, self.seen
        )
        races, sizes = 0, iter(story.sizes)
        with unlucky.of(self.clients):
            for _ in range(MOST_BATCHES):
                size = next(sizes, 5)
                bodies = [Message(TEST, one).encode() for one in waiting[:size]] or from_queue(world)
                if not bodies:
                    break
                del waiting[:size]
                if waiting:
                    self.put_back(rng, story.earlier)
                races += sound(world.applier.apply(deliveries(world, bodies))).counts["races"]
            else:
                raise AssertionError("the queue is never empty")
        assert not unlucky.wrongly_sent
        seen, plain = outcome(World(0, people=in_tables(TEST))), expected(story.telling)
        for part in plain:
            assert without_nothing(seen[part]) == without_nothing(plain[part]), part
        return races

    def put_back(self, rng: random.Random, share: float) -> None:
        """Puts the rows of some people back into the earlier form."""
        table = self.aws.stack.people_table
        for row in self.aws.items(table) if share else ():
            if rng.random() < share:
                self.dynamodb.put_item(TableName=table, Item=in_earlier_form(row))
                self.seen["row", "put back"] += 1


def deliveries(world: World, bodies: list[str]) -> list[Delivery]:
    return [Delivery(f"m{place}", body, world.queue) for place, body in enumerate(bodies)]


def from_queue(world: World) -> list[str]:
    """What waits, but for what is asked again and again."""
    sent = [body for body, _ in world.queue.sent]
    world.queue.sent.clear()
    return [one for one in sent if '"ask":' not in one or decode(one).attempt < MOST_QUESTIONS]


def sound(report: Report) -> Report:
    assert not report.crashed
    assert not report.dead_lettered
    return report


def customer_of(event: StripeObject) -> str:
    shown = event["data"]["object"]
    return str(shown["id"] if shown["object"] == "customer" else shown.get("customer") or "")


@pytest.fixture(scope="module")
def tables() -> Iterator[Tables]:
    with moto_stack() as aws, pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.sleep", lambda _: None)
        yield Tables(aws)


def test_whatever_happens_to_packs_and_puts_the_truth_comes_of_it(tables: Tables) -> None:
    tables.seen.clear()
    races: dict[str, int] = {}
    telling = Telling(WITH_ALL_KINDS, 48, 0.33, [], "truth")
    for turn in TURNS:
        turns = dict.fromkeys(KINDS, [turn] * 5)
        races[turn] = tables.tell(Story(telling, False, [30, 1, 1, 1], turns, earlier=0.5, luck=1))
    happened = {(turn, kind) for turn in TURNS for kind in KINDS}
    assert happened <= tables.seen.keys(), happened - tables.seen.keys()
    assert tables.seen["row", "put back"]
    assert tables.seen["somebody", "overtaken"]
    assert races[PASS] == races[LOST] == 0, "an answer that is lost is no conflict"


@given(stories())
@SOME
def test_whatever_happens_to_writes_in_turn_the_truth_comes_of_it(tables: Tables, story: Story) -> None:
    tables.tell(story)


@pytest.mark.long
@given(stories())
@MANY
def test_hundreds_of_histories_come_to_the_truth_whatever_happens_to_their_writes(
    tables: Tables, story: Story
) -> None:
    tables.tell(story)
