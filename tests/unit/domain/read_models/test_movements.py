"""Movements: why MRR changed, by customer and currency; together they are the whole difference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from peoplesync.domain.people.person import EVERYONE
from peoplesync.domain.read_models.contribution import BEFORE, NOTHING, Circumstances, Contribution, delta_of

ERASED = frozenset({"cus_1"})


def worth(mrr: Mapping[str, Any]) -> Contribution:
    """Somebody whose customers are worth so much."""
    return Contribution(indexes=frozenset({EVERYONE}), mrr=mrr)


def movements(before: Any, after: Any, **why: Any) -> dict[str, int]:
    """What moved in dollars, by its class."""
    start = NOTHING if before is None else worth(before)
    end = NOTHING if after is None else worth(after)
    delta = delta_of(start, end, Circumstances(**why), "per_1")
    assert sum(one.amount for one in delta.moves if one.amount) == delta.totals["mrr", "usd"]
    return {one.what: one.amount for one in delta.moves if one.amount}


@pytest.mark.parametrize(
    ("before", "after", "why", "expected"),
    [
        (None, {"cus_1": {"usd": 4900}}, {}, {"new": 4900}),
        ({}, {"cus_1": {"usd": 4900}}, {}, {"new": 4900}),
        ({"cus_1": {"usd": 4900}}, {"cus_1": {"usd": 9800}}, {}, {"expanded": 4900}),
        ({"cus_1": {"usd": 9800}}, {"cus_1": {"usd": 4900}}, {}, {"contracted": -4900}),
        ({"cus_1": {"usd": 4900}}, {"cus_1": {"usd": 0}}, {}, {"churned": -4900}),
        ({"cus_1": {"usd": 0}}, {"cus_1": {"usd": 1900}}, {}, {"reactivated": 1900}),
        ({"cus_1": {"usd": 0}}, {"cus_1": {"usd": 0}}, {}, {}),
        (None, {"cus_1": {"usd": 4900}}, {"cause": "import"}, {"imported": 4900}),
        (None, {"cus_1": {"usd": 4900}}, {"cause": "import_told"}, {"imported": 4900}),
        (None, {"cus_1": {"usd": 4900}}, {"opening": True}, {"imported": 4900}),
        ({"cus_1": None}, {"cus_1": {"usd": 4900}}, {}, {"corrected": 4900}),
        ({"cus_1": {"usd": 4900}}, {"cus_1": None}, {}, {"corrected": -4900}),
        (
            {"cus_1": {"usd": 4900}},
            {"cus_1": {"usd": 4000}},
            {"cause": "definition_changed"},
            {"corrected": -900},
        ),
        # A customer moves from one person to another.
        ({"cus_1": {"usd": 4900}}, None, {}, {"transferred": -4900}),
        (None, {"cus_1": {"usd": 4900}}, {"moved_in": {"cus_1": {"usd": 4900}}}, {"transferred": 4900}),
        (
            {"cus_2": {"usd": 100}},
            {"cus_1": {"usd": 5000}, "cus_2": {"usd": 100}},
            {"moved_in": {"cus_1": {"usd": 4900}}},
            {"transferred": 4900, "expanded": 100},
        ),
        (
            {},
            {"cus_1": {"usd": 0}},
            {"moved_in": {"cus_1": {"usd": 4900}}},
            {"transferred": 4900, "churned": -4900},
        ),
        ({}, {"cus_1": {"usd": 700}}, {"moved_in": {"cus_1": None}}, {"corrected": 700}),
        ({"cus_1": {"usd": 4900}}, None, {"moved_in": {"cus_1": None}}, {"transferred": -4900}),
        # Of somebody who is erased the amounts are left.
        ({"cus_1": {"usd": 4900}}, None, {"erased": ERASED}, {"removed": -4900}),
        # Somebody who was stored before MRR was kept by customer is written again.
        ({BEFORE: {"usd": 4900}}, {"cus_1": {"usd": 4900}}, {}, {"corrected": 4900}),
        ({BEFORE: {"usd": 4900}}, None, {}, {"corrected": -4900}),
    ],
)
def test_each_difference_has_its_class(before: Any, after: Any, why: Any, expected: dict[str, int]) -> None:
    if before and BEFORE in before and after:
        # What stood for all customers goes, and what each is worth comes: two corrections, of sum 0.
        delta = delta_of(worth(before), worth(after), Circumstances(**why), "per_1")
        assert [(one.who, one.what, one.amount) for one in delta.moves] == [
            (BEFORE, "corrected", -4900),
            ("cus_1", "corrected", 4900),
        ]
        return
    assert movements(before, after, **why) == expected


def test_currencies_are_never_added_up() -> None:
    delta = delta_of(
        worth({"cus_1": {"usd": 4900}}), worth({"cus_1": {"eur": 4500, "usd": 0}}), Circumstances(), "per_1"
    )

    assert {(one.where, one.what): one.amount for one in delta.moves} == {
        ("usd", "churned"): -4900,
        ("eur", "new"): 4500,
    }


def test_who_enters_or_leaves_a_segment_is_counted_by_cause_and_named_but_for_imports() -> None:
    before = Contribution(frozenset({EVERYONE, "current_trials"}), status="trialing", plan="Team")
    after = Contribution(frozenset({EVERYONE, "customers"}), status="active", plan="Team")

    live = delta_of(before, after, Circumstances("live"), "per_1")
    imported = delta_of(before, after, Circumstances("import_told"), "per_1")

    assert live.flows == {
        ("segments", "customers", "live", "entered"): 1,
        ("segments", "current_trials", "live", "left"): 1,
        ("plans", "live", "converted"): 1,
    }
    assert [(one.who, one.what, one.where) for one in live.moves] == [
        ("per_1", "entered", "customers"),
        ("per_1", "left", "current_trials"),
    ]
    assert imported.flows["segments", "customers", "import", "entered"] == 1
    assert imported.moves == ()
    assert live.totals == {
        ("segments", "customers"): 1,
        ("segments", "current_trials"): -1,
        ("plans", "active", "Team", ""): 1,
        ("plans", "trialing", "Team", ""): -1,
    }
