"""Tells the bus what was written to people and feeds, from the tables' streams."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.parameters import SSMProvider
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from pynamodb.connection import Connection

from peoplesync.adapters.bus import EventBus
from peoplesync.adapters.connections_store import ConnectionsStore
from peoplesync.adapters.erasure_keys import ErasureKeys
from peoplesync.adapters.measuring import Measuring
from peoplesync.adapters.people_store import PeopleStore
from peoplesync.adapters.secrets import Secrets
from peoplesync.adapters.stack import Stack
from peoplesync.adapters.streamed_rows import read_batch
from peoplesync.adapters.table_units import count_units
from peoplesync.adapters.tables import (
    ConnectionRow,
    FieldRow,
    IdentityRow,
    PersonRow,
    SegmentRow,
    use_tables,
)
from peoplesync.sync.metrics import Metric
from peoplesync.sync.publish import Publisher

logger = Logger()
measuring = Measuring(os.environ)

stack = Stack.from_environment(os.environ)
use_tables(stack)
count_units(measuring.add, ConnectionRow, FieldRow, IdentityRow, PersonRow, SegmentRow)
# What fails comes again, so it had better fail soon: well within the function's timeout.
soon = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "max_attempts": 3})
secrets = Secrets(SSMProvider(boto_config=soon), stack.secrets_prefix)
erasures = ErasureKeys(ConnectionsStore(), secrets.erasure_key)
publisher = Publisher(
    connections=ConnectionsStore(),
    people=PeopleStore(Connection(), int(os.environ["FEED_RETENTION_DAYS"]), erasures),
    bus=EventBus(boto3.client("events", config=soon), os.environ["BUS_NAME"]),
)
# Where nothing at all got through, the function fails as a whole: AWS shows that among its errors.
processor = BatchProcessor(EventType.DynamoDBStreams)


class NotPublished(Exception):
    """Something of a write was not told; the text is the reason, free of personal data."""


@logger.inject_lambda_context
@measuring.measured
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Publishes a batch as one; writes that were not told in full are reported, for the stream to deliver
    them again."""
    streamed = read_batch(event["Records"])
    published = publisher.publish(streamed.writes)
    failed = {**streamed.unread, **published.failed}
    logger.info("batch published", extra={"writes": len(event["Records"]), "events": published.sent})
    for reason, count in Counter(failed.values()).items():
        logger.error("not published", extra={"reason": reason, "writes": count})
    measuring.add(Metric.EVENTS_PUBLISHED, published.sent)
    measuring.add(Metric.PUBLISH_FAILED, len(failed))

    def outcome(record: DynamoDBRecord) -> None:
        number = record.raw_event["dynamodb"]["SequenceNumber"]
        if number in failed:
            raise NotPublished(failed[number])

    return process_partial_response(event, outcome, processor, context)
