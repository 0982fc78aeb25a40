"""Every minute: finds the people whom the clock alone may have moved, and has them reviewed."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from peoplesync.adapters import clock
from peoplesync.adapters.wiring import Wiring
from peoplesync.use_cases.metrics import Metric

logger = Logger()
wiring = Wiring.of_function(os.environ)
sweep = wiring.sweeper()


@logger.inject_lambda_context
@wiring.measuring.measured
def handler(_event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answers with what was due."""
    swept = sweep(clock.now())
    logger.info("swept", extra=asdict(swept))
    wiring.measuring.add(Metric.SWEEP_DUE, swept.due)
    wiring.measuring.add(Metric.SWEEP_HELD_BACK, swept.held_back)
    return asdict(swept)
