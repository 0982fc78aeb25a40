"""Whole histories, shuffled and with duplicates, through the use case: each kind is counted as often as it
happened, and everybody ends where their e-mail is."""

import random
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from peoplesync.domain.billing_events import KINDS
from tests.support.builders.stripe import DAY, deleted_customer
from tests.support.fakes.world import FakeStripe, World
from tests.support.oracles.histories import END, History, history
from tests.support.oracles.true_customers import KINDS as TRUE_KINDS

LATER = END + 5 * DAY


def replayed(told: History, seed: int, batch_size: int = 10) -> World:
    """The world after the history's events in random order, a tenth of them twice."""
    rng = random.Random(seed)
    events = [*told.events, *rng.sample(told.events, len(told.events) // 10)]
    rng.shuffle(events)
    world = world_of(told)
    for start in range(0, len(events), batch_size):
        report = world.apply(*events[start : start + batch_size])
        assert not report.dead_lettered
        assert not report.crashed
    assert not world.queue.sent
    return world


def world_of(told: History) -> World:
    """Nothing heard yet, long after all of it happened."""
    objects: dict[str, Mapping[str, Any]] = {}
    for event in told.events:
        objects[event["data"]["object"]["id"]] = event["data"]["object"]
    gone = {one: deleted_customer(one) for one, true in told.truth.items() if true.deleted}
    return World(now=LATER, stripe=FakeStripe(objects | gone, now=LATER))


def ends_right(told: History, world: World) -> None:
    people = world.people.people.values()
    records = {record.id: record for person in people for record in person.records.values()}
    assert records.keys() == told.truth.keys()
    for customer, true in told.truth.items():
        counted = {kind: one.count for kind, one in records[customer].events.items()}
        in_feed = Counter(one.kind for one in world.people.feeds.get(customer, {}).values())
        assert counted == in_feed == {kind: count for kind, count in true.counts.items() if count}, customer
    assert {frozenset(person.records) for person in people} == homes(told)


def homes(told: History) -> set[frozenset[str]]:
    """Those who share an e-mail in the end, and each who has none."""
    together: dict[str, set[str]] = {}
    for customer, true in told.truth.items():
        email = (true.customer["email"] or "").strip().lower()
        together.setdefault(email or customer, set()).add(customer)
    return {frozenset(one) for one in together.values()}


def test_the_truth_knows_every_kind() -> None:
    assert TRUE_KINDS == KINDS


@pytest.mark.parametrize("seed", [1, 2])
def test_a_thousand_events_come_to_the_true_counts_and_people(seed: int) -> None:
    told = history(seed, 1_000)
    ends_right(told, replayed(told, seed))
    untold = {kind for kind in KINDS if not sum(true.counts[kind] for true in told.truth.values())}
    assert untold == {"subscription_changed"}, "all prices of a history are shown"
    assert any(len(home) > 1 for home in homes(told))


def test_one_event_at_a_time_comes_to_the_same() -> None:
    told = history(3, 400, tie_share=0.6)
    ends_right(told, replayed(told, 3, batch_size=1))


@pytest.mark.long
def test_five_thousand_events_come_to_the_true_counts_and_people() -> None:
    told = history(12, 5_000)
    ends_right(told, replayed(told, 12))


def test_every_entry_of_a_replay_is_the_one_that_was_told_first_in_order() -> None:
    # Whoever tells of a happening first, the entry is the same: content and moment, not only the key.
    told = history(4, 800)
    in_order = world_of(told)
    in_order.apply(*told.events)
    assert replayed(told, 4).people.feeds == in_order.people.feeds
