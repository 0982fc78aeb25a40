"""Gauges: health in numbers, over all connections of a stack the sum or the worst."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from peoplesync.use_cases.health.checks import HealthInputs, health_checks, progress
from peoplesync.use_cases.metrics import Metric

WEBHOOK_PAGES: Final = frozenset({"webhook-stopped", "signatures"})


def health_metrics(
    connections: Sequence[HealthInputs], waiting: Mapping[str, int], dead: int
) -> dict[Metric, float]:
    """The value of each gauge; those of connections only where there is a connection.

    `waiting` counts the messages of the live, bulk and review queue.
    """
    found: dict[Metric, float] = {
        Metric.LIVE_WAITING: waiting["live"],
        Metric.BULK_WAITING: waiting["bulk"],
        Metric.REVIEWS_WAITING: waiting["review"],
        Metric.DEAD_LETTERS: dead,
    }
    if not connections:
        return found
    checks = [verdict for facts in connections for verdict in health_checks(facts)]
    imports = [facts.last_import for facts in connections if facts.last_import]
    running = [progress(one) for one in imports if one["status"] == "running"]
    silence = [
        (facts.now - last, facts.connection.rhythm.silence(facts.now, last))
        for facts in connections
        if (last := facts.connection.last_event_at) is not None
    ]
    if silence:
        found[Metric.SINCE_LAST_EVENT] = max(0, *(seconds for seconds, _ in silence))
        found[Metric.SILENCE_RATIO] = max(ratio for _, ratio in silence)
    if running:
        found[Metric.IMPORT_PROGRESS] = min(running)
    pages = Counter(verdict.runbook for verdict in checks)
    return found | {
        Metric.OUT_OF_SYNC: sum(_needs_somebody(facts) for facts in connections),
        Metric.WORKER_PAUSED: any(facts.paused_since is not None for facts in connections),
        Metric.PUBLISH_PAUSED: max(facts.unpublished_for for facts in connections),
        Metric.RECONCILE_AGE: max(max(0, facts.now - facts.known_until) for facts in connections),
        # Where the worker is paused, that it is says it all.
        Metric.SWEEP_OVERDUE: max(0 if facts.paused_since else facts.due_for for facts in connections),
        Metric.WEBHOOK_STOPPED: sum(pages[page] for page in WEBHOOK_PAGES),
        Metric.KEY_REFUSED: pages["key-refused"],
        Metric.IMPORT_BROKEN: pages["import-failed"],
        Metric.NOT_REEVALUATED: pages["not-reevaluated"],
    }


def _needs_somebody(facts: HealthInputs) -> bool:
    return any(verdict.needs_somebody for verdict in health_checks(facts))
