"""Waiting until the queues are empty, and what was written is counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from peoplesync.domain.people.person import EVERYONE
from peoplesync_cli.target import Target
from peoplesync_cli.waiting import wait_until

_SETTLED_LOOKS: Final = 3
"""The depths are approximate: so many looks in a row have to find nothing."""


def drain(target: Target, timeout: int, seen: Callable[[int], None] | None = None) -> None:
    """Returns when nothing waits on the queues; `seen` gets at every look how much does. Fails
    after `timeout` seconds."""
    empty_looks = waiting = 0

    def is_empty() -> bool:
        nonlocal empty_looks, waiting
        waiting = target.depths.waiting()
        if seen is not None:
            seen(waiting)
        empty_looks = empty_looks + 1 if waiting == 0 else 0
        return empty_looks == _SETTLED_LOOKS

    def too_late() -> str:
        return (
            f"After {timeout} s {waiting} changes are still on the queues; "
            "`peoplesync status` shows how they fare."
        )

    wait_until(is_empty, timeout, _pauses(), too_late)


def wait_for_counts(target: Target, connection: str, timeout: int) -> None:
    """Returns when what is counted is what the indexes hold: counts follow by seconds."""
    found = target.connection(connection)

    def are_equal() -> bool:
        sizes = target.read_models.sizes(found)
        indexes = (EVERYONE, *(one.id for one in target.connections.segments(found.epoch)))
        return sizes is None or all(sizes.of(one) == target.people.count(found.epoch, one) for one in indexes)

    wait_until(are_equal, timeout, _pauses(), lambda: f"After {timeout} s the counts are still behind.")


def _pauses() -> Iterator[float]:
    pause = 0.05
    while True:
        yield pause
        pause = min(1.0, pause * 1.3)
