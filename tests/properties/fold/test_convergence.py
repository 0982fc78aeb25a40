"""Convergence: for any set of events, in any order, duplication and batching, the same people, feeds, counts
and memberships; and these are the true ones."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings

from tests.support.oracles.tellings import (
    Telling,
    expected,
    outcome,
    tellings,
    told,
    told_history,
    true_objects,
)
from tests.support.oracles.true_people import seen_outcome, true_outcome, unsure

QUICK = settings(max_examples=100, deadline=None, derandomize=True, database=None)
LONG = settings(QUICK, max_examples=2_000, suppress_health_check=[HealthCheck.too_slow])
Property = Callable[[Telling], None]


def comes_to_the_same(telling: Telling) -> None:
    assert outcome(told(telling)) == expected(telling)


def comes_to_the_truth(telling: Telling) -> None:
    world = told(telling)
    assert seen_outcome(world) == true_outcome(telling.history)
    assert telling.stripe != "truth" or not unsure(world)


@given(tellings())
@QUICK
def test_a_history_comes_to_the_same_however_it_is_told(telling: Telling) -> None:
    comes_to_the_same(telling)


@given(tellings(stripe=("truth", "truth at 0")))
@QUICK
def test_a_history_comes_to_the_truth_however_it_is_told(telling: Telling) -> None:
    comes_to_the_truth(telling)


@pytest.mark.long
@given(tellings())
@LONG
def test_two_thousand_histories_come_to_the_same_however_they_are_told(telling: Telling) -> None:
    comes_to_the_same(telling)


@pytest.mark.long
@given(tellings(stripe=("truth", "truth at 0")))
@LONG
def test_two_thousand_histories_come_to_the_truth_however_they_are_told(telling: Telling) -> None:
    comes_to_the_truth(telling)


def test_the_histories_hold_what_makes_it_hard() -> None:
    # Without fetched ties, shared e-mails and deleted customers the properties above would say little.
    fetched = shared = deleted = 0
    for seed in range(100):
        one = told_history(seed, 30, 0.6)
        world = told(Telling(seed, 30, 0.6, [one.events], "truth"))
        fetched += len(world.stripe.asked)
        shared += any(len(person.records) > 1 for person in world.people.people.values())
        deleted += any("deleted" in shown for shown in true_objects(one).values())
    assert fetched > 60
    assert shared > 5
    assert deleted > 1


def test_telling_it_all_again_writes_nothing() -> None:
    for seed in range(20):
        events = told_history(seed, 30, 0.33).events
        telling = Telling(seed, 30, 0.33, [events], "truth")
        world = told(telling)
        writes, before = world.people.writes, outcome(world)
        report = world.apply(*reversed(events))
        assert outcome(world) == before
        assert world.people.writes == writes
        assert report.counts["stale"] + report.counts["dropped"] == 30
