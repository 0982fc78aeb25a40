"""The world in memory does not settle for ever."""

from __future__ import annotations

import pytest

from tests.support.builders.stripe import NOW
from tests.support.fakes.world import MOST_DELIVERIES, World


def test_a_message_that_always_comes_back_fails_instead_of_hanging(monkeypatch: pytest.MonkeyPatch) -> None:
    world, delivered = World(NOW), []

    def send_again(bodies: list[str]) -> None:
        delivered.extend(bodies)
        for body in bodies:
            world.queue.send(body)

    monkeypatch.setattr(world, "deliver", send_again)
    world.queue.send("again")

    with pytest.raises(AssertionError, match="there waits again"):
        world.settle()
    assert len(delivered) == MOST_DELIVERIES


def test_a_queue_that_is_empty_is_settled() -> None:
    World(NOW).settle()
