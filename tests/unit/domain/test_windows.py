"""Windows: a list is read whole, once, by however many readers, and a short one without waste."""

from __future__ import annotations

import random
from bisect import bisect_left
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peoplesync.domain.stripe_objects import UnreadableStripeObject
from peoplesync.domain.windows import FIRST, FIRST_CREATED, Window, is_long, next_window

PAGE = 10
NOW = 1_790_000_000


class Account:
    """Objects by their `created`; counts the calls."""

    def __init__(self, created: list[int]) -> None:
        self.objects: list[dict[str, Any]] = [
            {"id": f"x_{n}", "created": at} for n, at in enumerate(sorted(created, reverse=True))
        ]
        self.places: dict[str, int] = {str(one["id"]): place for place, one in enumerate(self.objects)}
        self.calls = 0
        self.shown: Counter[str] = Counter()

    def page(self, window: Window) -> Window:
        self.calls += 1
        newest = bisect_left(self.objects, -window.lt + 1, key=lambda one: -one["created"])
        oldest = bisect_left(self.objects, -window.gte + 1, key=lambda one: -one["created"])
        start = max(newest, self.places[window.cursor] + 1) if window.cursor else newest
        page = self.objects[start : min(start + PAGE, oldest)]
        self.shown.update(str(one["id"]) for one in page)
        return window.after(page, start + PAGE < oldest)


def read(account: Account, readers: int, rng: random.Random) -> int:
    """Has so many readers read everything, one call at a time in some order; how many rounds it took, if all
    called at once."""
    windows = {FIRST: Window(FIRST, FIRST_CREATED, NOW)}
    reading: list[str | None] = [None] * readers
    rounds = 0
    while True:
        rounds += 1
        for reader in rng.sample(range(readers), readers):
            if reading[reader] is None:
                division = next_window(windows, {one for one in reading if one})
                if division is not None:
                    windows[division.window.id] = division.window
                    if division.narrowed:
                        windows[division.narrowed.id] = division.narrowed
                    reading[reader] = division.window.id
        busy = [reader for reader in range(readers) if reading[reader]]
        if not busy:
            assert all(window.done for window in windows.values())
            return rounds
        for reader in rng.sample(busy, len(busy)):
            name = reading[reader]
            assert name is not None
            windows[name] = account.page(windows[name])
            if windows[name].done:
                reading[reader] = None


@settings(max_examples=300, deadline=None)
@given(
    created=st.lists(st.integers(FIRST_CREATED, NOW - 1), max_size=400)
    | st.lists(st.integers(NOW - 500, NOW - 1), max_size=400)
    | st.lists(st.integers(FIRST_CREATED, FIRST_CREATED + 500), max_size=300),
    readers=st.integers(1, 8),
    seed=st.integers(0, 1000),
)
def test_every_object_is_listed_however_they_are_spread(created: list[int], readers: int, seed: int) -> None:
    account = Account(created)

    read(account, readers, random.Random(seed))

    assert set(account.shown) == {one["id"] for one in account.objects}


@pytest.mark.parametrize("spread", ["even", "growing", "all today", "all long ago"])
@pytest.mark.parametrize("pages", [1, 3, 10, 12])
def test_a_short_list_costs_hardly_a_call_more_than_it_has_pages(spread: str, pages: int) -> None:
    account = Account(spread_out(spread, pages * PAGE, random.Random(1)))

    read(account, 8, random.Random(2))

    assert account.calls <= pages + 1


@pytest.mark.parametrize("spread", ["even", "growing", "all today", "all long ago", "two bursts"])
def test_a_long_list_keeps_all_readers_busy(spread: str) -> None:
    account = Account(spread_out(spread, 400 * PAGE, random.Random(1)))

    rounds = read(account, 8, random.Random(2))

    assert account.calls <= 1.25 * 400
    assert 400 / 8 / rounds > 0.5  # of a perfect share


def spread_out(spread: str, count: int, rng: random.Random) -> list[int]:
    year = 365 * 86_400
    match spread:
        case "even":
            return [NOW - rng.randrange(3 * year) - 1 for _ in range(count)]
        case "growing":
            return [NOW - 1 - int(rng.expovariate(1 / (year / 2))) for _ in range(count)]
        case "all today":
            return [NOW - 1 - rng.randrange(86_400) for _ in range(count)]
        case "all long ago":
            return [NOW - 5 * year - rng.randrange(86_400) for _ in range(count)]
    half = count // 2
    return spread_out("all today", half, rng) + spread_out("all long ago", count - half, rng)


def test_a_window_goes_on_when_the_object_at_its_cursor_was_deleted() -> None:
    window = Window("1", 0, 100, cursor="cus_deleted", cursor_at=50, span=10, pages=3, listed=30)

    again = window.without_cursor()

    assert again.params == {"created": {"gte": 0, "lt": 51}}
    assert again.pages == 3


def test_a_page_below_what_another_reader_took_over_ends_the_window() -> None:
    kept, given_away = Window("1", 0, 100, cursor="x", cursor_at=90, span=10, pages=1).divided(45, "2")

    after = kept.after([{"id": "a", "created": 60}, {"id": "b", "created": 40}], True)

    assert after.done
    assert (given_away.gte, given_away.lt) == (0, 45)


def test_a_scout_that_finds_no_more_than_two_pages_leaves_the_list_short() -> None:
    first = Window(FIRST, NOW - 1000, NOW, cursor="x", cursor_at=NOW - 10, span=10, pages=1, listed=10)

    assert not is_long([first, Window("2", 0, NOW - 1000, pages=1, listed=10, cursor="y", cursor_at=5)])
    assert not is_long([first, Window("2", 0, NOW - 1000, pages=2, listed=13, done=True)])
    assert is_long([first, Window("2", 0, NOW - 1000, pages=2, listed=20, cursor="y", cursor_at=5)])


@pytest.mark.parametrize(
    "last", [None, 5, "x", [], {}, {"id": 7, "created": "x"}, {"id": "", "created": True}]
)
def test_a_list_goes_on_after_the_last_object_of_a_page_that_can_be_read(last: object) -> None:
    window = Window(FIRST, 0, 1_000).after([{"id": "a", "created": 900}, last], has_more=True)

    assert (window.cursor, window.cursor_at, window.span, window.listed) == ("a", 900, 100, 2)
    assert not window.done


def test_where_nothing_on_a_page_has_an_id_the_list_cannot_go_on() -> None:
    with pytest.raises(UnreadableStripeObject, match="has no object with an id to go on after"):
        Window(FIRST, 0, 1_000).after([None, {"created": 900}], has_more=True)

    assert Window(FIRST, 0, 1_000).after([None], has_more=False).done
