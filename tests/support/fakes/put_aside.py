"""What Lambda puts into a bucket when it gives a batch of a stream up."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from peoplesync.adapters.dynamodb.people.stored_people import to_row
from tests.support.builders.stripe import NOW, customer, event
from tests.support.fakes.streams import stream_record
from tests.support.fakes.world import TEST, World

MAPPING: Final = "0b1c6ed0-0000-4000-8000-000000000001"
SHARD: Final = "shardId-00000001573689847184-864758bb"


def put_aside(
    records: Sequence[Mapping[str, Any]],
    table: str,
    at: int,
    number: int = 1,
    condition: str = "RetryAttemptsExhausted",
) -> tuple[str, str]:
    """The key and the text of the object for the records of a table's stream, put aside at that instant; the
    end of its key is made from `number`."""
    when = datetime.fromtimestamp(at, UTC)
    key = f"aws/lambda/{MAPPING}/{SHARD}/{when:%Y/%m/%d}/{when:%Y-%m-%dT%H.%M.%S}-{id_of(number)}"
    changes = [record["dynamodb"] for record in records]
    stream = f"table/{table}/stream/2026-03-01T12:00:00.000"
    document = {
        "requestContext": {
            "requestId": "316aa6d0-0000-4000-8000-000000000000",
            "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:PublishChanges",
            "condition": condition,
            "approximateInvokeCount": 11,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "timestamp": f"{when:%Y-%m-%dT%H:%M:%S}.717Z",
        "DDBStreamBatchInfo": {
            "shardId": SHARD,
            "startSequenceNumber": changes[0]["SequenceNumber"],
            "endSequenceNumber": changes[-1]["SequenceNumber"],
            "approximateArrivalOfFirstRecord": _instant(changes[0]),
            "approximateArrivalOfLastRecord": _instant(changes[-1]),
            "batchSize": len(records),
            "streamArn": f"arn:aws:dynamodb:us-east-1:123456789012:{stream}",
        },
        # Lambda shows bytes in base64.
        "payload": json.dumps({"Records": records}, default=lambda raw: base64.b64encode(raw).decode()),
    }
    return key, json.dumps(document)


def person_record(number: int, at: int = NOW, **facts: Any) -> dict[str, Any]:
    """The stream's record of how a person came into being, with the customer of that number."""
    world = World(NOW)
    world.apply(event("customer.created", customer(f"cus_{number}", **facts), created=NOW - 60))
    (person,) = world.people.people.values()
    row = to_row(TEST, person, "live").to_dynamodb_dict()
    return stream_record(number, None, row, at=at)


def id_of(number: int) -> str:
    """What the keys of such objects end with."""
    return f"{number:08x}-0000-4000-8000-000000000000"


def _instant(change: Mapping[str, Any]) -> str:
    return f"{datetime.fromtimestamp(int(change['ApproximateCreationDateTime']), UTC):%Y-%m-%dT%H:%M:%SZ}"
