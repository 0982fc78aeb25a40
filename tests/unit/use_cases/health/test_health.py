"""Health: one verdict in a word, the most pressing first, and what to do about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from peoplesync.domain.connections import Connection, Epoch
from peoplesync.use_cases.connecting.permissions import PERMISSIONS
from peoplesync.use_cases.health.health import Health
from peoplesync.use_cases.read_models.read import Counted
from tests.support.builders.stripe import DAY, HOUR, MINUTE, NOW
from tests.support.fakes.world import FakeCatalogue

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
CHANGED = replace(CALM, definitions_version=2, definitions_changed_at=NOW - 12 * MINUTE)
REEVALUATING = {"id": "re_1", "status": "running", "version": 2, "people": 2_000, "evaluated": 860}
RUNNING = {"id": "imp_1", "status": "running", "applied": 1_200, "enqueued": 3_000}
SINCE = "2026-03-01T12:00:00Z"


@dataclass
class People:
    due_at: int | None = None

    def sizes(self, connection: Connection) -> Counted:
        some = {} if connection.name == "empty" else {("customers_in_sync",): 3, ("everyone",): 2}
        return Counted(Counter(some), NOW)

    def due_since(self, epoch: Epoch, now: int) -> int | None:
        return self.due_at


@dataclass
class Depths:
    on_queues: int = 0
    dead_letters: int = 0

    def by_queue(self) -> dict[str, int]:
        return {"live": self.on_queues, "bulk": 0, "review": 0}

    def dead(self) -> int:
        return self.dead_letters


@dataclass
class Worker:
    since: int | None = None

    def paused_since(self) -> int | None:
        return self.since


def status(
    connection: Connection = CALM,
    last_import: Mapping[str, Any] | None = None,
    *,
    waiting: int = 0,
    dead: int = 0,
    paused: int | None = None,
    unpublished: int | None = None,
    due: int | None = None,
    last_reevaluation: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    depths, worker, publisher = Depths(waiting, dead), Worker(paused), Worker(unpublished)
    health = Health(People(due), People(), FakeCatalogue(), depths, worker, publisher, lambda: NOW)
    return health.status(connection, last_import, last_reevaluation)


def verdict(connection: Connection = CALM, **more: Any) -> tuple[str, str]:
    told = status(connection, **more)
    return told["state"], told["reason"]


def test_all_is_well() -> None:
    assert status() == {
        "state": "in_sync",
        "headline": "In sync",
        "reason": "every event that arrived is applied",
        "what_to_do": None,
        "runbook": None,
        "also": [],
        "customers_in_sync": 3,
        "people": 2,
        "counted_as_of": "2026-03-01T12:00:00Z",
        "last_event_at": "2026-03-01T11:00:00Z",
        "silence": 0.01,
        "lag_seconds": None,
        "queue": 0,
        "queues": {"live": 0, "bulk": 0, "review": 0},
        "dead": 0,
        "due_seconds": 0,
        "checkpoint": "2026-03-01T11:50:00Z",
        "behind_seconds": 600,
        "webhook": "endpoint",
        "webhook_heard_at": None,
        "webhook_missed": 0,
        "gap_since": None,
        "degraded": [],
        "last_import": None,
        "last_reevaluation": None,
    }


def test_changes_on_the_queues_are_behind() -> None:
    assert verdict(waiting=1) == ("behind", "1 change on the queues")
    assert verdict(waiting=2) == ("behind", "2 changes on the queues")


def test_how_far_behind_is_said_where_it_is_known() -> None:
    told = status(replace(CALM, lag_seconds=200), waiting=2)

    assert (told["headline"], told["reason"]) == (
        "Behind 3 minutes",
        "2 changes on the queues; the newest took 3 minutes to arrive",
    )
    assert status(replace(CALM, lag_seconds=200))["state"] == "in_sync"


def test_a_running_import_is_importing() -> None:
    told = status(waiting=9, last_import=RUNNING)

    assert (told["state"], told["headline"]) == ("importing", "Importing 40 %")
    assert told["reason"] == "40 %: 1,200 of 3,000 listed objects are applied so far"


def test_an_import_that_waits_for_stripe_says_since_when_and_why() -> None:
    waiting = [
        {"list": "charges", "since": "2026-03-01T11:50:00Z", "reason": "Stripe cannot be asked"},
        {"list": "customers", "since": "2026-03-01T11:40:00Z", "reason": "Stripe's rate limit is reached"},
    ]

    told = status(waiting=9, last_import=RUNNING | {"waiting": waiting})

    assert (told["state"], told["headline"]) == ("importing", "Importing 40 %: waits for Stripe")
    assert told["reason"] == (
        "waiting for Stripe since 2026-03-01T11:40:00Z: Stripe's rate limit is reached; "
        "1,200 of 3,000 listed objects are applied so far"
    )


def test_a_running_re_evaluation_is_re_evaluating() -> None:
    told = status(CHANGED, waiting=9, last_reevaluation=REEVALUATING)

    assert (told["state"], told["headline"]) == ("reevaluating", "Re-evaluating 43 %")
    assert told["reason"] == "860 of 2,000 people are evaluated so far"


@pytest.mark.parametrize(
    ("last", "reason", "what_to_do"),
    [
        (None, "", "`peoplesync reevaluate start` does it, or goes on where it was"),
        (
            {"status": "superseded", "version": 1, "failed": 0},
            "",
            "`peoplesync reevaluate start` does it, or goes on where it was",
        ),
        (
            {"status": "succeeded", "version": 1, "failed": 0},
            "",
            "`peoplesync reevaluate start` does it, or goes on where it was",
        ),
        (
            {"status": "failed", "version": 2, "failed": 3},
            "; `peoplesync reevaluate list` says why",
            "`peoplesync dead list` shows whom, and why; then `peoplesync reevaluate start`",
        ),
    ],
    ids=["none", "superseded", "of older definitions", "failed"],
)
def test_people_whom_a_change_has_not_reached_need_somebody(
    last: Mapping[str, Any] | None, reason: str, what_to_do: str
) -> None:
    told = status(CHANGED, last_reevaluation=last)

    assert (told["state"], told["headline"]) == ("attention", "Attention: people not re-evaluated")
    changed = "segments or fields changed 12 minutes ago and people have not been re-evaluated"
    assert told["reason"] == changed + reason
    assert (told["what_to_do"], told["runbook"]) == (what_to_do, "not-reevaluated")


@pytest.mark.parametrize(
    ("connection", "last"),
    [
        (replace(CHANGED, definitions_changed_at=None), None),
        (CHANGED, {"status": "succeeded", "version": 2, "failed": 0}),
        (replace(CHANGED, definitions_changed_at=NOW - 30), None),
        (replace(CHANGED, name="empty"), None),
    ],
    ids=["as it began", "evaluated", "just now", "nobody there"],
)
def test_where_everybody_is_evaluated_or_is_about_to_be_nothing_is_said_of_it(
    connection: Connection, last: Mapping[str, Any] | None
) -> None:
    assert status(connection, last_reevaluation=last)["state"] == "in_sync"


def test_an_import_that_succeeded_is_not_mentioned() -> None:
    assert verdict(last_import={**RUNNING, "status": "succeeded"})[0] == "in_sync"


@pytest.mark.parametrize(
    ("facts", "headline", "reason"),
    [
        ({"disconnected_at": NOW}, "Stopped: disconnected", f"disconnected since {SINCE}"),
        ({"key_refused_at": NOW}, "Stopped: key revoked", f"Stripe has refused the API key since {SINCE}"),
        (
            {"endpoint_problem": "gone"},
            "Stopped: webhook deleted",
            "the webhook endpoint was deleted at Stripe; events come every 15 minutes only",
        ),
        (
            {"endpoint_problem": "disabled"},
            "Stopped: webhook disabled",
            "the webhook endpoint is disabled at Stripe; events come every 15 minutes only",
        ),
        (
            {"webhook_refused_since": NOW - 121},
            "Stopped: webhook refused",
            "signatures have been failing since 2026-03-01T11:57:59Z: the secret was changed at Stripe only",
        ),
        (
            {"webhook_missed_at": NOW},
            "Stopped: webhook silent",
            f"an event of {SINCE} came by the reconciler only, and nothing by the webhook yet",
        ),
        (
            {"webhook_missed_at": NOW, "webhook_heard_at": NOW - HOUR},
            "Stopped: webhook silent",
            f"an event of {SINCE} came by the reconciler only, and nothing by the webhook since "
            "2026-03-01T11:00:00Z",
        ),
        (
            {"gap_since": NOW - 40 * DAY},
            "Attention: events lost",
            "events since 2026-01-20T12:00:00Z are lost, since Stripe keeps them for 30 days",
        ),
        (
            {"reconciled_until": NOW - 31 * DAY},
            "Attention: events lost",
            "events since 2026-01-29T12:00:00Z are lost, since Stripe keeps them for 30 days",
        ),
        (
            {"reconciled_until": NOW - 3 * DAY},
            "Attention: reconcile stopped",
            "reconcile has not run for 3 days; events may be missing",
        ),
        (
            {"reconciled_until": NOW - 5 * HOUR},
            "Attention: reconcile stopped",
            "reconcile has not run for 5 hours; events may be missing",
        ),
        (
            {"reconciled_until": None, "created_at": NOW - HOUR},
            "Attention: reconcile stopped",
            "reconcile has not run for 60 minutes; events may be missing",
        ),
    ],
)
def test_what_needs_somebody(facts: dict[str, Any], headline: str, reason: str) -> None:
    told = status(replace(CALM, **facts), waiting=5, last_import=RUNNING)

    assert (told["headline"], told["reason"]) == (headline, reason)
    assert told["state"] == headline.partition(":")[0].lower()
    assert told["what_to_do"]
    assert told["runbook"]


def test_three_quarters_of_an_hour_are_not_yet_too_old() -> None:
    assert verdict(replace(CALM, reconciled_until=NOW - 45 * MINUTE))[0] == "in_sync"


def test_dead_letters_need_somebody() -> None:
    told = status(dead=2)

    assert (told["headline"], told["reason"]) == (
        "Attention: 2 dead letters",
        "2 messages could not be applied",
    )


def test_a_failed_import_is_never_well() -> None:
    told = status(last_import={**RUNNING, "status": "failed"})

    assert told["headline"] == "Attention: import failed"
    assert told["what_to_do"] == "`peoplesync import resume imp_1` goes on where it was"

    told = status(last_import={**RUNNING, "status": "failed", "failed": 2})
    assert "`peoplesync import start`" in told["what_to_do"]


def test_where_the_worker_is_paused_it_is_said_since_when_and_what_waits() -> None:
    told = status(paused=NOW - HOUR, waiting=1_200)

    assert (told["state"], told["headline"]) == ("paused", "Paused")
    assert told["reason"] == (
        "changes have not been applied since 2026-03-01T11:00:00Z; 1,200 changes on the queues, "
        "kept for 14 days"
    )
    assert told["what_to_do"] == "`peoplesync resume` goes on"


def test_segments_are_late_when_somebody_is_due_for_longer_than_three_minutes() -> None:
    assert status(due=NOW - 180)["state"] == "in_sync"

    told = status(due=NOW - 300)

    assert (told["headline"], told["due_seconds"]) == ("Attention: segments late", 300)
    assert told["reason"] == "somebody has been due by the clock for 5 minutes and was not reviewed"


def test_nothing_goes_out_while_publishing_is_paused_and_after_six_hours_it_costs_something() -> None:
    told = status(unpublished=NOW - HOUR)

    assert (told["state"], told["headline"]) == ("attention", "Attention: publishing paused")
    assert told["reason"] == (
        "nothing has gone out on the bus since 2026-03-01T11:00:00Z; "
        "it is published later, if you resume within 6 hours"
    )
    assert told["what_to_do"] == "`peoplesync publish resume` goes on"
    assert status(unpublished=NOW - 6 * HOUR)["reason"].endswith(
        "what is older than 6 hours at the resume is put aside, and no longer published by itself"
    )


def test_while_the_worker_is_paused_late_segments_are_no_news() -> None:
    assert status(due=NOW - 300, paused=NOW - HOUR)["also"] == []


def test_a_new_secret_may_be_on_its_way_for_two_minutes() -> None:
    assert status(replace(CALM, webhook_refused_since=NOW - 120))["state"] == "in_sync"


@pytest.mark.parametrize("fact", ["webhook_heard_at", "webhook_since"])
def test_a_webhook_that_delivered_or_was_made_anew_since_is_well_whatever_it_missed(fact: str) -> None:
    since: dict[str, Any] = {fact: NOW - HOUR}
    mended = replace(CALM, webhook_missed_at=NOW - HOUR, **since)

    assert status(mended)["state"] == "in_sync"


def test_without_an_endpoint_nothing_is_said_of_the_webhook() -> None:
    polled = replace(CALM, endpoint_id=None, webhook_missed_at=NOW, webhook_refused_since=NOW - HOUR)

    assert status(polled)["state"] == "in_sync"


def test_the_most_pressing_comes_first_and_the_rest_is_named() -> None:
    broken = replace(CALM, key_refused_at=NOW, reconciled_until=NOW - DAY)

    told = status(broken, dead=2, waiting=5)

    assert told["headline"] == "Stopped: key revoked"
    assert told["also"] == ["Attention: 2 dead letters", "Attention: reconcile stopped", "Behind: 5 changes"]


def test_a_disconnected_connection_is_nothing_but_that() -> None:
    gone = replace(CALM, disconnected_at=NOW, key_refused_at=NOW, reconciled_until=NOW - DAY)

    told = status(gone)

    assert (told["headline"], told["also"]) == ("Stopped: disconnected", [])


def test_another_connection_is_named_in_what_to_do() -> None:
    told = status(replace(CALM, name="shop", key_refused_at=NOW))

    assert "`peoplesync connect --connection shop`" in told["what_to_do"]


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
    assert (told["checkpoint"], told["behind_seconds"], told["silence"]) == (None, None, 0.0)
