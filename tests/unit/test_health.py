"""Health: one word, and the most pressing reason."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from peoplesync.domain.connections import Connection, Epoch
from peoplesync.sync.health import Health
from peoplesync.sync.permissions import PERMISSIONS
from tests.builders import DAY, HOUR, MINUTE, NOW

CALM = Connection(
    "main",
    False,
    1,
    1,
    NOW - 90 * DAY,
    last_event_at=NOW - HOUR,
    reconciled_until=NOW - 10 * MINUTE,
    endpoint_id="we_1",
    permissions={one.slug: True for one in PERMISSIONS},
)
RUNNING = {"status": "running", "applied": 1_200, "enqueued": 3_000}


class People:
    def count(self, epoch: Epoch, index: str) -> int:
        return {"customers_in_sync": 3, "everyone": 2}[index]


@dataclass
class Depths:
    on_queues: int = 0
    dead_letters: int = 0

    def waiting(self) -> int:
        return self.on_queues

    def dead(self) -> int:
        return self.dead_letters


def status(connection: Connection = CALM, *, waiting: int = 0, dead: int = 0, **more: Any) -> dict[str, Any]:
    return Health(People(), Depths(waiting, dead), lambda: NOW).status(connection, **more)


def verdict(connection: Connection = CALM, **more: Any) -> tuple[str, str]:
    told = status(connection, **more)
    return told["state"], told["reason"]


def test_all_is_well() -> None:
    assert status() == {
        "state": "in_sync",
        "reason": "every event that arrived is applied",
        "customers_in_sync": 3,
        "people": 2,
        "last_event_at": "2026-03-01T11:00:00Z",
        "queue": 0,
        "dead": 0,
        "checkpoint": "2026-03-01T11:50:00Z",
        "behind_seconds": 600,
        "webhook": "endpoint",
        "webhook_missed": 0,
        "gap_since": None,
        "degraded": [],
        "last_import": None,
    }


def test_changes_on_the_queues_are_behind() -> None:
    assert verdict(waiting=1) == ("behind", "1 change on the queue")
    assert verdict(waiting=2) == ("behind", "2 changes on the queue")


def test_a_running_import_is_importing() -> None:
    assert verdict(waiting=9, last_import=RUNNING) == (
        "importing",
        "40 %: 1,200 of 3,000 listed objects are applied so far",
    )


def test_an_import_that_succeeded_is_not_mentioned() -> None:
    assert verdict(last_import={**RUNNING, "status": "succeeded"})[0] == "in_sync"


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"disconnected_at": NOW}, "disconnected since 2026-03-01T12:00:00Z"),
        (
            {"key_refused_at": NOW},
            "Stripe refuses the API key since 2026-03-01T12:00:00Z; connect again with a new one",
        ),
        (
            {"gap_since": NOW - 40 * DAY},
            "events since 2026-01-20T12:00:00Z are lost, since Stripe keeps them for 30 days; import again",
        ),
        (
            {"reconciled_until": NOW - 31 * DAY},
            "events since 2026-01-29T12:00:00Z are lost, since Stripe keeps them for 30 days; import again",
        ),
        (
            {"reconciled_until": NOW - 3 * DAY},
            "reconcile has not run for 3 days; events may be missing",
        ),
        (
            {"reconciled_until": NOW - 5 * HOUR},
            "reconcile has not run for 5 hours; events may be missing",
        ),
        (
            {"reconciled_until": NOW - 46 * MINUTE},
            "reconcile has not run for 46 minutes; events may be missing",
        ),
        (
            {"reconciled_until": None, "created_at": NOW - HOUR},
            "reconcile has not run for 60 minutes; events may be missing",
        ),
    ],
)
def test_what_needs_attention(facts: dict[str, Any], reason: str) -> None:
    assert verdict(replace(CALM, **facts), waiting=5, last_import=RUNNING) == ("attention", reason)


def test_three_quarters_of_an_hour_are_not_yet_too_old() -> None:
    assert verdict(replace(CALM, reconciled_until=NOW - 45 * MINUTE))[0] == "in_sync"


def test_dead_letters_need_attention() -> None:
    assert verdict(dead=2) == (
        "attention",
        "2 messages in the dead-letter queue could not be applied",
    )


def test_a_failed_import_is_never_well() -> None:
    assert verdict(last_import={**RUNNING, "status": "failed"})[0] == "attention"


def test_what_the_webhook_missed_is_said() -> None:
    told = status(replace(CALM, missed_events=500))

    assert (told["state"], told["webhook_missed"]) == ("in_sync", 500)
    assert told["reason"] == "every event is applied, also 500 events that the webhook missed"


def test_where_events_are_only_polled_no_webhook_missed_them() -> None:
    told = status(replace(CALM, missed_events=500, endpoint_id=None))

    assert (told["webhook"], told["reason"]) == ("polling", "every event that arrived is applied")


def test_optional_permissions_that_the_key_lacks_are_named() -> None:
    permissions = {**CALM.permissions, "rak_product_read": False, "rak_coupon_read": False}

    assert status(replace(CALM, permissions=permissions))["degraded"] == ["Products: read", "Coupons: read"]
    assert status(replace(CALM, permissions={}))["degraded"] == []


def test_before_the_first_event() -> None:
    fresh = replace(CALM, last_event_at=None, reconciled_until=None, created_at=NOW)

    told = status(fresh)
    assert (told["state"], told["reason"]) == ("in_sync", "no event has arrived yet")
    assert (told["checkpoint"], told["behind_seconds"]) == (None, None)
