"""The floor: the least that anybody could do who reads and writes the same rows.

For each batch: decode its messages, read the same keys in one BatchGetItem, decode the JSON of the rows that
are there, encode the JSON of what is written, and write it in the fewest transactions. Bare botocore, json
and zlib; nothing is folded, and nothing is checked.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from peoplesync.adapters.dynamodb.compression import compressed, uncompressed

Item = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Batch:
    """What the worker did for a batch: the messages that it took, the keys that it read, by table, and the
    items that it put, with their tables."""

    messages: Sequence[str]
    keys: Mapping[str, Sequence[Item]]
    items: Sequence[tuple[str, Item]]


def cpu_seconds(client: Any, batches: Sequence[Batch]) -> float:
    """The CPU time of this process for all of the batches."""
    plans = [(batch, [(table, item, _decoded(item)) for table, item in batch.items]) for batch in batches]
    before = time.process_time()
    for batch, rows in plans:
        for message in batch.messages:
            json.loads(message)
        wanted = {table: {"Keys": keys, "ConsistentRead": True} for table, keys in batch.keys.items()}
        for items in client.batch_get_item(RequestItems=wanted)["Responses"].values():
            for item in items:
                _decoded(item)
        puts = [{"Put": {"TableName": table, "Item": item | _encoded(row)}} for table, item, row in rows]
        for start in range(0, len(puts), 100):
            client.transact_write_items(TransactItems=puts[start : start + 100])
    return time.process_time() - before


def _decoded(item: Item) -> dict[str, Any]:
    """The values of the attributes that hold JSON."""
    found = {}
    for name, value in item.items():
        if "B" in value:
            found[name] = uncompressed(value["B"])
        elif name.endswith("_json") and "S" in value:
            found[name] = json.loads(value["S"])
    return found


def _encoded(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {"S": json.dumps(value, separators=(",", ":"))}
        if name.endswith("_json")
        else {"B": compressed(value)}
        for name, value in row.items()
    }
