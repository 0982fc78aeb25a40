"""Every five minutes: tells CloudWatch how the sync is, from the tables and queues themselves."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any, Final

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from peoplesync.adapters import clock
from peoplesync.adapters.catalogue_store import CatalogueStore
from peoplesync.adapters.connections_store import ConnectionsStore
from peoplesync.adapters.event_source_mappings import Mappings
from peoplesync.adapters.executions import Executions
from peoplesync.adapters.import_runs import ImportRuns
from peoplesync.adapters.measuring import Measuring
from peoplesync.adapters.people_reader import PeopleReader
from peoplesync.adapters.queues import ChangeQueue, QueueDepths
from peoplesync.adapters.reevaluation_runs import ReevaluationRuns
from peoplesync.adapters.stack import Stack
from peoplesync.adapters.table_units import count_units
from peoplesync.adapters.tables import (
    ConnectionRow,
    FieldRow,
    ImportRow,
    MemberRow,
    PersonRow,
    SegmentRow,
    use_tables,
)
from peoplesync.domain.connections import Connection
from peoplesync.domain.people import CUSTOMERS_IN_SYNC, EVERYONE
from peoplesync.sync.gauges import gauges
from peoplesync.sync.health import Health
from peoplesync.sync.importing.overview import Imports
from peoplesync.sync.metrics import Metric
from peoplesync.sync.reevaluating.overview import Reevaluations
from peoplesync.sync.verdicts import Facts, verdicts

SECONDS: Final = 300
"""How often it runs."""

COUNTED_EVERY: Final = 900
"""Seconds between two counts of people: a count reads the whole of an index."""

logger = Logger()
measuring = Measuring(os.environ)

stack = Stack.from_environment(os.environ)
use_tables(stack)
count_units(measuring.add, ConnectionRow, PersonRow, MemberRow, SegmentRow, FieldRow, ImportRow)
sqs = boto3.client("sqs")
queues = QueueDepths(
    (
        ChangeQueue(sqs, stack.live_queue_url, stack.live_dead_letter_queue_url),
        ChangeQueue(sqs, stack.bulk_queue_url, stack.bulk_dead_letter_queue_url),
        ChangeQueue(sqs, stack.review_queue_url, stack.review_dead_letter_queue_url),
    )
)
mappings = {name: os.environ[f"{name.upper()}_MAPPING"] for name in ("live", "bulk", "review")}
streams = {name: os.environ[f"{name.upper()}_STREAM_MAPPING"] for name in ("people", "feed")}
functions = boto3.client("lambda")
worker, publisher = Mappings(functions, mappings), Mappings(functions, streams)
executions = Executions(boto3.client("stepfunctions"))
connections, people = ConnectionsStore(), PeopleReader()
imports, reevaluations = ImportRuns(), ReevaluationRuns()
health = Health(people, CatalogueStore(), queues, worker, clock.now, publisher)


@logger.inject_lambda_context
@measuring.measured
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Measures every connection that is not disconnected; answers with the verdict on each. With
    `{"count_people": true}` people are counted too, whatever the time."""
    every = connections.all()
    facts = [_facts(one) for one in every]
    for metric, value in gauges(facts, queues.by_queue(), queues.dead()).items():
        measuring.add(metric, value)
    if event.get("count_people") or clock.now() % COUNTED_EVERY < SECONDS:
        _count_people()
    worst = {one.connection.name: verdicts(one)[0] for one in facts}
    for name, verdict in worst.items():
        log = logger.warning if verdict.needs_somebody else logger.info
        log(verdict.headline, extra={"connection": name, "reason": verdict.reason})
    return {name: verdict.headline for name, verdict in worst.items()}


def _facts(connection: Connection) -> Facts:
    """What is known of a connection."""
    epoch = connection.epoch
    last_import = Imports(epoch, imports, executions, clock.now).latest()
    runs = Reevaluations(epoch, reevaluations, executions, clock.now, people.shards)
    return health.facts(connection, last_import, runs.current())


def _count_people() -> None:
    """Counts those of all connections together."""
    sizes: Counter[str] = Counter()
    for one in connections.all():
        segments = [segment.id for segment in connections.definitions(one).enabled]
        for index in (CUSTOMERS_IN_SYNC, EVERYONE, *segments):
            sizes[index] += people.count(one.epoch, index)
    measuring.add(Metric.CUSTOMERS_IN_SYNC, sizes.pop(CUSTOMERS_IN_SYNC, 0))
    measuring.add(Metric.PEOPLE, sizes.pop(EVERYONE, 0))
    for segment, size in sizes.items():
        measuring.size_of_segment(segment, size)
