"""Every minute: finds the people whom the clock alone may have moved, and has them reviewed."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from peoplesync.adapters import clock
from peoplesync.adapters.connections_store import ConnectionsStore
from peoplesync.adapters.measuring import Measuring
from peoplesync.adapters.people_reader import PeopleReader
from peoplesync.adapters.queues import ChangeQueue
from peoplesync.adapters.stack import Stack
from peoplesync.adapters.table_units import count_units
from peoplesync.adapters.tables import ConnectionRow, PersonRow, use_tables
from peoplesync.sync.metrics import Metric
from peoplesync.sync.sweep import sweep

logger = Logger()
measuring = Measuring(os.environ)

stack = Stack.from_environment(os.environ)
use_tables(stack)
count_units(measuring.add, ConnectionRow, PersonRow)
reviews = ChangeQueue(boto3.client("sqs"), stack.review_queue_url)


@logger.inject_lambda_context
@measuring.measured
def handler(_event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answers with what was due."""
    swept = sweep(ConnectionsStore(), PeopleReader(), reviews, clock.now())
    logger.info("swept", extra=asdict(swept))
    measuring.add(Metric.SWEEP_DUE, swept.due)
    measuring.add(Metric.SWEEP_HELD_BACK, swept.held_back)
    return asdict(swept)
