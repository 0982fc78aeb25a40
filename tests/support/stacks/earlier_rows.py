"""Rows of people in the form they had before records were compressed."""

from __future__ import annotations

import json
from typing import Any

from peoplesync.adapters.dynamodb.compression import uncompressed


def in_earlier_form(row: dict[str, Any]) -> dict[str, Any]:
    """The same row, in DynamoDB's notation, as the version with plain records would have written it."""
    earlier = {name: _with_blanks(value) if name.endswith("_json") else value for name, value in row.items()}
    if "records" in earlier:
        records = uncompressed(bytes(earlier.pop("records")["B"]))
        earlier["records_json"] = {"S": json.dumps(records)}
    return earlier


def _with_blanks(value: dict[str, Any]) -> dict[str, Any]:
    return {"S": json.dumps(json.loads(value["S"]))}
