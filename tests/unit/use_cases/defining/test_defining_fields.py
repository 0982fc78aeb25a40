"""Fields of the users' own: what can be done to them, and what is refused with nothing stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from peoplesync.domain.fields.built_in import FIELDS, MOST_FIELDS, Field
from peoplesync.domain.fields.custom import InvalidField
from peoplesync.domain.segments.definitions import Segment
from peoplesync.use_cases.defining.changes import DefinitionChange, InvalidDefinition
from peoplesync.use_cases.defining.fields import FieldDefiner, fields_in
from peoplesync.use_cases.queries.browse import NotFound
from tests.support.builders.defined import ON_TIER, TIER, FakeStore
from tests.support.builders.stripe import NOW

SEATS = Field("seats", "Seats", "Custom", "number", "subscription.metadata.seats", enabled=False)


@pytest.fixture
def store() -> FakeStore:
    return FakeStore().having(Segment("not_gold", "Not gold", ON_TIER), fields=(TIER, SEATS))


def test_a_new_field_comes_last() -> None:
    store = FakeStore()

    change = store.fields.add("tier", " Tier ", "text", " customer.metadata.tier ")

    assert store.stored.fields == (*FIELDS, TIER)
    assert (change.fields, change.moves_people, store.stored.version) == ([TIER], True, 8)
    assert store.written_at == [NOW]


def test_a_field_can_stand_in_a_group_of_its_own() -> None:
    store = FakeStore()
    store.fields.add("tier", "Tier", "text", "traits.tier", "Loyalty")

    assert store.field("tier") == replace(TIER, source="traits.tier", group="Loyalty")


@pytest.mark.parametrize("key", ["customer_phone", "seats"])
def test_any_field_can_be_renamed_and_enabled(store: FakeStore, key: str) -> None:
    before = store.field(key)

    store.fields.rename(key, "Named anew")
    store.fields.enable(key)

    assert store.field(key) == replace(before, title="Named anew", enabled=True)


def test_a_built_in_field_can_be_disabled(store: FakeStore) -> None:
    store.fields.disable("customer_phone")

    assert not store.field("customer_phone").enabled
    assert len(store.stored.fields) == len(FIELDS) + 2


def test_a_removed_field_is_there_no_more(store: FakeStore) -> None:
    store.fields.remove("seats")

    assert store.stored.fields == (*FIELDS, TIER)


@pytest.mark.parametrize(
    ("act", "moves"),
    [
        (lambda definer: definer.add("plan", "Plan", "text", "traits.plan"), True),
        (lambda definer: definer.disable("customer_phone"), True),
        (lambda definer: definer.enable("seats"), True),
        (lambda definer: definer.rename("tier", "Level"), False),
        (lambda definer: definer.remove("seats"), False),
        (lambda definer: definer.disable("seats"), False),
        (lambda definer: definer.enable("tier"), False),
    ],
)
def test_the_version_rises_only_with_what_can_change_anybody(
    store: FakeStore, act: Callable[[FieldDefiner], DefinitionChange], moves: bool
) -> None:
    change = act(store.fields)

    assert (change.moves_people, store.stored.version) == (moves, 8 if moves else 7)


def add(key: str = "plan", title: str = "Plan", kind: Any = "text", source: str = "traits.plan") -> Any:
    return lambda definer: definer.add(key, title, kind, source)


REFUSED: list[tuple[Callable[[FieldDefiner], Any], type[Exception], str]] = [
    (add(key="Plan"), InvalidField, "'Plan' is not a valid key for a field"),
    (add(key="x" * 65), InvalidField, "is not a valid key for a field"),
    (add(key="1st"), InvalidField, "is not a valid key for a field"),
    (add(key=""), InvalidField, "is not a valid key for a field"),
    (add(key="tier"), InvalidDefinition, "there is a field tier already"),
    (add(key="customer_email"), InvalidDefinition, "there is a field customer_email already"),
    (add(title=" "), InvalidDefinition, "a title cannot be empty"),
    (add(title="a\tb"), InvalidDefinition, "a title is one line of text"),
    (add(kind="money_by_currency"), InvalidField, "'money_by_currency' is not a type of field"),
    (add(source="customer.name"), InvalidField, "'customer.name' is not a path"),
    (add(source="customer.metadata."), InvalidField, "is not a path"),
    (add(source="tier"), InvalidField, "is not a path"),
    (
        lambda d: d.add("plan", "Plan", "text", "traits.plan", ""),
        InvalidDefinition,
        "a group cannot be empty",
    ),
    (lambda d: d.rename("gone", "New"), NotFound, "there is no field gone; `peoplesync fields list`"),
    (lambda d: d.rename("tier", ""), InvalidDefinition, "a title cannot be empty"),
    (lambda d: d.enable("gone"), NotFound, "there is no field gone"),
    (lambda d: d.disable("gone"), NotFound, "there is no field gone"),
    (lambda d: d.remove("gone"), NotFound, "there is no field gone"),
    (
        lambda d: d.remove("customer_phone"),
        InvalidDefinition,
        "disable it instead: `peoplesync fields disable",
    ),
    (
        lambda d: d.disable("tier"),
        InvalidDefinition,
        "tier is used by not_gold; disable it first: `peoplesync segments disable not_gold`",
    ),
    (lambda d: d.remove("tier"), InvalidDefinition, "tier is used by not_gold"),
    (
        lambda d: d.disable("subscription_trial_ends_at"),
        InvalidDefinition,
        "is used by expired_trials; disable it first",
    ),
    (
        lambda d: d.disable("last_activity_at"),
        InvalidDefinition,
        "slipping_trials, slipping_customers; disable these first: `peoplesync segments disable slipping_tri",
    ),
]


@pytest.mark.parametrize(("act", "error", "words"), REFUSED)
def test_what_is_refused_leaves_everything_as_it_was(
    store: FakeStore, act: Callable[[FieldDefiner], Any], error: type[Exception], words: str
) -> None:
    before = store.stored

    with pytest.raises(error, match=words):
        act(store.fields)

    assert (store.stored, store.written_at) == (before, [])


def test_a_field_that_only_a_disabled_segment_uses_can_go(store: FakeStore) -> None:
    store.segments.disable(["not_gold"])
    store.fields.remove("tier")

    assert store.stored.fields == (*FIELDS, SEATS)


def test_there_are_300_fields_at_most() -> None:
    own = tuple(replace(TIER, key=f"own_{number}") for number in range(MOST_FIELDS - len(FIELDS)))
    store = FakeStore().having(fields=own)

    with pytest.raises(InvalidDefinition, match="there are 300 fields, 300 are allowed; remove one first"):
        store.fields.add("one_more", "One more", "text", "traits.more")

    assert store.written_at == []
    store.having(fields=own[:-1]).fields.add("one_more", "One more", "text", "traits.more")


@pytest.mark.parametrize(
    ("rule", "keys"),
    [
        (ON_TIER, ["subscription_status", "tier"]),
        ({"has": "stripe_customer"}, []),
        ({"event": "payment_failed", "ever": True}, []),
        ({"field": "customer_name", "in": ["field"]}, ["customer_name"]),
    ],
)
def test_a_rule_tells_which_fields_it_asks_for(rule: Any, keys: list[str]) -> None:
    assert list(fields_in(rule)) == keys
