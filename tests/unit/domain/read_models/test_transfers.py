"""MRR that moves with a customer from one person to another."""

from __future__ import annotations

from collections import Counter

import pytest

from peoplesync.domain.read_models.contribution import Circumstances, Contribution, delta_of
from peoplesync.domain.revenue.by_customer import Amounts

PAYS: Amounts = {"usd": 1_900}


def moved(before: Contribution, after: Contribution, why: Circumstances) -> dict[tuple[str, str], int]:
    """The amounts that moved, by currency and movement; they add up to what changes in the totals."""
    delta = delta_of(before, after, why, "per_1")
    amounts = {(key[1], key[2]): flow for key, flow in delta.flows.items() if key[3] == "amount"}
    left = Counter({key[1]: total for key, total in delta.totals.items() if key[0] == "mrr"})
    for (currency, _), amount in amounts.items():
        left[currency] -= amount
    assert not any(left.values())
    return amounts


@pytest.mark.parametrize("cause", ["live", "import"])
def test_who_moves_out_takes_what_they_are_worth_along_once(cause: str) -> None:
    there = Contribution(mrr={"cus_1": PAYS, "cus_2": PAYS})

    assert moved(there, Contribution(mrr={"cus_2": PAYS}), Circumstances(cause)) == {
        ("usd", "transferred"): -1_900
    }


def test_who_moves_in_brings_it() -> None:
    why = Circumstances("live", {"cus_1": PAYS})

    assert moved(Contribution(), Contribution(mrr={"cus_1": PAYS}), why) == {("usd", "transferred"): 1_900}


def test_who_comes_back_and_leaves_again_of_unknown_worth_takes_what_was_counted_once() -> None:
    why = Circumstances("live", {"cus_1": None})

    assert moved(Contribution(mrr={"cus_1": PAYS}), Contribution(), why) == {("usd", "transferred"): -1_900}


def test_who_was_erased_takes_it_away_once() -> None:
    why = Circumstances("live", erased=frozenset({"cus_1"}))

    assert moved(Contribution(mrr={"cus_1": PAYS}), Contribution(), why) == {("usd", "removed"): -1_900}
