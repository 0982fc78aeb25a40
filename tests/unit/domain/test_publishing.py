"""Outgoing events: what a written person is worth telling."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from peoplesync.domain.billing_events import KINDS, BillingEvent
from peoplesync.domain.connections import Epoch
from peoplesync.domain.people.person import Person
from peoplesync.domain.publishing import (
    EntryWritten,
    Outgoing,
    PersonWritten,
    billing_type,
    entry_event,
    person_events,
)
from peoplesync.domain.records.record import Record
from tests.support.builders.stripe import NOW

MAIN = Epoch("main", 1)
SEEN = Record("cus_1", NOW, deleted=True)
STRAY = Record("cus_1", NOW)
BEFORE = Person(
    "per_1",
    NOW - 60,
    version=3,
    email="trial-07@example.com",
    records={"cus_1": SEEN},
    fields={"customer_name": "Trial Seven", "customer_last_sync_at": NOW - 60},
    segments={"current_trials": NOW - 60, "syncing_with_stripe": NOW - 60},
    evaluated_at=NOW - 60,
)
PENDING = replace(BEFORE, version=2, records={"cus_1": STRAY}, segments={}, fields={})


def after(**changes: Any) -> Person:
    """The person as they are now, one version later."""
    return replace(BEFORE, version=4, evaluated_at=NOW, **changes)


def told(before: Person | None, now: Person | None, cause: str = "live") -> list[Outgoing]:
    return list(person_events(PersonWritten(MAIN, before, now, cause, NOW + 1)))


def summary(events: list[Outgoing]) -> list[tuple[str, str]]:
    return [(one.type, one.id.removeprefix("main#1:per_1:")) for one in events]


def test_somebody_new_is_told_with_their_fields_and_segments() -> None:
    events = told(None, BEFORE)

    assert summary(events) == [
        ("Person Created", "3:created"),
        ("Segment Entered", "3:entered:current_trials"),
        ("Segment Entered", "3:entered:syncing_with_stripe"),
    ]
    assert events[0].content == {"fields": BEFORE.fields}
    assert {(one.cause, one.occurred_at, one.person) for one in map(_plain, events)} == {
        ("live", NOW - 60, "per_1")
    }


def test_what_changed_is_told_with_its_old_and_new_value() -> None:
    fields = {"customer_phone": "+1 555 0100", "customer_last_sync_at": NOW}

    (updated,) = told(BEFORE, after(fields=fields))

    assert (updated.type, updated.occurred_at) == ("Person Updated", NOW)
    assert updated.content["changes"] == {
        "customer_last_sync_at": {"old": NOW - 60, "new": NOW},
        "customer_name": {"old": "Trial Seven", "new": None},
        "customer_phone": {"old": None, "new": "+1 555 0100"},
    }


def test_a_field_that_lost_its_value_and_one_that_never_had_any_are_the_same() -> None:
    assert told(BEFORE, after(fields={**BEFORE.fields, "customer_phone": None})) == []


def test_that_we_have_looked_again_is_no_update() -> None:
    assert told(BEFORE, after(fields={**BEFORE.fields, "customer_last_sync_at": NOW})) == []


def test_segments_are_entered_and_left() -> None:
    segments = {"customers": NOW, "syncing_with_stripe": NOW - 60}

    events = told(BEFORE, after(segments=segments), "sweep")

    assert summary(events) == [
        ("Segment Entered", "4:entered:customers"),
        ("Segment Left", "4:left:current_trials"),
    ]
    assert [one.content for one in events] == [
        {"segment": "customers"},
        {"segment": "current_trials", "entered_at": NOW - 60},
    ]
    assert {one.cause for one in events} == {"sweep"}


def test_who_is_removed_leaves_all_segments_since_they_have_moved() -> None:
    events = told(BEFORE, None, "live")

    assert summary(events) == [
        ("Person Removed", "3:removed"),
        ("Segment Left", "3:left:current_trials"),
        ("Segment Left", "3:left:syncing_with_stripe"),
    ]
    assert {(one.cause, one.occurred_at) for one in events} == {("moved", NOW + 1)}


def test_who_is_pending_is_nobody_yet() -> None:
    assert told(None, PENDING) == []
    assert told(PENDING, None) == []
    assert summary(told(PENDING, BEFORE))[0] == ("Person Created", "3:created")
    assert summary(told(BEFORE, replace(PENDING, version=4)))[0] == ("Person Removed", "4:removed")


@pytest.mark.parametrize(("before", "now"), [(None, BEFORE), (BEFORE, after(segments={})), (BEFORE, None)])
def test_what_an_import_wrote_is_not_told(before: Person | None, now: Person | None) -> None:
    assert told(before, now, "import") == []


def test_an_import_that_is_to_be_told_of_is_an_import_to_others() -> None:
    failed = BillingEvent("payment_failed", "payment_failed:in_1:1", NOW - 90, {"invoice": "in_1"})

    assert {one.cause for one in told(None, BEFORE, "import_told")} == {"import"}
    assert entry_event(EntryWritten(MAIN, "cus_1", failed, "import_told", NOW), BEFORE).cause == "import"


def test_who_was_absorbed_is_told_of_the_one_who_did_in_that_write_alone() -> None:
    merged = after(absorbed=("per_3", "per_2"))

    assert summary(told(BEFORE, merged)) == [("Person Merged", "4:merged")]
    assert told(BEFORE, merged)[0].content == {"merged": ["per_2", "per_3"]}
    assert told(merged, replace(merged, version=5)) == []
    assert told(merged, replace(merged, version=5, absorbed=())) == []
    assert told(BEFORE, merged, "import") == []


def test_somebody_new_can_have_absorbed_others() -> None:
    merged = replace(BEFORE, absorbed=("per_2",))

    assert summary(told(None, merged))[:2] == [("Person Created", "3:created"), ("Person Merged", "3:merged")]
    assert told(None, replace(PENDING, absorbed=("per_2",))) == []


def test_that_somebody_was_erased_is_told_whatever_wrote_them_last() -> None:
    gone = PersonWritten(MAIN, BEFORE, None, "import", NOW + 1, erased=True)

    assert {one.cause for one in person_events(gone)} == {"erased"}
    assert next(person_events(gone)).type == "Person Removed"


def test_what_the_app_tracked_is_told_with_its_name_and_properties_as_they_were() -> None:
    content = {"event": "Report Exported", "properties": {"exported_at": 7}}
    tracked = BillingEvent("tracked:Report Exported", "tracked:m1", NOW - 5, content, "message#m1")

    event = entry_event(EntryWritten(MAIN, "user:user-07", tracked, "live", NOW), BEFORE)

    assert (event.type, event.id) == ("Event Tracked", f"main#1:user:user-07:0{NOW - 5}#tracked:m1")
    assert event.content == {
        "name": "Report Exported",
        "user": "user-07",
        "age_seconds": 5,
        "properties": {"exported_at": 7},
    }


def test_a_billing_event_is_told_with_its_facts_and_how_old_it_was() -> None:
    failed = BillingEvent("payment_failed", "payment_failed:in_1:1", NOW - 90, {"invoice": "in_1"})

    event = entry_event(EntryWritten(MAIN, "cus_1", failed, "reconcile", NOW), PENDING)

    assert (event.type, event.id) == (
        "Payment Failed",
        f"main#1:cus_1:0{NOW - 90}#payment_failed:in_1:1",
    )
    assert (event.cause, event.occurred_at, event.person) == ("reconcile", NOW - 90, PENDING)
    assert event.content == {
        "kind": "payment_failed",
        "customer": "cus_1",
        "age_seconds": 90,
        "event": {"invoice": "in_1"},
    }


def test_a_billing_event_that_stripe_dates_ahead_is_not_of_the_future() -> None:
    ahead = BillingEvent("invoice_paid", "invoice_paid:in_1", NOW + 5, {})

    event = entry_event(EntryWritten(MAIN, "cus_1", ahead, "live", NOW), BEFORE)

    assert event.content["age_seconds"] == 0


def test_each_kind_has_a_type_of_its_own() -> None:
    assert billing_type("trial_started") == "Trial Started"
    assert len({billing_type(kind) for kind in KINDS}) == len(KINDS)


def _plain(event: Outgoing) -> Any:
    return replace(event, person=event.person.id)  # type: ignore[arg-type]  # ids compare more readably
