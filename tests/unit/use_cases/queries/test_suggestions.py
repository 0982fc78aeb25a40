"""Of what fields could be made: what people have and no field shows, with its type and some values."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from peoplesync.domain.connections import Epoch
from peoplesync.domain.fields.built_in import FIELDS, Field
from peoplesync.domain.people.person import Person
from peoplesync.domain.records.activity import Trait
from peoplesync.use_cases.queries.suggestions import suggestions
from tests.support.builders.stripe import NOW, customer, event
from tests.support.fakes.world import TEST, World


class Drawn:
    """People, as if drawn by lot."""

    def __init__(self, people: Sequence[Person], whole: bool = True) -> None:
        self.people, self.whole = people, whole

    def sample(self, epoch: Epoch, most: int, start: str) -> tuple[Sequence[Person], bool]:
        return self.people[:most], self.whole


def company() -> list[Person]:
    world = World(NOW)
    for number, metadata in enumerate(
        [{"tier": "gold", "seats": "5"}, {"tier": "silver", "since": "2026-01-31"}, {"tier": "5"}, {}]
    ):
        shown = customer(f"cus_{number}", email=f"c{number}@example.com", metadata=metadata)
        world.apply(event("customer.created", shown, created=NOW))
    people = list(world.people.people.values())
    record = next(iter(people[3].records.values()))
    traits = {"plan": Trait(1, "team"), "gone": Trait(2, None)}
    return [*people[:3], replace(people[3], records={record.id: replace(record, traits=traits)})]


def test_what_most_have_comes_first_with_the_type_of_all_its_values() -> None:
    found = suggestions(Drawn(company()), TEST, None, FIELDS, random.Random(7))

    assert found == [
        {
            "source": "customer.metadata.tier",
            "type": "text",
            "people": 3,
            "exact": True,
            "samples": ["gold", "silver", "5"],
        },
        {"source": "customer.metadata.seats", "type": "number", "people": 1, "exact": True, "samples": ["5"]},
        {
            "source": "customer.metadata.since",
            "type": "instant",
            "people": 1,
            "exact": True,
            "samples": ["2026-01-31"],
        },
        {"source": "traits.plan", "type": "text", "people": 1, "exact": True, "samples": ["team"]},
    ]


def test_what_a_field_shows_already_is_not_suggested_and_of_many_the_number_is_an_estimate() -> None:
    fields = [*FIELDS, Field("tier", "Tier", "Custom", "text", "customer.metadata.tier")]
    found = suggestions(Drawn(company(), whole=False), TEST, 4_000, fields, random.Random(7))

    assert [(one["source"], one["people"], one["exact"]) for one in found] == [
        ("customer.metadata.seats", 1_000, False),
        ("customer.metadata.since", 1_000, False),
        ("traits.plan", 1_000, False),
    ]
