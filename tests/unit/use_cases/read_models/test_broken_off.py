"""A batch that is broken off between its writes, and delivered again together with what came later."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from pynamodb.connection import Connection as PynamoConnection

from peoplesync.adapters.dynamodb.read_models.read_model_reader import ReadModelReader
from peoplesync.adapters.dynamodb.read_models.read_model_store import ReadModelStore
from peoplesync.domain.connections import Connection
from peoplesync.domain.people.person import EVERYONE, Person
from peoplesync.domain.publishing import PersonWritten
from peoplesync.domain.records.record import Record
from peoplesync.use_cases.ports import Unavailable
from peoplesync.use_cases.read_models.index import Indexer, Update
from tests.support.builders.stripe import NOW
from tests.support.fakes.world import FakeConnections
from tests.support.stacks.indexed import MAIN
from tests.support.stacks.moto_stack import REGION, MotoStack


@dataclass
class BrokenOff(ReadModelStore):
    """The function ends after the search terms and moves are written, and before anything is counted."""

    breaks_off: bool = False

    def _count(self, epoch: object, update: Update) -> None:
        if self.breaks_off:
            raise Unavailable("broken off")
        super()._count(MAIN, update)


def named(email: str, version: int) -> Person:
    return Person(
        "per_1", NOW, version, email, {"cus_1": Record("cus_1", NOW, deleted=True)}, evaluated_at=NOW
    )


FIRST = named("first@example.com", 1)
SECOND = replace(FIRST, email="second@example.com", version=2)


def written(before: Person | None, after: Person | None) -> PersonWritten:
    return PersonWritten(MAIN, before, after, "live", NOW)


@pytest.fixture
def store(aws: MotoStack) -> BrokenOff:
    """A store in which the first write was broken off."""
    store = BrokenOff(PynamoConnection(region=REGION), 0, 400, breaks_off=True)
    with pytest.raises(Unavailable):
        index(store, written(None, FIRST))
    assert found(store) == {"first@example.com", "example.com"}
    store.breaks_off = False
    return store


def index(store: BrokenOff, *writes: PersonWritten) -> None:
    current = FakeConnections(Connection("main", False, MAIN.number, 1, 0))
    assert not Indexer(current, store, store).index(writes).passed_over


def found(store: BrokenOff) -> set[str]:
    return {term for term, _ in store.all_terms(MAIN)}


def counted(store: BrokenOff) -> int:
    return ReadModelReader(store.connection).counts(MAIN).of(EVERYONE)


def test_an_email_that_changed_meanwhile_finds_nobody(store: BrokenOff) -> None:
    index(store, written(None, FIRST), written(FIRST, SECOND))

    assert (found(store), counted(store)) == ({"second@example.com", "example.com"}, 1)


def test_of_somebody_removed_meanwhile_nothing_is_found(store: BrokenOff) -> None:
    index(store, written(None, FIRST), written(FIRST, None))

    assert (found(store), counted(store)) == (set(), 0)


def test_of_somebody_removed_who_was_never_counted_nothing_is_found(store: BrokenOff) -> None:
    index(store, written(FIRST, None))

    assert (found(store), counted(store)) == (set(), 0)


def test_what_is_counted_already_stays_found_when_it_is_told_again(store: BrokenOff) -> None:
    index(store, written(None, FIRST), written(FIRST, SECOND))

    index(store, written(None, FIRST))

    assert (found(store), counted(store)) == ({"second@example.com", "example.com"}, 1)
