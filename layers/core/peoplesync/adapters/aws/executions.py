"""Executions of the state machines that drive imports and re-evaluations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError


@dataclass(frozen=True)
class Executions:
    """Executions of one state machine; those who only ask need not know which. `states` is boto3's client for
    Step Functions."""

    states: Any
    state_machine: str = ""

    def is_running(self, execution: str) -> bool:
        """Whether an execution, named by its ARN, has not ended."""
        try:
            return bool(self.states.describe_execution(executionArn=execution)["status"] == "RUNNING")
        except ClientError as error:
            if error.response["Error"]["Code"] == "ExecutionDoesNotExist":
                return False
            raise

    def cause(self, execution: str) -> str:
        """Why an execution failed, in its own words."""
        described = self.states.describe_execution(executionArn=execution)
        return str(described.get("cause") or described.get("error") or described["status"])

    def start(self, given: Mapping[str, Any], name: str) -> str:
        """Starts an execution; its ARN. Raises botocore's `ClientError`."""
        started = self.states.start_execution(
            stateMachineArn=self.state_machine, name=name, input=json.dumps(given)
        )
        return str(started["executionArn"])
