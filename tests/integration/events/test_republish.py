"""What lies in the bucket of what could not be published, on the local stack: told on the bus, and gone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from peoplesync_cli import options
from peoplesync_cli.main import main
from peoplesync_local.stack.stack import LocalStack
from tests.integration.events.test_publish import SECONDS, rule, types
from tests.support.fakes.put_aside import put_aside
from tests.support.stacks.stack_company import Company, eventually


def stream_records(running: LocalStack, pk: str) -> list[dict[str, Any]]:
    """What the people's stream tells of rows whose key begins so, as the function is given it."""
    streams = running.session().client("dynamodbstreams")
    (stream,) = streams.list_streams(TableName=running.outputs["PeopleTable"])["Streams"]
    found = []
    described = streams.describe_stream(StreamArn=stream["StreamArn"])["StreamDescription"]
    for shard in described["Shards"]:
        iterator = streams.get_shard_iterator(
            StreamArn=stream["StreamArn"], ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while iterator:
            page = streams.get_records(ShardIterator=iterator)
            found += page["Records"]
            iterator = page.get("NextShardIterator") if page["Records"] else None
    for record in found:
        at = record["dynamodb"]["ApproximateCreationDateTime"]
        record["dynamodb"]["ApproximateCreationDateTime"] = at.timestamp()
    return [one for one in found if one["dynamodb"]["Keys"]["pk"]["S"].startswith(pk)]


def test_what_lambda_put_aside_is_told_again_under_the_same_ids_and_is_gone(
    local_stack: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = Company(local_stack, "told-again")
    company.connect()
    monkeypatch.setattr(options, "resolve", lambda stack: company.target)
    s3, bucket = local_stack.session().client("s3"), local_stack.outputs["PublishFailures"]
    with rule(local_stack, company.name) as heard:
        company.stripe().v1.customers.create({"email": "trial-07@example.com"})
        eventually(lambda: len(heard()) >= 2, SECONDS, "the customer on the bus")
        at_once = {event["detail"]["id"]: event["detail-type"] for event in heard()}
    records = stream_records(local_stack, f"{company.epoch}#")
    table = local_stack.outputs["PeopleTable"]
    key, text = put_aside(records, table, company.simulator().now(), condition="RecordAgeExceeded")
    s3.put_object(Bucket=bucket, Key=key, Body=text.encode())

    with rule(local_stack, company.name) as heard:
        listed = CliRunner().invoke(main, ["publish", "failed", "--json"])
        told = CliRunner().invoke(main, ["publish", "again", key])
        eventually(lambda: len(heard()) >= 2, SECONDS, "the customer on the bus again")
        again = heard()

    (one,) = (json.loads(line) for line in listed.stdout.splitlines())
    assert (one["key"], one["stream"], one["why"]) == (key, "people", "RecordAgeExceeded")
    assert told.exit_code == 0, told.output
    assert types(again) == ["Person Created", "Segment Entered"]
    assert {event["detail"]["id"]: event["detail-type"] for event in again} == at_once
    assert s3.list_objects_v2(Bucket=bucket).get("KeyCount") == 0
