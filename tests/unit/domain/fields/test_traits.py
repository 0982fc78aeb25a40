"""Traits of the app's users as fields: the latest counts, and no odd one spoils anything else."""

from __future__ import annotations

from typing import Any

import pytest

from peoplesync.domain.fields.built_in import Field
from peoplesync.domain.fields.custom import CUSTOM_TYPES
from peoplesync.domain.segments.definitions import Segment
from tests.support.builders.app_users import defining, identified, only, told_by_app, tracked
from tests.support.builders.stripe import NOW

A = "a@example.com"
WITH_EMAIL = Segment("with_email", "With e-mail", {"has": "email"})
PLAN = Field("plan", "Plan", "Custom", "text", "traits.plan")
SEATS = Field("seats", "Seats", "Custom", "number", "traits.seats")


def test_traits_become_fields_and_a_bad_one_spoils_nothing_else() -> None:
    world = defining(PLAN, SEATS, WITH_EMAIL)

    told_by_app(world, identified(email=A, plan="pro", seats="a few", other={"a": [1]}), tracked())

    person = only(world)
    assert (person.fields["plan"], "seats" in person.fields) == ("pro", False)
    assert person.errors == {"seats": '"a few" is not a number'}
    assert set(person.segments) == {"with_email"}
    told_by_app(world, identified(at=NOW - 30, seats=5))
    assert (only(world).fields["seats"], only(world).errors) == (5, {})
    told_by_app(world, identified(at=NOW - 20, seats=None))
    assert only(world).fields.get("seats") is None


def test_of_two_users_of_one_person_the_latest_trait_is_the_field() -> None:
    world = defining(PLAN)

    told_by_app(
        world,
        identified("1", NOW - 60, email=A, plan="pro"),
        identified("2", NOW - 90, email=A, plan="free"),
    )
    assert only(world).fields["plan"] == "pro"
    told_by_app(world, identified("2", NOW - 30, plan=None))
    assert only(world).fields.get("plan") is None


ODD: list[Any] = [
    {"deep": {"deeper": [[["deepest"]]]}},
    [["a"], [1]],
    "[" * 4_999,
    "1e999999999",
    "9999-12-31T23:59:59-14:00",
    -(10**300),
    1e300,
    "\ud800",
    "x" * 50_000,
]


@pytest.mark.parametrize("value", ODD, ids=map(str, range(len(ODD))))
def test_no_odd_trait_keeps_a_person_from_being_folded(value: Any) -> None:
    world = defining(*(Field(kind, kind, "Custom", kind, "traits.odd") for kind in CUSTOM_TYPES))

    report = told_by_app(world, identified(email=A, odd=value), tracked())

    assert not report.crashed
    assert not report.dead_lettered
    assert only(world).fields["last_activity_at"] == NOW - 60
    assert len(only(world).errors) >= 4
