"""`peoplesync publish pause` and `resume`: the streams' mappings are switched, and what it costs is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result

from peoplesync.adapters import clock
from peoplesync.use_cases.publishing.publish import PUBLISHED_WITHIN
from peoplesync_cli import options
from peoplesync_cli.main import main
from peoplesync_cli.operating import pause
from peoplesync_cli.target import Target
from tests.support.builders.stripe import NOW
from tests.support.stacks.lambda_mappings import Functions, Session
from tests.support.stacks.moto_stack import MotoStack

OUTPUTS = {"PeopleStreamMapping": "uuid-people", "FeedStreamMapping": "uuid-feed"}
OF_THE_WORKER = {"LiveMapping": "uuid-live", "BulkMapping": "uuid-bulk", "ReviewMapping": "uuid-review"}

Run = Callable[..., Result]


@pytest.fixture
def functions() -> Functions:
    return Functions.of([*OUTPUTS.values(), *OF_THE_WORKER.values()])


@pytest.fixture
def run(aws: MotoStack, functions: Functions, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `peoplesync publish` with these arguments on a stack in memory, so many seconds later."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)

    def run(*arguments: str, later: int = 60, outputs: dict[str, str] = OUTPUTS | OF_THE_WORKER) -> Result:
        monkeypatch.setattr(clock, "now", lambda: NOW + later)
        session: Any = Session(aws.session, functions)
        target = Target("test", aws.stack, "https://api.example.com", session, outputs=outputs)
        monkeypatch.setattr(options, "resolve", lambda stack: target)
        return CliRunner().invoke(main, ["publish", *arguments])

    return run


def test_a_pause_stops_the_streams_alone_and_says_what_it_costs(run: Run, functions: Functions) -> None:
    result = run("pause")

    assert result.exit_code == 0, result.output
    assert {uuid for uuid, state in functions.state.items() if state == "Disabled"} == set(OUTPUTS.values())
    assert result.stdout == (
        "Publishing is paused. People and segments go on. What happens is published later if younger than "
        "6 hours at the resume; what is older goes to the bucket PublishFailures, and after 24 hours "
        "the streams forget it. `peoplesync publish resume` goes on.\n"
    )


def test_a_short_pause_costs_nothing(run: Run, functions: Functions) -> None:
    run("pause")

    result = run("resume", later=PUBLISHED_WITHIN - 60)

    assert result.exit_code == 0, result.output
    assert set(functions.state.values()) == {"Enabled"}
    assert result.stdout == ("Changes are published again, first what happened since 2026-03-01T12:00:02Z.\n")


def test_after_a_long_pause_it_is_said_that_something_is_not_told(run: Run) -> None:
    run("pause")

    told = run("resume", later=PUBLISHED_WITHIN + 60).stdout

    assert "what is older than 6 hours is no longer published by itself" in told
    assert "docs/runbooks/publish-paused.md" in told


def test_a_second_time_changes_nothing_and_says_so(run: Run, functions: Functions) -> None:
    assert run("resume").stdout == "Publishing was not paused.\n"

    run("pause")
    functions.asked.clear()
    assert run("pause").stdout.startswith("Publishing has been paused since 2026-03-01T12:00:02Z.")
    assert functions.asked == []


def test_both_answer_in_json(run: Run) -> None:
    assert json.loads(run("pause", "--json").stdout) == {
        "paused": True,
        "since": "2026-03-01T12:00:02Z",
        "told_within_seconds": 21_600,
        "kept_seconds": 86_400,
        "streams": {"people": "disabled", "feed": "disabled"},
    }
    resumed = json.loads(run("resume", "--json").stdout)
    assert (resumed["paused"], resumed["since"], set(resumed["streams"].values())) == (
        False,
        None,
        {"enabled"},
    )


def test_lambda_is_not_waited_for_without_end(
    run: Run, functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    functions.looks = 1_000_000
    monkeypatch.setattr(pause, "PATIENCE", 0.0)

    result = run("pause")

    assert result.exit_code == 1
    assert "run `peoplesync publish pause` again" in result.stderr


def test_an_older_stack_is_told_to_be_deployed_again(run: Run) -> None:
    result = run("pause", outputs=OF_THE_WORKER)

    assert result.exit_code == 1
    assert "has no output 'PeopleStreamMapping'; deploy this version of the template." in result.stderr
