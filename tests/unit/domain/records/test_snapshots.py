"""How a snapshot wins: each rule of `settle`, and that the path taken never shows.

Snapshots are written as `state("X", at=100)`; "fetched" is what Stripe answered.
"""

import itertools
from collections.abc import Sequence

import pytest

from peoplesync.domain.records.snapshots import (
    GONE,
    NO_NEWS_WITHIN,
    TIE_WINDOW,
    Gone,
    Rank,
    Snapshot,
    Tied,
    settle,
)


def state(content: str, at: int, event: str | None = None, rank: Rank = Rank.STATE) -> Snapshot:
    """A snapshot whose event's id, unless given, says nothing about its time."""
    return Snapshot(at, f"evt_{content}_{at}" if event is None else event, rank, {"is": content})


def creation(content: str, at: int) -> Snapshot:
    return state(content, at, rank=Rank.CREATION)


def terminal(content: str, at: int) -> Snapshot:
    return state(content, at, rank=Rank.TERMINAL)


def fetched(content: str, at: int, rank: Rank = Rank.STATE) -> Snapshot:
    return Snapshot(at, "", rank, {"is": content})


def in_every_order(
    snapshots: Sequence[Snapshot], answer: Snapshot | Gone | None = None
) -> list[Snapshot | None]:
    """What stands after the snapshots came in each order: one by one, and in two batches split anywhere."""
    results = []
    for order in itertools.permutations(snapshots):
        for cut in range(len(order)):
            stood = settle(settle(None, order[:cut], answer), order[cut:], answer)
            results.append(stood)
        one_by_one: Snapshot | None = None
        for snapshot in order:
            one_by_one = settle(one_by_one, [snapshot], answer)
        results.append(one_by_one)
    return results


WINS = {
    "newer wins": ([state("X", 100), state("Y", 200)], state("Y", 200)),
    "the content that came back raised its time": (
        [state("X", 100), state("X", 500), state("Y", 300)],
        state("X", 500),
    ),
    "the same content twice and something newer": (
        [state("X", 100), state("X", 105), state("Y", 300)],
        state("Y", 300),
    ),
    "same content within the window is no tie": ([state("X", 100), state("X", 103)], state("X", 103)),
    "six seconds decide": ([state("X", 100), state("Y", 106)], state("Y", 106)),
    "a terminal state beats a newer one": ([terminal("X", 100), state("Y", 900)], terminal("X", 100)),
    "a terminal state beats one of the same second": (
        [terminal("X", 100), state("Y", 100)],
        terminal("X", 100),
    ),
    "a terminal state beats a creation": ([terminal("X", 100), creation("Y", 900)], terminal("X", 100)),
    "the newer of two terminal states": ([terminal("X", 100), terminal("Y", 200)], terminal("Y", 200)),
    "a creation loses to an older state": ([creation("X", 500), state("Y", 100)], state("Y", 100)),
    "a creation loses to a state of the same second": (
        [creation("X", 100), state("Y", 100)],
        state("Y", 100),
    ),
    "a creation does not raise the time of its content": (
        [state("X", 100), creation("X", 500), state("Y", 300)],
        state("Y", 300),
    ),
    "a tie that something newer has settled": (
        [state("Y", 300), state("X", 300 - TIE_WINDOW - 1), creation("Z", 300)],
        state("Y", 300),
    ),
}


@pytest.mark.parametrize("rule", WINS)
def test_the_winner_is_the_same_in_every_order_and_batch(rule: str) -> None:
    snapshots, winner = WINS[rule]
    assert set(map(repr, in_every_order(snapshots))) == {repr(winner)}


def test_nothing_stands_where_nothing_came() -> None:
    assert settle(None, []) is None


def test_the_first_snapshot_stands() -> None:
    assert settle(None, [state("X", 100)]) == state("X", 100)


@pytest.mark.parametrize("apart", range(TIE_WINDOW + 1))
@pytest.mark.parametrize("rank", list(Rank))
def test_up_to_five_seconds_apart_and_different_is_a_tie(apart: int, rank: Rank) -> None:
    first, second = state("X", 100, rank=rank), state("Y", 100 + apart, rank=rank)
    with pytest.raises(Tied):
        settle(None, [first, second])
    with pytest.raises(Tied):
        settle(first, [second])
    with pytest.raises(Tied):
        settle(second, [first])


@pytest.mark.parametrize("rank", list(Rank))
def test_six_seconds_apart_is_no_tie(rank: Rank) -> None:
    first, second = state("X", 100, rank=rank), state("Y", 106, rank=rank)
    assert settle(first, [second]) == settle(second, [first]) == second


def test_the_leaders_content_may_tie_with_what_is_not_next_to_it() -> None:
    with pytest.raises(Tied):
        settle(None, [state("X", 100), state("Y", 103), state("X", 105)])


def test_a_tie_among_older_snapshots_is_settled_by_the_newer_one() -> None:
    older = [state("X", 100), state("Y", 100)]
    assert settle(None, [*older, state("Z", 106)]) == state("Z", 106)


def test_an_older_duplicate_costs_no_write() -> None:
    stored = state("X", 500)
    assert settle(stored, [state("X", 100)]) is stored
    assert settle(stored, [stored]) is stored
    assert settle(stored, [state("Y", 100)]) is stored


