"""Every 15 minutes, and by hand: brings what the webhook may have missed."""

from __future__ import annotations

import os
import time
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.parameters import SSMProvider
from aws_lambda_powertools.utilities.typing import LambdaContext

from peoplesync.adapters import clock
from peoplesync.adapters.api_keys import ApiKeys
from peoplesync.adapters.catalogue_store import CatalogueStore
from peoplesync.adapters.connections_store import ConnectionsStore
from peoplesync.adapters.measuring import Measuring
from peoplesync.adapters.queues import ChangeQueue
from peoplesync.adapters.secrets import Secrets
from peoplesync.adapters.stack import Stack
from peoplesync.adapters.stripe_api import StripeApi
from peoplesync.adapters.table_units import count_units
from peoplesync.adapters.tables import CatalogueRow, ConnectionRow, use_tables
from peoplesync.sync.metrics import Metric
from peoplesync.sync.reconcile import Reconciler

SECONDS = 150
"""How long a run may go on to begin slices, of the 300 s that it has: one slice may take long."""

ANSWER_SECONDS = 10
"""How long Stripe may take for one page: nobody waits here."""

logger = Logger()
measuring = Measuring(os.environ)

stack = Stack.from_environment(os.environ)
use_tables(stack)
count_units(measuring.add, ConnectionRow, CatalogueRow)
keys = ApiKeys(ConnectionsStore(), Secrets(SSMProvider(), stack.secrets_prefix))
stripe = StripeApi(
    keys,
    os.environ.get("PEOPLESYNC_STRIPE_API_URL"),
    timeout=ANSWER_SECONDS,
    measure=measuring.add,
    fresh_key=keys.fresh,
)
reconciler = Reconciler(
    lists=stripe,
    endpoints=stripe,
    connections=ConnectionsStore(),
    catalogue=CatalogueStore(),
    bulk=ChangeQueue(boto3.client("sqs"), stack.bulk_queue_url),
    clock=clock.now,
    monotonic=time.monotonic,
    sleep=time.sleep,
)


@logger.inject_lambda_context
@measuring.measured
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Reconciles all connections, or with `{"connection": "main"}` that one, and with `{"since": 1767225600}`
    from that Unix second on. Answers with how far each came; who is not done goes on in the next run."""
    since = event.get("since")
    turns = reconciler.reconcile(SECONDS, event.get("connection"), None if since is None else int(since))
    for turn in turns:
        log = logger.warning if turn.problem or turn.too_large or turn.unreadable else logger.info
        log("reconciled", extra=turn.public())
        measuring.add(Metric.EVENTS_RECONCILED, turn.events)
        measuring.add(Metric.RECONCILE_PROBLEMS, turn.problem is not None)
    return {"connections": [turn.public() for turn in turns]}
