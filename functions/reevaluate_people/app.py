"""Takes the steps of a re-evaluation, for the state machine (infra/reevaluate.asl.json)."""

from __future__ import annotations

import os
from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from peoplesync.adapters.wiring import Wiring
from peoplesync.use_cases.metrics import Metric

logger = Logger()
wiring = Wiring.of_function(os.environ)
reevaluator = wiring.reevaluator()
steps = {
    "hand out": reevaluator.enqueue,
    "look": reevaluator.look,
    "hand out again": reevaluator.enqueue_again,
    "finish": reevaluator.finish,
}

ENDS: Final = {"succeeded": Metric.REEVALUATIONS_SUCCEEDED, "failed": Metric.REEVALUATIONS_FAILED}
"""The metric of each status that is counted in the end."""


@logger.inject_lambda_context
@wiring.measuring.measured
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Takes the step `event["step"]`; answers with the status by which the state machine continues."""
    answer = _step(event["step"], event)
    logger.info("re-evaluation step", extra={"step": event["step"], "answer": answer})
    if event["step"] in ("finish", "fail") and answer["status"] in ENDS:
        wiring.measuring.add(ENDS[answer["status"]])
    return answer


def _step(step: str, event: dict[str, Any]) -> dict[str, Any]:
    if step == "start":
        return reevaluator.start(event["input"], event["name"], event["execution"])
    place = event.get("place") or {}
    if step == "fail":
        return reevaluator.job.fail(place, str(event.get("reason") or ""))
    if step not in steps:
        raise ValueError(f"a re-evaluation has no step {step!r}")
    return steps[step](place)
