"""People in DynamoDB, for those who only look."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import Any

import pytest
from pynamodb.models import Model

from bench.units import Units
from peoplesync.adapters.dynamodb.people.people_reader import PeopleReader
from peoplesync.adapters.dynamodb.people.people_store import PeopleStore
from peoplesync.adapters.dynamodb.people.stored_people import to_row
from peoplesync.adapters.dynamodb.tables import MODELS, FeedRow, PersonRow
from peoplesync.domain.connections import Epoch
from peoplesync.domain.people.person import CUSTOMERS_IN_SYNC, EVERYONE
from peoplesync.use_cases.queries.preview import GLANCE
from tests.support.builders.stored_stories import (
    changed,
    full_person,
    newcomer,
    paid,
    person,
    record,
    write_set,
)
from tests.support.builders.stripe import DAY, NOW
from tests.support.stacks.moto_stack import MotoStack, people_store, write_one

MAIN, OTHER = Epoch("main", 1), Epoch("main", 2)


@pytest.fixture
def store(aws: MotoStack) -> PeopleStore:
    return people_store()


@pytest.fixture
def reader(store: PeopleStore) -> PeopleReader:
    """A reader of what the store wrote."""
    return PeopleReader()


def client_of(model: type[Model]) -> Any:
    return model._get_connection().connection.client


def fill(store: PeopleStore, number: int, epoch: Epoch = MAIN, segment: str = "customers") -> list[str]:
    """Writes so many people, latest first; their ids in order."""
    ids = [f"per_{n:03d}" for n in range(number)]
    people = (person(one, record("cus_" + one), segments={segment: NOW}) for one in reversed(ids))
    assert not any(store.write(epoch, [(newcomer(one), "live") for one in people], NOW))
    return ids


def test_a_person_is_found_by_identity_and_by_id(store: PeopleStore, reader: PeopleReader) -> None:
    write_one(store, MAIN, newcomer(full_person()), "live", NOW)

    assert reader.person_of(MAIN, "email:trial-07@example.com") == full_person()
    assert reader.person_of(MAIN, "customer:cus_2") == full_person()
    assert reader.person(MAIN, "per_1") == full_person()


def test_nobody_is_found_where_nobody_is(store: PeopleStore, reader: PeopleReader) -> None:
    write_one(store, MAIN, newcomer(full_person()), "live", NOW)

    assert reader.person_of(MAIN, "email:nobody@example.com") is None
    assert reader.person(MAIN, "per_2") is None
    assert reader.person(OTHER, "per_1") is None
    assert reader.person_of(OTHER, "customer:cus_1") is None


def test_everybody_is_listed_once_in_order_of_id_across_shards_and_pages(
    store: PeopleStore, reader: PeopleReader
) -> None:
    ids = fill(store, 120)

    assert [one.id for one in reader.members(MAIN, EVERYONE)] == ids


def test_the_first_of_many_people_are_read_without_the_others(
    store: PeopleStore, reader: PeopleReader
) -> None:
    first, cost = fill(store, 220)[:20], Units()
    for client in {id(one): one for one in map(client_of, MODELS)}.values():
        cost.watch(client)

    assert [one.id for one in islice(reader.members(MAIN, EVERYONE), 20)] == first
    assert cost.read <= 8 * 0.5 + 20 * 0.5


def test_a_feed_is_read_as_far_as_it_is_looked_at(store: PeopleStore, reader: PeopleReader) -> None:
    with FeedRow.batch_write() as batch:
        for number in range(300):
            row = FeedRow(FeedRow.key(MAIN, "cus_1"), f"{NOW + number:011d}#evt_{number}", kind="trial_ended")
            row.content_json, row.cause, row.written_at = {}, "live", NOW
            batch.save(row)
    cost = Units()
    cost.watch(client_of(FeedRow))

    assert [at for at, *_ in islice(reader.feed(MAIN, "cus_1"), 20)] == [NOW + n for n in range(299, 279, -1)]
    assert (cost.requests["Query"], cost.read) == (1, 0.5)
    assert len(list(reader.feed(MAIN, "cus_1"))) == 300


def test_a_segment_lists_and_counts_its_members_only(store: PeopleStore, reader: PeopleReader) -> None:
    fill(store, 12)
    write_one(store, MAIN, newcomer(full_person("per_x")), "live", NOW)

    assert [one.id for one in reader.members(MAIN, "syncing_with_stripe")] == ["per_x"]
    assert reader.count(MAIN, "syncing_with_stripe") == 1
    assert reader.count(MAIN, "customers") == 13
    assert reader.count(MAIN, "current_trials") == 0


def test_counts_are_exact_and_of_one_epoch(store: PeopleStore, reader: PeopleReader) -> None:
    fill(store, 40)
    fill(store, 3, OTHER)

    assert (reader.count(MAIN, EVERYONE), reader.count(OTHER, EVERYONE)) == (40, 3)


def test_customers_in_sync_counts_customers_and_not_people(store: PeopleStore, reader: PeopleReader) -> None:
    two = person("per_1", record("cus_1"), record("cus_2"), record("cus_3", deleted=True))
    write_one(store, MAIN, newcomer(two), "live", NOW)

    assert (reader.count(MAIN, CUSTOMERS_IN_SYNC), reader.count(MAIN, EVERYONE)) == (2, 1)


def test_a_customer_that_moves_between_people_is_counted_once(
    store: PeopleStore, reader: PeopleReader
) -> None:
    one, two = person("per_1", record("cus_1")), person("per_2", record("cus_2"))
    both = {"cus_1": record("cus_1"), "cus_2": record("cus_2")}
    write_one(store, MAIN, write_set((None, one), (None, two)), "live", NOW)
    write_one(store, MAIN, write_set((one, None), (two, changed(two, records=both))), "live", NOW)

    assert (reader.count(MAIN, CUSTOMERS_IN_SYNC), reader.count(MAIN, EVERYONE)) == (2, 1)


def test_a_member_whose_person_is_gone_is_passed_over(
    aws: MotoStack, store: PeopleStore, reader: PeopleReader
) -> None:
    fill(store, 3)
    aws.client("dynamodb").delete_item(TableName=aws.stack.people_table, Key={"pk": {"S": "main#1#per_001"}})

    assert [one.id for one in reader.members(MAIN, EVERYONE)] == ["per_000", "per_002"]


def test_a_feed_is_told_newest_first(store: PeopleStore, reader: PeopleReader) -> None:
    early, late, at_once = paid("ch_1", NOW - DAY), paid("ch_2", NOW), paid("ch_3", NOW - DAY)
    entries = [("cus_1", one) for one in (late, early, at_once)]
    write_one(store, MAIN, newcomer(person(), [*entries, ("cus_2", paid("ch_9"))]), "live", NOW)

    assert list(reader.feed(MAIN, "cus_1")) == [
        (one.at, one.key, one.kind, one.content) for one in (late, at_once, early)
    ]


def test_an_entry_of_the_last_century_is_older_than_one_of_this(
    store: PeopleStore, reader: PeopleReader
) -> None:
    entries = [("cus_1", paid("ch_old", 999_999_999)), ("cus_1", paid("ch_new", 1_000_000_000))]
    write_one(store, MAIN, newcomer(person(), entries), "live", NOW)

    assert [at for at, *_ in reader.feed(MAIN, "cus_1")] == [1_000_000_000, 999_999_999]


@pytest.mark.parametrize("start", ["", "0f", "per_007", "zz"])
def test_a_sample_is_of_one_epoch_and_says_whether_it_is_everybody(
    store: PeopleStore, reader: PeopleReader, start: str
) -> None:
    ids = fill(store, 30)
    fill(store, 10, OTHER)

    some, whole = reader.sample(MAIN, 20, start)
    assert len({one.id for one in some}) == len(some) == 20
    assert not whole
    everybody, whole = reader.sample(MAIN, 100, start)
    assert sorted(one.id for one in everybody) == ids
    assert whole


def test_a_sample_of_five_hundred_costs_a_preview_less_than_300_units(
    aws: MotoStack, store: PeopleStore, reader: PeopleReader
) -> None:
    aws.seed(to_row(MAIN, replace(full_person(), id=f"per_{n:04}"), "live") for n in range(1_200))
    units = Units()
    units.watch(client_of(PersonRow))

    some, whole = reader.sample(MAIN, GLANCE, "7f")

    assert (len(some), whole) == (GLANCE, False)
    assert 0 < units.read <= 300
