"""The same convergence through the tables: transactions, conditions and indexes hold what the fold says."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from pynamodb.connection import Connection as PynamoConnection

from peoplesync.adapters.dynamodb.catalogue import CatalogueStore
from peoplesync.adapters.dynamodb.people.people_store import PeopleStore
from peoplesync.adapters.dynamodb.people.stored_people import from_row
from peoplesync.adapters.dynamodb.tables import (
    CHARGE,
    MARKER,
    ConnectionRow,
    FeedRow,
    IdentityRow,
    MemberRow,
    PersonRow,
)
from peoplesync.domain.billing_events import BillingEvent
from peoplesync.domain.billing_events.subscriptions import OF_VALUE
from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.records.activity import TRACKED
from tests.support.fakes.world import FakeConnections, FakePeople, World, nobody_erased
from tests.support.oracles.tellings import Telling, expected, outcome, split, told_history, world_of
from tests.support.stacks.moto_stack import REGION, moto_stack


@pytest.fixture(autouse=True)
def tables() -> Iterator[None]:
    with moto_stack():
        yield


def in_tables(epoch: Epoch) -> FakePeople:
    """Everything that the tables hold of an epoch, for comparison."""
    mine = f"{epoch}#"
    people = {row.person_id: from_row(row) for row in PersonRow.scan() if row.pk.startswith(mine)}
    found = FakePeople(
        people=people,
        identities={
            row.pk.removeprefix(mine): row.person for row in IdentityRow.scan() if row.pk.startswith(mine)
        },
        members={
            (row.pk.removeprefix(mine).rpartition("#")[0], row.sk): int(row.since)
            for row in MemberRow.scan()
            if row.pk.startswith(mine)
        },
    )
    for row in FeedRow.scan():
        if row.pk.startswith(mine) and row.kind not in (MARKER, CHARGE):
            at, key = row.at_and_key
            feed = found.feeds.setdefault(row.pk.removeprefix(mine), {})
            entry = BillingEvent(row.kind, key, at, row.content_json, marker_of(row.kind, key))
            feed[entry.memory] = entry
    return found


def marker_of(kind: str, key: str) -> str:
    """Under which marker such an entry is known."""
    if kind.startswith(TRACKED):
        return f"message#{key.removeprefix('tracked:')}"
    if kind in OF_VALUE:
        return f"{key.removesuffix(kind)}value"
    return key if kind == "charge_failed" else ""


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


def without_nothing(value: Any) -> Any:
    """Fields without a value are not stored."""
    if isinstance(value, dict):
        return {key: without_nothing(one) for key, one in value.items() if one is not None}
    return value


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
