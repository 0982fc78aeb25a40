"""Days: what has been counted, and what moved, as of each day's end.

Each part of the counters is a series of days of its own, and their sum is the whole. A day without changes
has no row: the one before it still holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

Counts = Counter[tuple[str, ...]]

DAY: Final = 86_400

_FIRST: Final = date(1970, 1, 1)


def date_of(day: int) -> date:
    """The date of a day, which counts UTC days since 1970."""
    return _FIRST + timedelta(day)


def day_of(one: date) -> int:
    """The day of a date."""
    return (one - _FIRST).days


@dataclass(frozen=True)
class Day:
    """A day's `totals` at its end, or now, and what moved on it; `day` counts UTC days since 1970."""

    day: int
    totals: Counts = field(default_factory=Counter)
    flows: Counts = field(default_factory=Counter)


def with_change(days: Sequence[Day], day: int, totals: Counts, flows: Counts) -> list[Day]:
    """The days that a change of one day makes anew. `days` are the newest, in order, back to one that is not
    after `day`, or to the first of all."""
    earlier = [one for one in days if one.day <= day]
    base = earlier[-1] if earlier else Day(day)
    same = base if base.day == day else Day(day, base.totals)
    changed = [Day(day, _sum(same.totals, totals), _sum(same.flows, flows))]
    later = [one for one in days if one.day > day]
    return changed + [Day(one.day, _sum(one.totals, totals), one.flows) for one in later]


def merged(parts: Iterable[Sequence[Day]], first: int, last: int) -> list[Day]:
    """The days from `first` to `last` of all parts together. Each part is in order, and begins with the
    newest day that is not after `first`, if it has one."""
    days = {day: Day(day) for day in range(first, last + 1)}
    for part in parts:
        for day in days:
            known = [one for one in part if one.day <= day]
            if known:
                flows = known[-1].flows if known[-1].day == day else Counter()
                totals = _sum(days[day].totals, known[-1].totals)
                days[day] = Day(day, totals, _sum(days[day].flows, flows))
    return list(days.values())


def _sum(some: Counts, more: Counts) -> Counts:
    both = Counter(some)
    both.update(more)
    return nonzero(both)


def nonzero(counts: Counts) -> Counts:
    """The counts that are something."""
    return Counter({key: count for key, count in counts.items() if count})
