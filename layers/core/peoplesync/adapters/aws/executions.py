"""Executions of the state machines that drive imports, re-evaluations and tasks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from peoplesync.use_cases.jobs.starting import NotStarted


@dataclass(frozen=True)
class Executions:
    """Executions of one state machine; those who only ask need not know which. `states` is boto3's client for
    Step Functions."""

    states: Any
    state_machine: str = ""

    def is_running(self, execution: str) -> bool:
        """Whether an execution, named by its ARN, has not ended."""
        return self._status(execution) == "RUNNING"

    def was_started(self, execution: str) -> bool:
        """Whether there ever was an execution of that ARN."""
        return self._status(execution) is not None

    def arn(self, name: str) -> str:
        """The ARN of the execution of that name, whether or not there is one."""
        return f"{self.state_machine.replace(':stateMachine:', ':execution:', 1)}:{name}"

    def cause(self, execution: str) -> str:
        """Why an execution failed, in its own words."""
        described = self.states.describe_execution(executionArn=execution)
        return str(described.get("cause") or described.get("error") or described["status"])

    def start(self, given: Mapping[str, Any], name: str) -> str:
        """Starts an execution; its ARN, also of one that was started with this name and input before, and is
        running. Raises `NotStarted`."""
        try:
            return self._start(given, name)
        except ClientError as error:
            raise NotStarted(f"it could not be started: {error.response['Error']['Message']}") from error

    def start_once(self, given: Mapping[str, Any], name: str) -> None:
        """Starts the execution of that name, unless there ever was one. Raises botocore's `ClientError`."""
        try:
            self._start(given, name)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
                raise

    def stop(self, execution: str, why: str) -> None:
        """Stops an execution; one that has ended is left alone."""
        self.states.stop_execution(executionArn=execution, cause=why)

    def _start(self, given: Mapping[str, Any], name: str) -> str:
        started = self.states.start_execution(
            stateMachineArn=self.state_machine, name=name, input=json.dumps(given)
        )
        return str(started["executionArn"])

    def _status(self, execution: str) -> str | None:
        try:
            return str(self.states.describe_execution(executionArn=execution)["status"])
        except ClientError as error:
            if error.response["Error"]["Code"] == "ExecutionDoesNotExist":
                return None
            raise
