"""A connection's row changes only in the epoch that one has seen, and a new epoch forgets the old one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from peoplesync.adapters.dynamodb.connections import ConnectionsStore
from peoplesync.adapters.dynamodb.tables import ConnectionRow
from peoplesync.domain.connections import Connection, Epoch
from peoplesync.use_cases.ports import Unavailable, VersionConflict
from tests.support.builders.stripe import DAY, NOW
from tests.support.stacks.moto_stack import MotoStack, break_operation

MAIN = Connection(
    "main",
    False,
    1,
    1,
    NOW,
    last_event_at=NOW,
    endpoint_id="we_1",
    permissions={"rak_charge_read": True, "rak_coupon_read": False},
    reconciled_until=NOW,
    gap_since=NOW - DAY,
    missed_events=3,
    key_refused_at=NOW,
)
EPOCH = MAIN.epoch
LIVE = Connection("main", True, 2, 1, NOW, endpoint_id="we_2", reconciled_until=NOW + DAY)


@pytest.fixture
def store(aws: MotoStack) -> ConnectionsStore:
    made = ConnectionsStore()
    made.create(MAIN)
    return made


def test_everything_about_a_connection_is_kept(store: ConnectionsStore) -> None:
    assert store.get("main") == MAIN


def test_a_new_epoch_keeps_nothing_of_the_old_one(store: ConnectionsStore) -> None:
    store.begin_epoch(LIVE)

    assert store.get("main") == LIVE


def test_a_key_that_is_accepted_renews_the_connection(store: ConnectionsStore) -> None:
    store.disconnect(EPOCH, NOW, for_good=False)

    store.renew(EPOCH, None, {"rak_charge_read": True}, NOW)

    renewed = replace(MAIN, endpoint_id=None, permissions={"rak_charge_read": True}, key_refused_at=None)
    assert store.get("main") == replace(renewed, webhook_since=NOW)


@pytest.mark.parametrize("endpoint", ["we_2", None])
def test_another_endpoint_is_noted(store: ConnectionsStore, endpoint: str | None) -> None:
    store.note_endpoint(EPOCH, endpoint, NOW)

    assert store.get("main") == replace(MAIN, endpoint_id=endpoint, webhook_since=NOW)


def test_a_disconnected_connection_is_only_found_by_who_asks_for_it(store: ConnectionsStore) -> None:
    store.disconnect(EPOCH, NOW + DAY, for_good=False)

    gone = replace(MAIN, disconnected_at=NOW + DAY)
    assert (store.get("main"), store.all()) == (None, [])
    assert store.get_even_disconnected("main") == gone
    assert store.all_even_disconnected() == [gone]


def test_a_connection_that_was_given_up_is_in_another_epoch(store: ConnectionsStore) -> None:
    store.disconnect(EPOCH, NOW + DAY, for_good=True)

    found = store.get_even_disconnected("main")
    assert found is not None
    assert found.epoch == Epoch("main", 2)


CHANGES: list[Callable[[ConnectionsStore], None]] = [
    lambda store: store.begin_epoch(LIVE),
    lambda store: store.renew(EPOCH, "we_9", {}, NOW),
    lambda store: store.note_endpoint(EPOCH, "we_9", NOW),
    lambda store: store.disconnect(EPOCH, NOW, for_good=True),
]


@pytest.mark.parametrize("change", CHANGES)
def test_who_saw_an_epoch_that_is_over_changes_nothing(
    store: ConnectionsStore, change: Callable[[ConnectionsStore], None]
) -> None:
    other = replace(LIVE, endpoint_id="we_3")
    ConnectionsStore().begin_epoch(other)

    with pytest.raises(VersionConflict):
        change(store)

    assert store.get("main") == other


@pytest.mark.parametrize("change", CHANGES)
def test_who_saw_a_connection_that_never_was_makes_none(
    aws: MotoStack, change: Callable[[ConnectionsStore], None]
) -> None:
    with pytest.raises(VersionConflict):
        change(ConnectionsStore())

    assert ConnectionsStore().all_even_disconnected() == []


@pytest.mark.parametrize("change", CHANGES)
def test_who_changes_a_connection_sees_it_changed_at_once(
    store: ConnectionsStore, change: Callable[[ConnectionsStore], None]
) -> None:
    remembering = ConnectionsStore(cache_seconds=10, monotonic=lambda: 100.0)
    remembering.get("main")

    change(remembering)

    assert remembering.get_even_disconnected("main") == store.get_even_disconnected("main") != MAIN


@pytest.mark.parametrize("change", CHANGES)
def test_a_throttled_table_can_be_written_later(
    store: ConnectionsStore, change: Callable[[ConnectionsStore], None]
) -> None:
    for operation in ("PutItem", "UpdateItem"):
        break_operation(ConnectionRow._get_connection().connection, operation, "ThrottlingException")

    with pytest.raises(Unavailable):
        change(store)
