"""Folds changes from the queues into people."""

from __future__ import annotations

import os
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from peoplesync.adapters.wiring import Wiring
from peoplesync.use_cases.worker.outcome.batch_reporting import metrics_of, place_of
from peoplesync.use_cases.worker.outcome.report import Delivery

logger = Logger()
wiring = Wiring.of_function(os.environ)
worker = wiring.worker()
queues = {queue.name: queue for queue in wiring.queues.values()}
processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)


@logger.inject_lambda_context
@wiring.measuring.measured
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Applies a batch as one; only messages that crashed are reported, for the queue to deliver again."""
    report = worker.apply([_delivery(SQSRecord(record)) for record in event["Records"]])
    logger.info("batch applied", extra=dict(report.counts))
    for reason in report.dead_lettered:
        logger.error("message dead-lettered", extra={"reason": reason})
    for message, crash in report.crashed.items():
        logger.error("message crashed", extra={"message_id": message, "crash": place_of(crash)})
    for metric, value in metrics_of(report):
        wiring.measure(metric, value)

    def outcome(record: SQSRecord) -> None:
        if record.message_id in report.crashed:
            raise report.crashed[record.message_id]

    return process_partial_response(event, outcome, processor, context)


def _delivery(record: SQSRecord) -> Delivery:
    return Delivery(record.message_id, record.body, queues[record.event_source_arn.rpartition(":")[2]])
