"""Users of the app in DynamoDB: their feed, the markers by which a message is known, and their traits."""

from __future__ import annotations

import json
from typing import Any

import pytest

from peoplesync.adapters.dynamodb.people.people_reader import PeopleReader
from peoplesync.adapters.dynamodb.people.plans import MAX_ITEMS
from peoplesync.adapters.dynamodb.streamed_rows import read_record
from peoplesync.adapters.dynamodb.tables import FeedRow
from peoplesync.domain.billing_events import BillingEvent
from peoplesync.domain.fields.built_in import Field
from peoplesync.domain.people.person import Person
from peoplesync.domain.publishing import EntryWritten
from peoplesync.domain.records.activity import Trait
from peoplesync.domain.records.record import Occurrences
from peoplesync.use_cases.ports import VersionConflict
from tests.support.builders.app_users import change, defining, identified, told_by_app, tracked
from tests.support.builders.stored_stories import newcomer, person, record, write_set
from tests.support.builders.stripe import DAY, NOW
from tests.support.fakes.batches import counts_of
from tests.support.fakes.streams import stream_record
from tests.support.fakes.world import TEST, World
from tests.support.stacks.moto_stack import MotoStack, people_store, write_one

A = "a@example.com"
SEATS = Field("seats", "Seats", "Custom", "number", "traits.seats")


@pytest.fixture
def world(aws: MotoStack) -> World:
    """A worker at the tables."""
    world = defining(SEATS)
    world.applier.people = people_store()
    return world


def of(identity: str) -> Person:
    person = PeopleReader().person_of(TEST, identity)
    assert person is not None
    return person


def feed_rows(aws: MotoStack) -> dict[str, dict[str, Any]]:
    return {row["sk"]["S"]: row for row in aws.items(aws.stack.feed_table)}


def exported(message: str = "m-1", at: int = NOW - DAY, user: str = "42") -> BillingEvent:
    (entry,) = change(tracked(user, at=at, message=message)).events
    return entry


def test_a_tracked_event_is_an_entry_and_a_marker_that_live_equally_long(
    aws: MotoStack, world: World
) -> None:
    told_by_app(world, tracked(at=NOW - DAY, message="m-1", format="pdf"))

    rows = feed_rows(aws)
    assert list(rows) == [f"0{NOW - DAY}#tracked:m-1", "message#m-1"]
    entry, marker = rows.values()
    assert {row["pk"]["S"] for row in rows.values()} == {"main#1#user:42"}
    assert entry["kind"]["S"] == "tracked:Report Exported"
    assert json.loads(entry["content_json"]["S"]) == {
        "event": "Report Exported",
        "properties": {"format": "pdf"},
    }
    assert (marker["kind"]["S"], marker["content_json"]["S"]) == ("marker", "{}")
    assert entry["expires_at"] == marker["expires_at"] == {"N": str(NOW + 400 * DAY)}


def test_who_reads_a_feed_sees_no_markers(aws: MotoStack, world: World) -> None:
    told_by_app(world, tracked(at=NOW - DAY, message="m-1"), tracked(at=NOW, message="m-2"))

    seen = [(at, key, kind) for at, key, kind, _ in PeopleReader().feed(TEST, "user:42")]
    assert seen == [
        (NOW, "tracked:m-2", "tracked:Report Exported"),
        (NOW - DAY, "tracked:m-1", "tracked:Report Exported"),
    ]


def test_who_reads_the_stream_sees_entries_and_no_markers(aws: MotoStack, world: World) -> None:
    told_by_app(world, tracked(at=NOW - DAY, message="m-1"))

    rows = feed_rows(aws)
    told = [read_record(stream_record(n, None, row, at=NOW)) for n, row in enumerate(rows.values())]
    entry = BillingEvent(
        "tracked:Report Exported",
        "tracked:m-1",
        NOW - DAY,
        {"event": "Report Exported", "properties": {}},
    )
    assert told == [EntryWritten(TEST, "user:42", entry, "live", NOW), None]


def test_a_message_counts_once_across_batches_whatever_its_timestamp(aws: MotoStack, world: World) -> None:
    told_by_app(world, identified(email=A), tracked(at=NOW - 2 * DAY, message="m-1"))

    for at in (NOW - 2 * DAY, NOW, NOW - 9 * DAY):
        report = told_by_app(world, tracked(at=at, message="m-1"))
        assert counts_of(report) == {"stale": 1, "duplicate": 1}

    assert len(feed_rows(aws)) == 2
    person = of("user:42")
    assert person.fields["last_activity_at"] == NOW - 2 * DAY
    assert person.records["user:42"].events == {"tracked:Report Exported": Occurrences(1, (NOW - 2 * DAY,))}


def test_a_message_counts_once_within_a_batch_and_with_others(aws: MotoStack, world: World) -> None:
    told_by_app(world, tracked(at=NOW - DAY, message="m-1"))

    again = [tracked(at=NOW - n, message="m-1") for n in range(3)]
    new = [tracked(at=NOW - n, message="m-2") for n in range(3)]
    report = told_by_app(world, *again, *new)

    assert report.counts["entries"] == 1
    assert of("user:42").records["user:42"].events["tracked:Report Exported"].count == 2
    assert len(feed_rows(aws)) == 4


