"""The history of a segment: its size at each day's end, who came and went, and why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from peoplesync.domain.segments.definitions import Segment
from peoplesync.use_cases.read_models.history import History
from peoplesync.use_cases.read_models.read import NotCounted, NotUnderstood
from tests.support.fakes.world import CONNECTED
from tests.support.stacks.moto_stack import MotoStack
from tests.support.worlds.counted_company import CountedCompany, instant

TRIALS = Segment("trials", "Trials", {"has": "email"})


def history_of(company: CountedCompany, today: str = "2026-03-01", **connection: Any) -> History:
    return History(replace(CONNECTED, **connection), company.reader, lambda _: TRIALS, lambda: instant(today))


@pytest.fixture
def company(aws: MotoStack) -> CountedCompany:
    company = CountedCompany()
    for who in ("ann", "ben", "cem"):
        company.write(who, "2026-02-25", segments=["trials"], cause="import")
    company.write("dora", "2026-02-27", segments=["trials", "others"])
    company.write("ann", "2026-02-27", cause="sweep")
    company.write("ben", "2026-02-27")
    company.write("ben", "2026-03-01", segments=["trials"])
    return company


def test_each_day_has_its_size_and_who_passed_by_cause(company: CountedCompany) -> None:
    found = history_of(company).history("trials", 4)

    days = found.pop("days")
    assert found == {
        "segment": "trials",
        "from": "2026-02-26",
        "to": "2026-03-01",
        "as_of": "2026-03-01T12:00:00Z",
    }
    assert [(one["day"], one["count"], one["entered"], one["left"]) for one in days] == [
        ("2026-02-26", 3, 0, 0),
        ("2026-02-27", 2, 1, 2),
        ("2026-02-28", 2, 0, 0),
        ("2026-03-01", 3, 1, 0),
    ]
    assert days[1]["by_cause"] == [
        {"cause": "live", "entered": 1, "left": 1},
        {"cause": "sweep", "entered": 0, "left": 1},
    ]
    assert days[0]["by_cause"] == []


def test_days_before_counting_began_are_left_out_since_nobody_knows(company: CountedCompany) -> None:
    found = history_of(company).history("trials", 30)

    assert found["from"] == found["days"][0]["day"] == "2026-02-25"
    assert found["days"][0]["by_cause"] == [{"cause": "import", "entered": 3, "left": 0}]


def test_of_nobody_there_is_today(aws: MotoStack) -> None:
    found = history_of(CountedCompany()).history("trials")

    nobody = {"day": "2026-03-01", "count": 0, "entered": 0, "left": 0, "by_cause": []}
    assert (found["days"], found["as_of"]) == ([nobody], None)


def test_the_people_behind_a_number_come_in_pages(company: CountedCompany) -> None:
    # Ben leaves and returns on one day: he is one of those who entered, once.
    company.write("ben", "2026-03-01")
    company.write("ben", "2026-03-01", segments=["trials"])
    company.write("ann", "2026-03-01", segments=["trials"])
    company.write("eve", "2026-03-01", segments=["trials"])
    history = history_of(company)

    pages: list[list[str]] = []
    after = None
    while not pages or after:
        page = history.moved("trials", "2026-03-01", "entered", after, 1)
        pages.append(page["people"])
        after = page["next"]

    assert pages == [["per_ann"], ["per_ben"], ["per_eve"]]
    assert history.moved("trials", "2026-02-27", "left") == {
        "segment": "trials",
        "day": "2026-02-27",
        "what": "left",
        "people": ["per_ann", "per_ben"],
        "next": None,
    }
    assert history.moved("trials", "2026-02-25", "entered")["people"] == [], "an import names nobody"


def test_what_cannot_be_told_is_refused_with_a_sentence(company: CountedCompany) -> None:
    with pytest.raises(NotCounted, match="peoplesync reindex"):
        history_of(company, counted=False).history("trials")
    with pytest.raises(NotUnderstood, match="1 to 400 days"):
        history_of(company).history("trials", 401)
    with pytest.raises(NotUnderstood, match="such as 2026-11-30"):
        history_of(company).moved("trials", "yesterday", "left")
    with pytest.raises(NotUnderstood, match="entered or left"):
        history_of(company).moved("trials", "2026-03-01", "went")
