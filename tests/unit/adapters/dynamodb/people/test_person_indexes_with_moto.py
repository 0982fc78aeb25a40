"""Where a person is found: identities, members' indexes, the index of who is due."""

from __future__ import annotations

import pytest

from peoplesync.adapters.dynamodb.people.people_store import PeopleStore
from peoplesync.adapters.dynamodb.tables import SHARDS
from peoplesync.domain.connections import Epoch
from tests.support.builders.stored_stories import changed, full_person, newcomer, person, record, write_set
from tests.support.builders.stripe import DAY, NOW
from tests.support.stacks.moto_stack import MotoStack, people_store, write_one
from tests.support.stacks.sam_template import sam_template

MAIN = Epoch("main", 1)


@pytest.fixture
def store(aws: MotoStack) -> PeopleStore:
    return people_store()


def member_keys(aws: MotoStack) -> set[tuple[str, str]]:
    """The members' indexes as (index, member), whatever the shard."""
    rows = aws.items(aws.stack.segment_members_table)
    return {(row["pk"]["S"].split("#")[2], row["sk"]["S"]) for row in rows}


def identities(aws: MotoStack) -> dict[str, str]:
    rows = aws.items(aws.stack.identities_table)
    return {row["pk"]["S"].removeprefix("main#1#"): row["person"]["S"] for row in rows}


def test_who_is_to_be_looked_at_again_is_in_the_due_index_with_the_moment(
    aws: MotoStack, store: PeopleStore
) -> None:
    write_one(store, MAIN, newcomer(full_person()), "live", NOW)
    write_one(store, MAIN, newcomer(person("per_2", record("cus_9"))), "live", NOW)

    (entry,) = aws.client("dynamodb").scan(TableName=aws.stack.people_table, IndexName="due")["Items"]
    assert entry["pk"]["S"] == "main#1#per_1"
    assert entry["review_at"]["N"] == str(NOW + DAY)
    assert entry["due_shard"]["S"] in {f"main#1#{shard}" for shard in range(SHARDS)}


def test_who_has_nothing_to_wait_for_any_more_leaves_the_due_index(
    aws: MotoStack, store: PeopleStore
) -> None:
    write_one(store, MAIN, newcomer(full_person()), "live", NOW)
    write_one(store, MAIN, write_set((full_person(), changed(full_person(), review_at=None))), "live", NOW)

    assert not aws.client("dynamodb").scan(TableName=aws.stack.people_table, IndexName="due")["Items"]


def test_the_due_index_is_as_the_template_defines_it(aws: MotoStack) -> None:
    defined = sam_template()["Resources"]["PeopleTable"]["Properties"]
    described = aws.client("dynamodb").describe_table(TableName=aws.stack.people_table)["Table"]

    (index,) = described["GlobalSecondaryIndexes"]
    assert [{"IndexName": index["IndexName"], **{k: index[k] for k in ("KeySchema", "Projection")}}] == (
        defined["GlobalSecondaryIndexes"]
    )


def test_everybody_but_the_pending_is_in_everyone(aws: MotoStack, store: PeopleStore) -> None:
    write_one(
        store, MAIN, newcomer(person("per_1", record("cus_1"), segments={"customers": NOW})), "live", NOW
    )
    write_one(store, MAIN, newcomer(person("per_2", record("cus_2", customer=None))), "live", NOW)

    assert member_keys(aws) == {("customers", "per_1"), ("everyone", "per_1"), ("customers_in_sync", "cus_1")}


def test_a_deleted_customer_is_no_customer_in_sync_any_more(aws: MotoStack, store: PeopleStore) -> None:
    two = person("per_1", record("cus_1"), record("cus_2"))
    gone = {**two.records, "cus_2": record("cus_2", deleted=True)}
    write_one(store, MAIN, newcomer(two), "live", NOW)
    write_one(store, MAIN, write_set((two, changed(two, records=gone))), "live", NOW)

    assert member_keys(aws) == {("everyone", "per_1"), ("customers_in_sync", "cus_1")}


def test_segments_left_and_entered_are_told_apart_from_those_that_stay(
    aws: MotoStack, store: PeopleStore
) -> None:
    before = person(segments={"current_trials": NOW - DAY, "syncing_with_stripe": NOW - DAY})
    after = changed(before, segments={"customers": NOW, "syncing_with_stripe": NOW - DAY})
    write_one(store, MAIN, newcomer(before), "live", NOW)
    write_one(store, MAIN, write_set((before, after)), "live", NOW)

    rows = aws.items(aws.stack.segment_members_table)
    since = {
        row["pk"]["S"].split("#")[2]: int(row["since"]["N"]) for row in rows if row["sk"]["S"] == "per_1"
    }
    assert since == {"everyone": NOW - DAY, "customers": NOW, "syncing_with_stripe": NOW - DAY}


def test_a_new_email_of_a_persons_only_record_renames_the_identity(
    aws: MotoStack, store: PeopleStore
) -> None:
    before = person(email="old@example.com")
    write_one(store, MAIN, newcomer(before), "live", NOW)
    write_one(store, MAIN, write_set((before, changed(before, email="new@example.com"))), "live", NOW)

    assert identities(aws) == {"customer:cus_1": "per_1", "email:new@example.com": "per_1"}


def test_a_person_left_empty_is_removed_with_memberships_and_identities(
    aws: MotoStack, store: PeopleStore
) -> None:
    segments = {"customers": NOW}
    one = person("per_1", record("cus_1"), email="one@example.com", segments=segments, review_at=NOW + DAY)
    two = person("per_2", record("cus_2"), email="two@example.com")
    write_one(store, MAIN, newcomer(one), "live", NOW)
    write_one(store, MAIN, newcomer(two), "live", NOW)

    both = {"cus_1": record("cus_1"), "cus_2": record("cus_2")}
    write_one(store, MAIN, write_set((one, None), (two, changed(two, records=both))), "live", NOW)

    assert {row["pk"]["S"] for row in aws.items(aws.stack.people_table)} == {"main#1#per_2"}
    assert identities(aws) == {
        "customer:cus_1": "per_2",
        "customer:cus_2": "per_2",
        "email:two@example.com": "per_2",
    }
    assert member_keys(aws) == {
        ("everyone", "per_2"),
        ("customers_in_sync", "cus_1"),
        ("customers_in_sync", "cus_2"),
    }
