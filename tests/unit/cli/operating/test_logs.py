"""`peoplesync logs`: which lines are shown, and how."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner, Result

from peoplesync.adapters.stack import Stack
from peoplesync_cli import options
from peoplesync_cli.main import main
from peoplesync_cli.operating import function_logs, logs
from peoplesync_cli.operating.function_logs import FunctionLogs, LogEvent
from peoplesync_cli.target import Target
from tests.support.builders.stripe import HOUR, NOW
from tests.support.stacks.moto_stack import MotoStack

START = NOW * 1_000
RESOURCES = [
    ("ApplyChanges", "AWS::Lambda::Function", "apply-1"),
    ("ApplyChangesLogs", "AWS::Logs::LogGroup", "group-of-apply"),
    ("ReceiveWebhookLogs", "AWS::Logs::LogGroup", "group-of-receive"),
    ("ReceiveWebhook", "AWS::Lambda::Function", "receive-1"),
    ("ApiLogs", "AWS::Logs::LogGroup", "group-of-api"),
]
APPLIED = {
    "level": "INFO",
    "location": "handler:58",
    "message": "batch applied",
    "timestamp": "2026-03-01 12:00:05,000+0000",
    "service": "apply_changes",
    "cold_start": True,
    "function_name": "apply-1",
    "function_memory_size": 1024,
    "function_arn": "arn:aws:lambda:us-east-1:1:function:apply-1",
    "function_request_id": "r-1",
    "applied": 3,
    "stale": 1,
    "xray_trace_id": "1-2",
}
DEAD_LETTERED = {**APPLIED, "level": "ERROR", "message": "message dead-lettered", "reason": "not JSON"}
METRIC = {"_aws": {"Timestamp": START}, "service": "apply_changes", "ChangesApplied": [3.0]}
TRACE = "Traceback (most recent call last):\n  File app.py, line 1\nZeroDivisionError: division by zero"
UNCAUGHT = [
    f"[ERROR] ZeroDivisionError: division by zero\n{TRACE}",
    "2026-03-01T12:00:05.000Z 4e0b Task timed out after 15.00 seconds",
    "RequestId: 4e0b Error: Runtime exited with error: signal: killed",
    "REPORT RequestId: 4e0b\tDuration: 15000.00 ms\tStatus: timeout",
]
OF_LAMBDA = [
    "INIT_START Runtime Version: python:3.13.v1",
    "START RequestId: 4e0b Version: $LATEST",
    "END RequestId: 4e0b",
    "REPORT RequestId: 4e0b\tDuration: 12.00 ms",
    "",
]


@dataclass
class CloudWatch:
    """CloudWatch Logs and CloudFormation in one: each answers in pages of two, events in order."""

    events: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    asked: list[tuple[str, int]] = field(default_factory=list)

    def client(self, service: str) -> CloudWatch:
        assert service in ("logs", "cloudformation")
        return self

    def get_paginator(self, operation: str) -> SimpleNamespace:
        return SimpleNamespace(paginate=partial(self._paginate, operation))

    def _paginate(self, operation: str, **asked: Any) -> Iterator[dict[str, Any]]:
        if operation == "list_stack_resources":
            assert asked == {"StackName": "shop"}
            names = "LogicalResourceId", "ResourceType", "PhysicalResourceId"
            found: list[dict[str, Any]] = [dict(zip(names, one, strict=True)) for one in RESOURCES]
            name = "StackResourceSummaries"
        else:
            group, start = asked["logGroupName"], asked["startTime"]
            self.asked.append((group, start))
            found = [
                {"timestamp": at, "message": text, "logStreamName": "s"}
                for at, text in sorted(self.events.get(group, []), key=lambda one: one[0])
                if at >= start
            ]
            name = "events"
        for first in range(0, max(1, len(found)), 2):
            yield {name: found[first : first + 2]}

    def log(self, *texts: str | dict[str, Any], at: int = 5_000, group: str = "group-of-apply") -> None:
        for text in texts:
            line = text if isinstance(text, str) else json.dumps(text)
            self.events.setdefault(group, []).append((START + at, line + "\n"))


@pytest.fixture
def cloud() -> CloudWatch:
    return CloudWatch()


Run = Callable[..., Result]


@pytest.fixture
def run(aws: MotoStack, cloud: CloudWatch, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `peoplesync logs` with these arguments, ten seconds after the tests' now."""
    session: Any = cloud
    stack: Stack = aws.stack
    target = Target("test", stack, "https://api.example.com", session, name="shop")
    monkeypatch.setattr(options, "resolve", lambda stack: target)
    monkeypatch.setattr("time.time", lambda: float(NOW + 10))
    return lambda *arguments: CliRunner().invoke(main, ["logs", *arguments])


