"""`peoplesync pause` and `resume`: the worker's mappings are disabled and enabled, and waited for."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner, Result

from peoplesync.adapters import clock
from peoplesync.adapters.aws.event_source_mappings import Mappings, State
from peoplesync_cli import options
from peoplesync_cli.main import main
from peoplesync_cli.operating import pause
from peoplesync_cli.target import Target
from tests.support.builders.stripe import DAY, NOW
from tests.support.stacks.lambda_mappings import Functions, Session
from tests.support.stacks.moto_stack import MotoStack

UUIDS = {"live": "uuid-live", "bulk": "uuid-bulk", "review": "uuid-review"}
OUTPUTS = {"LiveMapping": "uuid-live", "BulkMapping": "uuid-bulk", "ReviewMapping": "uuid-review"}


@pytest.fixture
def functions() -> Functions:
    return Functions.of(UUIDS.values())


@pytest.fixture
def mappings(functions: Functions) -> Mappings:
    return Mappings(functions, UUIDS)


Run = Callable[..., Result]


@pytest.fixture
def run(aws: MotoStack, functions: Functions, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `peoplesync` with these arguments on a stack in memory."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)

    def run(*arguments: str, outputs: dict[str, str] = OUTPUTS) -> Result:
        session: Any = Session(aws.session, functions)
        target = Target("test", aws.stack, "https://api.example.com", session, outputs=outputs)
        monkeypatch.setattr(options, "resolve", lambda stack: target)
        return CliRunner().invoke(main, arguments)

    return run


def test_the_states_are_lambdas(mappings: Mappings, functions: Functions) -> None:
    functions.state = {"uuid-live": "Enabled", "uuid-bulk": "Disabling", "uuid-review": "Updating"}

    assert mappings.states() == [
        State("live", enabled=True, settled=True, last_modified=NOW),
        State("bulk", enabled=False, settled=False, last_modified=NOW),
        State("review", enabled=True, settled=False, last_modified=NOW),
    ]


def test_it_is_paused_since_the_last_one_was_disabled(mappings: Mappings, functions: Functions) -> None:
    functions.modified = {"uuid-live": NOW + 9, "uuid-bulk": NOW + 2, "uuid-review": NOW + 1}
    assert mappings.paused_since() is None

    functions.state |= {"uuid-bulk": "Disabling", "uuid-review": "Disabled"}
    assert mappings.paused_since() == NOW + 2


def test_a_clock_that_was_moved_makes_a_pause_no_longer(
    mappings: Mappings, functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    functions.state["uuid-bulk"] = "Disabled"
    functions.modified["uuid-bulk"] = NOW - 60
    monkeypatch.setattr(clock, "distance", lambda: 10 * DAY)

    assert mappings.paused_since() == NOW + 10 * DAY - 60


def test_only_what_is_settled_and_otherwise_is_changed(mappings: Mappings, functions: Functions) -> None:
    functions.state |= {"uuid-bulk": "Disabled", "uuid-review": "Enabling"}

    mappings.set_enabled(False)

    assert functions.asked == [("uuid-live", False)]


def test_a_change_in_the_middle_of_another_is_no_error(mappings: Mappings, functions: Functions) -> None:
    def refuse(UUID: str, Enabled: bool) -> None:  # noqa: N803 - boto3's names
        raise ClientError({"Error": {"Code": "ResourceInUseException"}}, "UpdateEventSourceMapping")

    functions.update_event_source_mapping = refuse  # type: ignore[method-assign]  # Lambda at a bad moment

    mappings.set_enabled(False)

    def deny(UUID: str, Enabled: bool) -> None:  # noqa: N803 - boto3's names
        raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "UpdateEventSourceMapping")

    functions.update_event_source_mapping = deny  # type: ignore[method-assign]  # and without permission
    with pytest.raises(ClientError):
        mappings.set_enabled(False)


def test_a_pause_waits_until_nothing_is_taken_any_more(
    run: Run, functions: Functions, aws: MotoStack
) -> None:
    for url in (aws.stack.live_queue_url, aws.stack.bulk_queue_url):
        aws.client("sqs").send_message(QueueUrl=url, MessageBody="waits")

    result = run("pause")

    assert result.exit_code == 0, result.output
    assert set(functions.state.values()) == {"Disabled"}
    assert result.stdout == (
        "The worker is paused. 2 changes wait on the queues. Webhooks are accepted, and nothing is lost for "
        "14 days; `peoplesync resume` has them applied.\n"
    )


def test_a_resume_waits_until_changes_are_taken_again(run: Run, functions: Functions) -> None:
    functions.state = dict.fromkeys(UUIDS.values(), "Disabled")

    result = run("resume")

    assert result.exit_code == 0, result.output
    assert set(functions.state.values()) == {"Enabled"}
    assert result.stdout.startswith("The worker takes changes again. No change waits on the queues;")


def test_a_second_time_changes_nothing_and_says_so(run: Run, functions: Functions) -> None:
    assert run("resume").stdout.startswith("The worker was not paused.")
    assert functions.asked == []

    run("pause")
    functions.asked.clear()
    assert run("pause").stdout.startswith("The worker has been paused since 2026-03-01T12:00:03Z.")
    assert functions.asked == []


def test_half_a_pause_is_completed(run: Run, functions: Functions) -> None:
    functions.state["uuid-bulk"] = "Disabled"

    assert run("pause").stdout.startswith("The worker is paused. ")

    assert functions.asked == [("uuid-live", False), ("uuid-review", False)]


def test_a_resume_during_a_pause_comes_after_it(run: Run, functions: Functions) -> None:
    functions.state["uuid-live"], functions.left["uuid-live"] = "Disabling", 3

    assert run("resume").exit_code == 0

    assert functions.asked == [("uuid-live", True)]
    assert set(functions.state.values()) == {"Enabled"}


def test_both_answer_in_json(run: Run) -> None:
    assert json.loads(run("pause", "--json").stdout) == {
        "paused": True,
        "since": "2026-03-01T12:00:03Z",
        "waiting": 0,
        "kept_days": 14,
        "queues": {"live": "disabled", "bulk": "disabled", "review": "disabled"},
    }
    resumed = json.loads(run("resume", "--json").stdout)
    assert (resumed["paused"], resumed["since"], set(resumed["queues"].values())) == (
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
    assert "run `peoplesync pause` again" in result.stderr


def test_an_older_stack_is_told_to_be_deployed_again(run: Run) -> None:
    result = run("pause", outputs={"LiveMapping": "uuid-live"})

    assert result.exit_code == 1
    assert "The stack has no output 'BulkMapping'; deploy this version of the template." in result.stderr


def test_a_lambda_that_does_not_answer_ends_the_command(run: Run, functions: Functions) -> None:
    def deny(UUID: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetEventSourceMapping")

    functions.get_event_source_mapping = deny  # type: ignore[method-assign]  # no permission

    result = run("resume")

    assert result.exit_code == 1
    assert "The worker's mappings cannot be reached" in result.stderr
