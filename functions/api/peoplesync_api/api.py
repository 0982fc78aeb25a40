"""The API, whole: its routes, and the trail of what admins do."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import ResponseBuilder

from peoplesync.adapters import clock
from peoplesync.use_cases.ports import Unavailable
from peoplesync_api import connections, definitions, operating, people, reports, runs
from peoplesync_api.callers import Caller, Role
from peoplesync_api.resolver import ROOT, Api
from peoplesync_api.stack import wiring

DESCRIPTION: Final = Path(__file__).parents[1] / "openapi.json"
"""Written by infra/describe_api.py."""


def build() -> Api:
    """The API with all its routes."""
    api = Api()
    for room in (connections, people, definitions, runs, reports, operating):
        room.register(api)

    @api.declare("GET", f"{ROOT}/openapi.json", Role.NONE, "Description")
    def get_openapi() -> Any:
        """Describe the API, in OpenAPI 3.1."""
        return Response(200, "application/json", DESCRIPTION.read_text())

    @api.declare("GET", f"{ROOT}/docs", Role.NONE, "Page", content_type="text/html")
    def get_docs() -> Any:
        """Show the same as a page."""
        return Response(200, "text/html; charset=utf-8", DESCRIPTION.with_name("reference.html").read_text())

    def audited(
        caller: Caller, connection: str, what: str, act: Callable[[], ResponseBuilder[Any]]
    ) -> ResponseBuilder[Any]:
        request = str(api.lambda_context.aws_request_id)
        row = wiring().audit.begin(connection, request, clock.now(), caller.name, what)
        answer = act()
        body: Any = answer.response.body
        about = body.get("person") if isinstance(body, dict) else None
        with suppress(Unavailable):  # it is done; the trail says that it was begun
            wiring().audit.end(row, answer.response.status_code, about)
        return answer

    api.audit = audited
    return api
