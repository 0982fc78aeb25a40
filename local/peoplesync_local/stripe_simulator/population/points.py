"""The points in the lives of the population's subscriptions, and the walk through them in order of time."""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from peoplesync_local.stripe_simulator.account.timetable import INCOMPLETE_FOR, REMINDED_BEFORE
from peoplesync_local.stripe_simulator.billing.periods import months_later
from peoplesync_local.stripe_simulator.population.calendar import Calendar
from peoplesync_local.stripe_simulator.population.catalogue import WELCOME_MONTHS, Offers
from peoplesync_local.stripe_simulator.population.lives import (
    CANCELED_BEFORE,
    FAILING,
    RETRIES_AT,
    TRIAL,
    TRIAL_CANCELED_BEFORE,
    Draw,
    Life,
)


@dataclass(frozen=True)
class Point:
    """Something that happens to subscriptions at one place in their lives: so many seconds (`wait`) after
    their begin, or after each renewal. `courses`: to whom it can happen; None: to anybody. `code` is its
    place in the ids of events, in the order of what happens within a second."""

    code: str
    wait: int
    monthly: bool = False
    courses: tuple[str, ...] | None = None
    occurs: Callable[[Life, int], bool] = lambda *_: True

    def at(self, created: int) -> int:
        """When it happens to a subscription that began then, if it has to do with its begin."""
        return months_later(created, WELCOME_MONTHS) if self is DISCOUNT_ENDS else created + self.wait


class Happening(NamedTuple):
    """At `at`, the point was reached by the customer's first (0) or second (1) subscription; `renewal` counts
    where it is reached again and again."""

    at: int
    number: int
    series: int
    point: Point
    renewal: int


def _converts(life: Life, _: int) -> bool:
    return life.trial_end is not None and life.stops_at() != life.trial_end


def _discount_ends(life: Life, _: int) -> bool:
    stops = life.stops_at()
    return life.discount_end is not None and (stops is None or life.discount_end < stops)


def _continues(life: Life, renewal: int) -> bool:
    stops = life.stops_at()
    return stops is None or life.renewal(renewal) < stops


def _is_collected(life: Life, renewal: int) -> bool:
    is_given_up = life.course == "unpaid" and life.fails_at is not None and renewal > life.fails_at
    return _continues(life, renewal) and not is_given_up


def _fails(life: Life, renewal: int) -> bool:
    return life.fails_at == renewal


SIGNS_UP = Point("0", 0)
SUBSCRIBES = Point("1", 0)
PAYS_FIRST = Point("2", 1, occurs=lambda life, _: life.trial_end is None)
EXPIRES = Point("3", INCOMPLETE_FOR, courses=("incomplete",))
LEAVES_TRIAL = Point("4", TRIAL - TRIAL_CANCELED_BEFORE, courses=("leaves_trial",))
IS_REMINDED = Point("5", TRIAL - REMINDED_BEFORE, occurs=lambda life, _: life.trial_end is not None)
TRIAL_ENDS = Point("6", TRIAL, occurs=lambda life, _: life.trial_end is not None)
PAYS_AFTER_TRIAL = Point("7", TRIAL + RETRIES_AT[0], occurs=_converts)
DISCOUNT_ENDS = Point("8", 0, occurs=_discount_ends)
LEAVES = Point(
    "A", -CANCELED_BEFORE, monthly=True, courses=("leaves",), occurs=lambda life, n: life.leaves_at == n
)
RENEWS = Point("B", 0, monthly=True, occurs=lambda life, n: _continues(life, n) or life.leaves_at == n)
IS_COLLECTED = Point("C", RETRIES_AT[0], monthly=True, occurs=_is_collected)
RETRIES = tuple(
    Point(code, wait, monthly=True, courses=FAILING, occurs=_fails)
    for code, wait in zip("DEF", RETRIES_AT[1:], strict=True)
)
POINTS = (
    SIGNS_UP,
    SUBSCRIBES,
    PAYS_FIRST,
    EXPIRES,
    LEAVES_TRIAL,
    IS_REMINDED,
    TRIAL_ENDS,
    PAYS_AFTER_TRIAL,
    DISCOUNT_ENDS,
    LEAVES,
    RENEWS,
    IS_COLLECTED,
    *RETRIES,
)
BY_CODE = {point.code: point for point in POINTS}

