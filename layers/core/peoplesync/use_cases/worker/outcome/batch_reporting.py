"""Reports an applied batch: its metrics, and where a message crashed."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from typing import Final

from peoplesync.use_cases.metrics import Metric
from peoplesync.use_cases.worker.outcome.report import Report

COUNTS: Final = {
    "applied": Metric.CHANGES_APPLIED,
    "stale": Metric.CHANGES_STALE,
    "duplicate": Metric.CHANGES_DUPLICATE,
    "dropped": Metric.CHANGES_DROPPED,
    "waiting": Metric.CHANGES_WAITING,
    "dead": Metric.CHANGES_DEAD,
    "ties": Metric.TIES_FETCHED,
    "not_found": Metric.TIES_NOT_FOUND,
    "unreadable": Metric.TIES_UNREADABLE,
    "races": Metric.CONFLICTS_REFOLDED,
    "entries": Metric.FEED_ENTRIES,
    "missed": Metric.WEBHOOK_MISSED,
    "flipped": Metric.SWEEP_FLIPPED,
    "purged": Metric.OLD_ROWS_PURGED,
}
"""The metric of each of a report's counts."""


def metrics_of(report: Report) -> Iterator[tuple[Metric, float]]:
    """A report's measurements; counts may be 0, seconds come one by one."""
    for name, count in report.counts.items():
        yield COUNTS[name], count
    yield Metric.CHANGES_CRASHED, len(report.crashed)
    for seconds in report.lags:
        yield Metric.CHANGE_LAG, seconds
    for seconds in report.late:
        yield Metric.SWEEP_LATE, seconds


def place_of(crash: Exception) -> str:
    """Where an exception came from; not what it says, since that may be personal."""
    frames = traceback.extract_tb(crash.__traceback__)
    kind = type(crash).__name__
    return f"{kind} at {frames[-1].filename}:{frames[-1].lineno}" if frames else kind
