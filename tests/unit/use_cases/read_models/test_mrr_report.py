"""The MRR report: start and movements add up to the end, and each number leads to who is behind it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from peoplesync.domain.segments.rules import Subject, check, holds
from peoplesync.use_cases.read_models.mrr_report import MrrReport
from peoplesync.use_cases.read_models.read import NotCounted, NotUnderstood
from tests.support.fakes.world import CONNECTED
from tests.support.stacks.indexed import MAIN
from tests.support.stacks.moto_stack import MotoStack
from tests.support.worlds.counted_company import CountedCompany, instant

TODAY = "2026-03-04"


def report_of(company: CountedCompany, **connection: Any) -> MrrReport:
    return MrrReport(replace(CONNECTED, **connection), company.reader, lambda: instant(TODAY))


@pytest.fixture
def company(aws: MotoStack) -> CountedCompany:
    company = CountedCompany()
    company.write("ann", "2026-02-25", "active", "Team", {"usd": 4900}, cause="import")
    company.write("ben", "2026-02-25", "active", "Team", {"usd": 1900}, cause="import")
    company.write("cem", "2026-02-26", "past_due", "", {"jpy": 500, "usd": 10})
    company.write("ann", "2026-03-01", "active", "Team", {"usd": 9800})
    company.write("ann", "2026-03-01", "active", "Team", {"usd": 9900})
    company.write("ben", "2026-03-02", "canceled", "Team", {"usd": 0})
    company.write("dora", "2026-03-02", "active", "Solo", {"usd": 1})
    company.write("cem", "2026-03-03", "past_due", "", {"jpy": 700, "usd": 10})
    company.write("ann", "2026-03-03", "active", "Team", {"usd": 9901})
    company.write("eve", "2026-03-03", "trialing", "Solo")
    return company


def moved(currency: Any) -> dict[str, tuple[str, int]]:
    return {one["movement"]: (one["amount"], one["count"]) for one in currency["movements"] if one["count"]}


def test_start_and_movements_add_up_to_the_end_to_the_cent(company: CountedCompany) -> None:
    found = report_of(company).report()

    assert (found["month"], found["from"], found["to"]) == ("2026-03", "2026-03-01", TODAY)
    assert (found["counted_since"], found["as_of"]) == ("2026-02-25", "2026-03-03T12:00:00Z")
    jpy, usd = found["currencies"]
    assert (jpy["currency"], jpy["start"], jpy["end"], moved(jpy)) == (
        "jpy",
        "500",
        "700",
        {"expanded": ("200", 1)},
    )
    assert (usd["start"], usd["end"]) == ("68.10", "99.12")
    assert moved(usd) == {"new": ("0.01", 1), "expanded": ("50.01", 3), "churned": ("-19.00", 1)}
    counted = company.reader.counts(MAIN, "mrr").totals
    assert Decimal(usd["end"]) * 100 == counted["usd",]
    assert [one["movement"] for one in usd["movements"]] == [
        "new",
        "expanded",
        "contracted",
        "churned",
        "reactivated",
        "imported",
        "corrected",
        "transferred",
        "removed",
    ]


def test_an_earlier_month_ends_where_the_next_begins(company: CountedCompany) -> None:
    found = report_of(company).report("2026-02")

    usd = found["currencies"][1]
    assert (found["to"], usd["start"], usd["end"]) == ("2026-02-28", "0.00", "68.10")
    assert moved(usd) == {"imported": ("68.00", 2), "new": ("0.10", 1)}
    assert [(one["status"], one["people"]) for one in found["by_status"]] == [("active", 2), ("past_due", 1)]


def test_a_cells_rule_finds_the_people_who_are_in_it(company: CountedCompany) -> None:
    # Who has no product's name is counted under the plan's id, also where a product is called the same.
    company.write("fay", TODAY, "active", fields={"plan_id": "Team", "subscription_status": "active"})
    company.write("gus", TODAY)
    found = report_of(company).report()

    assert [(one["plan"], one["people"], one["mrr"]) for one in found["by_plan"]] == [
        ("Team", 3, [{"currency": "usd", "amount": "99.01"}]),
        (None, 2, [{"currency": "jpy", "amount": "700"}, {"currency": "usd", "amount": "0.10"}]),
        ("Solo", 2, [{"currency": "usd", "amount": "0.01"}]),
    ]
    assert {one["status"] for one in found["by_status"]} == {
        "active",
        "past_due",
        "canceled",
        "trialing",
        None,
    }
    for cell in (*found["by_plan"], *found["by_status"]):
        check(cell["rule"])
        people = [
            one for one in company.people.values() if holds(cell["rule"], Subject(one.fields, True), 0)[0]
        ]
        assert len(people) == cell["people"], cell


def test_the_customers_behind_a_movement_come_by_day_in_pages(company: CountedCompany) -> None:
    company.write("dora", "2026-03-03", "active", "Solo", {"usd": 3})
    report = report_of(company)
    expected = [
        ("2026-03-01", "cus_ann", "50.00"),  # twice that day
        ("2026-03-03", "cus_ann", "0.01"),
        ("2026-03-03", "cus_dora", "0.02"),
    ]

    for most in (1, 2, 3, 50):
        found: list[Any] = []
        after, pages = None, 0
        while not pages or after:
            page = report.people_behind(None, "usd", "expanded", after, most)
            assert len(page["customers"]) <= most
            found += [(one["day"], one["customer"], one["amount"]) for one in page["customers"]]
            after, pages = page["next"], pages + 1
        assert (found, pages) == (expected, -(-len(expected) // most))


def test_who_moved_twice_on_a_day_is_one_line_wherever_a_page_ends(company: CountedCompany) -> None:
    for cents in (9902, 9903):
        company.write("ann", TODAY, "active", "Team", {"usd": cents})
    for cents in (2, 3):
        company.write("dora", TODAY, "active", "Solo", {"usd": cents})

    for most in (2, 3):
        after = "2026-03-03/cus_ann"
        page = report_of(company).people_behind(None, "usd", "expanded", after, most)
        assert [(one["customer"], one["amount"]) for one in page["customers"]] == [
            ("cus_ann", "0.02"),
            ("cus_dora", "0.02"),
        ]
        assert page["next"] is None


def test_customers_that_were_kept_together_are_a_line_without_a_name(aws: MotoStack) -> None:
    company = CountedCompany()
    company.write("ann", TODAY, fields={"mrr": {"usd": "49.00"}})
    company.write("ann", TODAY, "active", "", {"usd": 4900})
    report = report_of(company)

    first = report.people_behind(None, "usd", "corrected", None, 1)
    second = report.people_behind(None, "usd", "corrected", first["next"], 1)

    assert first["customers"] == [{"day": TODAY, "customer": None, "amount": "-49.00"}]
    assert second["customers"] == [{"day": TODAY, "customer": "cus_ann", "amount": "49.00"}]
    assert second["next"] is None


def test_a_month_of_which_nothing_is_known_says_so(company: CountedCompany) -> None:
    with pytest.raises(NotCounted, match="counting began on 2026-02-25: nothing is known of 2026-01"):
        report_of(company).report("2026-01")
    with pytest.raises(NotCounted, match="2026-04 has not begun"):
        report_of(company).report("2026-04")
    with pytest.raises(NotCounted, match="peoplesync reindex"):
        report_of(company, counted=False).report()


def test_what_is_no_month_movement_or_page_is_refused(company: CountedCompany) -> None:
    report = report_of(company)
    with pytest.raises(NotUnderstood, match="such as 2026-11"):
        report.report("March")
    with pytest.raises(NotUnderstood, match="there are new, expanded"):
        report.people_behind(None, "usd", "grown")
    with pytest.raises(NotUnderstood, match="is no day"):
        report.people_behind(None, "usd", "new", "further")
