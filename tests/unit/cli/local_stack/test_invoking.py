"""Invoking functions, and moving a local stack's time without its schedules in between."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from peoplesync_cli.failure import Failure
from peoplesync_cli.local_stack import invoking
from peoplesync_cli.local_stack.invoking import HEALTH, RECONCILE, SWEEP, invoke, time_jumps


@dataclass
class Cloud:
    """A stack with two schedules and a rule on events, and functions that answer; what happened, in order."""

    happened: list[str] = field(default_factory=list)
    due: list[int] = field(default_factory=lambda: [12, 3, 0])
    error: str | None = None
    outputs: dict[str, str] = field(
        default_factory=lambda: {SWEEP: "sweep", RECONCILE: "reconcile", HEALTH: "health"}
    )

    @property
    def session(self) -> Cloud:
        return self

    def client(self, service: str, config: Any = None) -> Cloud:
        return self

    def list_rules(self) -> dict[str, Any]:
        minute = {"ScheduleExpression": "rate(1 minute)"}
        return {"Rules": [{"Name": "one", **minute}, {"Name": "two", **minute}, {"Name": "on events"}]}

    def disable_rule(self, *, Name: str) -> None:  # noqa: N803 - boto3's names
        self.happened.append(f"{Name} off")

    def enable_rule(self, *, Name: str) -> None:  # noqa: N803
        self.happened.append(f"{Name} on")

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        self.happened.append(FunctionName)
        answer = {"due": self.due.pop(0)} if FunctionName == "sweep" else {"given": json.loads(Payload)}
        told: dict[str, Any] = {"Payload": io.BytesIO(json.dumps(answer).encode())}
        return told | ({"FunctionError": self.error} if self.error else {})


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Any:
    cloud = Cloud()
    monkeypatch.setattr(invoking, "drain", lambda target, patience: cloud.happened.append("drained"))
    return cloud


def test_while_time_jumps_no_schedule_runs_and_then_all_do_in_order(cloud: Any) -> None:
    with time_jumps(cloud):
        cloud.happened.append("jump")

    assert cloud.happened == [
        *("one off", "two off", "jump", "drained"),
        *("sweep", "drained", "sweep", "drained", "sweep"),
        *("reconcile", "drained", "health", "one on", "two on"),
    ]


def test_the_schedules_are_on_again_whatever_happens(cloud: Any) -> None:
    with pytest.raises(KeyboardInterrupt), time_jumps(cloud):
        raise KeyboardInterrupt

    assert cloud.happened == ["one off", "two off", "one on", "two on"]


def test_a_function_answers_what_it_is_given(cloud: Any) -> None:
    assert invoke(cloud, HEALTH, {"count_people": True}) == {"given": {"count_people": True}}


def test_a_function_that_fails_is_a_failure_that_says_where_to_look(cloud: Any) -> None:
    cloud.error = "Unhandled"

    with pytest.raises(Failure, match=r"Function health failed .*; its log says why"):
        invoke(cloud, HEALTH, {})


def test_a_stack_of_an_older_version_is_to_be_deployed_again(cloud: Any) -> None:
    del cloud.outputs[HEALTH]

    with pytest.raises(Failure, match="has no output ReportHealthFunction; deploy this version"):
        invoke(cloud, HEALTH, {})
