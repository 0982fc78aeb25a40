"""Lines as functions log their metrics, made up: a day of steady traffic, an import, one dead letter.

Timestamps are milliseconds, as Powertools writes them.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator, Mapping

from peoplesync.domain.segments.definitions import PREDEFINED
from peoplesync.use_cases.metrics import Metric

STACK = "peoplesync-trial"
MIDNIGHT = 1_772_323_200  # 2026-03-01T00:00:00Z
MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_SIZES = {
    "syncing_with_stripe": 1955,
    "customers": 1402,
    "current_trials": 96,
    "slipping_trials": 31,
    "expired_trials": 4,
    "slipping_customers": 58,
    "past_due_subscriptions": 43,
    "churned_customers": 414,
}


def emf_line(
    at: float, values: Mapping[Metric, float | list[float]], *, stack: str = STACK, **dimensions: str
) -> str:
    """One line of a function's log that tells these values at `at`, in seconds since 1970."""
    names = ["service", *dimensions]
    metrics = [{"Name": metric.title, "Unit": metric.value.unit} for metric in values]
    directive = {"Namespace": "peoplesync", "Dimensions": [names], "Metrics": metrics}
    told = {
        metric.title: value if isinstance(value, list) else [float(value)] for metric, value in values.items()
    }
    header = {"Timestamp": round(at * 1000), "CloudWatchMetrics": [directive]}
    return json.dumps({"_aws": header, "service": stack, **dimensions, **told})


def a_day(seed: int = 1, *, start: int = MIDNIGHT, stack: str = STACK) -> Iterator[str]:
    """Healthy but for one event, at 14:10, that nothing can apply. From 9:00 until 9:40 an import runs."""
    rng = random.Random(seed)
    for minute in range(24 * 60):
        at = start + minute * MINUTE
        importing = 540 <= minute < 580
        # More by day than by night.
        events = rng.randrange(max(2, int(9 - 7 * math.cos(minute / 1440 * 2 * math.pi))))
        if events:
            yield emf_line(at + 5, _door(rng, events, minute), stack=stack)
            yield emf_line(at + 7, _worker(rng, events, minute), stack=stack)
        if importing:
            yield emf_line(at + 20, _import(minute - 540), stack=stack)
        if minute == 580:
            yield emf_line(at, {Metric.IMPORTS_SUCCEEDED: 1}, stack=stack)
        if minute % 15 == 0:
            yield emf_line(
                at + 30, {Metric.EVENTS_RECONCILED: 8 + events, Metric.STRIPE_CALLS: 1}, stack=stack
            )
        if minute % 37 == 0:
            reviewed: dict[Metric, float | list[float]] = {
                Metric.SWEEP_DUE: 3,
                Metric.SWEEP_FLIPPED: 2,
                Metric.SWEEP_LATE: [41.0, 58.0, 63.0],
            }
            yield emf_line(at + 40, reviewed, stack=stack)
        if minute % 5 == 0:
            yield from _health(rng, at + 50, minute, importing, stack)


def _door(rng: random.Random, events: int, minute: int) -> dict[Metric, float | list[float]]:
    told: dict[Metric, float | list[float]] = {
        Metric.WEBHOOKS_RECEIVED: events + 1,
        Metric.WEBHOOKS_ENQUEUED: events,
    }
    kinds = (Metric.WEBHOOKS_DROPPED_UNSUPPORTED, Metric.WEBHOOKS_DROPPED_GUEST)
    told[rng.choice(kinds)] = 1
    if minute in (700, 701):
        told[Metric.WEBHOOKS_REFUSED_SIGNATURE] = 1
    return told


def _worker(rng: random.Random, events: int, minute: int) -> dict[Metric, float | list[float]]:
    told: dict[Metric, float | list[float]] = {
        Metric.CHANGES_APPLIED: events,
        Metric.CHANGE_LAG: [
            round(rng.uniform(1, 9) ** (2 if minute % 97 == 0 else 1), 2) for _ in range(events)
        ],
        Metric.FEED_ENTRIES: rng.randrange(events + 1),
        Metric.READ_UNITS: 12.0 * events,
        Metric.WRITE_UNITS: 21.0 * events,
        Metric.ESTIMATED_COST: events * 2.9e-5,
    }
    extras = (Metric.CHANGES_STALE, Metric.CHANGES_DUPLICATE, Metric.TIES_FETCHED, Metric.CONFLICTS_REFOLDED)
    if rng.random() < 0.25:
        told[rng.choice(extras)] = 1
    if minute == 14 * 60 + 10:
        told[Metric.CHANGES_DEAD] = 1
    return told


def _import(minute: int) -> dict[Metric, float | list[float]]:
    told: dict[Metric, float | list[float]] = {
        Metric.STRIPE_CALLS: 60,
        Metric.CHANGES_APPLIED: 50,
        Metric.FEED_ENTRIES: 180,
        Metric.READ_UNITS: 900,
        Metric.WRITE_UNITS: 2200,
        Metric.ESTIMATED_COST: 0.0016,
    }
    if minute % 9 == 0:
        told[Metric.STRIPE_RATE_LIMITED] = 1
    return told


def _health(rng: random.Random, at: int, minute: int, importing: bool, stack: str) -> Iterator[str]:
    people = 1200 if minute < 540 else min(1955, 1200 + 19 * (minute - 540))
    gauges: dict[Metric, float | list[float]] = {
        Metric.OUT_OF_SYNC: int(minute >= 850),
        Metric.CUSTOMERS_IN_SYNC: people + 46,
        Metric.PEOPLE: people,
        Metric.LIVE_WAITING: rng.randrange(3),
        Metric.BULK_WAITING: 300 - 7 * (minute - 540) if importing else 0,
        Metric.REVIEWS_WAITING: rng.randrange(2),
        Metric.DEAD_LETTERS: int(minute >= 850),
        Metric.WORKER_PAUSED: 0,
        Metric.SINCE_LAST_EVENT: rng.randrange(10, 200),
        Metric.SILENCE_RATIO: round(rng.uniform(0, 0.2), 3),
        Metric.RECONCILE_AGE: minute % 15 * MINUTE + 20,
        Metric.SWEEP_OVERDUE: rng.choice((0, 0, 0, 22, 48)),
        Metric.WEBHOOK_STOPPED: 0,
        Metric.KEY_REFUSED: 0,
        Metric.IMPORT_BROKEN: 0,
    }
    if importing:
        gauges[Metric.IMPORT_PROGRESS] = min(100, 2.6 * (minute - 535))
    yield emf_line(at, gauges, stack=stack)
    for segment in PREDEFINED:
        size = _SIZES[segment.id] * people // 1955
        slipping = minute // 90 if segment.id.startswith("slipping") else 0
        yield emf_line(at, {Metric.SEGMENT_SIZE: size + slipping}, stack=stack, segment=segment.id)
