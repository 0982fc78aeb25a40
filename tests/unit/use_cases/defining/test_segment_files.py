"""Segments as files: all of a file is imported, or nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from peoplesync.domain.segments.conditions import InvalidRule
from peoplesync.domain.segments.definitions import PREDEFINED, Segment
from peoplesync.use_cases.defining.changes import InvalidDefinition
from peoplesync.use_cases.defining.segments import MOST_ROWS
from tests.support.builders.defined import TRIALS, FakeStore

OTHER = {"has": "stripe_customer"}
MINE = Segment("mine", "Mine", TRIALS)
OFF = Segment("off", "Off", TRIALS, enabled=False)


@pytest.fixture
def store() -> FakeStore:
    return FakeStore().having(MINE, OFF)


def item(**facts: Any) -> dict[str, Any]:
    return {"id": "new", "title": "New", "rule": TRIALS, **facts}


def test_a_file_adds_its_segments_in_one_write(store: FakeStore) -> None:
    store.segments.import_segments({"segments": [item(), item(id="second", title=" 2nd ", enabled=False)]})

    assert store.stored.segments[-2:] == (
        Segment("new", "New", TRIALS),
        Segment("second", "2nd", TRIALS, enabled=False),
    )
    assert (len(store.written_at), store.stored.version) == (1, 8)


def test_what_is_there_already_is_replaced_in_its_place_if_asked_for(store: FakeStore) -> None:
    renamed = {"id": "customers", "title": "Payers", "rule": PREDEFINED[5].rule, "enabled": False}
    content = {"segments": [item(id="mine", rule=OTHER), renamed]}

    with pytest.raises(InvalidDefinition, match=r"mine, customers are there already.*--replace takes"):
        store.segments.import_segments(content)
    assert store.written_at == []

    store.segments.import_segments(content, replaces=True)
    assert store.segment("mine") == Segment("mine", "New", OTHER)
    assert store.segment("customers") == replace(PREDEFINED[5], title="Payers", enabled=False)
    assert [one.id for one in store.stored.segments] == [*(one.id for one in PREDEFINED), "mine", "off"]


def test_importing_what_was_exported_changes_nothing(store: FakeStore) -> None:
    change = store.segments.import_segments(store.segments.export())

    assert (change.before, store.written_at) == (change.after, [])


def test_some_segments_are_exported_by_name(store: FakeStore) -> None:
    assert store.segments.export(["off", "customers"])["segments"] == [
        {"id": "off", "title": "Off", "rule": TRIALS, "enabled": False},
        {"id": "customers", "title": "Customers (Stripe)", "rule": PREDEFINED[5].rule, "enabled": True},
    ]


BAD_FILES: list[tuple[Any, str]] = [
    (None, "a file of segments is"),
    ([item()], "a file of segments is"),
    ({"segments": [], "fields": []}, "and nothing else"),
    ({"segments": item()}, "a file of segments is"),
    ({"segments": [item(), "new"]}, r"segments\[1\]: write an object with id, title, rule, enabled"),
    ({"segments": [item(), item()]}, r"segments\[1\] \(new\): the file has that id twice"),
    ({"segments": [item(), {"id": "b", "title": "B"}]}, r"segments\[1\] \(b\)\.rule: write a rule"),
    ({"segments": [item(), item(id=5)]}, r"segments\[1\]\.id: write a text"),
    ({"segments": [item(), item(id="b", title=None)]}, r"segments\[1\] \(b\)\.title: write a text"),
    ({"segments": [item(), item(id="b", title="")]}, r"segments\[1\] \(b\): a title cannot be empty"),
    ({"segments": [item(), item(id="B")]}, r"segments\[1\] \(B\): 'B' is not a valid id"),
    ({"segments": [item(), item(id="everyone")]}, r"segments\[1\] \(everyone\): everyone has a meaning"),
    ({"segments": [item(), item(id="b", enabled="no")]}, r"\(b\)\.enabled: 'no' is neither true nor false"),
    ({"segments": [item(), item(id="b", enabld=True)]}, r"segments\[1\] \(b\): there is no 'enabld'"),
    (
        {"segments": [item(), item(id="b", rule={"any": [{"field": "tier", "in": ["gold"]}]})]},
        r"^segments\[1\] \(b\): rule\.any\[0\]\.field: there is no field 'tier'",
    ),
    ({"segments": [item(), item(id="b", enabled=False, rule={})]}, r"^segments\[1\] \(b\): rule: write all"),
    ({"segments": [item(), item(id="customers", rule=OTHER)]}, "customers is predefined"),
    ({"segments": [item(id=f"s_{n}", enabled=False) for n in range(MOST_ROWS + 1)]}, "changes 91 segments"),
]


@pytest.mark.parametrize(("content", "words"), BAD_FILES)
def test_a_file_with_anything_wrong_is_not_imported_at_all(
    store: FakeStore, content: Any, words: str
) -> None:
    before = store.stored

    with pytest.raises((InvalidDefinition, InvalidRule), match=words):
        store.segments.import_segments(content, replaces=True)

    assert (store.stored, store.written_at) == (before, [])
