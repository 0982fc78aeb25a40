"""A random sample of the customers: whom it chooses, and what that costs."""

from __future__ import annotations

import random
import string
from collections.abc import Iterable

import pytest

from bench.units import Units
from peoplesync.adapters.dynamodb.people import records_reader
from peoplesync.adapters.dynamodb.people.records_reader import RecordsReader
from peoplesync.adapters.dynamodb.tables import MemberRow
from peoplesync.domain.connections import Epoch
from peoplesync.domain.people.person import CUSTOMERS_IN_SYNC
from tests.support.builders.stripe import NOW
from tests.support.stacks.moto_stack import MotoStack

MAIN = Epoch("main", 1)


def like_stripes(count: int) -> list[str]:
    rng, letters = random.Random(3), string.digits + string.ascii_letters
    return ["cus_" + "".join(rng.choices(letters, k=14)) for _ in range(count)]


def counted(count: int) -> list[str]:
    return [f"cus_{number:05}" for number in range(count)]


def fill(aws: MotoStack, customers: Iterable[str]) -> None:
    keys = sorted((MemberRow.key(MAIN, CUSTOMERS_IN_SYNC, one), one) for one in customers)
    aws.seed(MemberRow(*key, since=NOW) for key in keys)


def chosen(seed: int, number: int = 50) -> list[str]:
    return RecordsReader().some_customers(MAIN, number, random.Random(seed))


@pytest.mark.parametrize("customers", [like_stripes(1_000), like_stripes(12_000)], ids=len)
def test_fifty_of_however_many_cost_fifteen_units_at_most(aws: MotoStack, customers: list[str]) -> None:
    fill(aws, customers)
    cost = Units()
    cost.watch(MemberRow._get_connection().connection.client)

    some = chosen(1)

    assert cost.read <= 15
    assert (len(set(some)), set(some) <= set(customers)) == (50, True)
    assert (chosen(1) == some, chosen(2) == some) == (True, False)


@pytest.mark.parametrize(
    "customers",
    [[], ["cus_1"], ["cus_", "cus_a", "cus_aa", "x-1_ö"], counted(49), like_stripes(50)],
    ids=len,
)
def test_of_few_all_are_chosen(aws: MotoStack, customers: list[str]) -> None:
    fill(aws, customers)

    assert sorted(chosen(1)) == sorted(customers)


@pytest.mark.parametrize("customers", [like_stripes(240), counted(240)], ids=["Stripe's", "counted"])
def test_everybody_is_chosen_now_and_then_also_where_not_all_of_a_shard_is_read(
    aws: MotoStack, customers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records_reader, "_FEW", 15)
    monkeypatch.setattr(records_reader, "_MANY", 15)
    fill(aws, customers)

    assert {one for seed in range(150) for one in chosen(seed, 15)} == set(customers)
