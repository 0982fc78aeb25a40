"""Publishes what was written to people and feeds, from the tables' streams."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from peoplesync.adapters.dynamodb.streamed_rows import read_batch
from peoplesync.adapters.wiring import Wiring
from peoplesync.use_cases.metrics import Metric

logger = Logger()
wiring = Wiring.of_function(os.environ)
publisher = wiring.publisher()


class NotPublished(Exception):
    """Nothing of a batch was published; the text has the reasons, free of personal data."""


@logger.inject_lambda_context
@wiring.measuring.measured
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
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
    numbers = [record["dynamodb"]["SequenceNumber"] for record in event["Records"]]
    to_repeat = [number for number in numbers if number in failed]
    if to_repeat and to_repeat == numbers:
        # So AWS shows it among the function's errors.
        raise NotPublished(", ".join(sorted(set(failed.values()))))
    return {"batchItemFailures": [{"itemIdentifier": number} for number in to_repeat]}
