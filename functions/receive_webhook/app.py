"""Takes Stripe's webhooks: `POST /webhooks/stripe/{connection}`."""

from __future__ import annotations

import base64
import json
import os
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from peoplesync.adapters import clock
from peoplesync.adapters.wiring import Wiring
from peoplesync.use_cases.metrics import Metric

logger = Logger()
wiring = Wiring.of_function(os.environ)
receiver = wiring.webhook()


@logger.inject_lambda_context
@wiring.measuring.measured
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answers 200 as soon as the event is on the queue, or is of no use; 400 with a reason otherwise."""
    body = event.get("body") or ""
    receipt = receiver.receive(
        event["pathParameters"]["connection"],
        base64.b64decode(body) if event.get("isBase64Encoded") else body.encode(),
        event.get("headers", {}).get("stripe-signature"),
        clock.now(),
    )
    wiring.measuring.add(Metric.WEBHOOKS_RECEIVED)
    wiring.measuring.add(receipt.metric)
    log = logger.warning if receipt.outcome == "refused" else logger.info
    log(f"webhook {receipt.outcome}", extra={"reason": receipt.reason, **receipt.detail})
    answer = {"outcome": receipt.outcome, **({"reason": receipt.reason} if receipt.reason else {})}
    return {
        "statusCode": receipt.status,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(answer),
    }
