"""Reading from several tables at once."""

from __future__ import annotations

import random
import time
from collections.abc import Collection, Mapping
from typing import Any, Final

from pynamodb.connection import Connection
from pynamodb.models import Model

from peoplesync.adapters.dynamodb.errors import call
from peoplesync.use_cases.ports import Unavailable

MAX_KEYS: Final = 100
"""What one BatchGetItem takes."""

ATTEMPTS: Final = 5
"""How often keys are asked for that DynamoDB leaves out, as it does when it is throttled."""

FIRST_BACK_OFF: Final = 0.05
"""Seconds before the second attempt, at most; doubled with each."""

Key = str | tuple[str, str]
"""A partition key, or that and a sort key."""

Found = Mapping[type[Model], list[Any]]
"""The rows that are there, by model."""


def batch_get(
    connection: Connection,
    keys: Mapping[type[Model], Collection[Key]],
    eventually: Collection[type[Model]] = (),
) -> Found:
    """The rows of those keys, in as few requests as they take; each of the models has a table of its own.

    Reads are consistent, but for models that may be read `eventually`. Raises Unavailable, and what
    `errors.call` raises.
    """
    models = {str(model.Meta.table_name): model for model in keys}
    found: dict[type[Model], list[Any]] = {model: [] for model in keys}
    wanted = [(model, key) for model, its in keys.items() for key in dict.fromkeys(its)]
    for start in range(0, len(wanted), MAX_KEYS):
        asked: dict[str, dict[str, Any]] = {}
        for model, key in wanted[start : start + MAX_KEYS]:
            request = asked.setdefault(
                model.Meta.table_name, {"Keys": [], "ConsistentRead": model not in eventually}
            )
            request["Keys"].append(_as_stored(key))
        for table, items in _answers(connection, asked):
            found[models[table]] += [models[table].from_raw_data(item) for item in items]
    return found


def _as_stored(key: Key) -> dict[str, Any]:
    if isinstance(key, str):
        return {"pk": {"S": key}}
    partition, sort = key
    return {"pk": {"S": partition}, "sk": {"S": sort}}


def _answers(connection: Connection, asked: dict[str, Any]) -> list[tuple[str, list[Any]]]:
    answers: list[tuple[str, list[Any]]] = []
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(FIRST_BACK_OFF * 2 ** (attempt - 1) * random.random())  # noqa: S311 - no secret
        answer = call(connection, "BatchGetItem", {"RequestItems": asked})
        answers += answer["Responses"].items()
        asked = answer.get("UnprocessedKeys") or {}
        if not asked:
            return answers
    raise Unavailable("the tables are throttled")