def test_a_line_is_shown_with_what_our_code_said_and_no_more(run: Run, cloud: CloudWatch) -> None:
    cloud.log(*OF_LAMBDA[:2], APPLIED, METRIC, *OF_LAMBDA[2:])

    result = run()

    assert result.exit_code == 0, result.output
    assert result.stdout == "12:00:05 apply_changes INFO batch applied applied=3 stale=1\n"


def test_values_of_more_than_a_word_are_quoted_and_empty_ones_left_out(run: Run, cloud: CloudWatch) -> None:
    cloud.log({**DEAD_LETTERED, "stale": None, "applied": "", "detail": {"id": "evt_1"}})

    assert run().stdout == (
        '12:00:05 apply_changes ERROR message dead-lettered reason="not JSON" detail={"id": "evt_1"}\n'
    )


def test_lines_of_all_functions_are_in_order(run: Run, cloud: CloudWatch) -> None:
    cloud.log(APPLIED, at=3_000)
    cloud.log({**APPLIED, "message": "webhook enqueued"}, at=2_000, group="group-of-receive")
    cloud.log({**APPLIED, "message": "webhook dropped"}, at=4_000, group="group-of-receive")
    cloud.log({"routeKey": "POST /"}, group="group-of-api")

    shown = [line.split()[:2] for line in run().stdout.splitlines()]

    assert shown == [
        ["12:00:02", "receive_webhook"],
        ["12:00:03", "apply_changes"],
        ["12:00:04", "receive_webhook"],
    ]


def test_one_function_can_be_asked_for(run: Run, cloud: CloudWatch) -> None:
    cloud.log(APPLIED)
    cloud.log(APPLIED, group="group-of-receive")

    assert "receive_webhook" not in run("apply_changes").stdout
    assert {group for group, _ in cloud.asked} == {"group-of-apply"}


def test_an_unknown_function_is_told_with_those_that_there_are(run: Run) -> None:
    result = run("apply-changes")

    assert result.exit_code == 2
    assert "There is no function apply-changes; there are: apply_changes, receive_webhook." in result.stderr


def test_the_last_ten_minutes_are_read_unless_told_otherwise(run: Run, cloud: CloudWatch) -> None:
    run("apply_changes")
    run("apply_changes", "--since", "2h")
    run("apply_changes", "--since", "2026-03-01")

    assert [start for _, start in cloud.asked] == [
        (NOW + 10 - 600) * 1_000,
        (NOW + 10 - 2 * HOUR) * 1_000,
        (NOW - 12 * HOUR) * 1_000,
    ]
    assert run("--since", "yesterday").exit_code == 2


def test_over_more_than_a_day_lines_have_their_date(run: Run, cloud: CloudWatch) -> None:
    cloud.log(APPLIED)

    assert run("--since", "3d").stdout.startswith("2026-03-01 12:00:05 apply_changes")


def test_errors_are_those_logged_and_those_that_nobody_caught(run: Run, cloud: CloudWatch) -> None:
    cloud.log(APPLIED, DEAD_LETTERED, {**APPLIED, "level": "CRITICAL"}, {**APPLIED, "level": "WARNING"})
    for number, text in enumerate(UNCAUGHT):
        cloud.log(text, *OF_LAMBDA, at=6_000 + number)

    shown = run("--errors").stdout

    assert [line[:28] for line in shown.splitlines() if line.startswith("12:00:")] == [
        "12:00:05 apply_changes ERROR",
        "12:00:05 apply_changes CRITI",
        *["12:00:06 apply_changes ERROR"] * 4,
    ]
    assert "WARNING" not in shown
    assert "batch applied applied=3" in shown  # the critical one
    assert TRACE in shown


