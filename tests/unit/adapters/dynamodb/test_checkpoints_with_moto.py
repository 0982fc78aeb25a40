"""What the reconciler writes to a connection's row: bound to the epoch, and never backwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from peoplesync.adapters.dynamodb.connections import ConnectionsStore
from peoplesync.adapters.dynamodb.tables import ConnectionRow
from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.quiet_period import QuietPeriodBaseline
from peoplesync.use_cases.ports import Unavailable
from tests.support.builders.stripe import DAY, NOW
from tests.support.stacks.moto_stack import MotoStack, break_operation

MAIN = Connection("main", False, 2, 1, NOW)
DAILY = QuietPeriodBaseline().with_events((NOW - day * DAY for day in range(1, 20)), NOW - DAY + 1)
NOW_EPOCH, OLD_EPOCH = Epoch("main", 2), Epoch("main", 1)


@pytest.fixture
def store(aws: MotoStack) -> ConnectionsStore:
    store = ConnectionsStore()
    store.create(MAIN)
    return store


def stored(store: ConnectionsStore) -> Connection:
    found = store.get("main")
    assert found is not None
    return found


def test_a_checkpoint_moves_forward_and_never_back(store: ConnectionsStore) -> None:
    moved = []
    for until in (NOW, NOW - 1, NOW + 5, NOW):
        store.advance(NOW_EPOCH, until, QuietPeriodBaseline())
        moved.append(stored(store).reconciled_until)

    assert moved == [NOW, NOW, NOW + 5, NOW + 5]


def test_with_a_checkpoint_that_moves_goes_the_rhythm(store: ConnectionsStore) -> None:
    kept = []
    for until in (NOW, NOW - 600, NOW, NOW + 600):
        store.advance(NOW_EPOCH, until, DAILY.with_events((), until))
        kept.append(stored(store).rhythm)

    first, last = (DAILY.with_events((), until) for until in (NOW, NOW + 600))
    assert kept == [first, first, first, last]
    assert last.days != {}


def test_a_connection_of_before_there_were_rhythms_has_none(store: ConnectionsStore) -> None:
    ConnectionRow("main").update(actions=[ConnectionRow.rhythm_json.remove()])

    assert stored(store).rhythm == QuietPeriodBaseline()


def test_a_new_epoch_has_a_rhythm_of_its_own(store: ConnectionsStore) -> None:
    store.advance(NOW_EPOCH, NOW, DAILY)
    store.begin_epoch(replace(MAIN, epoch_number=3))

    assert stored(store).rhythm == QuietPeriodBaseline()


def test_what_is_wrong_with_the_endpoint_is_remembered_until_it_is_fine(store: ConnectionsStore) -> None:
    store.note_endpoint(NOW_EPOCH, "we_1", NOW)
    noted = []
    for problem in ("disabled", "gone", None, None):
        store.note_endpoint_problem(NOW_EPOCH, "we_1", problem)
        noted.append(stored(store).endpoint_problem)

    assert noted == ["disabled", "gone", None, None]


def test_what_was_wrong_with_an_endpoint_before_is_not_said_of_the_present_one(
    store: ConnectionsStore,
) -> None:
    store.note_endpoint(NOW_EPOCH, "we_2", NOW)

    store.note_endpoint_problem(NOW_EPOCH, "we_1", "gone")

    assert stored(store).endpoint_problem is None


@pytest.mark.parametrize(
    "begin_anew",
    [
        lambda store: store.renew(NOW_EPOCH, "we_2", {}, NOW),
        lambda store: store.renew(NOW_EPOCH, None, {}, NOW),
        lambda store: store.note_endpoint(NOW_EPOCH, "we_1", NOW),
        lambda store: store.begin_epoch(replace(MAIN, epoch_number=3)),
    ],
)
def test_a_webhook_that_begins_anew_has_no_past(
    store: ConnectionsStore, begin_anew: Callable[[ConnectionsStore], None]
) -> None:
    store.note_endpoint(NOW_EPOCH, "we_1", NOW)
    store.note_endpoint_problem(NOW_EPOCH, "we_1", "gone")
    store.note_refused_signature(stored(store), NOW)
    store.note_missed(NOW_EPOCH, 1, NOW)
    before = stored(store)
    assert (before.endpoint_problem, before.webhook_refused_since, before.webhook_missed_at) == (
        "gone",
        NOW,
        NOW,
    )

    begin_anew(store)

    after = stored(store)
    assert (after.endpoint_problem, after.webhook_refused_since, after.webhook_missed_at) == (
        None,
        None,
        None,
    )


def test_of_two_gaps_the_older_one_is_remembered(store: ConnectionsStore) -> None:
    noted = []
    for since in (NOW, NOW + DAY, NOW - DAY):
        store.note_gap(NOW_EPOCH, since)
        noted.append(stored(store).gap_since)

    assert noted == [NOW, NOW, NOW - DAY]


def test_only_an_import_that_started_after_a_gap_began_closes_it(store: ConnectionsStore) -> None:
    store.note_gap(NOW_EPOCH, NOW)
    store.close_gap(NOW_EPOCH, NOW - 1)
    assert stored(store).gap_since == NOW

    store.close_gap(NOW_EPOCH, NOW)
    assert stored(store).gap_since is None

    store.close_gap(NOW_EPOCH, NOW)
    assert stored(store).gap_since is None


def test_since_when_a_key_is_refused_stays_until_it_is_accepted(store: ConnectionsStore) -> None:
    noted = []
    for refused_at in (NOW, NOW + DAY, None, None, NOW + 2 * DAY):
        store.note_key(NOW_EPOCH, refused_at)
        noted.append(stored(store).key_refused_at)

    assert noted == [NOW, NOW, None, None, NOW + 2 * DAY]


def test_missed_events_add_up(store: ConnectionsStore) -> None:
    store.note_missed(NOW_EPOCH, 2, NOW)
    store.note_missed(NOW_EPOCH, 3, NOW - 1)

    assert (stored(store).missed_events, stored(store).webhook_missed_at) == (5, NOW)


def test_nothing_of_an_old_epoch_is_noted(store: ConnectionsStore) -> None:
    store.advance(OLD_EPOCH, NOW, DAILY)
    store.note_gap(OLD_EPOCH, NOW)
    store.note_endpoint_problem(OLD_EPOCH, "we_1", "gone")
    store.note_key(OLD_EPOCH, NOW)
    store.note_missed(OLD_EPOCH, 1, NOW)

    assert stored(store) == replace(MAIN, permissions={})


def test_a_connection_that_is_gone_does_not_come_back(store: ConnectionsStore) -> None:
    store.advance(Epoch("gone", 1), NOW, DAILY)
    store.note_endpoint_problem(Epoch("gone", 1), "we_1", "gone")
    store.note_missed(Epoch("gone", 1), 1, NOW)

    assert store.get("gone") is None


def test_a_throttled_table_can_be_asked_later(store: ConnectionsStore) -> None:
    break_operation(ConnectionRow._get_connection().connection, "UpdateItem", "ThrottlingException")

    with pytest.raises(Unavailable):
        store.advance(NOW_EPOCH, NOW, DAILY)
