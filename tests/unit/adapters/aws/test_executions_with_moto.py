"""Executions that are started once, however often that is tried."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from peoplesync.adapters.aws.executions import Executions
from tests.support.stacks.moto_stack import ACCOUNT, MotoStack

PASSES = {"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}}


@pytest.fixture
def executions(aws: MotoStack) -> Executions:
    states = aws.client("stepfunctions")
    role = f"arn:aws:iam::{ACCOUNT}:role/states"
    made = states.create_state_machine(name="tasks", definition=json.dumps(PASSES), roleArn=role)
    return Executions(states, made["stateMachineArn"])


def test_its_arn_is_known_before_it_is_started(executions: Executions) -> None:
    arn = executions.arn("mine-1")
    assert (executions.was_started(arn), executions.is_running(arn)) == (False, False)

    assert executions.start({"run": "mine"}, "mine-1") == arn

    assert (executions.was_started(arn), executions.is_running(arn)) == (True, True)


def test_once_started_it_is_not_started_again(executions: Executions) -> None:
    for _ in range(2):
        executions.start_once({"run": "mine"}, "mine-1")
    executions.states.stop_execution(executionArn=executions.arn("mine-1"))
    executions.start_once({"run": "mine"}, "mine-1")

    started = executions.states.list_executions(stateMachineArn=executions.state_machine)["executions"]
    assert [(one["name"], one["status"]) for one in started] == [("mine-1", "ABORTED")]
    assert executions.was_started(executions.arn("mine-1"))


def test_any_other_refusal_is_raised(executions: Executions, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "StartExecution")

    monkeypatch.setattr(executions.states, "start_execution", refuse)

    with pytest.raises(ClientError, match="AccessDenied"):
        executions.start_once({}, "mine-1")
