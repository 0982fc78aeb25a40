"""Folds changes from the queues into people."""

from __future__ import annotations

import os
import random
import traceback
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.parameters import SSMProvider
from aws_lambda_powertools.utilities.typing import LambdaContext
from pynamodb.connection import Connection

from peoplesync.adapters import clock
from peoplesync.adapters.api_keys import ApiKeys
from peoplesync.adapters.catalogue_store import CatalogueStore
from peoplesync.adapters.connections_store import ConnectionsStore
from peoplesync.adapters.ids import person_ids
from peoplesync.adapters.import_runs import ImportRuns
from peoplesync.adapters.old_rows import OldRows
from peoplesync.adapters.people_store import PeopleStore
from peoplesync.adapters.queues import ChangeQueue
from peoplesync.adapters.secrets import Secrets
from peoplesync.adapters.stack import Stack
from peoplesync.adapters.stripe_api import StripeApi
from peoplesync.adapters.tables import use_tables
from peoplesync.sync.apply import Applier
from peoplesync.sync.fates import Delivery

logger = Logger()
metrics = Metrics()

stack = Stack.from_environment(os.environ)
use_tables(stack)
sqs = boto3.client("sqs")
live = ChangeQueue(sqs, stack.live_queue_url, stack.live_dead_letter_queue_url)
bulk = ChangeQueue(sqs, stack.bulk_queue_url, stack.bulk_dead_letter_queue_url)
applier = Applier(
    people=PeopleStore(Connection(), int(os.environ["FEED_RETENTION_DAYS"])),
    catalogue=CatalogueStore(),
    stripe=StripeApi(
        ApiKeys(ConnectionsStore(), Secrets(SSMProvider(), stack.secrets_prefix)),
        os.environ.get("PEOPLESYNC_STRIPE_API_URL"),
    ),
    connections=ConnectionsStore(),
    runs=ImportRuns(),
    old_rows=OldRows(),
    clock=clock.now,
    new_id=person_ids(clock.now),
    jitter=random.random,
)
processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Applies a batch as one; only messages that crashed are reported, for the queue to deliver again."""
    report = applier.apply([_delivery(SQSRecord(record)) for record in event["Records"]])
    logger.info("batch applied", extra=dict(report.counts))
    for reason in report.buried:
        logger.error("message buried", extra={"reason": reason})
    for message, crash in report.crashed.items():
        logger.error("message crashed", extra={"message_id": message, "crash": _named(crash)})
    metrics.add_metric("ChangesCrashed", MetricUnit.Count, len(report.crashed))
    for name, count in report.counts.items():
        metrics.add_metric(f"Changes{name.title().replace('_', '')}", MetricUnit.Count, count)

    def outcome(record: SQSRecord) -> None:
        if record.message_id in report.crashed:
            raise report.crashed[record.message_id]

    return process_partial_response(event, outcome, processor, context)


def _named(crash: Exception) -> str:
    """Where an exception came from; not what it says, since that may be personal."""
    frames = traceback.extract_tb(crash.__traceback__)
    return (
        f"{type(crash).__name__} at {frames[-1].filename}:{frames[-1].lineno}"
        if frames
        else type(crash).__name__
    )


def _delivery(record: SQSRecord) -> Delivery:
    queue = bulk if record.event_source_arn.endswith(f":{bulk.name}") else live
    return Delivery(record.message_id, record.body, queue)
