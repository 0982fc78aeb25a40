"""Quiet periods: how long a Stripe account usually has no events, and whether it has had none for longer.

A gap is the time between two successive seconds in which something happened; Stripe reports one change by
several events of the same second. It belongs to the UTC day on which it ended. Those of today and of the
seven whole days before count, so that there is always a weekend among them. Only gaps of an hour or more are
remembered one by one: no shorter one makes a difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

DAY: Final = 86_400
DAYS: Final = 7
"""Whole days that count, beside the current one."""

SHORTEST: Final = 3_600
"""The usual gap is never said to be shorter, in seconds."""

FEW: Final = 20
"""With fewer gaps than these, nothing is known about what is usual."""

UNKNOWN: Final = 7 * DAY
"""What is usual at least where nothing is known: an account that does so little is quiet for days."""


@dataclass(frozen=True)
class Gaps:
    """The gaps that ended on one day: how many of all lengths, and in order those of an hour or more. Of
    these there are 24 at most."""

    count: int = 0
    long: tuple[int, ...] = ()

    def and_one(self, seconds: int) -> Gaps:
        return Gaps(self.count + 1, (*self.long, seconds) if seconds >= SHORTEST else self.long)


@dataclass(frozen=True)
class QuietPeriodBaseline:
    """What was before `until` is counted; the newest event of it was at `last`. `days` holds the gaps by the
    UTC day on which they ended (days since 1970), and takes less than 4 KB."""

    until: int = 0
    last: int | None = None
    days: Mapping[int, Gaps] = field(default_factory=dict)

    def with_events(self, times: Iterable[int], until: int) -> QuietPeriodBaseline:
        """The same with the events at these times, which are all that there are before `until`.

        What was before the time that is counted already, or is from `until` on, is ignored: times may come
        again, in any order and in any slices.
        """
        if until <= self.until:
            return self
        last, days = self.last, dict(self.days)
        for at in sorted({at for at in times if self.until <= at < until}):
            if last is not None:
                day = at // DAY
                days[day] = days.get(day, Gaps()).and_one(at - last)
            last = at
        return QuietPeriodBaseline(until, last, _counting(days, until))

    def usual_gap(self, now: int) -> int:
        """The 99th percentile of the gaps by nearest rank, in seconds, and at least an hour: of all gaps
        sorted by length, the shortest one that at least 99 in 100 are not longer than.

        With fewer than 20 gaps it is the longest of them, and at least a week: a new or quiet account has
        no rhythm yet, and an alarm would only report that.
        """
        counting = _counting(self.days, now).values()
        count = sum(gaps.count for gaps in counting)
        long = sorted((one for gaps in counting for one in gaps.long), reverse=True)
        if count < FEW:
            return max([UNKNOWN, *long])
        longer = count // 100
        return long[longer] if longer < len(long) else SHORTEST

    def silence(self, now: int, last_event_at: int | None) -> float:
        """How often the usual gap fits into the time since the last event, by two digits: above 1, the
        account is quieter than usual. An account that has never had an event is not silent: 0."""
        if last_event_at is None:
            return 0.0
        return round(max(0, now - last_event_at) / self.usual_gap(now), 2)

    def as_json(self) -> dict[str, Any]:
        """As plain JSON, for `read_baseline`."""
        days = {str(day): [gaps.count, *gaps.long] for day, gaps in self.days.items()}
        return {"until": self.until, "last": self.last, "days": days}


def read_baseline(value: Mapping[str, Any]) -> QuietPeriodBaseline:
    """A rhythm from its JSON."""
    last = value["last"]
    days = {
        int(day): Gaps(int(count), tuple(map(int, long))) for day, (count, *long) in value["days"].items()
    }
    return QuietPeriodBaseline(int(value["until"]), None if last is None else int(last), days)


def _counting(days: Mapping[int, Gaps], now: int) -> dict[int, Gaps]:
    return {day: gaps for day, gaps in days.items() if now // DAY - DAYS <= day}
