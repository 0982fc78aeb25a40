"""Pace: Stripe is asked as fast as was agreed, slower where it says 429, and soon as fast as before."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from peoplesync.use_cases.stripe_reads.pace import CALM, CATCH_UP, PAUSE, SLOWEST, Pace


@dataclass
class Stopwatch:
    """Stands still but for those who sleep. `asleep` is called before it moves."""

    now: float = 100.0
    asleep: Callable[[float], None] = lambda seconds: None
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.asleep(seconds)
        self.slept.append(seconds)
        self.now += seconds


def turns(pace: Pace, watch: Stopwatch, count: int, answered: bool = True) -> list[float]:
    """When so many requests in a row were let go."""
    found = []
    for _ in range(count):
        assert pace.wait()
        found.append(watch.now)
        if answered:
            pace.answered()
    return found


def paced(rate: float, watch: Stopwatch) -> Pace:
    """A pace that has nothing to catch up with."""
    pace = Pace(rate, lambda: watch.now, watch.sleep)
    turns(pace, watch, 1 + int(CATCH_UP * rate))
    return pace


@pytest.mark.parametrize("rate", [0.5, 10.0, 25.0])
def test_requests_are_a_turn_apart(rate: float) -> None:
    watch = Stopwatch()
    pace = paced(rate, watch)
    turns(pace, watch, 1)

    began, *_, ended = turns(pace, watch, 51)

    assert ended - began == pytest.approx(50 / rate)


def test_no_more_than_the_rate_and_a_moment_to_catch_up_with_in_any_second() -> None:
    watch = Stopwatch()
    pace = Pace(25, lambda: watch.now, watch.sleep)
    found = turns(pace, watch, 100)
    watch.now += 3600
    found += turns(pace, watch, 100)

    for began in found:
        assert sum(began <= one < began + 0.999 for one in found) <= 25 + CATCH_UP * 25 + 1


def test_a_moment_in_which_nobody_asked_is_caught_up_with() -> None:
    watch = Stopwatch()
    pace = paced(25, watch)
    began = turns(pace, watch, 1)[0]
    watch.now += 0.15

    turns(pace, watch, 24)

    assert turns(pace, watch, 1)[0] - began == pytest.approx(1)


def test_an_hour_in_which_nobody_asked_is_not() -> None:
    watch = Stopwatch()
    pace = paced(25, watch)
    watch.now += 3600
    began = watch.now

    assert turns(pace, watch, 26)[-1] - began == pytest.approx(1 - CATCH_UP)


def test_a_refusal_halves_the_pace() -> None:
    watch = Stopwatch()
    pace = paced(20, watch)
    pace.refuse(retry_after=0)
    turns(pace, watch, 1, answered=False)

    began, *_, ended = turns(pace, watch, 11, answered=False)

    assert ended - began == pytest.approx(10 / 10)


def test_refusals_of_requests_that_were_under_way_together_halve_it_once() -> None:
    watch = Stopwatch()
    pace = paced(20, watch)
    for _ in range(8):
        pace.refuse(retry_after=0)
        watch.now += CALM / 10
    turns(pace, watch, 10, answered=False)

    began, *_, ended = turns(pace, watch, 11, answered=False)

    assert ended - began == pytest.approx(10 / 10)
    assert pace.refused == 8


def test_nobody_asks_before_the_time_that_stripe_names() -> None:
    watch = Stopwatch()
    pace = paced(25, watch)

    pace.refuse(retry_after=7)
    refused_at = watch.now

    assert turns(pace, watch, 1) == [pytest.approx(refused_at + 7)]


def test_a_refusal_without_a_time_is_a_short_pause() -> None:
    watch = Stopwatch()
    pace = paced(25, watch)

    pace.refuse()
    refused_at = watch.now

    assert turns(pace, watch, 1) == [pytest.approx(refused_at + PAUSE)]


def test_who_is_waiting_already_heeds_a_refusal_too() -> None:
    watch = Stopwatch()
    pace = paced(25, watch)
    turns(pace, watch, 1)
    refusals = iter([7.0])

    def refused_meanwhile(seconds: float) -> None:
        for retry_after in refusals:
            pace.refuse(retry_after)

    began, watch.asleep = watch.now, refused_meanwhile

    assert turns(pace, watch, 1) == [pytest.approx(began + 7)]


def test_after_a_refusal_the_whole_pace_is_reached_again_within_seconds() -> None:
    watch = Stopwatch()
    pace = paced(25, watch)
    pace.refuse()
    began = watch.now

    turns(pace, watch, 40)

    assert watch.now - began < 4
    before, after = turns(pace, watch, 2)
    assert after - before == pytest.approx(1 / 25)


def test_it_comes_back_slowly_enough_not_to_be_refused_at_once_again() -> None:
    watch = Stopwatch()
    pace = paced(25, watch)
    pace.refuse(retry_after=0)
    began = watch.now

    asked = 0
    while watch.now < began + 1:
        turns(pace, watch, 1)
        asked += 1

    assert asked < 0.75 * 25


def test_refused_again_and_again_it_never_stands_still_and_comes_back_within_a_minute() -> None:
    watch = Stopwatch()
    pace = paced(25, watch)
    for _ in range(20):
        watch.now += 2 * CALM
        pace.refuse(retry_after=0)
    began = watch.now

    first, second = turns(pace, watch, 2, answered=False)
    assert second - first == pytest.approx(1 / SLOWEST)
    while watch.now < began + 60:
        turns(pace, watch, 1)

    before, after = turns(pace, watch, 2)
    assert after - before == pytest.approx(1 / 25)


def test_a_refusal_never_makes_a_slow_pace_faster() -> None:
    watch = Stopwatch()
    pace = paced(0.1, watch)

    pace.refuse(retry_after=0)
    first, second = turns(pace, watch, 2, answered=False)

    assert second - first == pytest.approx(10)


def test_nobody_waits_for_a_turn_that_is_of_no_use_any_more() -> None:
    watch = Stopwatch()
    pace = paced(25, watch)
    pace.refuse(retry_after=3600)
    slept = len(watch.slept)

    assert pace.wait(lambda: False) is False
    assert len(watch.slept) == slept


def test_several_threads_share_the_turns() -> None:
    watch = Stopwatch()
    pace = paced(25, watch)
    turns(pace, watch, 1)
    began = watch.now
    threads = [threading.Thread(target=turns, args=(pace, watch, 10)) for _ in range(5)]

    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert watch.now - began == pytest.approx(50 / 25)
