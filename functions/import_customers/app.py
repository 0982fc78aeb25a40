"""Takes the steps of an import, for the state machine (infra/import.asl.json)."""

from __future__ import annotations

import os
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from peoplesync.adapters.wiring import Wiring
from peoplesync.use_cases.metrics import Metric

logger = Logger()
wiring = Wiring.of_function(os.environ)
importer = wiring.importer()
steps = {
    "read list": importer.read_list,
    "look": importer.look,
    "list again": importer.relist,
    "ask for unseen": importer.ask_for_unseen,
    "finish": importer.finish,
}


@logger.inject_lambda_context
@wiring.measuring.measured
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Takes the step `event["step"]`; answers with the status by which the state machine continues."""
    answer = _step(event["step"], event)
    logger.info("import step", extra={"step": event["step"], "answer": answer})
    if event["step"] in ("finish", "fail"):
        succeeded = event["step"] == "finish" and answer["status"] == "succeeded"
        wiring.measuring.add(Metric.IMPORTS_SUCCEEDED if succeeded else Metric.IMPORTS_FAILED)
    return answer


def _step(step: str, event: dict[str, Any]) -> dict[str, Any]:
    if step == "start":
        return importer.start(event["input"], event["name"], event["execution"])
    place = event.get("place") or {}
    if step == "fail":
        return importer.job.fail(place, str(event.get("reason") or ""))
    if step not in steps:
        raise ValueError(f"an import has no step {step!r}")
    return steps[step](place)
