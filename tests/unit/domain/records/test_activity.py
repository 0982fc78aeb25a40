"""Activity: what a message of the app's means, and which trait stands."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from peoplesync.domain.billing_events import BillingEvent
from peoplesync.domain.records.activity import (
    MOST_TRACKED_KINDS,
    MOST_TRAITS,
    TRAITS_SIZE,
    Trait,
    UnreadableActivity,
    email_in,
    read_activity,
    with_traits,
)
from peoplesync.domain.records.changes import Change, ObjectKey
from peoplesync.domain.records.record import REMEMBERED_INSTANTS, Occurrences, Record, fold_record
from tests.support.builders.app_users import change, identified, tracked
from tests.support.builders.stripe import DAY, NOW


def test_a_tracked_event_is_an_entry_of_the_users_feed() -> None:
    told = change(tracked("42", "Report Exported", NOW, message="m-1", format="pdf"))

    (entry,) = told.events
    assert entry == BillingEvent(
        "tracked:Report Exported",
        "tracked:m-1",
        NOW,
        {"event": "Report Exported", "properties": {"format": "pdf"}},
        "message#m-1",
    )
    assert (entry.memory, entry.entry) == ("message#m-1", f"0{NOW}#tracked:m-1")
    assert (told.record, told.object, told.occurred_at) == ("user:42", ObjectKey("user", "42"), NOW)


def test_traits_are_those_of_the_millisecond_in_which_they_were_told() -> None:
    told = change(identified("42", NOW, ms=250, tier="gold", seats=None))

    assert told.events == ()
    assert told.traits == {
        "tier": Trait(1_000 * NOW + 250, "gold"),
        "seats": Trait(1_000 * NOW + 250, None),
    }


def test_a_track_tells_the_traits_of_its_context() -> None:
    told = change(tracked(at=NOW, traits={"tier": "gold"}))

    assert told.traits == {"tier": Trait(1_000 * NOW, "gold")}
    assert len(told.events) == 1


@pytest.mark.parametrize("part", ["at_ms", "traits", "properties"])
def test_what_may_be_missing_may_be_missing(part: str) -> None:
    without = {name: value for name, value in tracked(at=NOW).items() if name != part}

    assert change(without) == change(tracked(at=NOW))


UNREADABLE: list[Any] = [
    {},
    [],
    "track",
    None,
    *({name: value for name, value in tracked().items() if name != part} for part in ("type", "user", "at")),
    *({name: value for name, value in tracked().items() if name != part} for part in ("message", "event")),
    tracked() | {"type": "page"},
    tracked() | {"user": 42},
    tracked() | {"at": "2026-03-01"},
    tracked() | {"at_ms": "soon"},
    identified() | {"traits": ["email"]},
    identified() | {"traits": "email"},
]


@pytest.mark.parametrize("value", UNREADABLE, ids=map(str, range(len(UNREADABLE))))
def test_what_is_no_activity_is_unreadable(value: Any) -> None:
    with pytest.raises(UnreadableActivity, match=r"^not an activity of a user: "):
        read_activity(value)


# --- traits


def told(*times: tuple[int, Any], name: str = "tier") -> list[dict[str, Trait]]:
    return [{name: Trait(at, value)} for at, value in times]


@pytest.mark.parametrize(
    ("times", "stands"),
    [
        ([(1, "a"), (2, "b"), (3, "a")], Trait(3, "a")),
        ([(1, "a"), (2, None)], Trait(2, None)),
        ([(1, None), (2, "a")], Trait(2, "a")),
        ([(5, "a"), (5, "b")], Trait(5, "b")),
        ([(5, 1), (5, True), (5, 1.0)], Trait(5, True)),
        ([(5, {"b": 1, "a": 2}), (5, {"a": 2, "b": 1}), (4, "late")], Trait(5, {"a": 2, "b": 1})),
    ],
)
def test_the_latest_of_a_traits_values_stands_whatever_the_order(
    times: list[tuple[int, Any]], stands: Trait
) -> None:
    for order in itertools.permutations(told(*times)):
        one_by_one: Any = {}
        for one in order:
            one_by_one = with_traits(one_by_one, [one])
        assert with_traits({}, order) == one_by_one == {"tier": stands}
        assert type(one_by_one["tier"].value) is type(stands.value)


def test_values_that_are_one_to_python_are_two_traits() -> None:
    assert Trait(1, True) != Trait(1, 1)
    assert Trait(1, 1) != Trait(1, 1.0)
    assert Trait(1, "a") == Trait(1, "a")
    assert len({Trait(1, ["a"]), Trait(1, ["a"]), Trait(2, ["a"])}) == 2


def test_what_tells_nothing_new_changes_nothing() -> None:
    stored = {"tier": Trait(5, "gold")}

    assert with_traits(stored, told((4, "old"), (5, "gold"))) is stored


def test_traits_are_told_apart_by_name() -> None:
    assert with_traits({"a": Trait(1, 1)}, [{"b": Trait(0, 2)}]) == {"a": Trait(1, 1), "b": Trait(0, 2)}


def test_of_too_many_traits_the_oldest_go_and_the_email_stays() -> None:
    many = {f"t{n:03}": Trait(1_000 + n, n) for n in range(MOST_TRAITS + 10)}

    kept = with_traits({}, [{"email": Trait(1, "a@example.com")}, many])

    assert len(kept) == MOST_TRAITS
    assert kept["email"] == Trait(1, "a@example.com")
    assert set(many) - set(kept) == {f"t{n:03}" for n in range(11)}


def test_of_too_much_text_the_oldest_goes() -> None:
    half = {name: Trait(at, "x" * (TRAITS_SIZE // 2 - 100)) for at, name in enumerate("abc")}

    assert set(with_traits({}, [{"email": Trait(0, "a@example.com")}, half])) == {"email", "b", "c"}


@pytest.mark.parametrize(
    ("value", "email"),
    [
        ("trial-07@example.com", "trial-07@example.com"),
        (" Trial-07@Example.com ", "Trial-07@Example.com"),
        ("", None),
        ("   ", None),
        (None, None),
        (7, None),
        (["trial-07@example.com"], None),
    ],
)
def test_an_email_is_a_text_that_is_not_blank(value: Any, email: str | None) -> None:
    told = {"email": Trait(1, value)}

    assert email_in(told) == email
    assert Record("user:42", NOW, traits=told).unidentified is (email is None)
    assert email_in({"tier": Trait(1, "gold")}) is None


# --- a user's record


def folded(*activities: dict[str, Any], record: Record | None = None, known: tuple[str, ...] = ()) -> Record:
    return fold_record(
        record or Record("user:42", NOW), [change(one) for one in activities], known, {}
    ).record


def test_a_users_record_counts_what_they_did_and_knows_when_last() -> None:
    record = folded(
        tracked(at=NOW - 5), tracked(at=NOW - DAY), tracked(name="Signed In", at=NOW - 2), identified(at=NOW)
    )

    assert record.events == {
        "tracked:Report Exported": Occurrences(2, (NOW - 5, NOW - DAY)),
        "tracked:Signed In": Occurrences(1, (NOW - 2,)),
    }
    assert record.tracked_at == NOW - 2  # to be identified is no activity
    assert (record.is_user, record.in_sync, record.awaits_customer) == (True, False, False)


def test_a_message_counts_once_in_a_batch_whenever_it_says_it_was_sent() -> None:
    twice = [tracked(at=NOW - DAY, message="m-1"), tracked(at=NOW, message="m-1")]

    record = folded(*twice)

    assert record.events == {"tracked:Report Exported": Occurrences(1, (NOW - DAY,))}
    assert record.tracked_at == NOW - DAY


def test_a_message_that_was_counted_is_no_activity_again() -> None:
    first = folded(tracked(at=NOW - DAY, message="m-1"))

    again = fold_record(first, [change(tracked(at=NOW, message="m-1"))], ["message#m-1"], {})

    assert (again.record, again.entries) == (first, ())


def test_two_messages_that_tell_the_same_are_two_events() -> None:
    record = folded(tracked(at=NOW, message="m-1"), tracked(at=NOW, message="m-2"))

    assert record.events["tracked:Report Exported"] == Occurrences(2, (NOW, NOW))


def test_only_the_newest_instants_are_kept_and_all_are_counted() -> None:
    record = folded(*(tracked(at=NOW - n, message=f"m-{n}") for n in range(40)))

    (happened,) = record.events.values()
    assert (happened.count, len(happened.newest)) == (40, REMEMBERED_INSTANTS)


def test_of_too_many_kinds_of_events_the_feed_has_all_and_the_counts_the_first() -> None:
    first = folded(*(tracked(name=f"Event {n}") for n in range(MOST_TRACKED_KINDS)))
    more = [change(tracked(name="One More", message=f"m-{n}")) for n in range(3)]
    known = change(tracked(name="Event 0", at=NOW))

    then = fold_record(first, [*more, known], (), {})

    assert len(then.entries) == 4
    assert set(then.record.events) == {f"tracked:Event {n}" for n in range(MOST_TRACKED_KINDS)}
    assert then.record.events["tracked:Event 0"].count == 2
    assert then.record.tracked_at == NOW


def test_what_happened_at_stripe_is_counted_beside_many_kinds_of_events() -> None:
    paid = BillingEvent("invoice_paid", "invoice_paid:in_1", NOW, {})
    full = {f"tracked:Event {n}": Occurrences(1, (NOW,)) for n in range(MOST_TRACKED_KINDS)}
    told = Change("cus_1", ObjectKey("invoice", "in_1"), NOW, events=(paid,))

    record = fold_record(Record("cus_1", NOW, events=full), [told], (), {}).record

    assert record.events["invoice_paid"].count == 1
    assert record.tracked_at is None  # a payment is no activity of the user's
