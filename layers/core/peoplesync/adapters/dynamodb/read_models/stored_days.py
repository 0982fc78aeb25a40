"""Days as they are stored: between counts and rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from peoplesync.adapters.dynamodb.tables import ReadModelRow
from peoplesync.domain.connections import Epoch
from peoplesync.domain.read_models.contribution import Kind
from peoplesync.domain.read_models.days import Counts, Day

PARTS: Final = 4
"""Parts of the counters: who counts takes any of them, so that functions that run side by side rarely meet.
A reader reads all."""

HEAD: Final = "head"
LAST_DAY: Final = 999_999


def day_key(kind: Kind, day: int) -> str:
    """The `sk` of a day."""
    return f"{kind}#{day:06d}"


def to_row(epoch: Epoch, part: int, kind: Kind, day: Day) -> ReadModelRow:
    """The row that holds a day."""
    content = {"totals": _listed(day.totals), "flows": _listed(day.flows)}
    return ReadModelRow(ReadModelRow.part(epoch, part), day_key(kind, day.day), content=content)


def from_row(row: ReadModelRow) -> Day:
    """The day that a row holds."""
    content: Any = row.content
    return Day(int(row.sk.rpartition("#")[2]), _counts(content["totals"]), _counts(content["flows"]))


def days_back_to(epoch: Epoch, part: int, kind: Kind, day: int, *, consistent: bool = False) -> list[Day]:
    """The newest days of a part, in order, back to one that is not after `day`."""
    return list(reversed(list(_newest_first(epoch, part, kind, day, consistent=consistent))))


def _newest_first(epoch: Epoch, part: int, kind: Kind, day: int, *, consistent: bool) -> Iterator[Day]:
    key, newest, most = ReadModelRow.part(epoch, part), LAST_DAY, 2
    while newest >= 0:
        between = ReadModelRow.sk.between(day_key(kind, 0), day_key(kind, newest))
        found = ReadModelRow.query(
            key, between, scan_index_forward=False, consistent_read=consistent, limit=most
        )
        rows = list(found)
        for row in rows:
            one = from_row(row)
            yield one
            if one.day <= day:
                return
            newest = one.day - 1
        if len(rows) < most:
            return
        most = 40


def _listed(counts: Counts) -> list[list[Any]]:
    return [[*key, count] for key, count in sorted(counts.items())]


def _counts(listed: list[list[Any]]) -> Counts:
    return Counter({tuple(key): count for *key, count in listed})
