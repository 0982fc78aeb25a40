"""The read models of a stack in memory, kept as the stream's function keeps them on a deployed one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pynamodb.connection import Connection as PynamoConnection

from peoplesync.adapters.dynamodb.connections import ConnectionsStore
from peoplesync.adapters.dynamodb.people.people_reader import PeopleReader
from peoplesync.adapters.dynamodb.read_models.read_model_store import ReadModelStore
from peoplesync.domain.connections import Epoch
from peoplesync.domain.publishing import PersonWritten
from peoplesync.use_cases.read_models.index import Indexer
from tests.support.builders.stripe import NOW
from tests.support.stacks.moto_stack import REGION

MAIN = Epoch("main", 1)


@contextmanager
def indexed(epoch: Epoch = MAIN, cause: str = "live") -> Iterator[None]:
    """Indexes whom the block writes or removes."""
    reader = PeopleReader()
    before = {one.id: one for one in reader.everybody(epoch)}
    yield
    after = {one.id: one for one in reader.everybody(epoch)}
    store = ReadModelStore(PynamoConnection(region=REGION), 0, 400)
    written = [
        PersonWritten(epoch, before.get(one), after.get(one), cause, NOW)
        for one in sorted(before.keys() | after.keys())
        if before.get(one) != after.get(one)
    ]
    indexing = Indexer(connections=ConnectionsStore(), identities=store, store=store).index(written)
    assert not indexing.passed_over
