"""Segments of the users' own: what can be done to them, and what is refused with nothing stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from peoplesync.domain.connections import Epoch
from peoplesync.domain.segments.conditions import InvalidRule
from peoplesync.domain.segments.definitions import MOST_ENABLED, PREDEFINED, Segment
from peoplesync.domain.segments.rules import Rule
from peoplesync.use_cases.defining.changes import DefinitionChange, InvalidDefinition
from peoplesync.use_cases.defining.segment_files import LONGEST_RULE
from peoplesync.use_cases.defining.segments import SegmentDefiner
from peoplesync.use_cases.ports import VersionConflict
from peoplesync.use_cases.queries.browse import NotFound
from tests.support.builders.defined import ON_TIER, TIER, TRIALS, FakeStore
from tests.support.builders.stripe import NOW

OTHER = {"has": "stripe_customer"}
MINE = Segment("mine", "Mine", TRIALS)
NO_RULE: Any = [TRIALS]
OFF = Segment("off", "Off", TRIALS, enabled=False)


@pytest.fixture
def store() -> FakeStore:
    return FakeStore().having(MINE, OFF)


def test_a_new_segment_comes_last_with_an_id_of_its_title(store: FakeStore) -> None:
    change = store.segments.create("  Big trials! ", TRIALS)

    assert change.segments == [Segment("big_trials", "Big trials!", TRIALS)]
    assert store.stored.segments[-1] == Segment("big_trials", "Big trials!", TRIALS)
    assert store.written_at == [NOW]


@pytest.mark.parametrize(
    ("title", "segment_id"),
    [
        ("Mine", "mine_2"),
        ("Größte Kunden", "grote_kunden"),
        ("Café – élan", "cafe_elan"),
        ("3 days", "segment_3_days"),
        ("顧客", "segment"),
        ("Everyone", "everyone_2"),
        ("x" * 90, "x" * 56),
    ],
)
def test_an_id_is_made_of_what_a_title_has_of_letters_and_digits(
    store: FakeStore, title: str, segment_id: str
) -> None:
    assert [one.id for one in store.segments.create(title, TRIALS).segments] == [segment_id]


def test_an_id_can_be_chosen(store: FakeStore) -> None:
    assert store.segments.create("Big trials", TRIALS, "big").segments[0].id == "big"


def test_a_rule_may_ask_for_a_field_of_the_users_own() -> None:
    store = FakeStore().having(fields=(TIER,))

    assert store.segments.create("Not gold", ON_TIER).segments[0].rule == ON_TIER


def test_a_rule_is_changed_and_the_rest_stays(store: FakeStore) -> None:
    store.segments.change_rule("mine", OTHER)

    assert store.segment("mine") == replace(MINE, rule=OTHER)


@pytest.mark.parametrize("segment_id", ["mine", "customers"])
def test_any_segment_can_be_renamed_disabled_and_enabled_again(store: FakeStore, segment_id: str) -> None:
    before = store.segment(segment_id)
    store.segments.rename(segment_id, "Named anew")
    store.segments.disable([segment_id])
    assert store.segment(segment_id) == replace(before, title="Named anew", enabled=False)

    store.segments.enable([segment_id])
    assert store.segment(segment_id) == replace(before, title="Named anew")


def test_a_deleted_segment_is_there_no_more(store: FakeStore) -> None:
    store.segments.delete("mine")

    assert [one.id for one in store.stored.segments] == [*(one.id for one in PREDEFINED), "off"]


def test_a_copy_waits_to_be_changed_before_anybody_is_in_it(store: FakeStore) -> None:
    assert not store.segments.duplicate("customers").moves_people
    assert store.stored.segments[-1] == Segment(
        "copy_of_customers_stripe", "Copy of Customers (Stripe)", PREDEFINED[5].rule, enabled=False
    )
    store.segments.duplicate("customers", "Payers", "payers")
    assert store.stored.segments[-1].title == "Payers"


@pytest.mark.parametrize(
    ("act", "moves"),
    [
        (lambda definer: definer.create("New", TRIALS), True),
        (lambda definer: definer.change_rule("mine", OTHER), True),
        (lambda definer: definer.delete("mine"), True),
        (lambda definer: definer.disable(["mine"]), True),
        (lambda definer: definer.enable(["off"]), True),
        (lambda definer: definer.rename("mine", "New"), False),
        (lambda definer: definer.duplicate("mine"), False),
        (lambda definer: definer.change_rule("off", OTHER), False),
        (lambda definer: definer.delete("off"), False),
        (lambda definer: definer.enable(["mine"]), False),
        (lambda definer: definer.change_rule("mine", TRIALS), False),
    ],
)
def test_the_version_rises_only_with_what_can_move_anybody(
    store: FakeStore, act: Callable[[SegmentDefiner], DefinitionChange], moves: bool
) -> None:
    change = act(store.segments)

    assert (change.moves_people, store.stored.version) == (moves, 8 if moves else 7)


def test_what_is_like_that_already_is_not_written(store: FakeStore) -> None:
    store.segments.enable(["mine"])

    assert store.written_at == []


def named(name: str) -> Rule:
    return {"field": "customer_name", "in": [name]}


REFUSED: list[tuple[Callable[[SegmentDefiner], Any], type[Exception], str]] = [
    (lambda d: d.create(" ", TRIALS), InvalidDefinition, "a title cannot be empty"),
    (lambda d: d.create("x" * 101, TRIALS), InvalidDefinition, "the title has 101 characters, 100"),
    (lambda d: d.create("two\nlines", TRIALS), InvalidDefinition, "a title is one line of text"),
    (lambda d: d.create("\ud800", TRIALS), InvalidDefinition, "a title is one line of text"),
    (lambda d: d.create("New", TRIALS, "mine"), InvalidDefinition, "there is a segment mine already"),
    (
        lambda d: d.create("New", TRIALS, "customers"),
        InvalidDefinition,
        "there is a segment customers already",
    ),
    (
        lambda d: d.create("New", TRIALS, "Big-1"),
        InvalidDefinition,
        "'Big-1' is not a valid id for a segment",
    ),
    (lambda d: d.create("New", TRIALS, "x" * 65), InvalidDefinition, "is not a valid id for a segment"),
    (lambda d: d.create("New", TRIALS, "everyone"), InvalidDefinition, "everyone has a meaning of its own"),
    (lambda d: d.create("New", TRIALS, "customers_in_sync"), InvalidDefinition, "a meaning of its own"),
    (lambda d: d.create("New", {}), InvalidRule, "^rule: write all, any or none"),
    (lambda d: d.create("New", NO_RULE), InvalidRule, "^rule: write all, any or none"),
    (lambda d: d.create("New", {"all": [TRIALS, {"field": "tier", "in": ["a"]}]}), InvalidRule, r"all\[1\]"),
    (lambda d: d.create("New", named("x" * LONGEST_RULE)), InvalidRule, "30,038 bytes, 30,000 are allowed"),
    (lambda d: d.create("New", named("\ud800")), InvalidRule, "not a character"),
    (lambda d: d.change_rule("mine", {"field": "customer_mrr"}), InvalidRule, "write one operator"),
    (lambda d: d.change_rule("customers", OTHER), InvalidDefinition, "segments duplicate customers"),
    (lambda d: d.change_rule("gone", OTHER), NotFound, "no segment gone; there are syncing_with_stripe, "),
    (lambda d: d.rename("gone", "New"), NotFound, "no segment gone"),
    (lambda d: d.rename("mine", ""), InvalidDefinition, "a title cannot be empty"),
    (
        lambda d: d.delete("customers"),
        InvalidDefinition,
        "instead: `peoplesync segments disable cust",
    ),
    (lambda d: d.delete("gone"), NotFound, "no segment gone"),
    (lambda d: d.duplicate("gone"), NotFound, "no segment gone"),
    (lambda d: d.duplicate("mine", new_id="off"), InvalidDefinition, "there is a segment off already"),
    (lambda d: d.enable(["off", "gone"]), NotFound, "no segment gone"),
    (lambda d: d.disable(["mine", "gone"]), NotFound, "no segment gone"),
    (lambda d: d.export(["gone"]), NotFound, "no segment gone"),
]


@pytest.mark.parametrize(("act", "error", "words"), REFUSED)
def test_what_is_refused_leaves_everything_as_it_was(
    store: FakeStore, act: Callable[[SegmentDefiner], Any], error: type[Exception], words: str
) -> None:
    before = store.stored

    with pytest.raises(error, match=words):
        act(store.segments)

    assert (store.stored, store.written_at) == (before, [])


def unsharing(most: int) -> FakeStore:
    """As many segments enabled as that, and two that are not."""
    own = [Segment(f"own_{number}", "Own", TRIALS) for number in range(most - len(PREDEFINED))]
    return FakeStore().having(*own, OFF, replace(OFF, id="off_2"))


@pytest.mark.parametrize(
    "act",
    [
        lambda definer: definer.create("New", TRIALS),
        lambda definer: definer.enable(["off"]),
        lambda definer: definer.import_segments(
            {"segments": [{"id": "new", "title": "New", "rule": TRIALS}]}
        ),
    ],
)
def test_more_than_40_segments_are_not_enabled(act: Callable[[SegmentDefiner], Any]) -> None:
    store = unsharing(MOST_ENABLED)
    before = store.stored

    with pytest.raises(InvalidDefinition, match="41 segments would be enabled, 40 may be at once; disable"):
        act(store.segments)

    assert store.stored == before
    act(unsharing(MOST_ENABLED - 1).segments)


def test_at_the_limit_segments_can_still_be_copied_and_disabled() -> None:
    store = unsharing(MOST_ENABLED)

    store.segments.duplicate("own_1")
    store.segments.disable(["own_1", "own_2"])
    store.segments.enable(["off", "off_2"])

    assert len(store.stored.enabled) == MOST_ENABLED


def test_a_segment_whose_field_is_gone_is_not_enabled_again() -> None:
    store = FakeStore().having(Segment("old", "Old", ON_TIER, enabled=False))

    with pytest.raises(InvalidRule, match=r"old: rule\.any\[1\]\.none\[0\]\.field: there is no field 'tier'"):
        store.segments.enable(["old"])

    assert store.written_at == []


def test_a_change_that_somebody_else_outran_is_worked_out_again(store: FakeStore) -> None:
    def meanwhile() -> None:
        store.before_write = lambda: None
        store.stored = replace(store.stored, version=8, segments=(*store.stored.segments, theirs))

    theirs = Segment("big_trials", "Theirs", OTHER)
    store.before_write = meanwhile

    store.segments.create("Big trials", TRIALS)

    assert store.stored.segments[-2:] == (theirs, Segment("big_trials_2", "Big trials", TRIALS))
    assert store.stored.version == 9


def test_whoever_is_outrun_again_and_again_is_told(store: FakeStore) -> None:
    def meanwhile() -> None:
        store.stored = replace(store.stored, version=store.stored.version + 1)

    store.before_write = meanwhile

    with pytest.raises(VersionConflict):
        store.segments.create("Big trials", TRIALS)

    assert (store.stored.version, store.written_at) == (10, [])


def test_an_epoch_that_is_over_is_not_changed(store: FakeStore) -> None:
    with pytest.raises(VersionConflict):
        SegmentDefiner(store, Epoch("main", 0), lambda: NOW).create("New", TRIALS)
