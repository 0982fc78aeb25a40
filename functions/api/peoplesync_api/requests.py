"""What clients send: JSON that is JSON, cursors that are ours, ETags that are current."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NoReturn
from urllib.parse import unquote

from aws_lambda_powertools.event_handler import Response

from peoplesync_api.problems import Problem, invalid

DEEPEST = 40
"""Levels of nesting that a body may have: rules nest, and nothing else does."""


def read_json(text: str) -> Any:
    """A body's content. Raises `Problem` for what only Python takes for JSON: NaN, keys that come twice,
    numbers without bounds, half characters."""
    try:
        content = json.loads(
            text, parse_constant=_not_json, parse_float=_finite, object_pairs_hook=_each_key_once
        )
        json.dumps(content, ensure_ascii=False).encode()
    except RecursionError as error:
        raise invalid("the body is nested too deeply", "/body") from error
    except (ValueError, UnicodeEncodeError) as error:
        where = f" at character {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        raise invalid(f"the body is not valid JSON{where}", "/body") from error
    if _depth(content) > DEEPEST:
        raise invalid(f"the body is nested more than {DEEPEST} levels deep", "/body")
    return content


def _not_json(name: str) -> NoReturn:
    raise ValueError(name)


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueError(digits)
    return number


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a key comes twice")
    return content


def _depth(content: Any) -> int:
    """Levels, counted level by level: recursion would end where Python's stack does."""
    levels, level = 0, [content]
    while level := [
        inner
        for one in level
        if isinstance(one, dict | list)
        for inner in (one.values() if isinstance(one, dict) else one)
    ]:
        levels += 1
        if levels > DEEPEST:
            break
    return levels


def named(value: str) -> str:
    """A name in a path; API Gateway hands some of them on as they came."""
    return unquote(value)


def encode_cursor(place: Any, *scope: str | None) -> str:
    """Where the next page begins, for one list only: `scope` says which."""
    content = json.dumps([_digest(scope), place], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def decode_cursor(cursor: str | None, *scope: str | None) -> Any:
    """The place that `encode_cursor` wrote; None where there is no cursor. Raises `Problem`."""
    if cursor is None:
        return None
    try:
        digest, place = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError) as error:
        raise invalid(
            "this is not a cursor; take the one of the answer before, as it is", "/query/cursor"
        ) from error
    if digest != _digest(scope):
        raise invalid("this cursor belongs to another list; begin without a cursor", "/query/cursor")
    return place


def _digest(scope: tuple[str | None, ...]) -> str:
    return hashlib.sha256(json.dumps(scope).encode()).hexdigest()[:12]


def etag_of(content: Mapping[str, Any]) -> str:
    """The ETag of a definition: the same as long as it is."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:16]}"'


def check_etag(if_match: str | None, current: str) -> None:
    """Raises `Problem` where a client changes what it has not read as it is."""
    if if_match is None:
        raise Problem(
            HTTPStatus.PRECONDITION_REQUIRED,
            "send the header If-Match with the ETag that you read, so that nobody's change is overwritten",
            "/header/if-match",
            headers={"ETag": current},
        )
    if if_match not in ("*", current):
        raise Problem(
            HTTPStatus.CONFLICT,
            f"it was changed since you read it; read it again: its ETag is {current} now",
            "/header/if-match",
            headers={"ETag": current},
        )


def with_etag(content: Mapping[str, Any], etag: str, status: HTTPStatus = HTTPStatus.OK) -> Response[Any]:
    """An answer with its ETag."""
    return Response(
        status_code=int(status), content_type="application/json", headers={"ETag": etag}, body=content
    )
