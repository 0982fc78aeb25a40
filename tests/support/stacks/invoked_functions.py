"""Lambda as a boto3 session shows it: what invokes a function gets what stands in for it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import boto3


@dataclass
class Lambda:
    """Lambda's client: invokes what stands in for the function."""

    function: Callable[[dict[str, Any]], Any]
    asked: list[dict[str, Any]] = field(default_factory=list)

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - boto3's names
        assert FunctionName == "reconcile-1"
        self.asked.append(json.loads(Payload))
        try:
            answer = self.function(self.asked[-1])
        except ZeroDivisionError:
            crash = {"errorType": "ZeroDivisionError"}
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps(crash).encode())}
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}


class Session:
    """A session whose Lambda is ours, and all else moto's."""

    def __init__(self, session: boto3.Session, functions: Lambda) -> None:
        self.session, self.functions = session, functions

    def client(self, service: str, **options: Any) -> Any:
        return self.functions if service == "lambda" else self.session.client(service, **options)  # type: ignore[call-overload]  # a name
