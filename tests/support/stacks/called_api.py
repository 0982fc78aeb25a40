"""The HTTP API's function, called as API Gateway calls it, on a stack in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from peoplesync_api import stack
from peoplesync_api.api import build
from peoplesync_api.resolver import Api, finished
from tests.support.stacks.http_client import Answer
from tests.support.stacks.moto_stack import MotoStack

VARIABLES = {
    "API_URL": "https://webhooks.example.com",
    "IMPORT_STATE_MACHINE": "import",
    "REEVALUATE_STATE_MACHINE": "reevaluate",
    "TASK_STATE_MACHINE": "task",
    **{
        f"{name}_MAPPING": name.lower() for name in ("LIVE", "BULK", "REVIEW", "PEOPLE_STREAM", "FEED_STREAM")
    },
}


@dataclass(frozen=True)
class CalledApi:
    """The API with its wiring."""

    api: Api

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        text: str | None = None,
        groups: Any = "[admin]",
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        name: str = "ann@example.com",
    ) -> Answer:
        """Asks below /api/v1, as somebody in these groups."""
        event = {
            "version": "2.0",
            "routeKey": "ANY /api/{proxy+}",
            "rawPath": f"/api/v1{path}",
            "rawQueryString": "",
            "headers": dict(headers or {}),
            "queryStringParameters": dict(query or {}),
            "requestContext": {
                "http": {"method": method, "path": f"/api/v1{path}"},
                "stage": "$default",
                "authorizer": {"jwt": {"claims": {"cognito:groups": groups, "username": name}}},
            },
            "body": text if body is None else json.dumps(body),
            "isBase64Encoded": False,
        }
        context: Any = SimpleNamespace(aws_request_id="request-1")
        answer = finished(self.api.resolve(event, context), "request-1")
        return Answer(answer["statusCode"], answer["headers"], answer["body"])


@contextmanager
def called_api(aws: MotoStack) -> Iterator[CalledApi]:
    """The API of that stack."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (aws.environment | VARIABLES).items():
            patch.setenv(name, value)
        stack.wiring.cache_clear()
        try:
            yield CalledApi(build())
        finally:
            stack.wiring.cache_clear()
