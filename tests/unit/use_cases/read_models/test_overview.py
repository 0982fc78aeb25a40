"""The overview: people, money, segments and trials of today, from what is counted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from peoplesync.domain.records.record import Record
from peoplesync.domain.segments.definitions import Segment
from peoplesync.use_cases.read_models.overview import Overview
from peoplesync.use_cases.read_models.read import NotCounted
from tests.support.fakes.world import CONNECTED
from tests.support.stacks.moto_stack import MotoStack
from tests.support.worlds.counted_company import CountedCompany, instant

RULE = {"has": "email"}
SEGMENTS = [
    Segment("trials", "Trials", RULE),
    Segment("payers", "Payers", RULE),
    Segment("off", "Off", RULE, enabled=False),
]


def overview_of(company: CountedCompany, today: str, **connection: Any) -> dict[str, Any]:
    connected = replace(CONNECTED, **connection)
    return Overview(connected, company.reader, lambda: SEGMENTS, lambda: instant(today)).overview()


@pytest.fixture
def company(aws: MotoStack) -> CountedCompany:
    """In the week of Monday, 23 February, three trials begin; in that of 2 March they end."""
    company = CountedCompany()
    company.write("ann", "2026-02-22", "trialing", "Team", segments=["trials"], cause="import")
    company.write("ben", "2026-02-23", "trialing", "Team", segments=["trials"])
    company.write("cem", "2026-02-28", "incomplete")
    company.write("cem", "2026-03-01", "trialing", "Solo", segments=["trials"])
    company.write("dora", "2026-03-01", "trialing", "Solo", segments=["trials"])
    company.write("ann", "2026-03-02", "active", "Team", {"usd": 4900}, ["payers"])
    company.write("ben", "2026-03-03", "past_due", "Team", {"usd": 4900}, ["payers"], cause="sweep")
    company.write("cem", "2026-03-03", "canceled", "Solo")
    return company


def test_it_shows_today_with_rules_behind_the_numbers(company: CountedCompany) -> None:
    found = overview_of(company, "2026-03-03")

    assert (found["day"], found["counted_since"], found["as_of"], found["people"]) == (
        "2026-03-03",
        "2026-02-22",
        "2026-03-03T12:00:00Z",
        4,
    )
    assert found["by_status"][0] == {
        "status": "active",
        "people": 1,
        "mrr": [{"currency": "usd", "amount": "49.00"}],
        "rule": {"field": "subscription_status", "in": ["active"]},
    }
    assert [(one["plan"], one["people"]) for one in found["by_plan"]] == [("Solo", 2), ("Team", 2)]
    assert found["segments"] == [
        {"id": "trials", "title": "Trials", "count": 1, "entered": 0, "left": 2},
        {"id": "payers", "title": "Payers", "count": 2, "entered": 1, "left": 0},
    ]
    (usd,) = found["mrr"]["currencies"]
    new = next(one for one in usd["movements"] if one["movement"] == "new")
    assert (found["mrr"]["month"], usd["start"], new["amount"], usd["end"]) == (
        "2026-03",
        "0.00",
        "98.00",
        "98.00",
    )


def test_trials_are_counted_by_week_and_those_that_an_import_found_apart(company: CountedCompany) -> None:
    nothing = {"started": 0, "converted": 0, "expired": 0}
    ended = {"started": 0, "converted": 2, "expired": 1}

    assert overview_of(company, "2026-03-03")["trials"] == [
        {"from": "2026-02-16", "to": "2026-02-22", **nothing, "found": {**nothing, "started": 1}},
        {"from": "2026-02-23", "to": "2026-03-01", **nothing, "started": 3, "found": nothing},
        {"from": "2026-03-02", "to": "2026-03-08", **ended, "found": nothing},
    ]


def test_a_trial_that_moves_with_its_customer_neither_begins_nor_ends(company: CountedCompany) -> None:
    before = overview_of(company, "2026-03-03")["trials"]

    company.remove("dora", "2026-03-03")
    company.write("eve", "2026-03-03", "trialing", "Solo", absorbed=("per_dora",))
    company.write("ann", "2026-03-03", "trialing", "Solo", moved_in={"cus_x": {"usd": 100}})
    left = {"cus_left": Record("cus_left", 0, deleted=True)}
    company.write("eve", "2026-03-03", records=left)  # her other customer is somebody else's now

    assert overview_of(company, "2026-03-03")["trials"] == before


def test_who_was_there_before_anything_was_counted_did_not_begin_a_trial_today(aws: MotoStack) -> None:
    company, nobody_counted = CountedCompany(), aws.remembered()
    company.write("ann", "2026-03-01", "trialing")
    aws.recall(nobody_counted)
    company.write("ann", "2026-03-03", "trialing", "Team")

    (week,) = overview_of(company, "2026-03-03")["trials"]

    assert (week["started"], week["found"]["started"]) == (0, 1)


def test_five_weeks_are_shown_and_none_before_counting_began(company: CountedCompany) -> None:
    found = overview_of(company, "2026-06-07")["trials"]

    assert [one["from"] for one in found] == [
        "2026-05-04",
        "2026-05-11",
        "2026-05-18",
        "2026-05-25",
        "2026-06-01",
    ]
    with pytest.raises(NotCounted, match="peoplesync reindex"):
        overview_of(company, "2026-06-07", counted=False)
