"""Refusals as problem+json (RFC 9457): a title, a sentence that says what to do, and where it is wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response

CONTENT_TYPE = "application/problem+json"


class Problem(Exception):
    """A request that is refused. `pointer` is where, such as `/body/rule/all/0` or `/query/limit`."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        pointer: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[Mapping[str, str]] = (),
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.pointer = status, sentence(detail), pointer
        self.headers, self.errors = dict(headers or {}), list(errors)

    def response(self) -> Response[str]:
        """As the client gets it."""
        body: dict[str, Any] = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": int(self.status),
            "detail": self.detail,
        }
        if self.pointer is not None:
            body["pointer"] = self.pointer
        if self.errors:
            body["errors"] = self.errors
        return Response(
            status_code=int(self.status),
            content_type=CONTENT_TYPE,
            headers=dict(self.headers),
            body=json.dumps(body, ensure_ascii=False),
        )


def sentence(text: str) -> str:
    """What went wrong as a sentence of its own."""
    text = text.strip()
    return text[:1].upper() + text[1:].rstrip(".") + "."


def invalid(detail: str, pointer: str) -> Problem:
    """What a client sent is not valid."""
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, pointer)


def of_validation(errors: Sequence[Mapping[str, Any]]) -> Problem:
    """The problem of what pydantic found; where, and what is expected there, never what was sent."""
    found = [{"pointer": _pointer(one["loc"]), "detail": sentence(str(one["msg"]))} for one in errors]
    first = found[0] if found else {"pointer": "", "detail": "The request is not valid."}
    return Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        first["detail"],
        first["pointer"],
        errors=found if len(found) > 1 else (),
    )


def _pointer(place: Sequence[Any]) -> str:
    """A JSON pointer; a parameter or the body comes first."""
    return "".join(f"/{str(one).replace('~', '~0').replace('/', '~1')}" for one in place)
