"""Verifications: one turn, whose report is kept; it may be stopped, interrupted, or take too long."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from peoplesync.adapters.dynamodb.connections import ConnectionsStore
from peoplesync.domain.connections import Epoch
from peoplesync.use_cases.jobs.job import Unacceptable
from peoplesync.use_cases.ports import KeyRefused
from peoplesync.use_cases.read_models.reindex import Reindexed
from peoplesync.use_cases.tasks import verification
from peoplesync.use_cases.tasks.verification import MOST_SECONDS, VerificationWork, verification_request
from peoplesync.use_cases.verifying.report import public_report
from tests.support.builders.stripe import DAY, NOW, customer, event
from tests.support.fakes.world import World
from tests.support.stacks.moto_stack import MotoStack
from tests.support.worlds.job_world import Killed
from tests.support.worlds.task_world import MAIN, TaskWorld, with_people
from tests.support.worlds.verifying import Verification

CUSTOMERS = 5


@dataclass
class Counts:
    """Stands in for the reindexer: three people, of whom nothing differs."""

    say: Callable[[int], None] = lambda people: None

    def settled(self, epoch: Epoch, sleep: Callable[[float], None], *, repair: bool) -> Reindexed:
        self.say(3)
        return Reindexed(people=3)


@dataclass
class Verifying:
    """Customers of whom some have another name at Stripe, and the verification of them."""

    world: World = field(default_factory=lambda: World(NOW))
    counted: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        for number in range(CUSTOMERS):
            one = customer(f"cus_{number}", created=NOW - DAY)
            self.world.stripe.objects[str(one["id"])] = one
            self.world.apply(event("customer.created", one, created=NOW - DAY))
        self.world.now = NOW + DAY
        self.verification = Verification(self.world)

    def drift(self, customers: int) -> None:
        for number in range(customers):
            name = f"cus_{number}"
            self.world.stripe.objects[name] = {**self.world.stripe.objects[name], "name": "Somebody Else"}

    def work(self) -> VerificationWork:
        reindexer: Any = Counts()
        return VerificationWork(
            verifier=self.verification.verifier(),
            reindexer=reindexer,
            bulk=self.world.queue,
            note_counted=lambda connection: self.counted.append(connection.name),
            clock=lambda: self.world.now,
            monotonic=lambda: self.seconds,
        )


@pytest.fixture
def verifying() -> Verifying:
    return Verifying()


@pytest.fixture
def tasks(aws: MotoStack, verifying: Verifying, monkeypatch: pytest.MonkeyPatch) -> TaskWorld:
    with_people(aws, 0)
    monkeypatch.setattr(verification, "A_PAGE", 2)
    verifying.world.stripe.now = verifying.world.now
    return TaskWorld("verification", verification_request, verifying.work(), connections=ConnectionsStore())


def test_its_report_is_what_the_command_prints(tasks: TaskWorld, verifying: Verifying) -> None:
    verifying.drift(3)
    expected = public_report(verifying.verification(), None, Reindexed(people=3))

    begun = tasks.tasks.start("main", {}, "mine")
    assert (begun["sample"], begun["repair"], begun["report"]) == (None, False, None)
    assert tasks.drive() == {"status": "done"}

    shown = tasks.shown("mine")
    assert (shown["status"], shown["kind"]) == ("succeeded", "verification")
    assert shown["report"] == expected
    assert len(shown["report"]["differences"]) == 3
    assert not verifying.world.queue.sent
    assert not verifying.counted
    (listed,) = tasks.overview.all()
    assert listed["report"] == {
        name: value for name, value in expected.items() if name not in ("differences", "unreadable")
    }


def test_what_drifted_is_repaired_where_that_is_asked_for(tasks: TaskWorld, verifying: Verifying) -> None:
    verifying.drift(2)
    tasks.tasks.start("main", {"repair": True}, "mine")

    tasks.drive()

    report = tasks.shown("mine")["report"]
    assert (report["drifted"], report["repair_messages"]) == (2, len(verifying.world.queue.sent))
    assert verifying.counted == ["main"]


def test_of_a_sample_nothing_else_is_compared(tasks: TaskWorld) -> None:
    tasks.tasks.start("main", {"sample": 2}, "mine")

    tasks.drive()

    report = tasks.shown("mine")["report"]
    assert 0 < report["customers"] < CUSTOMERS
    assert "read_models" not in report


def test_stopped_while_it_compares_it_repairs_nothing(tasks: TaskWorld, verifying: Verifying) -> None:
    verifying.drift(2)
    tasks.tasks.start("main", {"repair": True}, "mine")
    verifying.verification.while_waiting = lambda times: tasks.tasks.stop(MAIN, "mine")

    assert tasks.drive() == {"status": "stopped"}

    assert not verifying.world.queue.sent
    assert tasks.shown("mine")["status"] == "stopped"


def test_one_that_takes_too_long_fails_and_says_what_to_do(tasks: TaskWorld, verifying: Verifying) -> None:
    verifying.drift(1)
    tasks.tasks.start("main", {}, "mine")
    verifying.verification.while_waiting = lambda times: setattr(verifying, "seconds", MOST_SECONDS)

    answer = tasks.drive()

    assert answer["status"] == "failed"
    assert "verify a sample" in tasks.shown("mine")["reason"]


def test_killed_at_any_write_it_is_begun_again_but_not_for_ever(
    tasks: TaskWorld, verifying: Verifying
) -> None:
    verifying.drift(3)
    tasks.tasks.start("main", {}, "whole")
    tasks.drive()
    expected = tasks.shown("whole")["report"]
    for deadly in range(1, 7):
        run = f"killed-{deadly}"
        tasks.tasks.start("main", {}, run)
        tasks.runs.hazards.deadly = tasks.runs.hazards.calls + deadly
        with pytest.raises(Killed):
            tasks.drive()
        assert tasks.drive() == {"status": "done"}
        assert tasks.shown(run)["report"] == expected

    tasks.tasks.start("main", {}, "unlucky")
    for _ in range(3):
        # It takes over, and notes that it begins; then it is killed.
        tasks.runs.hazards.deadly = tasks.runs.hazards.calls + 3
        with pytest.raises(Killed):
            tasks.turn()
    answer = tasks.turn()
    assert answer["reason"].startswith("it was interrupted 3 times: ")
    assert tasks.tasks.resume(MAIN, "unlucky")["status"] == "running"
    assert tasks.drive() == {"status": "done"}


def test_of_an_earlier_try_nothing_is_left_in_the_report(tasks: TaskWorld, verifying: Verifying) -> None:
    verifying.drift(5)
    tasks.tasks.start("main", {}, "mine")
    # It has stored its pages; it is killed before it notes them.
    tasks.runs.hazards.deadly = tasks.runs.hazards.calls + 7
    with pytest.raises(Killed):
        tasks.turn()
    assert len(list(tasks.runs.results(tasks.job.run(tasks.place()), "differences"))) == 3
    for number in range(1, 5):
        verifying.world.stripe.objects[f"cus_{number}"] = customer(f"cus_{number}", created=NOW - DAY)

    tasks.drive()

    report = tasks.shown("mine")["report"]
    assert [one["object"] for one in report["differences"]] == ["cus_0"]


def test_where_stripe_refuses_it_fails_with_the_reason(
    tasks: TaskWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> Any:
        raise KeyRefused("Stripe does not accept the key")

    monkeypatch.setattr("tests.support.worlds.verifying.ObjectLists.page", refuse)
    tasks.tasks.start("main", {}, "mine")

    tasks.drive()

    shown = tasks.shown("mine")
    assert (shown["status"], shown["reason"]) == (
        "failed",
        "it could not go on: Stripe does not accept the key",
    )


@pytest.mark.parametrize(
    "given", [{"sample": 0}, {"sample": True}, {"sample": "7"}, {"repair": "yes"}], ids=str
)
def test_what_it_cannot_be_given_is_refused(tasks: TaskWorld, given: dict[str, Any]) -> None:
    with pytest.raises(Unacceptable):
        tasks.tasks.start("main", given)
