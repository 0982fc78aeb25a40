"""Folds changes from the queues into people."""

from __future__ import annotations

import os
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from peoplesync.adapters.wiring import Wiring
from peoplesync.use_cases.worker.outcome.batch_reporting import metrics_of, place_of
from peoplesync.use_cases.worker.outcome.report import Delivery

logger = Logger()
wiring = Wiring.of_function(os.environ)
worker = wiring.worker()
queues = {queue.name: queue for queue in wiring.queues.values()}


@logger.inject_lambda_context
@wiring.measuring.measured
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Applies a batch as one; only messages that crashed are reported, for the queue to deliver again."""
    report = worker.apply([_delivery(record) for record in event["Records"]])
    logger.info("batch applied", extra=dict(report.counts))
    for reason in report.dead_lettered:
        logger.error("message dead-lettered", extra={"reason": reason})
    for message, crash in report.crashed.items():
        logger.error("message crashed", extra={"message_id": message, "crash": place_of(crash)})
    for metric, value in metrics_of(report):
        wiring.measure(metric, value)
    crashed = [one["messageId"] for one in event["Records"] if one["messageId"] in report.crashed]
    return {"batchItemFailures": [{"itemIdentifier": message} for message in crashed]}


def _delivery(record: dict[str, Any]) -> Delivery:
    queue = queues[record["eventSourceARN"].rpartition(":")[2]]
    return Delivery(record["messageId"], record["body"], queue)
