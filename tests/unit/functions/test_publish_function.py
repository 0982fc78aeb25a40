"""The function behind the streams: real rows in, events on a bus out, failures one by one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from peoplesync.adapters.dynamodb.connections import ConnectionsStore
from tests.support.builders.stripe import DAY, NOW, customer, event, subscription
from tests.support.fakes.batches import messages, told_of
from tests.support.fakes.ready_connections import connect
from tests.support.fakes.streams import FakeBus, Row, stream_record
from tests.support.stacks.lambda_functions import Function, Printed, batch, cold_start
from tests.support.stacks.moto_stack import MotoStack

PERSONAL: dict[str, Any] = {"email": "trial-07@example.com", "name": "Trial Seven"}
SIGNED_UP = told_of(customer("cus_1", **PERSONAL))
TRIAL = event(
    "customer.subscription.created",
    subscription(status="trialing", created=NOW - 59, trial_end=NOW + 14 * DAY),
    created=NOW - 59,
)


class Streams:
    """The records of both streams, made from what changes in the tables."""

    def __init__(self, aws: MotoStack) -> None:
        self._aws = aws
        self._number = 0
        self._seen = self._rows()

    def _rows(self) -> dict[tuple[str, str], Row]:
        tables = (self._aws.stack.people_table, self._aws.stack.feed_table)
        return {
            (row["pk"]["S"], row.get("sk", {}).get("S", "")): row
            for table in tables
            for row in self._aws.items(table)
        }

    def news(self) -> list[dict[str, Any]]:
        """What was written since the last time, people first."""
        before, self._seen = self._seen, self._rows()
        changed = [
            key
            for key in sorted(before.keys() | self._seen.keys(), key=lambda key: (key[1], key[0]))
            if before.get(key) != self._seen.get(key)
        ]
        return [self._record(before.get(key), self._seen.get(key)) for key in changed]

    def _record(self, before: Row | None, after: Row | None) -> dict[str, Any]:
        self._number += 1
        # Of the feed the stream has new images only.
        old = None if before is None or "sk" in before else before
        record = stream_record(self._number, before, after, at=NOW)
        if old is None:
            record["dynamodb"].pop("OldImage", None)
        return record


@pytest.fixture
def main(aws: MotoStack) -> MotoStack:
    connect("main", "rk_test_of_main", "whsec_test", ConnectionsStore(), aws.secrets, NOW)
    return aws


@pytest.fixture
def apply(main: MotoStack, monkeypatch: pytest.MonkeyPatch) -> Function:
    return cold_start("apply_changes", main, monkeypatch)


@pytest.fixture
def publish(main: MotoStack, monkeypatch: pytest.MonkeyPatch) -> Function:
    return cold_start("publish_changes", main, monkeypatch, BUS_NAME="peoplesync-test")


@pytest.fixture
def bus(publish: Function, monkeypatch: pytest.MonkeyPatch) -> FakeBus:
    """Takes the place of EventBridge, and may refuse."""
    fake = FakeBus()
    monkeypatch.setattr(publish.module, "publisher", replace(publish.module.publisher, bus=fake))
    return fake


def test_what_was_written_reaches_eventbridge(
    apply: Function, publish: Function, main: MotoStack, capsys: pytest.CaptureFixture[str]
) -> None:
    main.client("events").create_event_bus(Name="peoplesync-test")
    streams = Streams(main)
    apply(batch(*messages(SIGNED_UP, TRIAL)))
    capsys.readouterr()

    answer = publish({"Records": streams.news()})

    assert answer == {"batchItemFailures": []}
    printed = Printed(capsys.readouterr().out)
    assert printed.metrics["EventsPublished"] == 5
    assert "PublishFailed" not in printed.metrics
    assert [(line["message"], line["writes"], line["events"]) for line in printed.log] == [
        ("batch published", 3, 5)
    ]
    assert not [one for one in PERSONAL.values() if one in printed.text]


def test_the_rows_of_both_streams_are_read(
    apply: Function, publish: Function, bus: FakeBus, main: MotoStack
) -> None:
    streams = Streams(main)
    apply(batch(*messages(SIGNED_UP, TRIAL)))
    publish({"Records": streams.news()})

    assert sorted(bus.types) == [
        "Person Created",
        "Segment Entered",
        "Segment Entered",
        "Subscription Created",
        "Trial Started",
    ]
    assert {one.detail["person"]["email"] for one in bus.told} == {PERSONAL["email"]}
    (started,) = bus.of("Trial Started")
    assert (started["customer"], started["age_seconds"]) == ("cus_1", 59)

    bus.told.clear()
    renamed = customer("cus_1", **(PERSONAL | {"name": None}))
    apply(batch(*messages(event("customer.updated", renamed, previous={}, created=NOW - 10))))
    publish({"Records": streams.news()})

    (updated,) = bus.of("Person Updated")
    assert updated["changes"]["customer_name"] == {"old": "Trial Seven", "new": None}
    assert updated["cause"] == "live"


def test_what_is_deleted_is_told_only_of_people_and_not_when_dynamodb_deletes_by_itself(
    apply: Function, publish: Function, bus: FakeBus, main: MotoStack
) -> None:
    streams = Streams(main)
    apply(batch(*messages(SIGNED_UP, TRIAL)))
    streams.news()
    dynamodb = main.client("dynamodb")
    for table, keys in ((main.stack.people_table, ("pk",)), (main.stack.feed_table, ("pk", "sk"))):
        for row in main.items(table):
            dynamodb.delete_item(TableName=table, Key={key: row[key] for key in keys})
    deleted = streams.news()
    by_itself = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}

    publish({"Records": [record | {"userIdentity": by_itself} for record in deleted]})
    assert bus.told == []

    assert publish({"Records": deleted}) == {"batchItemFailures": []}
    assert bus.types == ["Person Removed", "Segment Left", "Segment Left"]


def test_only_writes_that_were_not_told_in_full_come_again(
    apply: Function, publish: Function, bus: FakeBus, main: MotoStack, capsys: pytest.CaptureFixture[str]
) -> None:
    streams = Streams(main)
    apply(batch(*messages(SIGNED_UP, told_of(customer("cus_2")))))
    records = streams.news()
    capsys.readouterr()
    bus.refuses = {2: "ThrottlingException"}

    answer = publish({"Records": records})

    second = records[1]["dynamodb"]["SequenceNumber"]
    assert answer == {"batchItemFailures": [{"itemIdentifier": second}]}
    printed = Printed(capsys.readouterr().out)
    assert (printed.metrics["EventsPublished"], printed.metrics["PublishFailed"]) == (3, 1)
    assert [(line["reason"], line["writes"]) for line in printed.log if line["level"] == "ERROR"] == [
        ("ThrottlingException", 1)
    ]


def test_a_record_that_cannot_be_read_fails_alone_and_shows_nothing_of_itself(
    apply: Function, publish: Function, bus: FakeBus, main: MotoStack, capsys: pytest.CaptureFixture[str]
) -> None:
    streams = Streams(main)
    apply(batch(*messages(SIGNED_UP, told_of(customer("cus_2")))))
    records = streams.news()
    del records[0]["dynamodb"]["NewImage"]["version"]
    capsys.readouterr()

    answer = publish({"Records": records})

    first = records[0]["dynamodb"]["SequenceNumber"]
    assert answer == {"batchItemFailures": [{"itemIdentifier": first}]}
    assert bus.types == ["Person Created", "Segment Entered"]
    assert not [one for one in PERSONAL.values() if one in capsys.readouterr().out]


def test_a_batch_of_which_nothing_was_told_fails_as_a_whole_and_is_measured(
    apply: Function, publish: Function, bus: FakeBus, main: MotoStack, capsys: pytest.CaptureFixture[str]
) -> None:
    streams = Streams(main)
    apply(batch(*messages(SIGNED_UP)))
    capsys.readouterr()
    bus.refuses = {0: "InternalFailure", 1: "InternalFailure"}

    with pytest.raises(publish.module.NotPublished) as failed:
        publish({"Records": streams.news()})

    assert not [one for one in PERSONAL.values() if one in str(failed.value)]
    assert Printed(capsys.readouterr().out).metrics["PublishFailed"] == 1


def test_an_epoch_that_was_left_is_silent_at_once(
    apply: Function, publish: Function, bus: FakeBus, main: MotoStack
) -> None:
    streams = Streams(main)
    apply(batch(*messages(SIGNED_UP)))
    publish({"Records": streams.news()})
    assert bus.types == ["Person Created", "Segment Entered"]
    connections = ConnectionsStore()
    connection = connections.get("main")
    assert connection is not None
    connections.begin_epoch(replace(connection, epoch_number=2))
    for row in main.items(main.stack.people_table):
        main.client("dynamodb").delete_item(TableName=main.stack.people_table, Key={"pk": row["pk"]})

    publish({"Records": streams.news()})

    assert bus.types == ["Person Created", "Segment Entered"]
