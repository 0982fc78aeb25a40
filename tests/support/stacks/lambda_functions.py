"""The functions as Lambda runs them: loaded from their folder, called with the events of AWS."""

from __future__ import annotations

import base64
import importlib.util
import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest

from peoplesync.adapters import clock
from peoplesync.use_cases.metrics import Metric
from peoplesync_local.stack.places import CHECKOUT
from tests.support.builders.stripe import NOW
from tests.support.stacks.moto_stack import MotoStack


@dataclass(frozen=True)
class Context:
    """What Lambda tells a function about its invocation."""

    function_name: str
    memory_limit_in_mb: int = 512
    aws_request_id: str = "6bc1d6f2-0000-4000-8000-000000000000"

    @property
    def invoked_function_arn(self) -> str:
        return f"arn:aws:lambda:us-east-1:123456789012:function:{self.function_name}"


@dataclass(frozen=True)
class Function:
    """A function after its cold start."""

    name: str
    module: ModuleType

    def __call__(self, event: Mapping[str, Any]) -> Any:
        # Powertools keeps one logger a service, which writes to the stdout of when it was made.
        self.module.logger.registered_handler.stream = sys.stdout
        return self.module.handler(event, Context(self.name))


def cold_start(name: str, aws: MotoStack, monkeypatch: pytest.MonkeyPatch, **environment: str) -> Function:
    """Loads `functions/<name>/app.py` with the environment that the template gives it; the clock stands at
    `NOW`."""
    for variable, value in (aws.environment | {"POWERTOOLS_SERVICE_NAME": name} | environment).items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setattr(clock, "now", lambda: NOW)
    path = CHECKOUT / "functions" / name / "app.py"
    spec = importlib.util.spec_from_file_location(f"functions_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return Function(name, module)


def webhook(
    body: bytes, signature: str | None, *, connection: str = "main", encoded: bool = False
) -> dict[str, Any]:
    """A request as API Gateway's HTTP API (payload 2.0) passes it on."""
    return {
        "version": "2.0",
        "routeKey": "POST /webhooks/stripe/{connection}",
        "rawPath": f"/webhooks/stripe/{connection}",
        "rawQueryString": "",
        "headers": {
            "content-type": "application/json; charset=utf-8",
            "user-agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            **({} if signature is None else {"stripe-signature": signature}),
        },
        "requestContext": {
            "http": {"method": "POST", "path": f"/webhooks/stripe/{connection}", "sourceIp": "192.0.2.1"},
            "requestId": "request-1",
            "routeKey": "POST /webhooks/stripe/{connection}",
            "stage": "$default",
        },
        "pathParameters": {"connection": connection},
        "body": base64.b64encode(body).decode() if encoded else body.decode(),
        "isBase64Encoded": encoded,
    }


def batch(*bodies: str, queue: str = "LiveQueue") -> dict[str, Any]:
    """Messages as the mapping of a queue passes them on; the first one is `message-0`."""
    return {
        "Records": [
            {
                "messageId": f"message-{place}",
                "receiptHandle": f"handle-{place}",
                "body": body,
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": str(NOW * 1000),
                    "SenderId": "AIDAEXAMPLE",
                    "ApproximateFirstReceiveTimestamp": str(NOW * 1000),
                },
                "messageAttributes": {},
                "md5OfBody": "0" * 32,
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:us-east-1:123456789012:{queue}",
                "awsRegion": "us-east-1",
            }
            for place, body in enumerate(bodies)
        ]
    }


@dataclass(frozen=True)
class Printed:
    """What a function printed: its log lines and its metrics, each a JSON object."""

    text: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]

    @property
    def log(self) -> list[dict[str, Any]]:
        return [line for line in self.lines if "_aws" not in line]

    @property
    def metrics(self) -> dict[str, float]:
        """Sums by name, read as CloudWatch reads the embedded metric format."""
        found: dict[str, float] = {}
        for line in self.lines:
            for directive in line.get("_aws", {}).get("CloudWatchMetrics", []):
                assert directive["Namespace"] == "peoplesync"
                assert isinstance(line["_aws"]["Timestamp"], int)
                assert next(line[name] for names in directive["Dimensions"] for name in names) == "test"
                for metric in directive["Metrics"]:
                    assert metric["Unit"] == Metric[_member(metric["Name"])].value.unit
                    values = line[metric["Name"]]
                    found[metric["Name"]] = sum(values) if isinstance(values, list) else values
        return found


def _member(title: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", title).upper()
