"""Takes the turns of queries, verifications and reconciliations, for the state machine
(infra/run_task.asl.json)."""

from __future__ import annotations

import os
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from peoplesync.adapters.task_wiring import TaskWiring

logger = Logger()
wiring = TaskWiring.of_function(os.environ)
runner = wiring.task_runner()


@logger.inject_lambda_context
@wiring.measuring.measured
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Takes the step `event["step"]` of the run at `event["place"]`, which is `connection`, `epoch`, `kind`,
    `run` and `execution`; answers with the status by which the state machine continues."""
    answer = _step(event["step"], event)
    logger.info("task step", extra={"step": event["step"], "place": event["place"], "answer": answer})
    return answer


def _step(step: str, event: dict[str, Any]) -> dict[str, Any]:
    if step == "turn":
        return runner.turn(event["place"])
    if step == "fail":
        return runner.fail(event["place"], str(event.get("reason") or ""))
    raise ValueError(f"a task has no step {step!r}")
