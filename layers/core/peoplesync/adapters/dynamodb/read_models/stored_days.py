"""Days as they are stored: between counts and rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
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
    content = [_packed(_turned(kind, counts)) for counts in (day.totals, day.flows)]
    return ReadModelRow(ReadModelRow.part(epoch, part), day_key(kind, day.day), content=content)


def from_row(row: ReadModelRow) -> Day:
    """The day that a row holds."""
    kind, _, day = row.sk.rpartition("#")
    content: Any = row.content
    totals, flows = (_turned(kind, _counts(packed)) for packed in content)
    return Day(int(day), totals, flows)


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


def _turned(kind: str, counts: Counts) -> Counts:
    """Of plans the plan before the status, or the other way round: there are more plans, so that their names
    should be there once."""
    if kind != "plans":
        return counts
    return Counter({(second, first, *rest): count for (first, second, *rest), count in counts.items()})


def _packed(counts: Counts) -> list[Any]:
    """The keys and then, in the same order, the counts. Apart from each other, and with what keys have in
    common said once, they compress to two thirds: of a month a row of each day and part is read."""
    keys = sorted(counts)
    return [_tree(keys), [counts[key] for key in keys]]


def _counts(packed: list[Any]) -> Counts:
    tree, counts = packed
    return Counter(dict(zip(_keys(tree), counts, strict=True)))


def _tree(keys: Sequence[tuple[str, ...]]) -> Any:
    """Keys of one length, in order, by how they begin; a list of how they end."""
    if not keys or len(keys[0]) == 1:
        return [key[0] for key in keys]
    return {first: _tree([key[1:] for key in some]) for first, some in groupby(keys, itemgetter(0))}


def _keys(tree: Any) -> Iterator[tuple[str, ...]]:
    if isinstance(tree, list):
        yield from ((last,) for last in tree)
    else:
        for first, rest in tree.items():
            yield from ((first, *key) for key in _keys(rest))
