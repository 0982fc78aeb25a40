"""The HTTP API of a local stack, asked by HTTP as somebody who is signed in."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from peoplesync_cli.target import Target


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)


@dataclass(frozen=True)
class HttpClient:
    """Asks below a stack's console with a token: that of a `role`, or another one."""

    target: Target
    role: str = "admin"
    other_token: str | None = None

    @cached_property
    def token(self) -> str:
        return self.target.user_pool.token(self.role) if self.other_token is None else self.other_token

    def ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Asks for a path such as `api/v1/me`."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.target.console_url}{path}", data=data, method=method)
        if data is not None:
            request.add_header("Content-Type", "application/json")
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        try:
            answer = urllib.request.urlopen(request)
        except urllib.error.HTTPError as refused:
            answer = refused
        with answer:
            return Answer(
                answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read().decode()
            )

    def get(self, path: str) -> Any:
        """The body of what must be there."""
        answer = self.ask("GET", path)
        assert answer.status == 200, (path, answer.text)
        return answer.body
