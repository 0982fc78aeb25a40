"""How a snapshot wins.

Stripe delivers late, twice and in any order, and its `created` has whole seconds and may lag the change it
reports. These rules make the last state of an object the same whatever came first:

1. A terminal state beats any other, and a creation loses to any other, whatever the times.
2. Same content: `as_of` rises to the later of the two. But what a list shows again soon, and as it was, is
   no news, so that an import writes less.
3. More than `TIE_WINDOW` apart: the newer one wins.
4. Within it, and different: a tie, which only Stripe can settle. The object is fetched, and the answer wins.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

TIE_WINDOW: Final = 5
"""Seconds within which Stripe's `created` decides nothing."""


NO_NEWS_WITHIN: Final = 600
"""Seconds within which an object that is listed again as it was says nothing new. What happened in between is
in events of its own."""


class Rank(IntEnum):
    """What a snapshot is; a higher rank beats a lower one whatever the times."""

    CREATION = 0
    STATE = 1
    TERMINAL = 2


@dataclass(frozen=True)
class Snapshot:
    """One state of one Stripe object. `event` is the event it came with, "" for a fetched one."""

    as_of: int
    event: str
    rank: Rank
    content: Mapping[str, Any]

    @property
    def order(self) -> tuple[int, str]:
        return (self.as_of, self.event)


class Gone:
    """Stripe's answer that the object does not exist, or no longer."""


GONE: Final = Gone()


class Tied(Exception):
    """Snapshots that only Stripe can settle."""


def settle(
    stored: Snapshot | None,
    arriving: Sequence[Snapshot],
    fetched: Snapshot | Gone | None = None,
    alike: Callable[[Mapping[str, Any], Mapping[str, Any]], bool] = operator.eq,
    no_news_within: float = 0,
) -> Snapshot | None:
    """The snapshot that stands after `arriving` came to `stored`, in whatever order they did.

    `fetched` is what Stripe answered when it was asked for the object after all of them were known; `alike`
    says whether two contents show the same state; what is listed as it was, within so many seconds, is no
    news. Raises `Tied` where `fetched` is needed and None.
    """
    if stored is not None and all(_is_no_news(stored, one, no_news_within) for one in arriving):
        return stored
    candidates = _without_duplicates(stored, arriving)
    if not candidates:
        return None
    rank = max(one.rank for one in candidates)
    latest = [one for one in candidates if one.rank == rank]
    leader = max(latest, key=lambda one: one.order)
    near = (one for one in latest if leader.as_of - one.as_of <= TIE_WINDOW)
    tied = [one for one in near if not alike(one.content, leader.content)]
    if not tied:
        return leader
    if fetched is None:
        raise Tied
    if isinstance(fetched, Gone) or fetched.rank < rank:
        return leader
    return Snapshot(max(fetched.as_of, leader.as_of), fetched.event, fetched.rank, fetched.content)


def _is_no_news(stored: Snapshot, listed: Snapshot, within: float) -> bool:
    same = not listed.event and listed.rank is stored.rank and listed.content == stored.content
    return same and stored.as_of <= listed.as_of <= stored.as_of + within


def _without_duplicates(stored: Snapshot | None, arriving: Sequence[Snapshot]) -> list[Snapshot]:
    """An event can arrive in the shapes of two API versions: the same event is the same snapshot."""
    kept = [] if stored is None else [stored]
    for snapshot in arriving:
        if not snapshot.event or all(snapshot.event != one.event for one in kept):
            kept.append(snapshot)
    return kept