def test_a_trace_that_came_line_by_line_is_one_error(run: Run, cloud: CloudWatch) -> None:
    cloud.log(OF_LAMBDA[1], *TRACE.splitlines(), *OF_LAMBDA[2:])
    cloud.log("a warning of a library", at=6_000)

    assert run("--errors").stdout == f"12:00:05 apply_changes ERROR {TRACE}\n"
    assert run().stdout.splitlines()[-1] == "12:00:06 apply_changes a warning of a library"


def test_what_was_caught_is_shown_with_its_trace(run: Run, cloud: CloudWatch) -> None:
    cloud.log({**DEAD_LETTERED, "exception": TRACE, "exception_name": "ZeroDivisionError"})

    assert run().stdout.endswith(f'reason="not JSON"\n{TRACE}\n')


def test_as_json_lines_are_as_they_were_logged(run: Run, cloud: CloudWatch) -> None:
    cloud.log(*OF_LAMBDA, APPLIED, METRIC)
    cloud.log(UNCAUGHT[1], at=6_000)

    raw, text = (json.loads(line) for line in run("--json").stdout.splitlines())

    assert raw == APPLIED
    assert text == {
        "level": "ERROR",
        "message": UNCAUGHT[1],
        "timestamp": "2026-03-01T12:00:06.000+00:00",
        "service": "apply_changes",
    }


def test_a_terminal_obeys_nothing_that_a_stranger_sent(run: Run, cloud: CloudWatch) -> None:
    cloud.log({**APPLIED, "message": "no \x1b[2Jconnection", "connection": "\x1b[31m"}, "text \x9b2J")

    shown = run().stdout

    assert "\x1b" not in shown
    assert "\x9b" not in shown
    assert r"no \x1b[2Jconnection" in shown


def test_text_that_only_looks_like_json_is_shown(run: Run, cloud: CloudWatch) -> None:
    cloud.log("{broken", "[1]")

    assert run().stdout == "12:00:05 apply_changes {broken\n[1]\n"


def event(at: int, text: str = "line") -> LogEvent:
    return LogEvent(START + at, "apply_changes", "s", text)


def test_following_shows_each_event_once_also_a_late_one(
    cloud: CloudWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    source: Any = FunctionLogs(cloud, cloud, "shop")
    cloud.log("line", "line", at=0)
    rounds = source.follow(["apply_changes"], START)

    assert next(rounds) == [event(0), event(0)]
    assert next(rounds) == []
    cloud.log("line", at=90_000)
    assert next(rounds) == [event(90_000)]
    cloud.log("late", at=75_000)
    cloud.log("line", at=90_000)
    cloud.log("line", at=91_000)
    assert next(rounds) == [event(75_000, "late"), event(90_000), event(91_000)]
    assert next(rounds) == []

    starts = [start - START for _, start in cloud.asked]
    assert starts == [0, 0, 0, 90_000 - function_logs.LATE_MS, 91_000 - function_logs.LATE_MS]


def test_following_goes_on_until_it_is_interrupted(
    run: Run, cloud: CloudWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.log(APPLIED)
    waited: list[float] = []

    def wait(seconds: float) -> None:
        if len(waited) == 2:
            raise KeyboardInterrupt
        waited.append(seconds)
        cloud.log({**APPLIED, "applied": len(waited)}, at=6_000)

    monkeypatch.setattr("time.sleep", wait)

    result = run("--follow")

    assert [line.split()[5] for line in result.stdout.splitlines()] == ["applied=3", "applied=1", "applied=2"]


def test_logs_that_cannot_be_read_end_the_command(
    run: Run, cloud: CloudWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny(self: CloudWatch, operation: str) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, operation)

    monkeypatch.setattr(CloudWatch, "get_paginator", deny)

    result = run()

    assert result.exit_code == 1
    assert "The logs cannot be read" in result.stderr


def test_nothing_of_lambda_or_of_metrics_is_a_line() -> None:
    events = [event(0, text) for text in (*OF_LAMBDA, json.dumps(METRIC))]

    assert list(logs.lines(events)) == []
