"""Rows of people in the form they had before records were compressed."""

from __future__ import annotations

import json
import zlib
from typing import Any


def in_earlier_form(row: dict[str, Any]) -> dict[str, Any]:
    """The same row, in DynamoDB's notation, as the version with plain records would have written it."""
    earlier = {name: _with_blanks(value) if name.endswith("_json") else value for name, value in row.items()}
    if "records" in earlier:
        records = zlib.decompress(bytes(earlier.pop("records")["B"])).decode()
        earlier["records_json"] = _with_blanks({"S": records})
    return earlier


def _with_blanks(value: dict[str, Any]) -> dict[str, Any]:
    return {"S": json.dumps(json.loads(value["S"]))}
