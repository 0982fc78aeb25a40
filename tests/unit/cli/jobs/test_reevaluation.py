"""`peoplesync reevaluate`, on tables in memory; the state machine is played."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from click.testing import CliRunner, Result

from peoplesync.adapters.dynamodb.reevaluation_runs import ReevaluationRuns
from peoplesync.domain.connections import Epoch
from peoplesync.use_cases.reevaluating.runs import Reevaluation
from peoplesync_cli import options
from peoplesync_cli.jobs.reevaluation import begin_and_watch
from peoplesync_cli.main import main
from peoplesync_cli.target import Target
from tests.support.builders.stripe import NOW
from tests.support.fakes.played_machine import PlayedMachine
from tests.support.fakes.ready_connections import connect
from tests.support.stacks.moto_stack import moto_stack

MAIN = Epoch("main", 1)


@dataclass
class Desk:
    target: Target
    machine: PlayedMachine
    version: int

    @property
    def runs(self) -> ReevaluationRuns:
        return self.target.reevaluations

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, ["reevaluate", *arguments])

    def ends(self, status: Any = "succeeded", **more: Any) -> Callable[[Mapping[str, Any], str], str]:
        """An execution whose run has ended like this."""

        def does(given: Mapping[str, Any], name: str) -> str:
            counts = {"people": 2_000, "evaluated": 2_000, "started_at": NOW, "version": self.version}
            values = counts | {"finished_at": NOW + 9} | more
            run_id, execution = given.get("resume", name), f"arn:{name}"
            self.runs.save(Reevaluation(id=run_id, epoch=MAIN, status=status, execution=execution, **values))
            return "ends"

        return does


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with moto_stack() as aws:
        target = Target("test (in memory)", aws.stack, "https://api.example.com", aws.session)
        connect("main", "rk_test_1", "whsec_1", target.connections, aws.secrets, NOW)
        machine = PlayedMachine()
        target.__dict__["reevaluating"] = machine
        monkeypatch.setattr(options, "resolve", lambda stack: target)
        yield Desk(target, machine, target.connection("main").definitions_version)


def test_a_re_evaluation_is_started_and_watched_to_its_end(desk: Desk) -> None:
    desk.machine.begins = desk.ends()

    result = desk.run("start")

    assert result.exit_code == 0, result.output
    assert result.stdout == "2,000 people are evaluated with the newest segments and fields.\n"
    assert desk.machine.started == [{"connection": "main"}]


def test_re_evaluations_are_listed_with_what_they_have_done(desk: Desk) -> None:
    assert "peoplesync reevaluate start" in desk.run("list").stdout
    desk.ends()({}, "re_1")

    assert json.loads(desk.run("list", "--json").stdout) == {
        "id": "re_1",
        "status": "succeeded",
        "version": desk.version,
        "people": 2_000,
        "evaluated": 2_000,
        "failed": 0,
        "started_at": "2026-03-01T12:00:00Z",
        "finished_at": "2026-03-01T12:00:09Z",
        "reason": "",
    }
    assert "re_1" in desk.run("list").stdout


def test_one_that_failed_ends_the_command_with_its_reason_and_how_to_go_on(desk: Desk) -> None:
    desk.machine.begins = desk.ends("failed", evaluated=100, failure="these chunks were never applied: …")

    result = desk.run("start")

    assert result.exit_code == 1
    assert "failed: these chunks were never applied: …. 100 of 2,000 people were evaluated" in result.stdout
    assert "`peoplesync reevaluate start`" in result.stdout


def test_one_that_stopped_goes_on_where_it_was(desk: Desk) -> None:
    desk.ends("running", evaluated=0)({}, "re_1")
    assert json.loads(desk.run("watch", "--json").stdout)["status"] == "failed"
    desk.machine.begins = desk.ends()

    result = desk.run("start", "--json")

    assert json.loads(result.stdout)["id"] == "re_1"
    assert desk.machine.started == [{"connection": "main", "resume": "re_1"}]


@pytest.mark.parametrize(
    "before",
    [
        {"status": "succeeded"},
        {"status": "failed", "failed": 3},
        {"status": "failed", "version": 0},
        {"status": "superseded", "version": 0},
    ],
    ids=["succeeded", "with the dead", "of other definitions", "superseded"],
)
def test_after_one_that_is_over_a_new_one_is_started(desk: Desk, before: dict[str, Any]) -> None:
    desk.ends(**before)({}, "re_1")
    desk.machine.begins = desk.ends()

    shown = begin_and_watch(desk.target, "main", detach=False)

    assert shown["id"] != "re_1"
    assert desk.machine.started == [{"connection": "main"}]


def test_one_that_is_running_already_is_watched(desk: Desk) -> None:
    desk.ends("running")({}, "re_1")
    desk.machine.running.add("arn:re_1")

    shown = begin_and_watch(desk.target, "main", detach=True)

    assert (shown["id"], shown["status"]) == ("re_1", "running")
    assert desk.machine.started == []
    result = desk.run("start", "--detach")
    assert result.stdout.startswith("Re-evaluation re_1 is running; `peoplesync reevaluate watch`")


def test_one_that_is_refused_says_why(desk: Desk) -> None:
    desk.machine.begins = lambda given, name: "ends"
    desk.machine.why = "re-evaluation re_0 of the same segments and fields is running"

    result = desk.run("start")

    assert result.exit_code == 1
    assert "The re-evaluation was not started: re-evaluation re_0 of the same segments" in result.stderr


def test_one_that_nobody_knows_cannot_be_watched(desk: Desk) -> None:
    assert "No re-evaluation yet" in desk.run("watch").stderr
    assert "There is no re-evaluation re_9" in desk.run("watch", "re_9").stderr


def test_the_run_that_definitions_have_outrun_is_said_to_be_followed(desk: Desk) -> None:
    desk.machine.begins = desk.ends("superseded")

    result = desk.run("start")

    assert result.exit_code == 0
    assert "another re-evaluation applies them" in result.stdout
