"""Every five minutes: tells CloudWatch how the sync is, from the tables and queues themselves."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any, Final

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from peoplesync.adapters import clock
from peoplesync.adapters.connections_store import ConnectionsStore
from peoplesync.adapters.executions import Executions
from peoplesync.adapters.import_runs import ImportRuns
from peoplesync.adapters.measuring import Measuring
from peoplesync.adapters.people_reader import PeopleReader
from peoplesync.adapters.queues import ChangeQueue, QueueDepths
from peoplesync.adapters.stack import Stack
from peoplesync.adapters.table_units import count_units
from peoplesync.adapters.tables import ConnectionRow, ImportRow, MemberRow, PersonRow, SegmentRow, use_tables
from peoplesync.adapters.worker_mappings import WorkerMappings
from peoplesync.domain.people import CUSTOMERS_IN_SYNC, EVERYONE
from peoplesync.sync.gauges import gauges
from peoplesync.sync.health import Health
from peoplesync.sync.importing.overview import Imports
from peoplesync.sync.metrics import Metric
from peoplesync.sync.verdicts import verdicts

SECONDS: Final = 300
"""How often it runs."""

COUNTED_EVERY: Final = 900
"""Seconds between two counts of people: a count reads the whole of an index."""

logger = Logger()
measuring = Measuring(os.environ)

stack = Stack.from_environment(os.environ)
use_tables(stack)
count_units(measuring.add, ConnectionRow, PersonRow, MemberRow, SegmentRow, ImportRow)
sqs = boto3.client("sqs")
queues = QueueDepths(
    (
        ChangeQueue(sqs, stack.live_queue_url, stack.live_dead_letter_queue_url),
        ChangeQueue(sqs, stack.bulk_queue_url, stack.bulk_dead_letter_queue_url),
        ChangeQueue(sqs, stack.review_queue_url, stack.review_dead_letter_queue_url),
    )
)
mappings = {name: os.environ[f"{name.upper()}_MAPPING"] for name in ("live", "bulk", "review")}
worker = WorkerMappings(boto3.client("lambda"), mappings)
executions = Executions(boto3.client("stepfunctions"))
connections, people, runs = ConnectionsStore(), PeopleReader(), ImportRuns()
health = Health(people, queues, worker, clock.now)


@logger.inject_lambda_context
@measuring.measured
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Measures every connection that is not disconnected; answers with the verdict on each. With
    `{"count_people": true}` people are counted too, whatever the time."""
    every = connections.all()
    facts = [health.facts(one, Imports(one.epoch, runs, executions, clock.now).latest()) for one in every]
    for metric, value in gauges(facts, queues.by_queue(), queues.dead()).items():
        measuring.add(metric, value)
    if event.get("count_people") or clock.now() % COUNTED_EVERY < SECONDS:
        _count_people()
    worst = {one.connection.name: verdicts(one)[0] for one in facts}
    for name, verdict in worst.items():
        log = logger.warning if verdict.needs_somebody else logger.info
        log(verdict.headline, extra={"connection": name, "reason": verdict.reason})
    return {name: verdict.headline for name, verdict in worst.items()}


def _count_people() -> None:
    """Counts those of all connections together."""
    sizes: Counter[str] = Counter()
    for one in connections.all():
        segments = [segment.id for segment in connections.definitions(one).segments]
        for index in (CUSTOMERS_IN_SYNC, EVERYONE, *segments):
            sizes[index] += people.count(one.epoch, index)
    measuring.add(Metric.CUSTOMERS_IN_SYNC, sizes.pop(CUSTOMERS_IN_SYNC, 0))
    measuring.add(Metric.PEOPLE, sizes.pop(EVERYONE, 0))
    for segment, size in sizes.items():
        measuring.size_of_segment(segment, size)
