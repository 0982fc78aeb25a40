"""Takes the steps of a re-evaluation, for the state machine (infra/reevaluate.asl.json)."""

from __future__ import annotations

import os
import time
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from peoplesync.adapters import clock
from peoplesync.adapters.connections_store import ConnectionsStore
from peoplesync.adapters.executions import Executions
from peoplesync.adapters.measuring import Measuring
from peoplesync.adapters.people_reader import PeopleReader
from peoplesync.adapters.queues import ChangeQueue
from peoplesync.adapters.reevaluation_runs import ReevaluationRuns
from peoplesync.adapters.stack import Stack
from peoplesync.adapters.table_units import count_units
from peoplesync.adapters.tables import ConnectionRow, ImportRow, MemberRow, use_tables
from peoplesync.sync.metrics import Metric
from peoplesync.sync.reevaluating.steps import Reevaluator

logger = Logger()
measuring = Measuring(os.environ)

stack = Stack.from_environment(os.environ)
use_tables(stack)
count_units(measuring.add, ConnectionRow, ImportRow, MemberRow)
reevaluator = Reevaluator(
    connections=ConnectionsStore(),
    runs=ReevaluationRuns(),
    queue=ChangeQueue(boto3.client("sqs"), stack.bulk_queue_url),
    members=PeopleReader(),
    executions=Executions(boto3.client("stepfunctions")),
    clock=clock.now,
    monotonic=time.monotonic,
    sleep=time.sleep,
    slice_seconds=float(os.environ["REEVALUATE_SLICE_SECONDS"]),
)


@logger.inject_lambda_context
@measuring.measured
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Takes the step `event["step"]`; answers with what the state machine chooses on."""
    answer = _step(event)
    logger.info("re-evaluation step", extra={"step": event["step"], "answer": answer})
    if event["step"] in ("finish", "fail"):
        if answer["status"] == "succeeded":
            measuring.add(Metric.REEVALUATIONS_SUCCEEDED)
        elif answer["status"] == "failed":
            measuring.add(Metric.REEVALUATIONS_FAILED)
    return answer


def _step(event: dict[str, Any]) -> dict[str, Any]:
    place = event.get("place") or {}
    match event["step"]:
        case "start":
            return reevaluator.start(event["input"], event["name"], event["execution"])
        case "hand out":
            return reevaluator.hand_out(place)
        case "look":
            return reevaluator.look(place)
        case "hand out again":
            return reevaluator.hand_out_again(place)
        case "finish":
            return reevaluator.finish(place)
        case "fail":
            return reevaluator.fail(place, str(event.get("reason") or ""))
    raise ValueError(f"a re-evaluation has no step {event['step']!r}")
