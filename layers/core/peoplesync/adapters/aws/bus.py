"""The bus: outgoing events by EventBridge's PutEvents."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from peoplesync.use_cases.publishing.publish import Announcement

SOURCE: Final = "peoplesync"
MAX_ENTRIES: Final = 10
MAX_BYTES: Final = 262_144
"""What one request takes, all its entries together: 256 KB."""

TOO_LARGE: Final = "EntryTooLarge"
NOT_TRIED: Final = "NotTried"


@dataclass(frozen=True)
class EventBus:
    """A bus by its name. `events` is EventBridge's client."""

    events: Any
    name: str

    def send(self, announcements: Sequence[Announcement]) -> Mapping[int, str]:
        """Sends all in as few requests as possible; the places of those that EventBridge did not take, with
        its error codes. When it cannot be asked at all, the rest is not tried: it comes again anyway."""
        entries = [self._entry(one) for one in announcements]
        refused = {place: TOO_LARGE for place, entry in enumerate(entries) if _size(entry) > MAX_BYTES}
        reachable = True
        for places in _batches(entries):
            if not reachable:
                refused |= dict.fromkeys(places, NOT_TRIED)
                continue
            try:
                answer = self.events.put_events(Entries=[entries[place] for place in places])
            except (ClientError, BotoCoreError) as error:
                reachable = False
                refused |= dict.fromkeys(places, _code(error))
                continue
            for place, result in zip(places, answer["Entries"], strict=True):
                if code := result.get("ErrorCode"):
                    refused[place] = code
        return refused

    def _entry(self, announcement: Announcement) -> dict[str, str]:
        return {
            "EventBusName": self.name,
            "Source": SOURCE,
            "DetailType": announcement.type,
            "Detail": json.dumps(announcement.detail, ensure_ascii=False, separators=(",", ":")),
        }


def _batches(entries: Sequence[Mapping[str, str]]) -> Iterator[list[int]]:
    """The places of the entries that go together, in order; without those that no request takes."""
    batch: list[int] = []
    size = 0
    for place, entry in enumerate(entries):
        bytes_ = _size(entry)
        if bytes_ > MAX_BYTES:
            continue
        if batch and (len(batch) == MAX_ENTRIES or size + bytes_ > MAX_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(place)
        size += bytes_
    if batch:
        yield batch


def _size(entry: Mapping[str, str]) -> int:
    """As EventBridge counts it: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html"""
    return sum(len(entry[name].encode()) for name in ("Source", "DetailType", "Detail"))


def _code(error: ClientError | BotoCoreError) -> str:
    if isinstance(error, ClientError):
        return str(error.response["Error"].get("Code", "ClientError"))
    return type(error).__name__
