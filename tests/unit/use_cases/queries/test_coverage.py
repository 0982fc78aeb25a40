"""How a new field has filled: who has a value, whose cannot be converted, of whom it is not known."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from peoplesync.domain.catalogue import SHOWN, Catalogue, CatalogueKey, Entry
from peoplesync.domain.connections import Epoch
from peoplesync.domain.people.person import Person
from peoplesync.domain.records.record import Record
from peoplesync.domain.records.snapshots import Rank, Snapshot
from peoplesync.domain.segments.definitions import PREDEFINED, Definitions
from peoplesync.use_cases.queries.coverage import FieldCoverage, field_coverage
from peoplesync.use_cases.queries.preview import EXACT, SAMPLE
from tests.support.builders.defined import TIER
from tests.support.builders.stripe import NOW, customer, event, subscription
from tests.support.fakes.world import TEST, FakeConnections, World

POINTS = replace(TIER, key="points", type="number", source="customer.metadata.points")
SEATS = replace(TIER, key="seats", type="number", source="subscription.metadata.seats")
FAMILY = replace(TIER, key="family", source="product.metadata.family")


@dataclass
class Crowd:
    """These people; every one of `many` is one of them."""

    people: Sequence[Person]
    many: int

    def ids(self, epoch: Epoch, index: str) -> Sequence[str]:
        return [str(number) for number in range(self.many)]

    def of_ids(self, epoch: Epoch, ids: Iterable[str]) -> Iterator[Person]:
        return (self.people[int(one) % len(self.people)] for one in ids)


class Products:
    """A catalogue of products; counts how often it is read."""

    def __init__(self, **metadata: Any) -> None:
        self.metadata, self.read_for = metadata, list[CatalogueKey]()

    def read(self, epoch: Epoch, keys: Collection[CatalogueKey]) -> Catalogue:
        self.read_for += keys
        return {
            key: Entry(key, editions={"": {SHOWN: Snapshot(NOW, "", Rank.STATE, self.metadata[key.id])}})
            for key in keys
            if key.id in self.metadata
        }


def told(*objects: dict[str, Any]) -> list[Person]:
    """People who were told of with the fields defined, by id."""
    world = World(NOW)
    definitions = Definitions(1, PREDEFINED, (*Definitions(1, ()).fields, TIER, POINTS, SEATS, FAMILY))

    class Connections(FakeConnections):
        def definitions(self, connection: Any) -> Definitions:
            return definitions

    world.applier.connections = Connections()
    for one in objects:
        kind = "customer.created" if one["object"] == "customer" else "customer.subscription.created"
        world.apply(event(kind, one, created=NOW - 5))
    return sorted(world.people.people.values(), key=lambda person: person.id)


def without_metadata(person: Person) -> Person:
    """As they were stored before metadata was kept."""

    def forget(snapshot: Snapshot) -> Snapshot:
        content = {name: value for name, value in snapshot.content.items() if name != "metadata"}
        return replace(snapshot, content=content)

    def forgotten(record: Record) -> Record:
        subscriptions = {name: forget(one) for name, one in record.subscriptions.items()}
        return replace(
            record, customer=record.customer and forget(record.customer), subscriptions=subscriptions
        )

    return replace(person, records={name: forgotten(one) for name, one in person.records.items()})


def rng() -> random.Random:
    return random.Random(1)


def test_values_errors_and_what_is_not_known_are_counted_apart() -> None:
    people = told(
        customer("cus_1", metadata={"points": "12"}),
        customer("cus_2", metadata={"points": "a dozen"}),
        customer("cus_3", metadata={}),
        customer("cus_4", metadata={"other": "12"}),
        customer("cus_5", metadata={}),
    )
    people[4] = without_metadata(people[4])

    found = field_coverage(Crowd(people, 5), Products(), TEST, POINTS, rng())

    assert found == FieldCoverage(5, 1, 1, 1, True, {people[1].id: '"a dozen" is not a number'})


def test_the_first_three_whose_value_cannot_be_converted_are_named() -> None:
    shown = [customer(f"cus_{n}") for n in range(5)]
    seats = [
        subscription(f"sub_{n}", customer=f"cus_{n}", metadata={"seats": "many"}, created=NOW - 10)
        for n in range(5)
    ]

    found = field_coverage(Crowd(told(*shown, *seats), 5), Products(), TEST, SEATS, rng())

    assert (found.filled, found.unconverted, found.unknown) == (0, 5, 0)
    assert list(found.reasons.values()) == ['"many" is not a number'] * 3


@pytest.mark.parametrize(
    ("field", "unknown"), [(TIER, 1), (SEATS, 1), (FAMILY, 1), (replace(TIER, source="traits.tier"), 0)]
)
def test_what_was_stored_before_metadata_was_kept_is_not_known(field: Any, unknown: int) -> None:
    (person,) = told(customer("cus_1"), subscription(customer="cus_1", created=NOW - 10))

    found = field_coverage(Crowd([without_metadata(person)], 1), Products(), TEST, field, rng())

    assert (found.filled, found.unknown) == (0, unknown)


@pytest.mark.parametrize(
    ("content", "unknown"), [({"name": "Team"}, 2), ({"name": "Team", "metadata": {}}, 0)]
)
def test_each_product_is_looked_up_once(content: dict[str, Any], unknown: int) -> None:
    people = told(
        customer("cus_1"),
        subscription("sub_1", customer="cus_1", created=NOW - 10),
        customer("cus_2"),
        subscription("sub_2", customer="cus_2", created=NOW - 10),
    )
    (product,) = {
        item["product"]
        for person in people
        for record in person.records.values()
        for one in record.subscriptions.values()
        for item in one.content["items"]
    }
    products = Products(**{product: content})

    assert field_coverage(Crowd(people, 2), products, TEST, FAMILY, rng()).unknown == unknown
    assert products.read_for == [CatalogueKey("product", product)]


def test_of_many_a_sample_is_looked_at() -> None:
    gold = Person("per_1", NOW, fields={"tier": "gold"})

    found = field_coverage(Crowd([gold, Person("per_2", NOW)], 2 * EXACT), Products(), TEST, TIER, rng())

    assert (found.everybody, found.exact) == (2 * EXACT, False)
    assert abs(found.filled - EXACT) < 2 * EXACT * 3 / SAMPLE**0.5


def test_where_nobody_is_nobody_has_a_value() -> None:
    assert field_coverage(Crowd([], 0), Products(), TEST, TIER, rng()).public() == {
        "people": 0,
        "with_value": 0,
        "not_converted": 0,
        "not_known": 0,
        "exact": True,
        "reasons": {},
    }
