"""What is said of a batch: metrics, and where a message crashed."""

from __future__ import annotations

from collections import Counter

from peoplesync.use_cases.metrics import Metric
from peoplesync.use_cases.worker.outcome.batch_reporting import metrics_of, place_of
from peoplesync.use_cases.worker.outcome.report import Report


def test_counts_come_with_their_metric_and_seconds_one_by_one() -> None:
    report = Report(
        counts=Counter(applied=3, dead=0, flipped=1),
        crashed={"message-0": ValueError()},
        lags=[4, 2],
        late=[70],
    )

    assert list(metrics_of(report)) == [
        (Metric.CHANGES_APPLIED, 3),
        (Metric.CHANGES_DEAD, 0),
        (Metric.SWEEP_FLIPPED, 1),
        (Metric.CHANGES_CRASHED, 1),
        (Metric.CHANGE_LAG, 4),
        (Metric.CHANGE_LAG, 2),
        (Metric.SWEEP_LATE, 70),
    ]


def test_a_crash_is_named_by_its_place_and_never_by_its_words() -> None:
    try:
        raise ValueError("trial-07@example.com")
    except ValueError as error:
        crash = error

    place = place_of(crash)

    assert place.startswith("ValueError at ")
    assert "test_batch_reporting.py:" in place
    assert "@" not in place
    assert place_of(KeyError("never raised")) == "KeyError"
