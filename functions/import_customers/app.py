"""Takes the steps of an import, for the state machine (infra/import.asl.json)."""

from __future__ import annotations

import os
import time
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.parameters import SSMProvider
from aws_lambda_powertools.utilities.typing import LambdaContext

from peoplesync.adapters import clock
from peoplesync.adapters.api_keys import ApiKeys
from peoplesync.adapters.connections_store import ConnectionsStore
from peoplesync.adapters.executions import Executions
from peoplesync.adapters.import_runs import ImportRuns
from peoplesync.adapters.measuring import Measuring
from peoplesync.adapters.people_reader import PeopleReader
from peoplesync.adapters.queues import ChangeQueue
from peoplesync.adapters.secrets import Secrets
from peoplesync.adapters.stack import Stack
from peoplesync.adapters.stripe_api import StripeApi
from peoplesync.adapters.table_units import count_units
from peoplesync.adapters.tables import ConnectionRow, ImportRow, MemberRow, use_tables
from peoplesync.sync.importing.steps import Importer
from peoplesync.sync.metrics import Metric

STRIPE_TIMEOUT = 30
"""Seconds for a page: with everything expanded Stripe takes its time."""

logger = Logger()
measuring = Measuring(os.environ)

stack = Stack.from_environment(os.environ)
use_tables(stack)
count_units(measuring.add, ConnectionRow, ImportRow, MemberRow)
keys = ApiKeys(ConnectionsStore(), Secrets(SSMProvider(), stack.secrets_prefix))
importer = Importer(
    connections=ConnectionsStore(),
    runs=ImportRuns(),
    lists=StripeApi(
        keys,
        os.environ.get("PEOPLESYNC_STRIPE_API_URL"),
        timeout=STRIPE_TIMEOUT,
        measure=measuring.add,
        fresh_key=keys.fresh,
    ),
    queue=ChangeQueue(boto3.client("sqs"), stack.bulk_queue_url),
    members=PeopleReader(),
    executions=Executions(boto3.client("stepfunctions")),
    clock=clock.now,
    monotonic=time.monotonic,
    sleep=time.sleep,
    slice_seconds=float(os.environ["IMPORT_SLICE_SECONDS"]),
    share=int(os.environ["IMPORT_SHARE"]) / 100,
)


@logger.inject_lambda_context
@measuring.measured
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Takes the step `event["step"]`; answers with what the state machine chooses on."""
    answer = _step(event)
    logger.info("import step", extra={"step": event["step"], "answer": answer})
    if event["step"] == "finish":
        succeeded = answer["status"] == "succeeded"
        measuring.add(Metric.IMPORTS_SUCCEEDED if succeeded else Metric.IMPORTS_FAILED)
    elif event["step"] == "fail":
        measuring.add(Metric.IMPORTS_FAILED)
    return answer


def _step(event: dict[str, Any]) -> dict[str, Any]:
    place = event.get("place") or {}
    match event["step"]:
        case "start":
            return importer.start(event["input"], event["name"], event["execution"])
        case "read list":
            return importer.read_list(place)
        case "look":
            return importer.look(place)
        case "list again":
            return importer.relist(place)
        case "ask for unseen":
            return importer.ask_for_unseen(place)
        case "finish":
            return importer.finish(place)
        case "fail":
            return importer.fail(place, str(event.get("reason") or ""))
    raise ValueError(f"an import has no step {event['step']!r}")
