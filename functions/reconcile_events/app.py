"""Every 15 minutes, and by hand: reads the events that the webhook may have missed."""

from __future__ import annotations

import os
from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from peoplesync.adapters.wiring import Wiring
from peoplesync.use_cases.metrics import Metric

SECONDS: Final = 150
"""How long a run may go on to begin slices, of the 300 s that it has: one slice may take long."""

logger = Logger()
wiring = Wiring.of_function(os.environ)
reconciler = wiring.reconciler()


@logger.inject_lambda_context
@wiring.measuring.measured
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Reconciles all connections, or with `{"connection": "main"}` that one, and with `{"since": 1767225600}`
    from that Unix second on. Answers with how far each came; one that is not done continues in the next
    run."""
    since = event.get("since")
    turns = reconciler.reconcile(SECONDS, event.get("connection"), None if since is None else int(since))
    for turn in turns:
        log = logger.warning if turn.problem or turn.too_large or turn.unreadable else logger.info
        log("reconciled", extra=turn.public())
        wiring.measuring.add(Metric.EVENTS_RECONCILED, turn.events)
        wiring.measuring.add(Metric.RECONCILE_PROBLEMS, turn.problem is not None)
    return {"connections": [turn.public() for turn in turns]}
