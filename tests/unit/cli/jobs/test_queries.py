"""`peoplesync queries`, on tables in memory; the state machine is played."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from peoplesync.adapters import clock
from peoplesync.adapters.task_wiring import TaskWiring
from peoplesync.use_cases.tasks.steps import TaskRunner
from peoplesync_cli import options
from peoplesync_cli.jobs import queries
from peoplesync_cli.main import main
from peoplesync_cli.target import Target
from tests.support.builders.stripe import NOW
from tests.support.fakes.played_machine import PlayedMachine
from tests.support.stacks.moto_stack import moto_stack
from tests.support.worlds.task_world import with_people

PEOPLE = 12
RULE = json.dumps({"field": "customer_mrr", "at_least": 40})


@dataclass
class Desk:
    machine: PlayedMachine
    runner: TaskRunner

    def run(self, *arguments: str, rule: str | None = None) -> Result:
        return CliRunner().invoke(main, ["queries", *arguments], input=rule)

    def works(self, given: Mapping[str, Any], name: str) -> str:
        """An execution that takes all its turns at once."""
        place = {**given, "execution": f"arn:{name}"}
        while self.runner.turn(place)["status"] == "more":
            pass
        return "ends"


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with moto_stack() as aws:
        with_people(aws, PEOPLE)
        monkeypatch.setattr(clock, "now", lambda: NOW)
        target = Target("test (in memory)", aws.stack, "https://api.example.com", aws.session)
        wiring = TaskWiring(aws.environment | {"TASK_SLICE_SECONDS": "60"}, aws.session)
        target.__dict__["task_executions"] = machine = PlayedMachine()
        monkeypatch.setattr(options, "resolve", lambda stack: target)
        monkeypatch.setattr(queries, "IDS_AT_ONCE", 2)
        yield Desk(machine, wiring.task_runner())


def test_a_query_is_started_and_watched_and_its_ids_are_printed(desk: Desk, tmp_path: Path) -> None:
    desk.machine.begins = desk.works
    (tmp_path / "rule.json").write_text(RULE)

    started = desk.run("start", str(tmp_path / "rule.json"), "--id", "mine", "--sort", "-customer_mrr")

    assert started.exit_code == 0, started.output
    assert started.stdout.startswith(f"2 of {PEOPLE} people match; `peoplesync queries show mine`")
    assert desk.run("show").stdout.split() == ["per_000005", "per_000004"]
    assert json.loads(desk.run("show", "mine", "--json").stdout)["ids"] == [
        "per_000005",
        "per_000004",
    ]
    assert json.loads(desk.run("list", "--json").stdout)["found"] == 2
    assert "mine" in desk.run("list").stdout


def test_it_is_stopped_and_goes_on(desk: Desk) -> None:
    assert "queries start" in desk.run("list").stdout
    detached = desk.run("start", "-", "--id", "mine", "--detach", rule=RULE)
    assert detached.stdout.startswith("Query mine is running; `peoplesync queries list`")

    assert desk.run("stop", "mine").stdout.startswith("Stopped when 0 of 0 people matched; `peoplesync")
    desk.machine.begins = desk.works
    resumed = json.loads(desk.run("resume", "mine", "--json").stdout)

    assert (resumed["status"], resumed["found"]) == ("succeeded", 2)
    again = desk.run("resume", "mine")
    assert again.exit_code == 2
    assert "Query mine has succeeded; start a new one." in again.stderr


def test_what_cannot_be_asked_is_refused_in_a_sentence(desk: Desk) -> None:
    unknown = desk.run("start", "-", "--sort", "shoe_size", rule=RULE)

    assert unknown.exit_code == 2
    assert "There is no field shoe_size to sort by; peoplesync fields list shows them." in unknown.stderr
    assert desk.run("start", "-", rule="{}").exit_code == 2
    assert "There is no query mine" in desk.run("show", "mine").stderr
