"""People in DynamoDB: what is written is what is read, whole or not at all."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields
from typing import Any

import pytest

from peoplesync.adapters.dynamodb.people.people_store import PeopleStore
from peoplesync.adapters.dynamodb.people.plans import MAX_ITEMS, MAX_PERSON_BYTES
from peoplesync.domain.connections import Epoch
from peoplesync.domain.people.person import Person
from peoplesync.use_cases.ports import TooLarge
from tests.support.builders.stored_stories import (
    changed,
    full_person,
    full_record,
    newcomer,
    paid,
    person,
    record,
    write_set,
)
from tests.support.builders.stripe import DAY, HOUR, NOW
from tests.support.stacks.moto_stack import MotoStack, people_store, write_one

MAIN = Epoch("main", 1)


@pytest.fixture
def store(aws: MotoStack) -> PeopleStore:
    return people_store()


def identities(aws: MotoStack) -> dict[str, str]:
    rows = aws.items(aws.stack.identities_table)
    return {row["pk"]["S"].removeprefix("main#1#"): row["person"]["S"] for row in rows}


def read(store: PeopleStore, identity: str, epoch: Epoch = MAIN) -> Person | None:
    known = store.read(epoch, [identity], {})
    owner = known.identities[identity]
    return known.people[owner] if owner else None


def transactions_of(store: PeopleStore) -> list[int]:
    """How many items each write has, as they leave; one item alone is put without a transaction."""
    seen: list[int] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        seen.append(len(json.loads(params["body"]).get("TransactItems", "1")))

    for operation in ("TransactWriteItems", "PutItem"):
        store.connection.client.meta.events.register(f"before-call.dynamodb.{operation}", note)
    return seen


def test_the_full_person_has_a_value_in_every_slot() -> None:
    for full in (full_person(), full_record()):
        for slot in fields(full):
            value = getattr(full, slot.name)
            default = slot.default_factory() if slot.default_factory is not MISSING else slot.default
            assert value != default, slot.name


@pytest.mark.parametrize("identity", ["email:trial-07@example.com", "customer:cus_1", "customer:cus_2"])
def test_a_person_is_read_as_written_by_each_identity(store: PeopleStore, identity: str) -> None:
    write_one(store, MAIN, newcomer(full_person()), "live", NOW)

    assert read(store, identity) == full_person()


def test_what_was_read_has_the_types_that_the_domain_counts_on(store: PeopleStore) -> None:
    write_one(store, MAIN, newcomer(full_person()), "live", NOW)
    stored = read(store, "customer:cus_1")

    assert stored is not None
    numbers = (stored.version, stored.created_at, stored.review_at, stored.last_sync_at, stored.evaluated_at)
    assert {type(number) for number in numbers} == {int}
    assert isinstance(stored.records["cus_1"].events["charge_failed"].newest, tuple)


def test_a_person_with_nothing_but_a_pending_record_is_read_as_written(store: PeopleStore) -> None:
    stray = person("per_1", record(customer=None))
    write_one(store, MAIN, newcomer(stray), "live", NOW)

    assert read(store, "customer:cus_1") == stray


def test_an_identity_of_nobody_is_known_to_be_nobodys(store: PeopleStore) -> None:
    known = store.read(MAIN, ["customer:cus_1", "email:trial-07@example.com"], {"cus_1": [paid()]})

    assert known.identities == {"customer:cus_1": None, "email:trial-07@example.com": None}
    assert not known.people
    assert known.entries == {"cus_1": set()}


def test_nothing_is_read_for_nothing(store: PeopleStore) -> None:
    known = store.read(MAIN, [], {})

    assert (known.identities, known.people, known.entries) == ({}, {}, {})


def test_what_a_fold_is_based_on_is_read_consistently(store: PeopleStore) -> None:
    write_one(store, MAIN, newcomer(full_person()), "live", NOW)
    asked: dict[str, bool] = {}

    def note(params: dict[str, Any], **_: Any) -> None:
        for table, wanted in json.loads(params["body"])["RequestItems"].items():
            asked[table] = wanted.get("ConsistentRead", False)

    store.connection.client.meta.events.register("before-call.dynamodb.BatchGetItem", note)
    store.read(MAIN, ["customer:cus_1"], {"cus_1": [paid()]})

    others = dict.fromkeys(("CatalogueTable", "ConnectionsTable", "IdentitiesTable", "PeopleTable"), True)
    assert asked == {**others, "FeedTable": False}  # an entry that is missed is found when it is written

    store.read(MAIN, ["customer:cus_1"], {"cus_1": [paid()]}, again=True)
    assert asked == {**others, "FeedTable": True}


def test_the_people_of_one_epoch_are_invisible_in_another(store: PeopleStore) -> None:
    write_one(store, MAIN, newcomer(full_person(), [("cus_1", paid())]), "live", NOW)

    for epoch in (Epoch("main", 2), Epoch("main", 11), Epoch("other", 1)):
        assert read(store, "customer:cus_1", epoch) is None
        assert store.read(epoch, [], {"cus_1": [paid()]}).entries == {"cus_1": set()}


def test_more_people_and_entries_than_one_call_takes_are_read_at_once(store: PeopleStore) -> None:
    events = [paid(f"ch_{n}", NOW - n) for n in range(120)]
    people = [newcomer(person(f"per_{n}", record(f"cus_{n}")), [("cus_1", events[n])]) for n in range(120)]
    assert not any(store.write(MAIN, [(one, "live") for one in people], NOW))

    known = store.read(MAIN, [f"customer:cus_{n}" for n in range(120)], {"cus_1": events})

    assert len(known.people) == 120
    assert set(known.entries["cus_1"]) == {event.entry for event in events}


def test_only_entries_that_are_in_the_records_own_feed_are_known(store: PeopleStore) -> None:
    write_one(store, MAIN, newcomer(person(), [("cus_1", paid("ch_1"))]), "live", NOW)

    known = store.read(
        MAIN, [], {"cus_1": [paid("ch_1"), paid("ch_2")], "cus_2": [paid("ch_1")], "cus_3": []}
    )

    assert known.entries == {"cus_1": {paid("ch_1").entry}, "cus_2": set(), "cus_3": set()}


def test_a_feed_entry_says_what_happened_when_and_how_we_know(aws: MotoStack, store: PeopleStore) -> None:
    write_one(store, MAIN, newcomer(person(), [("cus_1", paid())]), "reconcile", NOW)

    (row,) = aws.items(aws.stack.feed_table)
    assert row["pk"]["S"] == "main#1#cus_1"
    assert row["sk"]["S"] == f"0{NOW - HOUR}#charge_succeeded:ch_1"
    assert (row["kind"]["S"], row["cause"]["S"]) == ("charge_succeeded", "reconcile")
    assert json.loads(row["content_json"]["S"]) == paid().content


def test_an_entry_is_kept_from_when_it_was_written_not_from_when_it_happened(
    aws: MotoStack, store: PeopleStore
) -> None:
    long_ago = paid(at=NOW - 3_000 * DAY)
    write_one(store, MAIN, newcomer(person(), [("cus_1", long_ago)]), "live", NOW)

    (row,) = aws.items(aws.stack.feed_table)
    described = aws.client("dynamodb").describe_time_to_live(TableName=aws.stack.feed_table)
    attribute = described["TimeToLiveDescription"]["AttributeName"]
    assert row[attribute]["N"] == str(NOW + 400 * DAY)
    assert row["written_at"]["N"] == str(NOW)


def test_what_stays_as_it_is_costs_no_write(store: PeopleStore) -> None:
    before = full_person()
    write_one(store, MAIN, newcomer(before), "live", NOW)
    items = transactions_of(store)

    write_one(store, MAIN, write_set((before, changed(before, last_sync_at=NOW + 1))), "live", NOW)

    assert items == [1]


def test_a_record_moves_between_two_people_in_one_transaction(aws: MotoStack, store: PeopleStore) -> None:
    one = person("per_1", record("cus_1"), record("cus_2"), email="one@example.com")
    two = person("per_2", record("cus_3"), email="two@example.com")
    write_one(store, MAIN, newcomer(one), "live", NOW)
    write_one(store, MAIN, newcomer(two), "live", NOW)
    transactions = transactions_of(store)

    moved = write_set(
        (one, changed(one, records={"cus_1": record("cus_1")})),
        (two, changed(two, records={"cus_2": record("cus_2"), "cus_3": record("cus_3")})),
        entries=[("cus_2", paid())],
    )
    write_one(store, MAIN, moved, "live", NOW)

    assert len(transactions) == 1
    assert read(store, "customer:cus_2") == moved.after["per_2"]
    assert read(store, "customer:cus_1") == moved.after["per_1"]
    assert identities(aws)["customer:cus_2"] == "per_2"


def filled(items: int) -> Any:
    """A newcomer whose transaction has so many items: a person, an identity, two memberships, entries."""
    return newcomer(person(), [("cus_1", paid(f"ch_{n}", NOW - n)) for n in range(items - 4)])


def test_a_transaction_of_a_hundred_items_is_written(aws: MotoStack, store: PeopleStore) -> None:
    write_one(store, MAIN, filled(MAX_ITEMS), "live", NOW)

    assert MAX_ITEMS == 100
    assert sum(map(len, aws.people().values())) == 100


def test_a_transaction_of_more_is_too_large_and_nothing_of_it_is_written(
    aws: MotoStack, store: PeopleStore
) -> None:
    with pytest.raises(TooLarge, match=r"^101 items in one transaction, 100 are allowed$"):
        write_one(store, MAIN, filled(MAX_ITEMS + 1), "live", NOW)

    assert not any(aws.people().values())


def test_a_person_over_the_limit_is_too_large_and_named_without_a_value(
    aws: MotoStack, store: PeopleStore
) -> None:
    fits = person(fields={"customer_name": "x" * (MAX_PERSON_BYTES - 1_000)})
    write_one(store, MAIN, newcomer(fits), "live", NOW)
    grown = changed(fits, fields={"customer_name": "é" * (MAX_PERSON_BYTES // 6 + 1)})

    with pytest.raises(TooLarge, match=r"^person per_1 would take 300\d\d\d bytes, 300000 are allowed$"):
        write_one(store, MAIN, write_set((fits, grown)), "live", NOW)

    assert read(store, "customer:cus_1") == fits
