"""Read models: however the stream delivers, they are what a recount of all people comes to."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pynamodb.connection import Connection as PynamoConnection

from peoplesync.adapters.dynamodb.read_models.read_model_reader import ReadModelReader
from peoplesync.adapters.dynamodb.read_models.read_model_store import ReadModelStore
from peoplesync.adapters.dynamodb.read_models.stored_days import from_row
from peoplesync.adapters.dynamodb.tables import ReadModelRow
from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.people.person import CUSTOMERS_IN_SYNC, ERASED, Person, record_identity
from peoplesync.domain.publishing import PersonWritten
from peoplesync.domain.read_models.contribution import KINDS, contribution_of
from peoplesync.domain.read_models.days import Counts
from peoplesync.use_cases.read_models.index import Indexer
from tests.properties.fold.test_changing_emails import Moves, moves
from tests.properties.operations.test_publishing import told
from tests.support.builders.stripe import HOUR, NOW
from tests.support.fakes.erased import erase
from tests.support.fakes.streams import StreamedPeople
from tests.support.fakes.world import FakeConnections, World
from tests.support.oracles.tellings import Telling, tellings
from tests.support.stacks.moto_stack import REGION, MotoStack, Tables, moto_stack

QUICK = settings(max_examples=8, deadline=None, derandomize=True, database=None, phases=[Phase.generate])


_stack: list[tuple[MotoStack, Tables]] = []


@pytest.fixture(autouse=True, scope="module")
def tables() -> Iterator[None]:
    with moto_stack() as aws:
        _stack[:] = [(aws, aws.remembered())]
        yield


def anew() -> None:
    """Nothing is in the tables: what earlier stories left would be looked through again and again."""
    ((aws, empty),) = _stack
    aws.recall(empty)


class Indexed:
    """The read models of an epoch of its own."""

    number = 0

    def __init__(self, erased: Mapping[str, str] | None = None) -> None:
        Indexed.number += 1
        self.known = erased or {}
        self.epoch = Epoch("main", Indexed.number)
        connection = PynamoConnection(region=REGION)
        store = ReadModelStore(connection, 0, 400)
        current = FakeConnections(Connection("main", False, self.epoch.number, 1, 0))
        self.indexer, self.reader = Indexer(current, self, store), ReadModelReader(connection)

    def erased(self, epoch: Epoch, identities: Collection[str]) -> Mapping[str, str | None]:
        return {one: self.known[one] for one in identities if one in self.known}

    def index(self, *batches: Sequence[PersonWritten]) -> None:
        for batch in batches:
            of_epoch = [PersonWritten(self.epoch, *_rest(one)) for one in batch]
            assert not self.indexer.index(of_epoch).passed_over

    def totals(self) -> dict[str, Counts]:
        return {kind: self.reader.counts(self.epoch, kind).totals for kind in KINDS}

    def flows(self, kind: Any) -> Counts:
        found: Counts = Counter()
        for row in ReadModelRow.scan(ReadModelRow.pk.startswith(f"{self.epoch}#days#")):
            if row.sk.startswith(f"{kind}#"):
                found.update(from_row(row).flows)
        return found

    def terms(self) -> set[tuple[str, str]]:
        rows = ReadModelRow.scan(ReadModelRow.pk.startswith(f"{self.epoch}#find#"))
        return {(row.sk.rpartition("#")[0], row.sk.rpartition("#")[2]) for row in rows}


def _rest(one: PersonWritten) -> tuple[Any, ...]:
    return one.before, one.after, one.cause, one.written_at


def recounted(people: Sequence[Person]) -> dict[str, Counts]:
    """Everything, counted anew in the plainest way."""
    counts: dict[str, Counts] = {kind: Counter() for kind in KINDS}
    for person in (one for one in people if not one.unidentified):
        in_sync = sum(record.in_sync for record in person.records.values())
        counts["segments"].update({("everyone",): 1, (CUSTOMERS_IN_SYNC,): in_sync})
        counts["segments"].update((segment,) for segment in person.segments)
        status = person.fields.get("subscription_status") or ""
        plan = person.fields.get("product_name") or person.fields.get("plan_id") or ""
        counts["plans"][str(status), str(plan), ""] += 1
        for amounts in (person.mrr or {}).values():
            for currency, amount in (amounts or {}).items():
                counts["mrr"][currency,] += amount
                counts["plans"][str(status), str(plan), currency] += amount
    return counts


def agrees(indexed: Indexed, people: Sequence[Person]) -> None:
    """What is counted is what a recount comes to, and all that moved adds up to it."""
    expected = recounted(people)
    totals = indexed.totals()
    for kind in KINDS:
        assert +totals[kind] == +expected[kind], kind
    moved: Counts = Counter()
    for (currency, _, what), amount in indexed.flows("mrr").items():
        moved[currency,] += amount if what == "amount" else 0
    assert +moved == +expected["mrr"]
    passed: Counts = Counter()
    for (segment, _, what), count in indexed.flows("segments").items():
        passed[segment,] += count if what == "entered" else -count
    neither = {("everyone",), (CUSTOMERS_IN_SYNC,)}
    assert +passed == Counter({key: n for key, n in expected["segments"].items() if key not in neither})
    assert indexed.terms() == {(term, one.id) for one in people for term in contribution_of(one).terms}


@dataclass(frozen=True)
class Story:
    """What was written, in order, and who is there in the end; whose those were who are erased then."""

    written: list[PersonWritten]
    people: list[Person]
    erased: Mapping[str, str]

    @classmethod
    def of(cls, people: StreamedPeople) -> Story:
        written = [one for one in people.stream.values() if isinstance(one, PersonWritten)]
        erased: dict[str, str] = {}
        for one in written:
            before, after = (shown.records.keys() if shown else set() for shown in (one.before, one.after))
            for record in before - after:
                if people.identities.get(record_identity(record)) == ERASED:
                    erased[record_identity(record)] = one.before.id  # type: ignore[union-attr]  # it had one
        return cls(written, list(people.people.values()), erased)


def of_a_telling(telling: Telling) -> Story:
    return Story.of(told(telling).people)


def of_moves(moved: Moves) -> Story:
    """Paying customers who change their e-mails, and so move from person to person."""
    world = World(NOW, people=(people := StreamedPeople()))
    for batch in moved.batches:
        world.apply(*batch)
        world.now += 9 * HOUR
    return Story.of(people)


def of_an_erasure(moved: Moves) -> Story:
    """The same, of whom one is erased in the midst of it."""
    world = World(NOW, people=(people := StreamedPeople()))
    for place, batch in enumerate(moved.batches):
        world.apply(*batch)
        world.now += 9 * HOUR
        if place == len(moved.batches) // 2 and people.people:
            victim = people.people[min(people.people)]
            world.deliver([erase(victim.id, *victim.records)])
            world.settle()
    return Story.of(people)


def told_stories() -> st.SearchStrategy[Story]:
    return st.one_of(tellings().map(of_a_telling), moves().map(of_moves), moves().map(of_an_erasure))


def counted_right(story: Story) -> None:
    """As the stream brings it."""
    anew()
    written, people = story.written, story.people
    indexed = Indexed(story.erased)

    indexed.index(*[written[start : start + 7] for start in range(0, len(written), 7)])

    agrees(indexed, people)
    transferred: Counter[str] = Counter()
    for (currency, movement, what), amount in indexed.flows("mrr").items():
        if movement == "transferred" and what == "amount":
            transferred[currency] += amount
    assert not +transferred
    assert not -transferred


def counted_once(story: Story) -> None:
    """Some batches come twice, and in another order across people."""
    anew()
    written, people = story.written, story.people
    rng = random.Random(len(written))
    plain, indexed = Indexed(story.erased), Indexed(story.erased)
    plain.index(written)
    by_person: dict[str, list[PersonWritten]] = {}
    for one in written:
        by_person.setdefault((one.after or one.before).id, []).append(one)  # type: ignore[union-attr]
    while any(by_person.values()):
        batch: list[PersonWritten] = []
        for person in rng.sample(sorted(by_person), min(3, len(by_person))):
            batch += by_person[person][: rng.randint(1, 3)]
        indexed.index(batch)
        if rng.random() < 0.5:
            continue  # the stream delivers it again, perhaps with more
        for one in batch:
            by_person[(one.after or one.before).id].remove(one)  # type: ignore[union-attr]

    agrees(indexed, people)
    for kind in KINDS:
        assert indexed.flows(kind) == plain.flows(kind)


def made_up_for(story: Story) -> None:
    """Some records are lost; a person's next one makes up for it."""
    anew()
    written, people = story.written, story.people
    rng = random.Random(len(written))
    last = {(one.after or one.before).id: number for number, one in enumerate(written)}  # type: ignore[union-attr]
    kept = [one for number, one in enumerate(written) if number in last.values() or rng.random() < 0.6]
    indexed = Indexed(story.erased)

    indexed.index(kept)

    agrees(indexed, people)


STORIES: list[Callable[[Story], None]] = [counted_right, counted_once, made_up_for]


@pytest.mark.parametrize("holds", STORIES)
def test_read_models_are_what_a_recount_comes_to(holds: Callable[[Story], None]) -> None:
    QUICK(given(told_stories())(holds))()


@pytest.mark.long
@pytest.mark.parametrize("holds", STORIES)
def test_a_hundred_stories_are_what_a_recount_comes_to(holds: Callable[[Story], None]) -> None:
    settings(QUICK, max_examples=100)(given(told_stories())(holds))()
