"""Reconciliations: the reconciler's turns, one after the other, until one is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from peoplesync.domain.stripe_objects import UnreadableStripeObject
from peoplesync.use_cases.jobs.job import Unacceptable
from peoplesync.use_cases.metrics import Metric
from peoplesync.use_cases.scheduled.found import PATIENCE
from peoplesync.use_cases.scheduled.reconcile import Reconciled
from peoplesync.use_cases.tasks.reconciliation import ReconciliationWork, reconciliation_request
from tests.support.builders.stripe import HOUR, NOW
from tests.support.stacks.moto_stack import MotoStack
from tests.support.worlds.job_world import Killed
from tests.support.worlds.task_world import MAIN, TaskWorld, with_people

SINCE = NOW - 10 * HOUR


@dataclass
class PlayedReconciler:
    """Each turn reads two hours, and brings three events; `problems` come first."""

    problems: list[str] = field(default_factory=list)
    asked: list[tuple[str | None, int | None]] = field(default_factory=list)
    is_there: bool = True

    def reconcile(
        self, seconds: float, name: str | None = None, since: int | None = None
    ) -> Sequence[Reconciled]:
        self.asked.append((name, since))
        if not self.is_there:
            return []
        begins_at = SINCE if since is None else since
        if self.problems:
            return [Reconciled("main", begins_at, begins_at, problem=self.problems.pop(0))]
        until = begins_at + 2 * HOUR
        return [Reconciled("main", begins_at, until, events=3, messages=1, done=until >= NOW)]


@pytest.fixture
def reconciler() -> PlayedReconciler:
    return PlayedReconciler()


@pytest.fixture
def measured() -> list[tuple[Metric, float]]:
    return []


@pytest.fixture
def tasks(aws: MotoStack, reconciler: PlayedReconciler, measured: list[tuple[Metric, float]]) -> TaskWorld:
    with_people(aws, 0)
    work = ReconciliationWork(reconciler, lambda *one: measured.append(one), 60)
    return TaskWorld("reconciliation", reconciliation_request, work)


def test_it_goes_on_from_turn_to_turn_and_adds_up_what_they_found(
    tasks: TaskWorld, reconciler: PlayedReconciler, measured: list[tuple[Metric, float]]
) -> None:
    begun = tasks.tasks.start("main", {"since": "2026-03-01T02:00:00Z"}, "mine")
    assert (begun["since"], begun["report"]) == ("2026-03-01T02:00:00Z", None)

    assert tasks.turn() == {"status": "more"}
    assert tasks.shown("mine")["report"]["done"] is False
    assert tasks.drive() == {"status": "done"}

    assert reconciler.asked == [("main", SINCE + 2 * turn * HOUR) for turn in range(5)]
    assert tasks.shown("mine")["report"] == {
        "connection": "main",
        "events": 15,
        "messages": 5,
        "from": "2026-03-01T02:00:00Z",
        "to": "2026-03-01T12:00:00Z",
        "runs": 5,
        "unreadable": [],
        "done": True,
    }
    assert sum(value for metric, value in measured if metric is Metric.EVENTS_RECONCILED) == 15


def test_without_an_instant_each_turn_begins_at_the_checkpoint(
    tasks: TaskWorld, reconciler: PlayedReconciler
) -> None:
    tasks.tasks.start("main", {}, "mine")

    tasks.turn()
    tasks.turn()

    assert reconciler.asked == [("main", None)] * 2


def test_killed_and_taken_again_it_reads_the_same_once_more(
    tasks: TaskWorld, reconciler: PlayedReconciler
) -> None:
    tasks.tasks.start("main", {"since": "2026-03-01T02:00:00Z"}, "mine")
    tasks.runs.hazards.deadly = (
        tasks.runs.hazards.calls + 2
    )  # after it took over, before it notes what it found
    with pytest.raises(Killed):
        tasks.turn()

    tasks.drive()

    assert reconciler.asked[:2] == [("main", SINCE)] * 2
    assert tasks.shown("mine")["report"]["events"] == 15


def test_it_waits_for_stripe_but_not_for_ever(tasks: TaskWorld, reconciler: PlayedReconciler) -> None:
    reconciler.problems = ["rate_limited"] * (PATIENCE - 1)
    tasks.tasks.start("main", {"since": "2026-03-01T02:00:00Z"}, "mine")
    assert tasks.turn() == {"status": "wait", "seconds": 2}
    assert tasks.drive() == {"status": "done"}

    reconciler.problems = ["unavailable"] * PATIENCE
    tasks.tasks.start("main", {}, "unlucky")
    tasks.drive()

    assert tasks.shown("unlucky")["reason"].startswith("Stripe cannot be asked; nothing is lost")
    tasks.tasks.resume(MAIN, "unlucky")
    reconciler.problems = ["unavailable"]
    assert tasks.turn()["status"] == "wait"


def test_what_does_not_pass_fails_at_once_with_what_to_do(
    tasks: TaskWorld, reconciler: PlayedReconciler
) -> None:
    reconciler.problems = ["key_refused"]
    tasks.tasks.start("main", {}, "mine")

    tasks.drive()

    assert tasks.shown("mine")["reason"].startswith("Stripe refuses the API key; run `peoplesync connect`")
    reconciler.is_there = False
    tasks.tasks.start("main", {}, "gone")
    assert "not there to be reconciled" in tasks.drive()["reason"]


def test_what_cannot_be_read_is_named_once(
    tasks: TaskWorld, reconciler: PlayedReconciler, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = UnreadableStripeObject("customer", "cus_bad", "created", "is missing")

    def turn(*_: Any) -> Sequence[Reconciled]:
        return [Reconciled("main", SINCE, NOW, unreadable={str(problem): problem}, done=True)]

    monkeypatch.setattr(reconciler, "reconcile", turn)
    tasks.tasks.start("main", {}, "mine")

    tasks.drive()

    assert tasks.shown("mine")["report"]["unreadable"] == [problem.public()]


@pytest.mark.parametrize("since", ["yesterday", "2026-03-01T02:00:00", 17])
def test_an_instant_that_is_none_is_refused(tasks: TaskWorld, since: Any) -> None:
    with pytest.raises(Unacceptable, match="since"):
        tasks.tasks.start("main", {"since": since})