REMEMBERED = 4_096
"""Customers, and subscriptions, whose draws and lives are kept: each has many points."""


class Walk:
    """Finds what happened without looking at those to whom it did not. `made` counts the lives it looked
    at."""

    def __init__(self, seed: bytes, calendar: Calendar, offers: Offers) -> None:
        self._calendar = calendar
        self.made = 0

        @lru_cache(REMEMBERED)
        def draw(number: int) -> Draw:
            return Draw(seed, number)

        @lru_cache(REMEMBERED)
        def life(number: int, series: int) -> Life:
            return Life(draw(number), series, calendar, offers)

        self.draw: Callable[[int], Draw] = draw
        self._life: Callable[[int, int], Life] = life

    def life(self, draw: Draw, series: int) -> Life:
        self.made += 1
        return self._life(draw.number, series)

    def lives(self, draw: Draw) -> list[Life]:
        """The customer's subscriptions."""
        return [self.life(draw, series) for series in (0, 1) if draw.has(series)]

    def happened(
        self, points: Iterable[Point], start: int, end: int, *, newest_first: bool
    ) -> Iterator[Happening]:
        """All that happened at these points from `start` to `end` (inclusive), in order of time."""
        calendar = self._calendar
        walks: list[Iterator[Happening]] = []
        for point in points:
            for series in (0, 1) if point is not SIGNS_UP else (0,):
                if not point.monthly:
                    walks.append(self._after_begin(point, series, start, end, newest_first))
                    continue
                walks += [
                    self._monthly(point, series, cohort, start, end, newest_first)
                    for cohort in (0, 1)  # nobody of the third has been billed again
                    if len(calendar.cohorts[cohort])
                ]
        return heapq.merge(*walks, key=lambda happening: happening.at, reverse=newest_first)

    def occurs(self, happening: Happening) -> bool:
        """Whether a happening that somebody named is one."""
        draw, point, series = self.draw(happening.number), happening.point, happening.series
        if point is SIGNS_UP:
            return series == 0
        if not draw.has(series) or (point.courses is not None and draw.course(series) not in point.courses):
            return False
        return point.occurs(self.life(draw, series), happening.renewal)

    def when(self, number: int, series: int, point: Point, renewal: int) -> int:
        """When the point is reached, if it is."""
        if point.monthly:
            return self.life(self.draw(number), series).renewal(renewal) + point.wait
        return point.at(self._created(series)(number))

    def _created(self, series: int) -> Callable[[int], int]:
        return self._calendar.created_again if series else self._calendar.created

    def _after_begin(
        self, point: Point, series: int, start: int, end: int, newest_first: bool
    ) -> Iterator[Happening]:
        created, numbers = self._created(series), range(self._calendar.size)

        def at(number: int) -> int:
            return point.at(created(number))

        first, last = bisect_left(numbers, start, key=at), bisect_right(numbers, end, key=at)
        found = numbers[first:last]
        for number in reversed(found) if newest_first else found:
            happening = Happening(at(number), number, series, point, 0)
            if self.occurs(happening):
                yield happening

    def _monthly(
        self, point: Point, series: int, cohort_number: int, start: int, end: int, newest_first: bool
    ) -> Iterator[Happening]:
        calendar = self._calendar
        cohort = calendar.cohorts[cohort_number]
        months = range(max(0, calendar.month_of(start - point.wait)), calendar.month_of(end - point.wait) + 1)
        for month in reversed(months) if newest_first else months:
            begin = calendar.month_start(month) + point.wait
            slots = range(cohort.slots_before(start - begin), cohort.slots_until(end - begin))
            for slot in reversed(slots) if newest_first else slots:
                draw = self.draw(cohort.number(slot, series))
                if not draw.has(series) or (point.courses and draw.course(series) not in point.courses):
                    continue
                life = self.life(draw, series)
                renewal = life.in_month(month)
                if renewal is not None and point.occurs(life, renewal):
                    yield Happening(life.renewal(renewal) + point.wait, draw.number, series, point, renewal)
