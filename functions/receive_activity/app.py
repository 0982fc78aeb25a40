"""Takes what the app sends about its users: `POST /v1/track`, `/v1/identify` and `/v1/batch`, and events
`Activity` of the bus."""

from __future__ import annotations

import base64
import json
import os
from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError

from peoplesync.adapters import clock
from peoplesync.adapters.wiring import Wiring
from peoplesync.use_cases.ingress.activity_api import BUSY, ApiAnswer
from peoplesync.use_cases.metrics import Metric

logger = Logger()
wiring = Wiring.of_function(os.environ)
receiver = wiring.activity_api()


@logger.inject_lambda_context
@wiring.measuring.measured
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answers as Segment's HTTP API does. An event of the bus that fails is tried again by Lambda."""
    if "detail-type" in event:
        happened_at = int(datetime.fromisoformat(event["time"]).timestamp())
        answer = receiver.take_event(event["detail"], event["id"], happened_at, clock.now())
        record("event of the bus", answer)
        return {}
    body = event.get("body") or ""
    try:
        answer = receiver.receive(
            event["routeKey"].rpartition("/")[2],
            base64.b64decode(body) if event.get("isBase64Encoded") else body.encode(),
            event.get("headers", {}),
            clock.now(),
        )
    except (BotoCoreError, ClientError):
        logger.exception("AWS did not do what was asked")
        answer = BUSY
    record("activity", answer)
    return {
        "statusCode": answer.status,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(answer.body),
    }


def record(what: str, answer: ApiAnswer) -> None:
    """Logs and counts; which items are refused and why is only for the sender."""
    wiring.measuring.add(Metric.ACTIVITIES_RECEIVED, answer.accepted)
    wiring.measuring.add(Metric.ACTIVITIES_REFUSED, sum(answer.refused.values()))
    if answer.metric:
        wiring.measuring.add(answer.metric)
    log = logger.info if answer.status == 200 and not answer.refused else logger.warning
    taken = "taken" if answer.accepted or answer.status == 200 else "refused"
    log(f"{what} {taken}", extra=answer.logged)
