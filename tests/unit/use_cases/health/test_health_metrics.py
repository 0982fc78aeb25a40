"""Gauges: what the alarms watch, over all connections of a stack."""

from __future__ import annotations

from dataclasses import replace

from peoplesync.domain.connections import Connection
from peoplesync.domain.quiet_period import QuietPeriodBaseline
from peoplesync.use_cases.health.checks import HealthInputs
from peoplesync.use_cases.health.health_metrics import health_metrics
from peoplesync.use_cases.metrics import Metric
from tests.support.builders.stripe import DAY, HOUR, MINUTE, NOW

MAIN = Connection(
    "main", False, 1, 1, NOW - 90 * DAY, last_event_at=NOW - HOUR, reconciled_until=NOW, endpoint_id="we_1"
)
SHOP = replace(MAIN, name="shop")
QUEUES = {"live": 3, "bulk": 2, "review": 1}


def measured(*facts: HealthInputs, dead: int = 0) -> dict[Metric, float]:
    return health_metrics(facts, QUEUES, dead)


def test_without_a_connection_only_the_queues_are_measured() -> None:
    assert measured(dead=4) == {
        Metric.LIVE_WAITING: 3,
        Metric.BULK_WAITING: 2,
        Metric.REVIEWS_WAITING: 1,
        Metric.DEAD_LETTERS: 4,
    }


def test_where_all_is_well_what_alarms_watch_is_zero() -> None:
    found = measured(HealthInputs(MAIN, NOW))

    watched = {Metric.OUT_OF_SYNC, Metric.WORKER_PAUSED, Metric.RECONCILE_AGE, Metric.SWEEP_OVERDUE}
    watched |= {
        Metric.PUBLISH_PAUSED,
        Metric.WEBHOOK_STOPPED,
        Metric.KEY_REFUSED,
        Metric.IMPORT_BROKEN,
        Metric.NOT_REEVALUATED,
    }
    assert {metric: found[metric] for metric in watched} == dict.fromkeys(watched, 0)
    assert Metric.IMPORT_PROGRESS not in found


def test_of_several_connections_the_worst_counts() -> None:
    behind = replace(SHOP, reconciled_until=NOW - HOUR, last_event_at=NOW - DAY)
    found = measured(HealthInputs(MAIN, NOW, due_since=NOW - MINUTE), HealthInputs(behind, NOW))

    assert found[Metric.RECONCILE_AGE] == HOUR
    assert found[Metric.SWEEP_OVERDUE] == MINUTE
    assert found[Metric.SINCE_LAST_EVENT] == DAY
    assert found[Metric.OUT_OF_SYNC] == 1


def test_silence_is_by_what_is_usual_for_the_account() -> None:
    busy = QuietPeriodBaseline().with_events(range(NOW - 2 * DAY, NOW - 6 * HOUR, 60), NOW)
    quiet = replace(MAIN, rhythm=busy, last_event_at=NOW - 6 * HOUR)

    assert measured(HealthInputs(quiet, NOW))[Metric.SILENCE_RATIO] == 6
    assert Metric.SILENCE_RATIO not in measured(HealthInputs(replace(quiet, last_event_at=None), NOW))


def test_each_connection_that_stands_still_counts() -> None:
    refused = replace(MAIN, webhook_refused_since=NOW - HOUR)
    gone = replace(SHOP, endpoint_problem="gone", key_refused_at=NOW)
    found = measured(HealthInputs(refused, NOW), HealthInputs(gone, NOW, paused_since=NOW))

    assert found[Metric.WEBHOOK_STOPPED] == 2
    assert found[Metric.KEY_REFUSED] == 1
    assert found[Metric.WORKER_PAUSED] == 1
    assert found[Metric.OUT_OF_SYNC] == 2


def test_imports_are_measured_while_they_run_and_when_they_broke() -> None:
    slow = {"id": "imp_1", "status": "running", "applied": 40, "enqueued": 100}
    fast = {"id": "imp_2", "status": "running", "applied": 90, "enqueued": 100}
    found = measured(HealthInputs(MAIN, NOW, last_import=slow), HealthInputs(SHOP, NOW, last_import=fast))
    assert (found[Metric.IMPORT_PROGRESS], found[Metric.IMPORT_BROKEN]) == (40, 0)

    found = measured(HealthInputs(MAIN, NOW, last_import={**slow, "status": "failed"}))
    assert found[Metric.IMPORT_BROKEN] == 1
    assert Metric.IMPORT_PROGRESS not in found


def test_a_pause_of_publishing_is_measured_by_how_long_it_lasts() -> None:
    found = measured(HealthInputs(MAIN, NOW, unpublished_since=NOW - HOUR), HealthInputs(SHOP, NOW))

    assert found[Metric.PUBLISH_PAUSED] == HOUR
    assert found[Metric.OUT_OF_SYNC] == 1


def test_connections_whose_people_a_change_has_not_reached_are_counted() -> None:
    changed = replace(MAIN, definitions_version=2, definitions_changed_at=NOW - HOUR)

    assert (
        measured(HealthInputs(changed, NOW, outdated=True), HealthInputs(SHOP, NOW))[Metric.NOT_REEVALUATED]
        == 1
    )
