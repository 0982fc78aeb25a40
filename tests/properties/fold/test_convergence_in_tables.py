"""The same convergence through the tables: transactions, conditions and indexes hold what the fold says."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from pynamodb.connection import Connection as PynamoConnection

from peoplesync.adapters.dynamodb.catalogue import CatalogueStore
from peoplesync.adapters.dynamodb.people.people_store import PeopleStore
from peoplesync.adapters.dynamodb.tables import ConnectionRow
from peoplesync.domain.connections import Connection, Epoch
from tests.support.fakes.world import FakeConnections, World, nobody_erased
from tests.support.oracles.tellings import Telling, expected, outcome, split, told_history, world_of
from tests.support.stacks.in_tables import in_tables, without_nothing
from tests.support.stacks.moto_stack import REGION, moto_stack


@pytest.fixture(autouse=True)
def tables() -> Iterator[None]:
    with moto_stack():
        yield


def through_the_tables(seed: int, stripe: str) -> None:
    rng = random.Random(seed)
    size = rng.randint(8, 30)
    arrivals = list(told_history(seed, size, 0.33).events)
    arrivals += rng.sample(arrivals, 4)
    rng.shuffle(arrivals)
    telling = Telling(seed, size, 0.33, split(arrivals, rng.choice([1, 5, 10]), None), stripe)
    epoch = Epoch("main", seed + 1)
    parts: dict[str, Any] = {
        "people": PeopleStore(PynamoConnection(region=REGION), 400, nobody_erased()),
        "catalogue": CatalogueStore(),
        "connections": FakeConnections(Connection("main", False, epoch.number, 1, 0)),
    }
    ConnectionRow(
        "main", livemode=False, epoch_number=epoch.number, definitions_version=1, created_at=0
    ).save()
    world = world_of(telling, **parts)
    for batch in telling.batches:
        report = world.apply(*batch, epoch=epoch)
        assert not report.dead_lettered
        assert not report.crashed
    world.settle()
    seen, plain = outcome(World(0, people=in_tables(epoch))), expected(telling)
    for part in plain:
        assert without_nothing(seen[part]) == without_nothing(plain[part]), part


@pytest.mark.parametrize("first", [0, 10])
def test_twenty_histories_come_to_the_same_in_the_tables(first: int) -> None:
    ten_through_the_tables(first)


@pytest.mark.long
@pytest.mark.parametrize("first", range(1_000, 1_100, 10))
def test_a_hundred_histories_come_to_the_same_in_the_tables(first: int) -> None:
    ten_through_the_tables(first)


def ten_through_the_tables(first: int) -> None:
    for seed in range(first, first + 10):
        through_the_tables(seed, ["truth", "nothing"][seed % 2])
