"""Answers the HTTP API: what the command line does, for whoever may."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from peoplesync_api.api import build
from peoplesync_api.resolver import finished
from peoplesync_api.stack import wiring

logger = Logger()
api = build()


@logger.inject_lambda_context
@wiring().measuring.measured
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Logs which route was asked for and how it ended: no parameters, which may be personal."""
    answer = finished(api.resolve(event, context), context.aws_request_id)
    logger.info("Answered", extra={"operation": api.operation, "status": answer["statusCode"]})
    return answer
