"""`report mrr` and `segments history`: what they print, and how they end."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter

import pytest
from click.testing import CliRunner, Result

from peoplesync.adapters import clock
from peoplesync.adapters.dynamodb.read_models.stored_days import to_row
from peoplesync.domain.read_models.days import DAY, Day
from peoplesync_cli import options
from peoplesync_cli.main import main
from peoplesync_cli.target import Target
from tests.support.builders.stripe import NOW
from tests.support.fakes.ready_connections import connect
from tests.support.stacks.indexed import MAIN
from tests.support.stacks.moto_stack import MotoStack
from tests.support.worlds.counted_company import CountedCompany

HISTORY = ("segments", "history", "current_trials")


@pytest.fixture
def target(aws: MotoStack, monkeypatch: pytest.MonkeyPatch) -> Target:
    target = Target("test (in memory)", aws.stack, "https://api.example.com", aws.session)
    connect("main", "rk_test_1", "whsec_1", target.connections, aws.secrets, NOW)
    monkeypatch.setattr(options, "resolve", lambda stack: target)
    monkeypatch.setattr(clock, "now", lambda: NOW)
    company = CountedCompany()
    company.write("ann", "2026-02-27", "trialing", "Team", segments=["current_trials"])
    company.write("ben", "2026-02-27", "trialing", "Team", segments=["current_trials"], cause="import")
    company.write("ann", "2026-03-01", "active", "Team", {"usd": 4900})
    return target


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def lines(result: Result) -> list[list[str]]:
    assert result.exit_code == 0, result.output
    return [line.split() for line in result.stdout.splitlines()]


def test_a_history_shows_each_day_with_the_causes(target: Target) -> None:
    assert lines(run(*HISTORY)) == [
        ["day", "people", "entered", "left"],
        ["2026-02-27", "2", "2", "–", "import", "+1,", "live", "+1"],
        ["2026-02-28", "2", "–", "–"],
        ["2026-03-01", "1", "–", "1", "live", "-1"],
        ["as", "of", "2026-03-01T12:00:00Z"],
    ]
    found = json.loads(run(*HISTORY, "--days", "1", "--json").stdout)
    connection = target.connection("main")
    assert found == target.history_of(connection).history("current_trials", 1)
    assert [one["left"] for one in found["days"]] == [1]


def test_the_report_shows_what_moved_and_who_is_worth_it(target: Target) -> None:
    assert lines(run("report", "mrr")) == [
        ["MRR", "in", "2026-03,", "2026-03-01", "to", "2026-03-01", "(UTC)"],
        ["amount", "count"],
        ["USD", "start", "0.00", "–"],
        ["USD", "new", "49.00", "1"],
        ["USD", "end", "49.00", "–"],
        [],
        ["By", "plan"],
        ["plan", "people", "MRR"],
        ["Team", "2", "49.00", "USD"],
        [],
        ["By", "status"],
        ["status", "people", "MRR"],
        ["active", "1", "49.00", "USD"],
        ["trialing", "1", "–"],
        ["as", "of", "2026-03-01T12:00:00Z,", "counted", "since", "2026-02-27"],
    ]
    found = json.loads(run("report", "mrr", "--json").stdout)
    assert found == target.mrr_report_of(target.connection("main")).report()


def test_what_was_mended_is_shown_though_it_is_nobodys(target: Target) -> None:
    mended = Day(NOW // DAY, Counter({("usd",): 7}), Counter({("usd", "corrected", "amount"): 7}))
    to_row(MAIN, 3, "mrr", mended).save()

    assert [line for line in lines(run("report", "mrr")) if line[:1] == ["USD"]] == [
        ["USD", "start", "0.00", "–"],
        ["USD", "new", "49.00", "1"],
        ["USD", "corrected", "0.07", "0"],
        ["USD", "end", "49.07", "–"],
    ]


def test_the_report_as_csv_has_all_movements(target: Target) -> None:
    rows = list(csv.DictReader(io.StringIO(run("report", "mrr", "--csv").stdout)))

    assert [one["movement"] for one in rows][:2] == ["start", "new"]
    assert (len(rows), rows[-1]["movement"]) == (11, "end")
    assert rows[1] == {
        "month": "2026-03",
        "currency": "usd",
        "movement": "new",
        "amount": "49.00",
        "count": "1",
    }


def test_the_overview_is_wired(target: Target) -> None:
    found = target.overview_of(target.connection("main")).overview()

    assert found["people"] == 2
    (trials,) = (one for one in found["segments"] if one["id"] == "current_trials")
    assert (trials["title"], trials["count"], trials["left"]) == ("Current Trials (Stripe)", 1, 1)
    assert [one["converted"] for one in found["trials"]] == [1]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("segments", "history", "nothing"), 1, "There is no segment nothing; there are syncing_with_stripe"),
        (("segments", "history", "customers", "--days", "0"), 2, "'--days'"),
        (("report", "mrr", "--month", "2026-01"), 1, "Counting began on 2026-02-27"),
        (("report", "mrr", "--month", "March"), 2, "'March' is no month; write one such as 2026-11."),
        (("report", "mrr", "--csv", "--json"), 2, "Either --csv or --json."),
    ],
)
def test_what_cannot_be_shown_ends_with_a_sentence(
    target: Target, arguments: tuple[str, ...], code: int, said: str
) -> None:
    result = run(*arguments)

    assert (result.exit_code, said in result.stderr) == (code, True), result.output
