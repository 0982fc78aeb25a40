"""Reindex: whatever is wrong in the read models is found, and mended; so is what there was before them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from pynamodb.connection import Connection as PynamoConnection

from peoplesync.adapters.dynamodb.people.people_reader import PeopleReader
from peoplesync.adapters.dynamodb.read_models.read_model_reader import ReadModelReader
from peoplesync.adapters.dynamodb.read_models.read_model_store import MARK, ReadModelStore
from peoplesync.adapters.dynamodb.read_models.stored_days import to_row
from peoplesync.adapters.dynamodb.tables import PersonRow, ReadModelRow
from peoplesync.domain.read_models.contribution import KINDS
from peoplesync.domain.read_models.days import Day
from peoplesync.use_cases.read_models.index import Indexer
from peoplesync.use_cases.read_models.reindex import Reindexed, Reindexer
from tests.support.builders.stripe import DAY, NOW
from tests.support.fakes.erased import CUSTOMER
from tests.support.fakes.world import FakeConnections
from tests.support.stacks.moto_stack import REGION, MotoStack
from tests.support.worlds.erasing_worker import MAIN, with_somebody

TODAY = NOW // DAY


def reindexer() -> Reindexer:
    store = ReadModelStore(PynamoConnection(region=REGION), 0, 400)
    return Reindexer(
        Indexer(FakeConnections(), store, store), store, PeopleReader(), lambda: NOW, lambda _: None
    )


def compared(*, repair: bool = False) -> Reindexed:
    return reindexer().reindex(MAIN, repair=repair)


def counted() -> dict[str, Any]:
    reader = ReadModelReader(PynamoConnection(region=REGION))
    return {kind: +reader.counts(MAIN, kind).totals for kind in KINDS}


def rows(part: str) -> list[ReadModelRow]:
    return list(ReadModelRow.scan(ReadModelRow.pk.startswith(f"{MAIN}#{part}")))


def with_a_wrong_sum() -> None:
    to_row(MAIN, 0, "mrr", Day(TODAY, Counter({("usd",): 7}))).save()


def without_a_term() -> None:
    rows("find#")[0].delete()


def with_a_term_too_many() -> None:
    ReadModelRow(ReadModelRow.terms(MAIN, "zoe"), "zoe zimmer#per_9").save()


def with_somebody_who_is_gone() -> None:
    person = PeopleReader().person_of(MAIN, f"customer:{CUSTOMER}")
    assert person is not None
    PersonRow.get(PersonRow.key(MAIN, person.id)).delete()


def with_an_older_mark() -> None:
    row = rows("mark#")[0]
    row.content = {**row.content, "indexes": ["everyone", "expired_trials"], "customers": 3}
    row.save()


@pytest.mark.parametrize(
    ("damage", "where"),
    [
        (with_a_wrong_sum, "sums"),
        (without_a_term, "terms"),
        (with_a_term_too_many, "terms"),
        (with_somebody_who_is_gone, "gone"),
        (with_an_older_mark, "different"),
    ],
)
def test_what_is_wrong_is_found_and_mended(aws: MotoStack, damage: Callable[[], None], where: str) -> None:
    with_somebody(aws)
    assert compared().agrees

    damage()

    found = compared()
    assert getattr(found, where) > 0
    assert compared() == found, "to compare changes nothing"
    assert not compared(repair=True).agrees
    assert compared().agrees


def test_people_of_before_are_counted_as_the_opening_balance(aws: MotoStack) -> None:
    with_somebody(aws)
    expected = counted()
    for row in rows(""):
        row.delete()
    for stored in PersonRow.scan():
        stored.update(actions=[PersonRow.mrr_json.remove()])  # as version 0.1 stored them

    found = compared(repair=True)

    assert (found.different, found.people) == (2, 2)
    assert counted() == expected
    assert compared().agrees
    (today,) = ReadModelReader(PynamoConnection(region=REGION)).days(MAIN, "mrr", TODAY, TODAY)
    assert {key[1] for key in today.flows} <= {"imported"}


def test_a_mark_is_kept_for_two_days_after_somebody_is_gone(aws: MotoStack) -> None:
    worker = with_somebody(aws)

    person = worker.erase()

    mark = ReadModelRow.get(ReadModelRow.mark(MAIN, person), MARK)
    assert mark.expires_at == NOW + 2 * DAY
    assert compared().agrees


def test_who_moved_on_a_day_is_named_until_they_are_erased(aws: MotoStack) -> None:
    worker, reader = with_somebody(aws), ReadModelReader(PynamoConnection(region=REGION))
    (person, other) = sorted(one.id for one in PeopleReader().everybody(MAIN))

    def who() -> list[str]:
        return [one.who for one in reader.moves(MAIN, TODAY, "entered", "syncing_with_stripe", 10)]

    assert who() == [person, other]
    assert [one.who for one in reader.moves(MAIN, TODAY, "entered", "syncing_with_stripe", 1, person)] == [
        other
    ]

    gone = worker.erase()

    assert who() == [one for one in (person, other) if one != gone]
    (today,) = reader.days(MAIN, "segments", TODAY, TODAY)
    assert today.flows["syncing_with_stripe", "live", "entered"] == 2, "how many there were, stays"
