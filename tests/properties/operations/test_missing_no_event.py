"""No event is missed: whatever the time budget, however often the reconciler is interrupted."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from peoplesync.use_cases.ports import RateLimited, Unavailable
from peoplesync.use_cases.scheduled.reconcile import OVERLAP
from tests.support.builders.stripe import DAY, NOW
from tests.support.fakes.event_list import Scene, checkpoint, told


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(
    behind=st.integers(0, 30 * DAY),
    count=st.integers(0, 100),
    page_size=st.sampled_from((2, 5, 40)),
    budget=st.floats(0, 30),
    failures=st.floats(0, 0.03),
    seed=st.integers(0, 2**32),
)
def test_every_event_from_the_checkpoint_on_reaches_the_queue(
    behind: int, count: int, page_size: int, budget: float, failures: float, seed: int
) -> None:
    """Whatever the time budget, however often it is interrupted, and with events up to 10 minutes late."""
    rng = random.Random(seed)
    scene = Scene(page_seconds=1)
    scene.stripe.page_size = page_size
    scene.connections.add(reconciled_until=NOW - behind)
    for one in range(count):
        created = NOW - (rng.randint(0, behind) if rng.random() < 0.7 else 60 * (one % 3))
        scene.stripe.happens(told(f"{one}", created), visible_after=rng.choice((0, 0, 3, OVERLAP)))
    listed = scene.stripe.events.values()

    def interrupt(*_: str) -> None:
        if rng.random() < failures:
            raise rng.choice((Unavailable("down"), RateLimited("slow"), ZeroDivisionError()))

    scene.stripe.before_page = interrupt
    scene.bulk.before_send = interrupt
    wanted = {one["id"] for one in listed if one["created"] >= NOW - behind}
    queued: set[str] = set()
    for _ in range(2_000):
        try:
            done = scene.run(budget)["main"].done
        except ZeroDivisionError:
            done = False
        queued |= set(scene.bulk.events())
        scene.bulk.bodies.clear()
        passed = {one for one in wanted if scene.stripe.visible_at[one] < checkpoint(scene)}
        assert passed <= queued, "the checkpoint passed an event that is not on the queue"
        if done and wanted <= queued:
            return
        scene.stripe.now += rng.randint(1, 120) if done else rng.randint(0, 5)
    raise AssertionError("never done")
