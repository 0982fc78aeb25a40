"""Feed deletion: the feeds of erased records, as many rows at a time as a batch has time for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Protocol

from peoplesync.domain.connections import Epoch

ROWS_AT_ONCE: Final = 1_000
"""Rows of feeds that are deleted for one message, about half a second's worth: an app may track somebody a
hundred times a day."""


class Feeds(Protocol):
    def forget(self, epoch: Epoch, record: str, most: int) -> tuple[int, int]:
        """See `ports.People`."""


def delete_feeds(feeds: Feeds, epoch: Epoch, records: Iterable[str]) -> tuple[int, tuple[str, ...]]:
    """Deletes the records' feeds: how many entries went, and the records whose feeds may not be gone yet.

    Raises Unavailable.
    """
    entries, left, most = 0, [], ROWS_AT_ONCE
    for record in sorted(records):
        if most > 0:
            rows, theirs = feeds.forget(epoch, record, most)
            entries, most = entries + theirs, most - rows
        if most <= 0:
            left.append(record)
    return entries, tuple(left)
