"""The people's stream: what it shows of the writes that a client makes."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from peoplesync.adapters.dynamodb.tables import PersonRow

BATCH: Final = 100
"""Records that the function gets at once, at most."""

Item = Mapping[str, Mapping[str, Any]]
Record = Mapping[str, Any]


@dataclass
class PeopleStream:
    """Keeps the records of the stream, in the order in which people were written."""

    records: list[Record] = field(default_factory=list)
    _images: dict[str, Item] = field(default_factory=dict)

    def watch(self, client: Any) -> None:
        client.meta.events.register("provide-client-params.dynamodb", self._asked)
        client.meta.events.register("after-call.dynamodb", self._answered)

    def batches(self) -> Iterator[list[Record]]:
        return (self.records[start : start + BATCH] for start in range(0, len(self.records), BATCH))

    def _asked(self, params: Mapping[str, Any], context: dict[str, Any], **_: Any) -> None:
        context["asked"] = params

    def _answered(self, parsed: Mapping[str, Any], model: Any, context: Mapping[str, Any], **_: Any) -> None:
        if "Error" in parsed:
            return
        asked = context["asked"]
        if model.name == "PutItem":
            self._note(asked, asked["Item"])
        elif model.name == "TransactWriteItems":
            for one in asked["TransactItems"]:
                if "Put" in one:
                    self._note(one["Put"], one["Put"]["Item"])
                elif "Delete" in one:
                    self._note(one["Delete"], None)

    def _note(self, write: Mapping[str, Any], item: Item | None) -> None:
        if write["TableName"] != PersonRow.Meta.table_name:
            return
        pk = (item or write["Key"])["pk"]["S"]
        before, after = self._images.pop(pk, None), None if item is None else _as_shown(item)
        if after is not None:
            self._images[pk] = after
        number = f"{len(self.records):021d}"
        images = {"OldImage": before, "NewImage": after}
        change = {
            "SequenceNumber": number,
            "ApproximateCreationDateTime": time.time(),
            "Keys": {"pk": {"S": pk}},
            **{name: image for name, image in images.items() if image is not None},
        }
        self.records.append({"eventName": "REMOVE" if item is None else "MODIFY", "dynamodb": change})


def _as_shown(item: Item) -> Item:
    """An item as a function gets it: its bytes are text."""
    return {
        name: {"B": base64.b64encode(value["B"]).decode()} if "B" in value else value
        for name, value in item.items()
    }
