"""Every five minutes: reports to CloudWatch how the sync is, from the tables and queues themselves."""

from __future__ import annotations

import os
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from peoplesync.adapters.wiring import Wiring

logger = Logger()
wiring = Wiring.of_function(os.environ)
reporter = wiring.health_reporter()


@logger.inject_lambda_context
@wiring.measuring.measured
def handler(_event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Measures every connection that is not disconnected; answers with the verdict on each."""
    verdicts = reporter.report()
    for name, verdict in verdicts.items():
        log = logger.warning if verdict.needs_somebody else logger.info
        log(verdict.headline, extra={"connection": name, "reason": verdict.reason})
    return {name: verdict.headline for name, verdict in verdicts.items()}