def test_messages_of_two_users_can_have_one_id(aws: MotoStack, world: World) -> None:
    told_by_app(world, tracked("1", message="m-1"), tracked("2", message="m-1"))

    assert len(aws.items(aws.stack.feed_table)) == 4


def test_only_markers_of_the_records_own_feed_are_known(aws: MotoStack, world: World) -> None:
    store = world.applier.people
    write_one(
        store, TEST, newcomer(person("per_1", record("user:42")), [("user:42", exported())]), "live", NOW
    )

    later = exported(at=NOW)
    known = store.read(TEST, [], {"user:42": [later, exported("m-2")], "user:7": [later]}, (), {})

    assert known.entries == {"user:42": {"message#m-1"}, "user:7": set()}


def test_two_writers_of_one_message_cannot_both_count_it(aws: MotoStack, world: World) -> None:
    """Also not where it says another time, and so would be another entry."""
    store = world.applier.people
    write_one(
        store, TEST, newcomer(person("per_1", record("user:42")), [("user:42", exported())]), "live", NOW
    )

    other = write_set((None, person("per_2", record("user:7"))), entries=[("user:42", exported(at=NOW))])
    with pytest.raises(VersionConflict):
        write_one(store, TEST, other, "live", NOW)

    assert len(feed_rows(aws)) == 2


def test_a_users_record_is_read_as_it_was_written(aws: MotoStack, world: World) -> None:
    traits: dict[str, Any] = {
        "seats": 5,
        "beta": True,
        "tags": ["a", "Zoë ✓"],
        "score": 0.5,
        "gone": None,
        "one": 1,
    }
    told_by_app(world, identified(ms=250, email=A, **traits), tracked(at=NOW - DAY))

    stored = of(f"email:{A}")
    at = 1_000 * (NOW - 60) + 250
    assert stored == of("user:42")
    kept = stored.records["user:42"]
    assert kept.traits == {name: Trait(at, value) for name, value in {**traits, "email": A}.items()}
    assert (kept.tracked_at, kept.unidentified) == (NOW - DAY, False)
    assert stored.fields["seats"] == 5


def test_a_later_trait_of_a_stored_record_wins_and_an_earlier_one_does_not(
    aws: MotoStack, world: World
) -> None:
    told_by_app(world, identified(ms=500, email=A, seats=5))

    assert counts_of(told_by_app(world, identified(ms=499, seats=4))) == {"stale": 1}
    assert counts_of(told_by_app(world, identified(ms=501, seats=6))) == {"applied": 1}

    assert of("user:42").fields["seats"] == 6


def test_why_a_value_cannot_be_converted_is_stored_until_it_can(aws: MotoStack, world: World) -> None:
    told_by_app(world, identified(email=A, seats="many"))
    assert of("user:42").errors == {"seats": '"many" is not a number'}

    told_by_app(world, identified(ms=1, seats="7"))

    assert (of("user:42").errors, of("user:42").fields["seats"]) == ({}, 7)


def test_whom_a_person_absorbed_is_stored_with_that_write_alone(aws: MotoStack, world: World) -> None:
    told_by_app(world, identified("1", email=A))
    told_by_app(world, identified("2", email="b@example.com"))
    absorbed = of("user:2").id

    told_by_app(world, identified("2", at=NOW - 30, email=A))
    assert of("user:1").absorbed == (absorbed,)
    told_by_app(world, tracked("1"))
    assert of("user:1").absorbed == ()


def test_more_events_of_a_user_than_a_transaction_takes_all_count(aws: MotoStack, world: World) -> None:
    most = MAX_ITEMS // 2 + 5

    report = told_by_app(world, *(tracked(at=NOW - n) for n in range(most)))

    assert counts_of(report) == {"applied": most, "entries": most}
    assert len(feed_rows(aws)) == 2 * most
    assert of("user:42").records["user:42"].events["tracked:Report Exported"].count == most


def test_ids_may_hold_what_keys_are_joined_with(aws: MotoStack, world: World) -> None:
    odd = "a#b:c #1"

    told_by_app(world, identified(odd, email=A), tracked(odd, at=NOW - DAY, message="m#1#2", name="x#y: z"))

    assert of(f"user:{odd}").email == A
    assert [one[:3] for one in PeopleReader().feed(TEST, f"user:{odd}")] == [
        (NOW - DAY, "tracked:m#1#2", "tracked:x#y: z")
    ]
    entry = next(row for sk, row in feed_rows(aws).items() if sk.startswith("0"))
    told = read_record(stream_record(1, None, entry, at=NOW))
    assert isinstance(told, EntryWritten)
    assert (told.record, told.event.key) == (f"user:{odd}", "tracked:m#1#2")


def test_a_users_feed_is_forgotten_with_its_markers(aws: MotoStack, world: World) -> None:
    told_by_app(world, tracked(message="m-1"), tracked(message="m-2", name="Other"))

    assert world.applier.people.forget(TEST, "user:42", most=100) == (4, 2)

    assert not list(FeedRow.scan())
