"""A rhythm says the same as all events together, however they are told, and stays small."""

from __future__ import annotations

import json
import random
from itertools import pairwise
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peoplesync.domain.quiet_period import (
    DAY,
    DAYS,
    FEW,
    SHORTEST,
    UNKNOWN,
    QuietPeriodBaseline,
    read_baseline,
)
from peoplesync.use_cases.ports import Unavailable
from peoplesync.use_cases.scheduled.reconcile import OVERLAP
from tests.support.builders.stripe import HOUR, NOW
from tests.support.fakes.event_list import Scene, told

QUICK = settings(max_examples=100, deadline=None, derandomize=True, database=None)
BEGIN = NOW - 12 * DAY

times_of_bursts = st.lists(
    st.tuples(
        st.integers(0, 12 * DAY), st.integers(1, 150), st.sampled_from((1, 60, 1_800, 3_599, 3_600, 9_000))
    )
).map(lambda bursts: [BEGIN + at + one * step for at, size, step in bursts for one in range(size)])


def naive_gap(times: list[int], until: int, now: int) -> int:
    """The definition, from all the times."""
    happened = sorted({at for at in times if at < until})
    gaps = sorted(b - a for a, b in pairwise(happened) if b // DAY >= now // DAY - DAYS)
    if len(gaps) < FEW:
        return max([UNKNOWN, *gaps])
    return max(SHORTEST, gaps[ceil(99 * len(gaps) / 100) - 1])


@QUICK
@given(times=times_of_bursts, until=st.integers(BEGIN, NOW + DAY), later=st.integers(0, 9 * DAY))
def test_the_usual_gap_is_that_of_all_the_events(times: list[int], until: int, later: int) -> None:
    rhythm = QuietPeriodBaseline().with_events(times, until)

    assert rhythm.usual_gap(until + later) == naive_gap(times, until, until + later)


@QUICK
@given(times=times_of_bursts, ends=st.lists(st.integers(BEGIN - DAY, NOW + DAY)), seed=st.integers(0, 2**32))
def test_told_in_any_slices_again_and_in_any_order_it_is_the_same(
    times: list[int], ends: list[int], seed: int
) -> None:
    rng = random.Random(seed)
    until = NOW + DAY
    rhythm = QuietPeriodBaseline()
    for end in (*ends, until):  # some go back, or come twice
        told = [
            at for at in times if rhythm.until - rng.choice((0, 600, DAY)) <= at < end + rng.choice((0, 600))
        ]
        told += rng.choices(told, k=len(told) // 3)
        rng.shuffle(told)
        rhythm = rhythm.with_events(told, end)

    assert rhythm == QuietPeriodBaseline().with_events(times, until)


@QUICK
@given(times=times_of_bursts, until=st.integers(BEGIN, NOW + DAY))
def test_a_rhythm_is_read_as_it_was_written(times: list[int], until: int) -> None:
    rhythm = QuietPeriodBaseline().with_events(times, until)

    assert read_baseline(json.loads(json.dumps(rhythm.as_json()))) == rhythm


@QUICK
@given(
    step=st.integers(1, 3 * HOUR), jitter=st.integers(0, HOUR), days=st.integers(1, 12), seed=st.integers()
)
def test_whatever_happens_it_takes_less_than_4_kb(step: int, jitter: int, days: int, seed: int) -> None:
    rng = random.Random(seed)
    rhythm, at = QuietPeriodBaseline(), BEGIN
    times = [at := at + step + rng.randint(0, jitter) for _ in range(min(5_000, days * DAY // step))]

    rhythm = rhythm.with_events(times, at + 1)

    assert len(json.dumps(rhythm.as_json())) < 4_000


def every(seconds: int, count: int, until: int = NOW) -> list[int]:
    """So many events at the same distance, the last one at `until`."""
    return [until - one * seconds for one in range(count)]


def test_an_event_an_hour_for_weeks_is_as_large_as_it_gets() -> None:
    rhythm = QuietPeriodBaseline().with_events(every(HOUR, 40 * 24), NOW + 1)

    assert all(len(gaps.long) <= 24 for gaps in rhythm.days.values())
    assert 7 * 24 <= sum(len(gaps.long) for gaps in rhythm.days.values()) <= 8 * 24
    assert len(json.dumps(rhythm.as_json())) < 2_000


def test_events_of_one_second_are_one_happening() -> None:
    rhythm = QuietPeriodBaseline().with_events([NOW] * 500 + [NOW - HOUR] * 500, NOW + 1)

    assert sum(gaps.count for gaps in rhythm.days.values()) == 1


def test_a_busy_account_is_usually_quiet_for_an_hour_at_most() -> None:
    rhythm = QuietPeriodBaseline().with_events(every(60, 5_000), NOW + 1)

    assert rhythm.usual_gap(NOW) == SHORTEST
    assert rhythm.silence(NOW + 5 * HOUR, NOW) == 5.0
    assert rhythm.silence(NOW + 100, NOW) == 0.03


@pytest.mark.parametrize(("gaps", "usual"), [(99, 9 * HOUR), (100, SHORTEST), (199, SHORTEST)])
def test_one_gap_in_a_hundred_is_longer_than_usual(gaps: int, usual: int) -> None:
    times = every(60, gaps)
    rhythm = QuietPeriodBaseline().with_events([times[-1] - 9 * HOUR, *times], NOW + 1)

    assert sum(day.count for day in rhythm.days.values()) == gaps
    assert rhythm.usual_gap(NOW) == usual


def test_with_few_events_a_week_of_silence_is_usual() -> None:
    rhythm = QuietPeriodBaseline().with_events(every(HOUR, FEW), NOW + 1)

    assert rhythm.usual_gap(NOW) == UNKNOWN
    assert QuietPeriodBaseline().with_events(every(HOUR, FEW + 1), NOW + 1).usual_gap(NOW) == HOUR
    assert QuietPeriodBaseline().usual_gap(NOW) == UNKNOWN


def test_with_few_events_the_longest_gap_is_usual_if_it_is_longer_than_a_week() -> None:
    rhythm = QuietPeriodBaseline().with_events([NOW - 20 * DAY, NOW - DAY], NOW)

    assert rhythm.usual_gap(NOW) == 19 * DAY


@pytest.mark.parametrize(("days", "usual"), [(0, 62 * HOUR), (7, 62 * HOUR), (8, UNKNOWN)])
def test_a_gap_counts_on_the_day_it_ended_and_on_seven_more(days: int, usual: int) -> None:
    monday = NOW // DAY * DAY
    times = every(60, 30, monday + 9 * HOUR)
    rhythm = QuietPeriodBaseline().with_events([times[-1] - 62 * HOUR, *times], monday + 10 * HOUR)

    for hour in (10, 23):
        now = monday + days * DAY + hour * HOUR
        assert rhythm.usual_gap(now) == rhythm.with_events((), now).usual_gap(now) == usual


def test_who_never_had_an_event_is_not_silent() -> None:
    assert QuietPeriodBaseline().silence(NOW, None) == 0.0
    assert QuietPeriodBaseline().silence(NOW, NOW + 5) == 0.0


@settings(QUICK, max_examples=60)
@given(
    behind=st.integers(0, 9 * DAY),
    count=st.integers(0, 200),
    budget=st.floats(0, 20),
    unrest=st.floats(0, 0.1),
    seed=st.integers(0, 2**32),
)
def test_the_reconciler_counts_every_event_once(
    behind: int, count: int, budget: float, unrest: float, seed: int
) -> None:
    """However slow it is, interrupted, run beside itself, reading again, and told of events late."""
    rng = random.Random(seed)
    scene = Scene(page_seconds=1)
    scene.connections.add(reconciled_until=NOW - behind)
    created = [NOW - rng.randint(0, behind) // rng.choice((1, 1, 50)) for _ in range(count)]
    for number, at in enumerate(created):
        scene.stripe.happens(told(f"{number}", at), visible_after=rng.choice((0, 0, 3, OVERLAP)))
    inside = [False]

    def disturb(_: str) -> None:
        scene.stripe.now += rng.choice((0, 0, 1, 100))
        if not inside[0] and rng.random() < unrest:
            inside[0] = True
            scene.run(rng.choice((0, budget)), since=rng.choice((None, NOW - rng.randint(0, 9 * DAY))))
            inside[0] = False
        if rng.random() < unrest / 3:
            raise Unavailable("down")

    scene.stripe.before_page = disturb
    for _ in range(500):
        done = scene.run(budget, since=rng.choice((None, None, NOW - rng.randint(0, 9 * DAY))))["main"].done
        rhythm = scene.connections.every["main"].rhythm
        assert rhythm == QuietPeriodBaseline().with_events(created, rhythm.until)
        if done and rhythm.until > NOW:
            return
        scene.stripe.now += rng.randint(1, 300) if done else rng.randint(0, 5)
    raise AssertionError("never done")
