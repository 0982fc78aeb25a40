"""What the reconciler writes to a connection's row: bound to the epoch, and never backwards."""

from __future__ import annotations

from dataclasses import replace

import pytest

from peoplesync.adapters.connections_store import ConnectionsStore
from peoplesync.adapters.tables import ConnectionRow
from peoplesync.domain.connections import Connection, Epoch
from peoplesync.sync.ports import Unavailable
from tests.builders import DAY, NOW
from tests.moto_stack import MotoStack, break_operation

MAIN = Connection("main", False, 2, 1, NOW)
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
        store.advance(NOW_EPOCH, until)
        moved.append(stored(store).reconciled_until)

    assert moved == [NOW, NOW, NOW + 5, NOW + 5]


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
    store.note_missed(NOW_EPOCH, 2)
    store.note_missed(NOW_EPOCH, 3)

    assert stored(store).missed_events == 5


def test_nothing_of_an_old_epoch_is_noted(store: ConnectionsStore) -> None:
    store.advance(OLD_EPOCH, NOW)
    store.note_gap(OLD_EPOCH, NOW)
    store.note_key(OLD_EPOCH, NOW)
    store.note_missed(OLD_EPOCH, 1)

    assert stored(store) == replace(MAIN, permissions={})


def test_a_connection_that_is_gone_does_not_come_back(store: ConnectionsStore) -> None:
    store.advance(Epoch("gone", 1), NOW)
    store.note_missed(Epoch("gone", 1), NOW)

    assert store.get("gone") is None


def test_a_throttled_table_can_be_asked_later(store: ConnectionsStore) -> None:
    break_operation(ConnectionRow._get_connection().connection, "UpdateItem", "ThrottlingException")

    with pytest.raises(Unavailable):
        store.advance(NOW_EPOCH, NOW)
