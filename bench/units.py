"""Units: what requests to DynamoDB cost, reckoned from the sizes of the items by AWS's rules.

A write costs a unit for each begun KB of the larger of the item before and after, and a consistent read one
for each begun 4 KB, or half of it where it may be old; both twice in a transaction. A batch's items are
rounded one by one, those of a query together. What fails its condition costs as if it had been written. An
index of keys costs a unit for each row that comes or goes, one of whole rows a unit for each begun KB of it.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pynamodb.models import Model

from peoplesync.adapters.dynamodb.tables import MODELS, PersonRow, ReadModelRow

Item = Mapping[str, Mapping[str, Any]]
Request = Mapping[str, Any]

WRITES: Final = {"PutItem": "Put", "DeleteItem": "Delete", "UpdateItem": "Update"}
UPDATED: Final = 700
"""The size of an item that is updated in place, which its request does not show: runs' and connections' are
smaller."""

INDEXES: Final[Mapping[type[Model], tuple[str, Callable[[Item], Item]]]] = {
    PersonRow: (
        "DueIndex",
        lambda item: {name: item[name] for name in ("pk", "due_shard", "review_at") if "review_at" in item},
    ),
    ReadModelRow: ("MovesIndex", lambda item: item if "moved_on" in item else {}),
}
"""What each table's index shows of an item; nothing of one that is not in it."""


@dataclass
class Units:
    """Counts the requests of the clients that it watches, and their units: those written `by_table`, those
    read by the table that they were `read_from`."""

    requests: Counter[str] = field(default_factory=Counter)
    read: float = 0
    written: float = 0
    people: int = 0
    by_table: Counter[str] = field(default_factory=Counter)
    read_from: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    _sizes: dict[tuple[str, str, str], int] = field(default_factory=dict)
    _indexed: dict[tuple[str, str, str], Item] = field(default_factory=dict)

    def watch(self, client: Any) -> None:
        client.meta.events.register("provide-client-params.dynamodb", self._asked)
        client.meta.events.register("after-call.dynamodb", self._answered)

    def clear(self) -> None:
        """From zero; the sizes of the items that are there stay known."""
        self.requests.clear()
        self.by_table.clear()
        self.read_from.clear()
        self.read = self.written = self.people = 0

    def _asked(self, params: Request, context: dict[str, Any], **_: Any) -> None:
        context["asked"] = params

    def _answered(self, parsed: Mapping[str, Any], model: Any, context: Mapping[str, Any], **_: Any) -> None:
        asked, name = context["asked"], model.name
        self.requests[name] += 1
        failed = "Error" in parsed
        if name in WRITES:
            self._write(WRITES[name], asked, 1, failed=failed)
        elif name == "TransactWriteItems":
            for one in asked["TransactItems"]:
                for what, write in one.items():
                    self._write(what, write, 2, failed=failed)
        elif name == "BatchWriteItem":
            for table, writes in asked["RequestItems"].items():
                for one in writes:
                    for what, write in one.items():
                        put = {"TableName": table, **write}
                        self._write(what.removesuffix("Request"), put, 1, failed=failed)
        elif name == "BatchGetItem":
            for table, wanted in asked["RequestItems"].items():
                found = parsed.get("Responses", {}).get(table, [])
                each = [1] * (len(wanted["Keys"]) - len(found)) + list(map(_quarters, found))
                self._read(table, sum(each), wanted)
        elif name in ("GetItem", "Query", "Scan"):
            size = sum(map(size_of, parsed.get("Items", [parsed.get("Item", {})])))
            self._read(asked["TableName"], max(1, math.ceil(size / 4096)), asked)

    def _read(self, table: str, quarters: int, asked: Request) -> None:
        units = quarters * (1 if asked.get("ConsistentRead") else 0.5)
        self.read += units
        self.read_from[_model_of(table)] += units

    def _write(self, what: str, write: Request, times: int, *, failed: bool) -> None:
        key = _key(write)
        before = self._sizes.get(key, 0)
        after = size_of(write["Item"]) if what == "Put" else UPDATED if what == "Update" else 0
        units = times * max(1, math.ceil(max(before, after) / 1024))
        self.written += units
        self.by_table[_model_of(write["TableName"])] += units
        if not failed and what != "ConditionCheck":
            self._write_index(key, write.get("Item", {}))
            self._sizes[key] = after
            self.people += PersonRow.Meta.table_name == write["TableName"]

    def _write_index(self, key: tuple[str, str, str], item: Item) -> None:
        for model, (index, shows) in INDEXES.items():
            if key[0] == model.Meta.table_name:
                before, after = self._indexed.get(key, {}), shows(item)
                units = sum(math.ceil(size_of(one) / 1024) for one in (before, after) if before != after)
                self.written += units
                if units:
                    self.by_table[index] += units
                self._indexed[key] = after


def size_of(item: Item) -> int:
    """The bytes of an item: names and values."""
    return sum(len(name.encode()) + _value(value) for name, value in item.items())


def _value(value: Mapping[str, Any]) -> int:
    ((kind, held),) = value.items()
    match kind:
        case "S":
            return len(held.encode())
        case "N":
            return len(held) // 2 + 2
        case "B":
            return len(held)
        case "SS" | "NS":
            return sum(len(one.encode()) for one in held)
        case "M":
            return 3 + len(held) + size_of(held)
        case "L":
            return 3 + len(held) + sum(map(_value, held))
        case _:
            return 1


def _quarters(item: Item) -> int:
    return max(1, math.ceil(size_of(item) / 4096))


def _model_of(table: str) -> str:
    return next(model.__name__ for model in MODELS if model.Meta.table_name == table)


def _key(write: Request) -> tuple[str, str, str]:
    key = write.get("Key") or write["Item"]
    return write["TableName"], key["pk"]["S"], key.get("sk", {}).get("S", "")