def test_what_stripe_answers_settles_a_tie() -> None:
    tied = [state("X", 100), state("Y", 103)]
    assert settle(None, tied, fetched("Z", 900)) == fetched("Z", 900)
    assert settle(None, tied, fetched("X", 900)) == fetched("X", 900)
    assert settle(tied[1], tied[:1], fetched("X", 900)) == fetched("X", 900)


@pytest.mark.parametrize("answered_at", [0, 100, 102, 103])
def test_an_answer_is_at_least_as_new_as_both_of_the_tied(answered_at: int) -> None:
    tied = [state("X", 100), state("Y", 103)]
    assert set(map(repr, in_every_order(tied, fetched("X", answered_at)))) == {repr(fetched("X", 103))}


def test_an_answer_keeps_its_own_time_where_that_is_later() -> None:
    settled = settle(None, [state("X", 100), state("Y", 103)], fetched("X", 104))
    assert settled == fetched("X", 104)


def test_an_answer_is_not_asked_where_nothing_is_tied() -> None:
    assert settle(state("X", 100), [state("Y", 200)], fetched("Z", 900)) == state("Y", 200)


def test_after_an_answer_what_is_older_stays_beaten_and_what_is_newer_wins() -> None:
    settled = settle(None, [state("X", 100), state("Y", 103)], fetched("Z", 900))
    assert settle(settled, [state("X", 100), state("Y", 103), state("V", 894)]) == settled
    assert settle(settled, [state("W", 906)]) == state("W", 906)


def test_an_answer_that_is_terminal_wins_for_good() -> None:
    ended = fetched("Z", 900, Rank.TERMINAL)
    settled = settle(None, [state("X", 100), state("Y", 103)], ended)
    assert settled == ended
    assert settle(settled, [state("W", 5_000)]) == ended


def test_an_answer_that_is_not_terminal_cannot_undo_an_end() -> None:
    tied = [terminal("X", 100), terminal("Y", 103)]
    assert settle(None, tied, fetched("Z", 900)) == terminal("Y", 103)


def test_two_creations_that_differ_are_settled_by_what_stripe_answers() -> None:
    assert settle(None, [creation("X", 100), creation("Y", 100)], fetched("Y", 200)) == fetched("Y", 200)


@pytest.mark.parametrize(
    ("tied", "left"),
    [
        ([state("X", 100, "evt_b"), state("Y", 103, "evt_a")], state("Y", 103, "evt_a")),
        ([state("X", 100, "evt_b"), state("Y", 100, "evt_a")], state("X", 100, "evt_b")),
        ([state("X", 100, "evt_a"), state("Y", 100, "evt_b")], state("Y", 100, "evt_b")),
        (
            [state("X", 100, "evt_c"), state("Y", 102, "evt_b"), state("Z", 102, "evt_a")],
            state("Y", 102, "evt_b"),
        ),
    ],
)
def test_an_object_that_stripe_does_not_know_keeps_the_greater_time_and_event_id(
    tied: list[Snapshot], left: Snapshot
) -> None:
    assert set(map(repr, in_every_order(tied, GONE))) == {repr(left)}


def test_one_event_in_the_shapes_of_two_api_versions_is_one_snapshot() -> None:
    new, old = state("X", 100, "evt_1"), state("X in its old shape", 100, "evt_1")
    assert settle(None, [new, old]) == new
    assert settle(new, [old]) is new
    assert settle(old, [new]) is old


def test_a_fetched_snapshot_is_nobodys_duplicate() -> None:
    stored = fetched("X", 100)
    assert settle(stored, [state("Y", 200)]) == state("Y", 200)
    with pytest.raises(Tied):
        settle(stored, [state("Y", 103)])


def test_the_same_content_told_by_another_event_still_raises_the_time() -> None:
    raised = settle(state("X", 100, "evt_1"), [state("X", 500, "evt_2")])
    assert raised == state("X", 500, "evt_2")
    assert settle(fetched("X", 100), [state("X", 500, "evt_2")]) == state("X", 500, "evt_2")


def test_two_answers_of_stripe_are_two_states() -> None:
    older, newer = (Snapshot(at, "", Rank.STATE, {"is": content}) for at, content in ((100, "X"), (900, "Y")))
    assert settle(None, [older, newer]) == settle(None, [newer, older]) == newer


def test_what_a_list_shows_again_soon_and_as_it_was_is_no_news() -> None:
    stored = state("X", 100, "evt_1")

    def after(*listed: Snapshot) -> Snapshot | None:
        return settle(stored, listed, no_news_within=NO_NEWS_WITHIN)

    assert after(fetched("X", 100 + NO_NEWS_WITHIN)) is stored
    assert after(fetched("X", 101 + NO_NEWS_WITHIN)) == fetched("X", 101 + NO_NEWS_WITHIN)
    assert after(fetched("Y", 200)) == fetched("Y", 200)
    assert after(fetched("X", 200, Rank.TERMINAL)) == fetched("X", 200, Rank.TERMINAL)
    # It has news where something else happened in between.
    assert after(state("Y", 150), fetched("X", 200)) == fetched("X", 200)
