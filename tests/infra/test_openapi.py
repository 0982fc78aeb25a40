"""openapi.json: what is committed is what the routes are, and every answer's schema is closed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from infra.api_page import page
from infra.describe_api import PAGE, WRITTEN, described
from peoplesync_api.api import build

DESCRIPTION: dict[str, Any] = json.loads(WRITTEN.read_text())
SCHEMAS: dict[str, Any] = DESCRIPTION["components"]["schemas"]
OPERATIONS = {
    operation["operationId"]: operation
    for operations in DESCRIPTION["paths"].values()
    for operation in operations.values()
}


def test_the_committed_description_is_that_of_the_routes() -> None:
    again = "run: .venv/bin/python -m infra.describe_api"
    assert described(build()) == DESCRIPTION, again
    assert page(DESCRIPTION) == PAGE.read_text(), again


def test_the_page_asks_nobody_else_for_anything() -> None:
    assert not re.search(r"(src|href)=\"(?!#)|url\(|@import|<script", PAGE.read_text())


def objects(schema: Any, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield place, schema
        for name, inner in schema.items():
            yield from objects(inner, f"{place}/{name}")
    elif isinstance(schema, list):
        for number, inner in enumerate(schema):
            yield from objects(inner, f"{place}/{number}")


def test_every_object_says_what_is_in_it_and_that_there_is_nothing_else() -> None:
    assert [place for place, one in objects(SCHEMAS, "") if "additionalProperties" not in one] == [
        "/Description"
    ]


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_says_who_may_and_what_it_answers(name: str) -> None:
    operation = OPERATIONS[name]
    answers = {status: one for status, one in operation["responses"].items() if status.startswith("2")}

    assert operation["x-role"]
    assert operation["summary"]
    assert len(answers) == 1
    for answer in answers.values():
        for content in answer["content"].values():
            schema = content["schema"]
            assert "$ref" not in schema or schema["$ref"].rpartition("/")[2] in SCHEMAS
