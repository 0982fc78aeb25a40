"""`peoplesync import`, on tables in memory; the state machine is played."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bench.units import Units
from peoplesync.adapters.dynamodb.import_runs import ImportRuns
from peoplesync.adapters.dynamodb.run_rows import of
from peoplesync.adapters.dynamodb.tables import ImportRow
from peoplesync.domain.connections import Epoch
from peoplesync.domain.windows import Window
from peoplesync.use_cases.importing.runs import ImportRun, ListState
from peoplesync.use_cases.jobs.runs import ListedPage
from peoplesync_cli import options
from peoplesync_cli.jobs.imports import _phase
from peoplesync_cli.main import main
from peoplesync_cli.target import Target
from tests.support.builders.stripe import NOW
from tests.support.fakes.played_machine import PlayedMachine
from tests.support.fakes.ready_connections import connect
from tests.support.stacks.moto_stack import MotoStack, moto_stack

MAIN = Epoch("main", 1)
CHUNK = "customers#1#000000#000#aa"


@dataclass
class Desk:
    aws: MotoStack
    machine: PlayedMachine
    runs: ImportRuns

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, ["import", *arguments])


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with moto_stack() as aws:
        target = Target("test (in memory)", aws.stack, "https://api.example.com", aws.session)
        connect("main", "rk_test_1", "whsec_1", target.connections, aws.secrets, NOW)
        machine = PlayedMachine()
        target.__dict__["executions"] = machine
        monkeypatch.setattr(options, "resolve", lambda stack: target)
        yield Desk(aws, machine, target.imports)


def imported(runs: ImportRuns, run_id: str, status: Any = "succeeded", **more: Any) -> str:
    """A run with one page of two customers, of which all is applied."""
    run = ImportRun(run_id, MAIN, NOW, status=status, execution=f"arn:{run_id}", **more)
    runs.save(run)
    window = Window("1", 0, NOW, pages=1, listed=2, done=True)
    if not runs.windows(run, "customers"):
        runs.save_window(run, "customers", window)
    runs.add_page(run, ListedPage("customers", "1", 0, {CHUNK: 2}, {}))
    runs.applied(MAIN, run_id, CHUNK, 0)
    return "ends"


def test_imports_are_listed_with_what_they_have_done(desk: Desk) -> None:
    imported(desk.runs, "import-1", finished_at=NOW + 60)

    shown = json.loads(desk.run("list", "--json").stdout)

    assert shown == {
        "id": "import-1",
        "status": "succeeded",
        "listed": 2,
        "enqueued": 2,
        "applied": 2,
        "failed": 0,
        "lists": {"customers": 2},
        "started_at": "2026-03-01T12:00:00Z",
        "finished_at": "2026-03-01T12:01:00Z",
        "reason": "",
        "waiting": [],
    }


def test_listing_imports_that_ended_costs_no_more_the_more_they_listed(desk: Desk) -> None:
    figures = {"listed": 2, "enqueued": 2, "applied": 2, "failed": 0, "lists": {"customers": 2}}
    for number in range(3):
        imported(desk.runs, f"import-{number}", finished_at=NOW + 60, figures=figures)
    run = ImportRun("import-0", MAIN, NOW)
    desk.aws.seed(
        ImportRow(of(run), f"{what}#customers#1#{number:06}", content_json={"listed": 2}, expires_at=NOW)
        for what in ("window", "page", "chunk")
        for number in range(300)
    )
    cost = Units()
    cost.watch(ImportRow._get_connection().connection.client)

    assert len(desk.run("list", "--json").stdout.splitlines()) == 3
    assert (cost.requests, cost.read) == ({"GetItem": 1, "Query": 1}, 2)  # the connection, and the runs


def test_without_an_import_the_list_says_how_to_start_one(desk: Desk) -> None:
    assert "peoplesync import start" in desk.run("list").stdout


def test_an_import_is_started_and_watched_to_its_end(desk: Desk) -> None:
    desk.machine.begins = lambda given, name: imported(desk.runs, name)

    result = desk.run("start", "--share", "80", "--created-after", "2026-01-31")

    assert result.exit_code == 0
    assert (
        result.stdout
        == "Imported 2 customers and 0 subscriptions: all 2 objects that Stripe listed are applied.\n"
    )
    assert desk.machine.started == [
        {"connection": "main", "event_days": 30, "created_after": "2026-01-31", "share": 80}
    ]


def test_the_bus_is_told_of_an_import_where_that_is_asked_for(desk: Desk) -> None:
    desk.machine.begins = lambda given, name: imported(desk.runs, name)

    assert desk.run("start", "--publish").exit_code == 0

    assert desk.machine.started == [{"connection": "main", "event_days": 30, "publish": True}]


def test_an_import_that_fails_ends_the_command_with_its_reason_and_how_to_go_on(desk: Desk) -> None:
    desk.machine.begins = lambda given, name: imported(
        desk.runs, name, "failed", failure="the key was revoked"
    )

    result = desk.run("start")

    assert result.exit_code == 1
    assert "The import failed: the key was revoked." in result.stdout
    assert "peoplesync import resume import-" in result.stdout


def test_an_import_that_is_refused_says_why(desk: Desk) -> None:
    desk.machine.begins = lambda given, name: "ends"
    desk.machine.why = "import import-0 is running; a second one would only slow it down"

    result = desk.run("start")

    assert result.exit_code == 1
    assert "The import was not started: import import-0 is running" in result.stderr


def test_an_import_whose_execution_was_stopped_has_failed_and_can_be_resumed(desk: Desk) -> None:
    imported(desk.runs, "import-1", "running")

    stopped = json.loads(desk.run("list", "--json").stdout)

    assert stopped["status"] == "failed"
    assert "peoplesync import resume" in stopped["reason"]

    def goes_on(given: Mapping[str, Any], name: str) -> str:
        run = desk.runs.get(MAIN, given["resume"])
        assert run is not None
        desk.runs.save(replace(run, status="succeeded", execution=f"arn:{name}"))
        return "ends"

    desk.machine.begins = goes_on
    result = desk.run("resume", "--json")

    assert json.loads(result.stdout)["status"] == "succeeded"
    assert desk.machine.started == [{"connection": "main", "resume": "import-1"}]


def test_an_import_need_not_be_waited_for(desk: Desk) -> None:
    def begins(given: Mapping[str, Any], name: str) -> str:
        desk.runs.save(ImportRun(name, MAIN, NOW, execution=f"arn:{name}"))
        return "goes on"

    desk.machine.begins = begins

    result = desk.run("start", "--detach")

    assert result.exit_code == 0
    assert "is running" in result.stdout


def test_an_import_that_nobody_knows_cannot_be_watched(desk: Desk) -> None:
    result = desk.run("watch", "import-9")

    assert result.exit_code == 1
    assert "There is no import import-9" in result.stderr


def test_an_import_that_waits_for_stripe_is_listed_with_since_when_and_why(desk: Desk) -> None:
    run_id = "import-1"
    imported(desk.runs, run_id, "running")
    desk.machine.running.add(f"arn:{run_id}")
    run = desk.runs.get(MAIN, run_id)
    assert run is not None
    desk.runs.save_list_state(run, "charges", ListState(7, NOW, "Stripe's rate limit is reached"))

    table, found = desk.run("list"), json.loads(desk.run("list", "--json").stdout)

    assert found["waiting"] == [
        {"list": "charges", "since": "2026-03-01T12:00:00Z", "reason": "Stripe's rate limit is reached"}
    ]
    assert "waiting for Stripe since" in " ".join(table.stdout.split())
    description, _, _ = _phase(found)
    assert description.endswith(
        "waiting for Stripe since 2026-03-01T12:00:00Z: Stripe's rate limit is reached"
    )
