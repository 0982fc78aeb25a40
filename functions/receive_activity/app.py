"""Takes what the app tells of its users: `POST /v1/track`, `/v1/identify` and `/v1/batch`, and events
`Activity` of the bus."""

from __future__ import annotations

import base64
import json
import os
from datetime import datetime
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError

from peoplesync.adapters import clock
from peoplesync.adapters.connections_store import ConnectionsStore
from peoplesync.adapters.measuring import Measuring
from peoplesync.adapters.queues import ChangeQueue
from peoplesync.adapters.stack import Stack
from peoplesync.adapters.table_units import count_units
from peoplesync.adapters.tables import ConnectionRow, WriteKeyRow, use_tables
from peoplesync.adapters.write_keys import WriteKeys
from peoplesync.sync.metrics import Metric
from peoplesync.sync.receive_activity import BUSY, ActivityReceiver, Answer

logger = Logger()
measuring = Measuring(os.environ)

stack = Stack.from_environment(os.environ)
use_tables(stack)
count_units(measuring.add, ConnectionRow, WriteKeyRow)
receiver = ActivityReceiver(
    connections=ConnectionsStore(cache_seconds=10),
    keys=WriteKeys(cache_seconds=30),
    queue=ChangeQueue(boto3.client("sqs"), stack.live_queue_url, stack.live_dead_letter_queue_url),
)


@logger.inject_lambda_context
@measuring.measured
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answers as Segment's HTTP API does. An event of the bus that fails is tried again by Lambda."""
    if "detail-type" in event:
        happened_at = int(datetime.fromisoformat(event["time"]).timestamp())
        answer = receiver.take_event(event["detail"], event["id"], happened_at, clock.now())
        told("event of the bus", answer)
        return {}
    body = event.get("body") or ""
    try:
        answer = receiver.receive(
            event["routeKey"].rpartition("/")[2],
            base64.b64decode(body) if event.get("isBase64Encoded") else body.encode(),
            event.get("headers", {}),
            clock.now(),
        )
    except (BotoCoreError, ClientError):
        logger.exception("AWS did not do what was asked")
        answer = BUSY
    told("activity", answer)
    return {
        "statusCode": answer.status,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(answer.body),
    }


def told(what: str, answer: Answer) -> None:
    """Logs and counts; which items are refused and why is only for whoever sent them."""
    measuring.add(Metric.ACTIVITIES_RECEIVED, answer.accepted)
    measuring.add(Metric.ACTIVITIES_REFUSED, sum(answer.refused.values()))
    if answer.metric:
        measuring.add(answer.metric)
    log = logger.info if answer.status == 200 and not answer.refused else logger.warning
    log(
        f"{what} taken" if answer.accepted or answer.status == 200 else f"{what} refused",
        extra={
            "status": answer.status,
            "code": answer.body.get("code"),
            "connection": answer.connection,
            "accepted": answer.accepted,
            "refused": dict(answer.refused),
        },
    )
