"""Every minute: finds the people whom the clock alone may have moved, and has them reviewed."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from peoplesync.adapters import clock
from peoplesync.adapters.connections_store import ConnectionsStore
from peoplesync.adapters.people_reader import PeopleReader
from peoplesync.adapters.queues import ChangeQueue
from peoplesync.adapters.stack import Stack
from peoplesync.adapters.tables import use_tables
from peoplesync.sync.sweep import sweep

logger = Logger()
metrics = Metrics()

stack = Stack.from_environment(os.environ)
use_tables(stack)
bulk = ChangeQueue(boto3.client("sqs"), stack.bulk_queue_url)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(_event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answers with what was due."""
    swept = sweep(ConnectionsStore(), PeopleReader(), bulk, clock.now())
    logger.info("swept", extra=asdict(swept))
    metrics.add_metric("SweepDue", MetricUnit.Count, swept.due)
    return asdict(swept)
