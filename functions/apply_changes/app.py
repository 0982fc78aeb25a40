"""Folds changes from the queues into people."""

from __future__ import annotations

import os
import random
import time
import traceback
from typing import Any, Final

import boto3
from aws_lambda_powertools import Logger
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
from peoplesync.adapters.erasure_keys import ErasureKeys
from peoplesync.adapters.ids import person_ids
from peoplesync.adapters.import_runs import ImportRuns
from peoplesync.adapters.measuring import Measuring
from peoplesync.adapters.old_rows import OldRows
from peoplesync.adapters.people_store import PeopleStore
from peoplesync.adapters.queues import ChangeQueue
from peoplesync.adapters.secrets import Secrets
from peoplesync.adapters.stack import Stack
from peoplesync.adapters.stripe_api import StripeApi
from peoplesync.adapters.table_units import count_units
from peoplesync.adapters.tables import MODELS, use_tables
from peoplesync.sync.apply import Applier
from peoplesync.sync.fates import Delivery, Report
from peoplesync.sync.metrics import Metric

logger = Logger()
measuring = Measuring(os.environ)

stack = Stack.from_environment(os.environ)
use_tables(stack)
transactions = Connection()
count_units(measuring.add, transactions, *MODELS)
sqs = boto3.client("sqs")
live = ChangeQueue(sqs, stack.live_queue_url, stack.live_dead_letter_queue_url)
bulk = ChangeQueue(sqs, stack.bulk_queue_url, stack.bulk_dead_letter_queue_url)
reviews = ChangeQueue(sqs, stack.review_queue_url, stack.review_dead_letter_queue_url)
secrets = Secrets(SSMProvider(), stack.secrets_prefix)
keys = ApiKeys(ConnectionsStore(), secrets)
erasures = ErasureKeys(ConnectionsStore(), secrets.erasure_key)
applier = Applier(
    people=PeopleStore(transactions, int(os.environ["FEED_RETENTION_DAYS"]), erasures),
    catalogue=CatalogueStore(),
    stripe=StripeApi(
        keys,
        os.environ.get("PEOPLESYNC_STRIPE_API_URL"),
        measure=measuring.add,
        fresh_key=keys.fresh,
    ),
    connections=ConnectionsStore(),
    runs=ImportRuns(),
    old_rows=OldRows(),
    clock=clock.now,
    new_id=person_ids(clock.now),
    jitter=random.random,
    sleep=time.sleep,
)
processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)


@logger.inject_lambda_context
@measuring.measured
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Applies a batch as one; only messages that crashed are reported, for the queue to deliver again."""
    report = applier.apply([_delivery(SQSRecord(record)) for record in event["Records"]])
    logger.info("batch applied", extra=dict(report.counts))
    for reason in report.buried:
        logger.error("message buried", extra={"reason": reason})
    for message, crash in report.crashed.items():
        logger.error("message crashed", extra={"message_id": message, "crash": _named(crash)})
    _measure(report)

    def outcome(record: SQSRecord) -> None:
        if record.message_id in report.crashed:
            raise report.crashed[record.message_id]

    return process_partial_response(event, outcome, processor, context)


COUNTS: Final = {
    "applied": Metric.CHANGES_APPLIED,
    "stale": Metric.CHANGES_STALE,
    "duplicate": Metric.CHANGES_DUPLICATE,
    "dropped": Metric.CHANGES_DROPPED,
    "waiting": Metric.CHANGES_WAITING,
    "dead": Metric.CHANGES_DEAD,
    "ties": Metric.TIES_FETCHED,
    "not_found": Metric.TIES_NOT_FOUND,
    "unreadable": Metric.TIES_UNREADABLE,
    "races": Metric.CONFLICTS_REFOLDED,
    "entries": Metric.FEED_ENTRIES,
    "missed": Metric.WEBHOOK_MISSED,
    "flipped": Metric.SWEEP_FLIPPED,
    "purged": Metric.OLD_ROWS_PURGED,
}
"""The metric of each of a report's counts."""


def _measure(report: Report) -> None:
    for name, count in report.counts.items():
        measuring.add(COUNTS[name], count)
    measuring.add(Metric.CHANGES_CRASHED, len(report.crashed))
    for seconds in report.lags:
        measuring.add(Metric.CHANGE_LAG, seconds)
    for seconds in report.late:
        measuring.add(Metric.SWEEP_LATE, seconds)


def _named(crash: Exception) -> str:
    """Where an exception came from; not what it says, since that may be personal."""
    frames = traceback.extract_tb(crash.__traceback__)
    return (
        f"{type(crash).__name__} at {frames[-1].filename}:{frames[-1].lineno}"
        if frames
        else type(crash).__name__
    )


def _delivery(record: SQSRecord) -> Delivery:
    queues = {queue.name: queue for queue in (live, bulk, reviews)}
    name = record.event_source_arn.rpartition(":")[2]
    return Delivery(record.message_id, record.body, queues[name])
