"""Read models: however the stream delivers, they are what a recount of all people comes to."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from pynamodb.connection import Connection as PynamoConnection

from peoplesync.adapters.dynamodb.read_models.read_model_reader import ReadModelReader
from peoplesync.adapters.dynamodb.read_models.read_model_store import ReadModelStore
from peoplesync.adapters.dynamodb.tables import ReadModelRow
from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.people.person import CUSTOMERS_IN_SYNC, Person
from peoplesync.domain.publishing import PersonWritten
from peoplesync.domain.read_models.contribution import KINDS, contribution_of
from peoplesync.domain.read_models.days import Counts
from peoplesync.use_cases.read_models.index import Indexer
from tests.properties.operations.test_publishing import told
from tests.support.fakes.world import FakeConnections
from tests.support.oracles.tellings import Telling, tellings
from tests.support.stacks.moto_stack import REGION, moto_stack

SOME = settings(max_examples=25, deadline=None, derandomize=True, database=None, phases=[Phase.generate])


@pytest.fixture(autouse=True, scope="module")
def tables() -> Iterator[None]:
    with moto_stack():
        yield


class Indexed:
    """The read models of an epoch of its own."""

    number = 0

    def __init__(self) -> None:
        Indexed.number += 1
        self.epoch = Epoch("main", Indexed.number)
        connection = PynamoConnection(region=REGION)
        store = ReadModelStore(connection, 0, 400)
        current = FakeConnections(Connection("main", False, self.epoch.number, 1, 0))
        self.indexer, self.reader = Indexer(current, store, store), ReadModelReader(connection)

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
                found.update({tuple(key): count for *key, count in row.content["flows"]})
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


def stream_of(telling: Telling) -> tuple[list[PersonWritten], list[Person]]:
    stage = told(telling)
    written = [one for one in stage.people.stream.values() if isinstance(one, PersonWritten)]
    return written, list(stage.people.people.values())


@given(tellings())
@SOME
def test_read_models_are_what_a_recount_comes_to(telling: Telling) -> None:
    written, people = stream_of(telling)
    indexed = Indexed()

    indexed.index(*[written[start : start + 7] for start in range(0, len(written), 7)])

    agrees(indexed, people)
    transferred: Counter[str] = Counter()
    for (currency, movement, what), amount in indexed.flows("mrr").items():
        if movement == "transferred" and what == "amount":
            transferred[currency] += amount
    assert not +transferred
    assert not -transferred


@given(tellings())
@SOME
def test_records_that_come_twice_or_in_another_order_across_people_count_once(telling: Telling) -> None:
    written, people = stream_of(telling)
    rng = random.Random(len(written))
    plain, indexed = Indexed(), Indexed()
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
    assert indexed.flows("mrr") == plain.flows("mrr")
    assert indexed.flows("segments") == plain.flows("segments")


@given(tellings())
@SOME
def test_a_record_that_was_lost_is_made_up_for_by_the_next(telling: Telling) -> None:
    written, people = stream_of(telling)
    rng = random.Random(len(written))
    last = {(one.after or one.before).id: number for number, one in enumerate(written)}  # type: ignore[union-attr]
    kept = [one for number, one in enumerate(written) if number in last.values() or rng.random() < 0.6]
    indexed = Indexed()

    indexed.index(kept)

    agrees(indexed, people)
