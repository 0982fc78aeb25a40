"""The bucket of what could not be published, as Lambda fills it."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from peoplesync.adapters.aws.failed_batches import FailedBatches
from peoplesync.domain.publishing import PersonWritten
from peoplesync.use_cases.publishing.republish import FailedBatch, Unreadable
from tests.support.builders.stripe import NOW
from tests.support.fakes.put_aside import id_of, person_record, put_aside
from tests.support.fakes.world import TEST
from tests.support.stacks.moto_stack import MotoStack

BUCKET = "failures"
DAY_PREFIX = "aws/lambda/m/s/2026/03/01"


@pytest.fixture
def failures(aws: MotoStack) -> FailedBatches:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    return FailedBatches(s3, BUCKET, {"people": aws.stack.people_table, "feed": aws.stack.feed_table})


def put(failures: FailedBatches, key: str, text: str) -> str:
    failures.s3.put_object(Bucket=BUCKET, Key=key, Body=text.encode())
    return key


def test_a_batch_is_described_without_what_is_personal(failures: FailedBatches, aws: MotoStack) -> None:
    records = [person_record(8, NOW - 60), person_record(9, NOW - 30)]
    key = put(failures, *put_aside(records, aws.stack.people_table, NOW, 1, "RecordAgeExceeded"))

    (batch,) = failures.all()

    assert batch == FailedBatch(key, NOW, "RecordAgeExceeded", "people", 2, NOW - 60, NOW - 30)
    assert batch.described() == {
        "id": id_of(1),
        "key": key,
        "stream": "people",
        "records": 2,
        "put_aside_at": "2026-03-01T12:00:00Z",
        "first_at": "2026-03-01T11:59:00Z",
        "last_at": "2026-03-01T11:59:30Z",
        "why": "RecordAgeExceeded",
    }


def test_what_happened_first_comes_first_whatever_its_key(failures: FailedBatches, aws: MotoStack) -> None:
    table = aws.stack.people_table
    put(failures, *put_aside([person_record(10, NOW - 5)], table, NOW + 2, number=1))
    put(failures, *put_aside([person_record(9, NOW - 5)], table, NOW + 1, number=3))
    put(failures, *put_aside([person_record(11, NOW - 9)], table, NOW + 2, number=2))

    assert [batch.id for batch in failures.all()] == [id_of(2), id_of(3), id_of(1)]


def test_more_are_found_than_a_page_lists(
    failures: FailedBatches, aws: MotoStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "2")
    first_page = failures.s3.list_objects_v2(Bucket=BUCKET)["MaxKeys"]
    one = person_record(1)
    for number in range(5):
        put(failures, *put_aside([one], aws.stack.feed_table, NOW, number))

    found = failures.all()

    assert (first_page, len(found)) == (2, 5)
    assert {batch.stream for batch in found} == {"feed"}


def test_the_records_are_read_as_the_function_reads_them(failures: FailedBatches, aws: MotoStack) -> None:
    broken = person_record(2)
    del broken["dynamodb"]["NewImage"]["version"]
    key = put(failures, *put_aside([person_record(1), broken], aws.stack.people_table, NOW))

    streamed = failures.read(key)

    ((number, written),) = streamed.writes.items()
    assert number == f"{1:021d}"
    assert isinstance(written, PersonWritten)
    assert written.after is not None
    assert (written.epoch, written.cause, set(written.after.records)) == (TEST, "live", {"cus_1"})
    assert set(streamed.unread) == {f"{2:021d}"}


@pytest.mark.parametrize(
    ("text", "why", "reason"),
    [
        ("not JSON", "unreadable: it is not JSON", "it is not JSON"),
        ("[]", "unreadable: it is not a JSON object", "it is not a JSON object"),
        ("{}", "unreadable: not a record of a failed batch: KeyError", "its payload is invalid: KeyError"),
        (
            json.dumps({"DDBStreamBatchInfo": {"streamArn": "arn:aws:sqs"}, "payload": "{}"}),
            "unreadable: not a record of a failed batch: IndexError",
            "its payload is invalid: KeyError",
        ),
        (
            json.dumps({"DDBStreamBatchInfo": [], "payload": '{"Records": ["no record"]}'}),
            "unreadable: not a record of a failed batch: TypeError",
            "its payload is invalid: TypeError",
        ),
    ],
)
def test_what_lambda_did_not_write_is_listed_last_and_cannot_be_read(
    failures: FailedBatches, aws: MotoStack, text: str, why: str, reason: str
) -> None:
    key = put(failures, f"{DAY_PREFIX}/0", text)
    put(failures, *put_aside([person_record(1)], aws.stack.people_table, NOW))

    *_, last = failures.all()

    assert (last.key, last.why, last.records, last.stream) == (key, why, 0, None)
    with pytest.raises(Unreadable) as refused:
        failures.read(key)
    assert str(refused.value) == reason


def test_a_deleted_batch_is_gone(failures: FailedBatches, aws: MotoStack) -> None:
    key = put(failures, *put_aside([person_record(1)], aws.stack.people_table, NOW))

    failures.delete(key)

    assert failures.all() == []
    with pytest.raises(Unreadable, match="it is gone"):
        failures.read(key)


def test_a_batch_that_goes_while_it_is_listed_is_left_out(
    failures: FailedBatches, aws: MotoStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(failures, *put_aside([person_record(1)], aws.stack.people_table, NOW))
    gone = f"{DAY_PREFIX}/gone"
    monkeypatch.setattr(FailedBatches, "_listed", lambda self: iter([(gone, NOW)]))

    assert failures.all() == []


def test_a_bucket_that_cannot_be_read_is_no_empty_one(failures: FailedBatches) -> None:
    nowhere = FailedBatches(failures.s3, "no-such-bucket", {})

    with pytest.raises(ClientError):
        nowhere.all()
    with pytest.raises(ClientError):
        nowhere.read("aws/lambda/any")
