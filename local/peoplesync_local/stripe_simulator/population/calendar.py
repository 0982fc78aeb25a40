"""When the population's customers signed up, and on which second of the month each is billed.

Both are functions of a customer's number, and can be turned round: which customers signed up until an
instant, and which are billed then. So everything that happened can be walked through in the order of time
without looking at everybody.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from datetime import UTC, datetime

from peoplesync_local.stripe_simulator.objects.shapes import DAY

YEAR = 365 * DAY
BILLED_WITHIN = 28 * DAY
"""Months are billed on their first 28 days, so that every month has everybody's day."""

YOUNG, NEW = 45 * DAY, 3 * DAY
"""Ages that divide customers into cohorts; nobody younger than `NEW` was billed a second time."""

SPANS = {"growing": 3 * YEAR, "even": 3 * YEAR, "recent": 3 * YEAR, "old": 5 * YEAR}
_GROWTH = 3.5


def since(skew: str, now: int) -> int:
    """The first day of customers who signed up so until `now`."""
    if skew not in SPANS:
        raise ValueError(f"skew is one of {', '.join(SPANS)}, not {skew}")
    return now - SPANS[skew]


class Calendar:
    """`size` customers who signed up until `now`; `skew` says when most of them did."""

    def __init__(self, size: int, now: int, skew: str) -> None:
        self.size, self.now = size, now
        self.since = since(skew, now)
        self._way = _WAYS[skew]
        # From before the first customer's first period to after the last one's next.
        first = datetime.fromtimestamp(self.since, UTC).year - 2
        self._months = [
            int(datetime(first + month // 12, month % 12 + 1, 1, tzinfo=UTC).timestamp())
            for month in range(12 * 11)
        ]
        self.cohorts = [
            _Cohort(start, end)
            for start, end in (
                (0, self.signed_up_until(now - YOUNG)),
                (self.signed_up_until(now - YOUNG), self.signed_up_until(now - NEW)),
                (self.signed_up_until(now - NEW), size),
            )
        ]
        self._ends = [cohort.end for cohort in self.cohorts]

    def created(self, number: int) -> int:
        """When the customer signed up: later numbers not earlier."""
        jitter = (number * 0.618_033_988_75) % 1.0
        share = self._way((number + jitter) / self.size)
        return self.since + 60 + int(share * (self.now - 120 - self.since))

    def created_again(self, number: int) -> int:
        """When the customer's second subscription began, if there is one: later numbers not earlier, too."""
        created = self.created(number)
        return created + (self.now - created) * 3 // 8

    def signed_up_until(self, instant: int) -> int:
        """How many customers signed up until then."""
        return bisect_right(range(self.size), instant, key=self.created)

    def place(self, number: int, series: int) -> int:
        """How many seconds after a month's begin the customer is billed."""
        cohort = self.cohorts[bisect_right(self._ends, number)]
        return cohort.place(number, series)

    def month_of(self, instant: int) -> int:
        """The number of the month that an instant is in."""
        return bisect_right(self._months, instant) - 1

    def month_start(self, month: int) -> int:
        return self._months[month]


class _Cohort:
    """Customers `start` to before `end`, spread over the month by a permutation that can be turned round."""

    def __init__(self, start: int, end: int) -> None:
        self.start, self.end = start, end
        self.size = max(1, end - start)
        stride = max(1, round(self.size * 0.618_033_988_75))
        while math.gcd(stride, self.size) != 1:
            stride += 1
        self._stride, self._back = stride, pow(stride, -1, self.size)

    def __len__(self) -> int:
        return self.end - self.start

    def place(self, number: int, series: int) -> int:
        slot = ((number - self.start) * self._stride + series * self.size // 3) % self.size
        return self.place_of_slot(slot)

    def place_of_slot(self, slot: int) -> int:
        return slot * BILLED_WITHIN // self.size

    def number(self, slot: int, series: int) -> int:
        """Who is billed at this slot."""
        return self.start + (slot - series * self.size // 3) * self._back % self.size

    def slots_until(self, seconds: int) -> int:
        """How many slots of a month have a place not after so many seconds."""
        if seconds < 0:
            return 0
        return min(self.size, bisect_right(range(self.size), seconds, key=self.place_of_slot))

    def slots_before(self, seconds: int) -> int:
        """How many slots of a month have a place before so many seconds."""
        return bisect_left(range(self.size), seconds, key=self.place_of_slot)


def _growing(share: float) -> float:
    return math.log1p(share * math.expm1(_GROWTH)) / _GROWTH


def _recent(share: float) -> float:
    """A tenth over all the years, the others within the last two days."""
    last = 2 * DAY / SPANS["recent"]
    return share / 0.1 * (1 - last) if share < 0.1 else 1 - last * (1 - share) / 0.9


def _old(share: float) -> float:
    """Nine tenths in the first month, the others in all the years since."""
    first = 30 * DAY / SPANS["old"]
    return share / 0.9 * first if share < 0.9 else first + (share - 0.9) / 0.1 * (1 - first)


_WAYS: dict[str, Callable[[float], float]] = {
    "growing": _growing,
    "even": lambda share: share,
    "recent": _recent,
    "old": _old,
}
