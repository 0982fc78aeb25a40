"""Takes Stripe's webhooks: `POST /webhooks/stripe/{connection}`."""

from __future__ import annotations

import base64
import json
import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.parameters import SSMProvider
from aws_lambda_powertools.utilities.typing import LambdaContext

from peoplesync.adapters import clock
from peoplesync.adapters.connections_store import ConnectionsStore
from peoplesync.adapters.measuring import Measuring
from peoplesync.adapters.queues import ChangeQueue
from peoplesync.adapters.secrets import Secrets
from peoplesync.adapters.stack import Stack
from peoplesync.adapters.table_units import count_units
from peoplesync.adapters.tables import ConnectionRow, use_tables
from peoplesync.sync.metrics import Metric
from peoplesync.sync.receive import Receiver

logger = Logger()
measuring = Measuring(os.environ)

stack = Stack.from_environment(os.environ)
use_tables(stack)
count_units(measuring.add, ConnectionRow)
receiver = Receiver(
    connections=ConnectionsStore(cache_seconds=10),
    secrets=Secrets(SSMProvider(), stack.secrets_prefix),
    queue=ChangeQueue(boto3.client("sqs"), stack.live_queue_url),
)


@logger.inject_lambda_context
@measuring.measured
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answers 200 as soon as the event is on the queue, or has no use; 400 with a reason otherwise."""
    body = event.get("body") or ""
    receipt = receiver.receive(
        event["pathParameters"]["connection"],
        base64.b64decode(body) if event.get("isBase64Encoded") else body.encode(),
        event.get("headers", {}).get("stripe-signature"),
        clock.now(),
    )
    measuring.add(Metric.WEBHOOKS_RECEIVED)
    measuring.add(receipt.metric)
    log = logger.warning if receipt.outcome == "refused" else logger.info
    log(f"webhook {receipt.outcome}", extra={"reason": receipt.reason, **receipt.detail})
    answer = {"outcome": receipt.outcome, **({"reason": receipt.reason} if receipt.reason else {})}
    return {
        "statusCode": receipt.status,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(answer),
    }
