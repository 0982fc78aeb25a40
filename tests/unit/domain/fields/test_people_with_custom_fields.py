"""Fields of the user's own on people: where each value comes from, and what a bad one spoils."""

from __future__ import annotations

from dataclasses import replace

import pytest

from peoplesync.domain.fields.built_in import FIELDS, Field, FieldValue
from peoplesync.domain.people.person import Person, evaluate
from peoplesync.domain.segments.definitions import PREDEFINED, Definitions
from peoplesync.use_cases.public_json import present
from peoplesync.use_cases.queries.explain import explain_person
from tests.support.builders.stripe import DAY, NOW, customer, event, item, price, product, subscription
from tests.support.builders.told import only_person, told, with_one_email
from tests.support.fakes.world import World

TIER = Field("tier", "Tier", "Custom", "text", "customer.metadata.tier")


def defined(*own: Field) -> Definitions:
    return Definitions(1, PREDEFINED, (*FIELDS, *own))


def evaluated(world: World, *own: Field) -> Person:
    return evaluate(only_person(world), defined(*own), NOW, world.catalogue.entries)


SEATS = Field("seats", "Seats", "Custom", "number", "subscription.metadata.seats")
FAMILY = Field("family", "Family", "Custom", "text", "product.metadata.family")


def test_metadata_becomes_fields_of_the_customer_the_subscription_and_the_product() -> None:
    world = told(customer(metadata={"tier": "gold"}), subscription(metadata={"seats": "12"}))
    sold = event("product.created", product("prod_1", metadata={"family": "teams"}), created=NOW - DAY)
    world.apply(sold)
    person = evaluated(world, TIER, SEATS, FAMILY)
    assert {key: person.fields[key] for key in ("tier", "seats", "family")} == {
        "tier": "gold",
        "seats": 12,
        "family": "teams",
    }
    assert person.errors == {}


def test_metadata_is_that_of_the_customer_and_the_subscription_that_speak_for_the_person() -> None:
    world = told(
        with_one_email("cus_1", metadata={"tier": "old"}),
        with_one_email("cus_2", metadata={"tier": "new"}),
        subscription("sub_1", customer="cus_1", status="canceled", metadata={"seats": "1"}),
        subscription("sub_2", customer="cus_2", metadata={"seats": "2"}),
    )
    person = evaluated(world, TIER, SEATS)
    assert (person.fields["tier"], person.fields["seats"]) == ("new", 2)


def test_a_product_is_the_primary_items() -> None:
    items = [
        item("si_1", price=price("price_1", product="prod_1", unit_amount=100)),
        item("si_2", price=price("price_2", product="prod_2", unit_amount=900)),
    ]
    world = told(customer(), subscription(items=items))
    for name in ("prod_1", "prod_2"):
        shown = product(name, metadata={"family": f"family of {name}"})
        world.apply(event("product.created", shown, created=NOW - DAY))
    assert evaluated(world, FAMILY).fields["family"] == "family of prod_2"


def test_who_has_no_such_thing_has_the_field_without_a_value_and_without_an_error() -> None:
    person = evaluated(told(customer()), TIER, SEATS, FAMILY, replace(TIER, key="plan", source="traits.plan"))
    assert [person.fields[key] for key in ("tier", "seats", "family", "plan")] == [None] * 4
    assert person.errors == {}


def test_one_bad_value_is_told_of_the_person_who_keeps_all_else() -> None:
    world = told(customer(metadata={"tier": "gold", "score": "high"}), subscription(metadata={"seats": "12"}))
    score = Field("score", "Score", "Custom", "number", "customer.metadata.score")
    person = evaluated(world, TIER, score, SEATS)
    assert person.errors == {"score": '"high" is not a number'}
    assert "score" not in person.fields
    assert (person.fields["tier"], person.fields["seats"]) == ("gold", 12)
    assert person.fields["subscription_status"] == "active"
    assert set(person.segments) == {"customers", "syncing_with_stripe"}


def test_an_error_is_over_once_the_value_can_be_converted() -> None:
    world = told(customer(metadata={"tier": "high"}))
    number = replace(TIER, type="number")
    bad = evaluated(world, number)
    good = evaluate(bad, defined(TIER), NOW)
    assert (bad.errors, good.errors, good.fields["tier"]) == ({"tier": '"high" is not a number'}, {}, "high")


@pytest.mark.parametrize("key", ["tier", "customer_name"])
def test_a_disabled_field_is_not_written(key: str) -> None:
    fields = tuple(replace(one, enabled=one.key != key) for one in (*FIELDS, TIER))
    person = only_person(told(customer(metadata={"tier": "gold"})))
    shown = evaluate(person, Definitions(1, PREDEFINED, fields), NOW).fields
    assert key not in shown
    assert len(shown) == len(fields) - 1


def test_a_disabled_field_tells_no_error_either() -> None:
    world = told(customer(metadata={"tier": "gold"}))
    assert evaluated(world, replace(TIER, type="number", enabled=False)).errors == {}


def test_a_segment_can_ask_for_a_field_of_ones_own() -> None:
    world = told(customer(metadata={"tier": "gold"}))
    gold = replace(PREDEFINED[0], id="gold", rule={"field": "tier", "in": ["gold"]})
    definitions = Definitions(1, (gold, replace(gold, id="off", enabled=False)), (*FIELDS, TIER))
    assert set(evaluate(only_person(world), definitions, NOW).segments) == {"gold"}


def test_a_text_is_among_values_only_as_it_is_written() -> None:
    world = told(customer(metadata={"code": "0123"}))
    code = Field("code", "Code", "Custom", "text", "customer.metadata.code")
    segments = [
        replace(PREDEFINED[0], id=f"in_{one}", rule={"field": "code", "in": [one]}) for one in ("123", "0123")
    ]
    person = evaluate(only_person(world), Definitions(1, tuple(segments), (*FIELDS, code)), NOW)
    assert set(person.segments) == {"in_0123"}


@pytest.mark.parametrize(("told_name", "shown"), [("7", 7), ("many", None)])
def test_a_field_of_ones_own_stands_before_a_later_built_in_one_of_its_key(
    told_name: str, shown: FieldValue
) -> None:
    own = Field("customer_name", "Name", "Custom", "number", "customer.metadata.name")
    built_in = tuple(one for one in FIELDS if one.key != own.key)
    person = only_person(told(customer(metadata={"name": told_name})))
    seen = evaluate(person, Definitions(1, PREDEFINED, (*built_in, own)), NOW)
    assert seen.fields.get("customer_name") == shown
    assert ("customer_name" in seen.errors) is (shown is None)


def test_a_date_that_stands_for_never_can_be_shown_and_explained() -> None:
    ends = Field("ends", "Ends", "Custom", "instant", "customer.metadata.ends")
    over = replace(PREDEFINED[0], id="over", rule={"field": "ends", "older_than": "15d"})
    definitions = Definitions(1, (over,), (*FIELDS, ends))
    person = evaluate(only_person(told(customer(metadata={"ends": "9999-12-31"}))), definitions, NOW)

    (explained,) = explain_person(person, [over], NOW, definitions.fields)["segments"]

    assert present(person, definitions.fields)["fields"]["ends"] == "9999-12-31T00:00:00Z"
    assert (explained["holds"], explained["until"]) == (False, None)
