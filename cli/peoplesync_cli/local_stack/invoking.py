"""Invoking a stack's function, and running at once what AWS runs by the clock."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from peoplesync_cli.failure import Failure
from peoplesync_cli.local_stack.wait_for_queues import drain
from peoplesync_cli.target import Target

SWEEP, RECONCILE, HEALTH = "SweepSegmentsFunction", "ReconcileEventsFunction", "ReportHealthFunction"

_PATIENCE: Final = 300
"""Seconds for the queues to run empty."""


def invoke(target: Target, output: str, given: Mapping[str, Any]) -> Any:
    """What the function answers that the stack's output names; fails where it fails."""
    name = target.outputs.get(output)
    if name is None:
        raise Failure(f"The stack has no output {output}; deploy this version of the template.")
    patient = Config(read_timeout=330, retries={"total_max_attempts": 1})
    try:
        answer = target.session.client("lambda", config=patient).invoke(
            FunctionName=name, Payload=json.dumps(given).encode()
        )
        content = json.loads(answer["Payload"].read())
    except (ClientError, BotoCoreError) as error:
        raise Failure(f"Function {name} cannot be invoked: {error}") from error
    if answer.get("FunctionError"):
        raise Failure(f"Function {name} failed ({content.get('errorType')}); its log says why.")
    return content


@contextmanager
def time_jumps(target: Target) -> Iterator[None]:
    """While the local stack's time is moved, its schedules, which go by real minutes, are off; in the end
    what they stand for is run.

    The sweep is run until nobody is due; and what the webhook delivers is applied before the reconciler
    looks, or it would count as missed.
    """
    events = target.session.client("events")
    rules = [rule["Name"] for rule in events.list_rules()["Rules"] if rule.get("ScheduleExpression")]
    try:
        for rule in rules:
            events.disable_rule(Name=rule)
        yield
        drain(target, _PATIENCE)
        while invoke(target, SWEEP, {})["due"]:
            drain(target, _PATIENCE)
        invoke(target, RECONCILE, {})
        drain(target, _PATIENCE)
        invoke(target, HEALTH, {})
    finally:
        for rule in rules:
            events.enable_rule(Name=rule)
