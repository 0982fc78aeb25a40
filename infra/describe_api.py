"""Writes functions/api/openapi.json, the HTTP API's description, from its routes and infra/api_schemas.yaml.

Beside it comes reference.html, the same as a page. Run it by `.venv/bin/python -m infra.describe_api`.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from infra.api_page import page

ROOT: Final = Path(__file__).parents[1]
sys.path.append(str(ROOT / "functions" / "api"))

from peoplesync_api.api import build  # noqa: E402 - the function's own folder is on the path since just now
from peoplesync_api.callers import Role  # noqa: E402
from peoplesync_api.resolver import Api  # noqa: E402

WRITTEN: Final = ROOT / "functions" / "api" / "openapi.json"
PAGE: Final = WRITTEN.with_name("reference.html")
SCHEMAS: Final = ROOT / "infra" / "api_schemas.yaml"
EVENTS: Final = ROOT / "docs" / "events"

_AMOUNT: Final = r"^-?[0-9]+(\.[0-9]+)?$"
_PLAIN: Final[dict[str, dict[str, Any]]] = {
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "instant": {"type": "string", "format": "date-time"},
    "money": {"type": "string", "pattern": _AMOUNT},
}
_OPEN: Final[dict[str, Any]] = {
    "Scalar": {"type": ["string", "number", "boolean"]},
    "Number": {"type": ["number", "string"]},
    "Anything": {"description": "Whatever Stripe's object has there"},
    "Value": {
        "description": "Text, a number, true or false, a list of text, amounts by currency; null: no value",
        "anyOf": [
            {"type": ["string", "number", "boolean", "null"]},
            {"type": "array", "items": {"type": "string"}},
            {"type": "object", "additionalProperties": {"type": ["string", "null"]}},
        ],
    },
}

_GATEWAY: Final = {
    401: "No token, or one that is not valid or has expired. Answered by API Gateway",
    404: "There is no such thing in this connection; of a path that API Gateway does not know, its own",
    413: "More than 10 MB. Answered by API Gateway",
    429: "Too many requests at once; try again later. Answered by API Gateway",
}
_PROBLEMS: Final = {
    403: "The caller lacks the role",
    404: "There is no such thing in this connection; of a path that API Gateway does not know, its own",
    405: "Not with this method",
    409: "It is not as it was read, or goes against something that is",
    410: "They were erased",
    415: "A body that is not JSON",
    422: "Not valid: the pointer says where, the detail what is allowed",
    428: "Send If-Match with the ETag that was read",
    500: "A fault here",
    503: "Stripe or AWS cannot be asked now; nothing is lost. API Gateway's own 503 has a message only",
}

_RUNS: Final = ("import", "reevaluation", "query", "verification", "reconciliation")
_LINKS: Final[dict[str, tuple[dict[str, str], tuple[str, ...]]]] = {
    "create_segment": (
        {"segment": "$response.body#/id", "header.if-match": "$response.header.ETag"},
        ("get_segment", "replace_segment", "change_segment", "delete_segment", "list_members_as_csv"),
    ),
    "add_field": (
        {"field": "$response.body#/key", "header.if-match": "$response.header.ETag"},
        ("get_field", "change_field", "remove_field"),
    ),
    "create_key": ({"key": "$response.body#/name"}, ("revoke_key",)),
    "list_people": (
        {"person": "$response.body#/items/0/id"},
        ("get_person", "get_feed", "explain", "check_person", "repair_person", "erase_person"),
    ),
    **{
        f"start_{one}": ({"run": "$response.body#/id"}, (f"get_{one}", f"stop_{one}", f"resume_{one}"))
        for one in _RUNS
    },
}
"""What of an answer others take: by parameter, and which operations take those that they have."""

ABOUT: Final = (
    "What the command line can, for whoever may. Get a token with `peoplesync users token`, and send it as "
    "`Authorization: Bearer …`. Lists come in pages: `next` is the cursor of the next one. Refusals are "
    "problem+json, each with a sentence that says what to do."
)


def described(api: Api) -> dict[str, Any]:
    """The API's description, OpenAPI 3.1."""
    made: dict[str, Any] = json.loads(
        api.get_openapi_json_schema(
            title="peoplesync", version="1", openapi_version="3.1.0", description=ABOUT
        )
    )
    schemas = made.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError", "ResponseValidationError"):
        schemas.pop(unused, None)
    for schema in schemas.values():
        _without_titles(schema)
    schemas |= {"Description": {"type": "object", "description": "This document"}}
    schemas |= dict(answers()) | {"FeedEntry": feed_entry()}
    made["components"]["responses"] = refusals()
    made["components"]["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    }
    made["servers"] = [{"url": "/", "description": "The stack's output SignInUrl"}]
    made["security"] = [{"token": []}]
    for path, operations in made["paths"].items():
        for method, operation in operations.items():
            operation["x-role"] = _role(api, method, path)
            for status in (*_GATEWAY, *_PROBLEMS):
                operation["responses"][str(status)] = {"$ref": f"#/components/responses/{status}"}
            for parameter in operation.get("parameters", []):
                _without_titles(parameter)
                _never_null(parameter)
    _link(made)
    return made


def _link(made: dict[str, Any]) -> None:
    """Says which operations go on with what one answers."""
    every = {one["operationId"]: one for path in made["paths"].values() for one in path.values()}
    for name, (given, followers) in _LINKS.items():
        (answer,) = (one for status, one in every[name]["responses"].items() if status.startswith("2"))
        for follower in followers:
            known = {one["name"]: one["in"] for one in every[follower]["parameters"]}
            taken = {key: value for key, value in given.items() if key.rpartition(".")[2] in known}
            link = {
                "operationId": follower,
                "parameters": {"connection": "$request.path.connection", **taken},
            }
            answer.setdefault("links", {})[follower] = link


def answers() -> Iterator[tuple[str, dict[str, Any]]]:
    """The answers' schemas, written out."""
    for name, members in yaml.safe_load(SCHEMAS.read_text()).items():
        yield name, closed(members)
    yield from _OPEN.items()


def closed(members: dict[str, str]) -> dict[str, Any]:
    """An object's schema: with these members, and no others."""
    return {
        "type": "object",
        "properties": {name.rstrip("?"): of(kind) for name, kind in members.items()},
        "required": [name for name in members if not name.endswith("?")],
        "additionalProperties": False,
    }


def of(kind: str) -> dict[str, Any]:
    """The schema of what is written in short: `string|null`, `[Person]`, `{integer}`, `test/live`."""
    if kind.endswith(("|null", "/null")):
        return {"anyOf": [of(kind[: -len("|null")]), {"type": "null"}]}
    if inner := re.fullmatch(r"\[(\w+)\]", kind):
        return {"type": "array", "items": of(inner[1])}
    if inner := re.fullmatch(r"\{(\w+)\}", kind):
        return {"type": "object", "additionalProperties": of(inner[1])}
    if kind in _PLAIN:
        return dict(_PLAIN[kind])
    if kind[0].isupper():
        return {"$ref": f"#/components/schemas/{kind}"}
    return {"type": "string", "enum": kind.split("/")}


def feed_entry() -> dict[str, Any]:
    """An entry of a feed: what the event of that kind has on the bus (docs/events) under `event`."""
    kinds = []
    for path in sorted(EVENTS.glob("*.json")):
        schema = json.loads(path.read_text())
        if (kind := schema["properties"].get("kind")) is None:
            continue
        event = json.loads(json.dumps(schema["properties"]["event"]).replace('"#/$defs/', '"#//'))
        event = _resolved(event, schema.get("$defs", {}))
        common = {"id": of("string"), "at": of("instant"), "kind": kind}
        kinds.append(
            {
                "type": "object",
                "description": schema["description"],
                "properties": common | event["properties"],
                "required": [*common, *event.get("required", [])],
                "additionalProperties": event.get("additionalProperties", False),
            }
        )
    return {"anyOf": kinds}


def _resolved(part: Any, definitions: dict[str, Any]) -> Any:
    """A schema with what it refers to in its place."""
    if isinstance(part, dict):
        if name := part.get("$ref"):
            return _resolved(definitions[name.removeprefix("#//")], definitions)
        return {key: _resolved(value, definitions) for key, value in part.items()}
    return [_resolved(one, definitions) for one in part] if isinstance(part, list) else part


def _role(api: Api, method: str, path: str) -> str:
    rule = path.replace("{", "<").replace("}", ">")
    role = api.roles[f"{method.upper()} {rule}"]
    return role.name.lower() if role is not Role.NONE else "anybody who is signed in"


def refusals() -> dict[str, Any]:
    """The refusals by status: API Gateway's own, with their fixed bodies, and the function's."""
    every = [(status, why, "GatewayProblem", "application/json") for status, why in _GATEWAY.items()]
    every += [(status, why, "Problem", "application/problem+json") for status, why in _PROBLEMS.items()]
    described: dict[str, Any] = {}
    for status, why, schema, content_type in sorted(every):
        one = described.setdefault(str(status), {"description": why, "content": {}})
        one["content"][content_type] = {"schema": {"$ref": f"#/components/schemas/{schema}"}}
    return described


def _never_null(parameter: dict[str, Any]) -> None:
    """A parameter may be left out, but there is no writing null for it; and it is described once."""
    schema = parameter["schema"]
    schema.pop("description", None)
    if kinds := [one for one in schema.get("anyOf", []) if one != {"type": "null"}]:
        (kind,) = kinds
        parameter["schema"] = kind


def _without_titles(schema: Any) -> None:
    """Takes out what pydantic makes of names, which says nothing new."""
    if isinstance(schema, dict):
        if isinstance(schema.get("title"), str):
            del schema["title"]
        for inner in schema.values():
            _without_titles(inner)
    elif isinstance(schema, list):
        for inner in schema:
            _without_titles(inner)


def main() -> None:
    made = described(build())
    WRITTEN.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n")
    PAGE.write_text(page(made))


if __name__ == "__main__":
    main()
