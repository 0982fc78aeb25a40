"""Counts and indexes what was written to people, from their table's stream."""

from __future__ import annotations

import os
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from peoplesync.adapters.dynamodb.streamed_rows import read_batch
from peoplesync.adapters.wiring import Wiring
from peoplesync.domain.publishing import PersonWritten
from peoplesync.use_cases.metrics import Metric

logger = Logger()
wiring = Wiring.of_function(os.environ)
indexer = wiring.indexer()


@logger.inject_lambda_context
@wiring.measuring.measured
def handler(event: dict[str, Any], _context: LambdaContext) -> None:
    """Indexes a batch. What cannot be written now raises, and the stream delivers the batch again. A write
    that cannot be understood is passed over: the person's next one makes up for it, or `peoplesync reindex`.
    """
    streamed = read_batch(event["Records"])
    writes = [one for one in streamed.writes.values() if isinstance(one, PersonWritten)]
    indexed = indexer.index(writes)
    passed_over = {**streamed.unread, **indexed.passed_over}
    logger.info("batch indexed", extra={"writes": len(event["Records"]), "people": indexed.people})
    for name, fault in passed_over.items():
        logger.error("not indexed", extra={"write": name, "reason": fault})
    wiring.measuring.add(Metric.PEOPLE_INDEXED, indexed.people)
    wiring.measuring.add(Metric.INDEX_PASSED_OVER, len(passed_over))
