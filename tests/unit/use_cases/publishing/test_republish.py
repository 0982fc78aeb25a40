"""Telling again: what was put aside goes out after all, once it can, and only then leaves the bucket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

from peoplesync.domain.people.person import ERASED
from peoplesync.domain.publishing import Written
from peoplesync.use_cases.messages.message import Message
from peoplesync.use_cases.ports import Unavailable
from peoplesync.use_cases.publishing.republish import FailedBatch, Republished, Republisher, Unreadable
from tests.support.builders.stripe import NOW, customer, event, subscription
from tests.support.fakes.streams import Stage, stage
from tests.support.fakes.world import CONNECTED, TEST

SIGNED_UP = event("customer.created", customer(name="Trial Seven"), created=NOW - 60)
SUBSCRIBED = event("customer.subscription.created", subscription(), created=NOW - 59)
OTHER = event("customer.created", customer("cus_2"), created=NOW - 58)
BATCH = FailedBatch("aws/lambda/batch", NOW, "RetryAttemptsExhausted", "people", 3)


@dataclass(frozen=True)
class Contents:
    writes: Mapping[str, Written]
    unread: Mapping[str, str] = field(default_factory=dict)


@dataclass
class FakeBucket:
    """Holds one batch; nothing where it is damaged."""

    contents: Contents | None

    def read(self, key: str) -> Contents:
        if self.contents is None:
            raise Unreadable("it is not JSON")
        return self.contents

    def delete(self, key: str) -> None:
        self.contents = None

    @property
    def empty(self) -> bool:
        return self.contents is None


@pytest.fixture
def here() -> Stage:
    return stage(NOW)


def put_aside(here: Stage, *events: Mapping[str, object]) -> FakeBucket:
    """What these events led to was not published."""
    here.world.apply(*events)
    stream = here.people.stream
    here.people.streamed.clear()
    return FakeBucket(Contents(stream))


def publish_again(here: Stage, bucket: FakeBucket) -> Republished:
    return Republisher(bucket, here.publisher).publish_again(BATCH)


def test_what_was_put_aside_is_told_under_the_ids_it_would_have_had_and_is_gone(here: Stage) -> None:
    bucket = put_aside(here, SIGNED_UP, SUBSCRIBED)
    assert bucket.contents is not None
    here.publisher.publish(bucket.contents.writes)
    at_once = here.bus.ids
    here.bus.told.clear()

    republished = publish_again(here, bucket)

    assert republished == Republished(BATCH, 5, {})
    assert here.bus.ids == at_once
    assert {"Person Created", "Segment Entered", "Subscription Created"} <= set(here.bus.types)
    assert bucket.empty


def test_what_is_not_told_in_full_stays_with_the_reason(here: Stage) -> None:
    bucket = put_aside(here, SIGNED_UP, SUBSCRIBED)
    here.bus.refuses = {1: "EntryTooLarge", 2: "EntryTooLarge"}

    republished = publish_again(here, bucket)

    assert (republished.events, republished.failed) == (3, {"EntryTooLarge": 1})
    assert not bucket.empty

    assert publish_again(here, bucket).failed == {}
    assert bucket.empty


def test_a_record_that_cannot_be_read_keeps_its_batch_in_the_bucket(here: Stage) -> None:
    bucket = put_aside(here, SIGNED_UP)
    assert bucket.contents is not None
    bucket.contents = Contents(bucket.contents.writes, {"9": "KeyError"})

    republished = publish_again(here, bucket)

    assert (republished.events, republished.failed) == (2, {"KeyError": 1})
    assert not bucket.empty


def test_an_object_that_lambda_did_not_write_stays(here: Stage) -> None:
    republished = publish_again(here, FakeBucket(None))

    assert republished == Republished(BATCH, 0, {"it is not JSON": 3})


def test_an_epoch_that_is_over_is_dropped(here: Stage) -> None:
    bucket = put_aside(here, SIGNED_UP)
    here.connections.connection = replace(CONNECTED, epoch_number=2)

    assert publish_again(here, bucket) == Republished(BATCH, 0, {})
    assert bucket.empty


def test_what_an_import_brought_is_dropped(here: Stage) -> None:
    here.world.deliver([Message(TEST, SIGNED_UP, cause="import").encode()])
    bucket = FakeBucket(Contents(here.people.stream))

    assert publish_again(here, bucket) == Republished(BATCH, 0, {})
    assert bucket.empty


def test_how_somebody_was_is_not_told_any_more_once_they_are_erased(here: Stage) -> None:
    bucket = put_aside(here, SIGNED_UP, SUBSCRIBED, OTHER)
    here.people.people.pop(here.people.identities["customer:cus_1"])
    here.people.identities["customer:cus_1"] = ERASED

    republished = publish_again(here, bucket)

    assert republished == Republished(BATCH, 2, {})
    assert {one.detail["person"]["email"] for one in here.bus.told} == {"cus_2@example.com"}
    assert bucket.empty


def test_without_the_tables_everything_stays(here: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = put_aside(here, SIGNED_UP)

    def busy(*_: object) -> None:
        raise Unavailable("the tables are busy")

    monkeypatch.setattr(here.people, "read", busy)

    assert publish_again(here, bucket) == Republished(BATCH, 0, {"the tables are busy": 3})
    assert not bucket.empty
    assert here.bus.told == []


def test_a_batch_is_known_by_the_end_of_its_key() -> None:
    assert replace(BATCH, key="aws/lambda/m/s/2026/03/01/2026-03-01T12.00.00-0a1b-2c").id == "0a1b-2c"
    assert replace(BATCH, key="aws/lambda/readme.txt").id == "readme.txt"
