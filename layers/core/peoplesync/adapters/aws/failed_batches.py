"""Failed batches: the S3 bucket into which Lambda puts what a stream's mapping has given up on.

https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html: one JSON object for each batch,
under `aws/lambda/<mapping's UUID>/<shard>/YYYY/MM/DD/YYYY-MM-DDTHH.MM.SS-<random UUID>`:

    {"version": "1.0", "timestamp": "2026-03-01T12:00:00.000Z",
     "requestContext": {"requestId": …, "functionArn": …, "approximateInvokeCount": 10,
                        "condition": "RetryAttemptsExhausted"},
     "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
     "DDBStreamBatchInfo": {"shardId": …, "streamArn": "arn:…:table/NAME/stream/…", "batchSize": 1,
                            "startSequenceNumber": "8000…", "endSequenceNumber": "8000…",
                            "approximateArrivalOfFirstRecord": "2026-03-01T11:59:00Z",
                            "approximateArrivalOfLastRecord": "2026-03-01T11:59:00Z"},
     "payload": "{\\"Records\\": […]}"}

`payload` is the function's event as text; only S3 is given it. `functionError` is missing where the function
answered which records failed, and `responseContext` may be where a batch became too old before it was tried.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from peoplesync.adapters.dynamodb.streamed_rows import Streamed, read_batch
from peoplesync.use_cases.publishing.republish import FailedBatch, Unreadable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PREFIX: Final = "aws/lambda/"
GONE: Final = "it is gone"
_READERS: Final = 8

Json = Mapping[str, Any]
_Place = tuple[int, int, str]


@dataclass(frozen=True)
class FailedBatches:
    """The batches in a bucket. `tables` are the names of the tables whose streams they are of, by what those
    streams are called."""

    s3: S3Client
    bucket: str
    tables: Mapping[str, str]

    def all(self) -> list[FailedBatch]:
        """All there are, those that happened first before the others; what cannot be read comes last."""
        objects = list(self._listed())
        with ThreadPoolExecutor(_READERS) as readers:
            found = readers.map(lambda one: self._batch(*one), objects)
            return [batch for _, batch in sorted((one for one in found if one), key=lambda one: one[0])]

    def read(self, key: str) -> Streamed:
        """What a batch holds. Raises Unreadable."""
        document = self._document(key)
        try:
            return read_batch(json.loads(document["payload"])["Records"])
        except (AttributeError, KeyError, TypeError, ValueError) as fault:
            raise Unreadable(f"its payload is invalid: {type(fault).__name__}") from fault

    def delete(self, key: str) -> None:
        self.s3.delete_object(Bucket=self.bucket, Key=key)

    def _listed(self) -> Iterator[tuple[str, int]]:
        """The keys of the objects, and when they were put there."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=PREFIX)
        for page in pages:
            for one in page.get("Contents", ()):
                yield one["Key"], int(one["LastModified"].timestamp())

    def _batch(self, key: str, stored_at: int) -> tuple[_Place, FailedBatch] | None:
        """A batch with its place in the order; None where it has gone meanwhile."""
        try:
            return self._described(key, self._document(key))
        except Unreadable as reason:
            if str(reason) == GONE:
                return None
            return (2**63, 0, key), FailedBatch(key, stored_at, f"unreadable: {reason}")

    def _described(self, key: str, document: Json) -> tuple[_Place, FailedBatch]:
        try:
            info = document["DDBStreamBatchInfo"]
            table = str(info["streamArn"]).split(":table/")[1].split("/")[0]
            first, last = (
                _seconds(info[f"approximateArrivalOf{which}Record"]) for which in ("First", "Last")
            )
            batch = FailedBatch(
                key=key,
                put_aside_at=_seconds(document["timestamp"]),
                why=str(document["requestContext"]["condition"]),
                stream=next((name for name, one in self.tables.items() if one == table), table),
                records=int(info["batchSize"]),
                first_at=first,
                last_at=last,
            )
            return (first, int(info["startSequenceNumber"]), key), batch
        except (KeyError, IndexError, TypeError, ValueError) as fault:
            raise Unreadable(f"not a record of a failed batch: {type(fault).__name__}") from fault

    def _document(self, key: str) -> Json:
        try:
            body = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                raise Unreadable(GONE) from error
            raise
        try:
            document = json.loads(body)
        except ValueError as fault:
            raise Unreadable("it is not JSON") from fault
        if not isinstance(document, dict):
            raise Unreadable("it is not a JSON object")
        return document


def _seconds(instant: str) -> int:
    return int(datetime.fromisoformat(instant).timestamp())
