"""Publishes what was written to people and feeds, from the tables' streams."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from peoplesync.adapters.dynamodb.streamed_rows import read_batch
from peoplesync.adapters.wiring import Wiring
from peoplesync.use_cases.metrics import Metric

logger = Logger()
wiring = Wiring.of_function(os.environ)
publisher = wiring.publisher()
# Where nothing at all got through, the function fails as a whole: AWS shows that among its errors.
processor = BatchProcessor(EventType.DynamoDBStreams)


class NotPublished(Exception):
    """Part of a write was not published; the text is the reason, free of personal data."""


@logger.inject_lambda_context
@wiring.measuring.measured
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Publishes a batch as one; writes that were not published in full are reported, for the stream to
    deliver them again."""
    streamed = read_batch(event["Records"])
    published = publisher.publish(streamed.writes)
    failed = {**streamed.unread, **published.failed}
    logger.info("batch published", extra={"writes": len(event["Records"]), "events": published.sent})
    for reason, count in Counter(failed.values()).items():
        logger.error("not published", extra={"reason": reason, "writes": count})
    wiring.measuring.add(Metric.EVENTS_PUBLISHED, published.sent)
    wiring.measuring.add(Metric.PUBLISH_FAILED, len(failed))

    def outcome(record: DynamoDBRecord) -> None:
        number = record.raw_event["dynamodb"]["SequenceNumber"]
        if number in failed:
            raise NotPublished(failed[number])

    return process_partial_response(event, outcome, processor, context)
