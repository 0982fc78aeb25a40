"""`peoplesync people erase` and `people readmit`: who it is, whether really, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from click.testing import CliRunner, Result

from peoplesync.adapters import clock, operator_wiring
from peoplesync.adapters.dynamodb.people.people_reader import PeopleReader
from peoplesync_cli import options
from peoplesync_cli.main import main
from peoplesync_cli.target import Target
from tests.support.builders.stripe import DAY, NOW, customer, event
from tests.support.fakes.erased import (
    CUSTOMER,
    EMAIL,
    PERSONAL,
    USER,
    events,
    shown_customer,
    told_by_the_app,
)
from tests.support.stacks.moto_stack import MotoStack
from tests.support.worlds.erasing_worker import MAIN, Worker

RECEIPT = f"""\
Erased on 2026-03-01T12:00:00Z: per_1, asked for on 2026-03-01T12:00:00Z.
Removed: 2 records, 38 fields, 2 segment memberships, 7 feed entries.
What remains, so that they do not return: {CUSTOMER}, 2 keyed hashes; and this receipt.
What this does not reach:
  - changes that are under way or among the dead letters: `peoplesync dead list` shows and drops those
  - the tables' point-in-time backups, which DynamoDB keeps for 35 days
  - the bucket of what could not be published, and what was published already
  - Stripe itself
"""


@dataclass
class Pausable:
    """The worker's mappings."""

    since: int | None = None

    def paused_since(self) -> int | None:
        return self.since


@dataclass
class Waiting:
    """The time that a command waits for the worker, in which `meanwhile` happens."""

    meanwhile: Callable[[], object]
    seconds: float = 0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds
        self.meanwhile()

    def monotonic(self) -> float:
        return self.seconds


@dataclass
class Desk:
    """`peoplesync` on a stack in memory, whose worker works while a command waits."""

    worker: Worker
    mappings: Pausable
    waiting: Waiting

    def __call__(self, *arguments: str, answers: str = "") -> Result:
        return CliRunner().invoke(main, ["people", *arguments], input=answers)

    def erased(self, who: str = EMAIL) -> dict[str, Any]:
        result = self("erase", who, "--yes", "--json")
        assert result.exit_code == 0, result.output
        (line,) = result.stdout.splitlines()
        told: dict[str, Any] = json.loads(line)
        return told


def two_people(worker: Worker) -> None:
    worker.tell(events()[0])
    worker.tell(*events()[1:8], event("customer.created", customer("cus_other"), created=NOW - DAY))
    worker.deliver(told_by_the_app())


@pytest.fixture
def desk(aws: MotoStack, monkeypatch: pytest.MonkeyPatch) -> Desk:
    worker, mappings = Worker(aws), Pausable()
    worker.once(two_people)
    waiting = Waiting(worker.take_from_live)
    target = Target("test (in memory)", aws.stack, "https://api.example.com", aws.session)
    vars(target)["worker_mappings"] = mappings
    monkeypatch.setattr(options, "resolve", lambda stack: target)
    monkeypatch.setattr(clock, "now", lambda: NOW)
    monkeypatch.setattr(operator_wiring, "time", waiting)
    return Desk(worker, mappings, waiting)


def test_the_receipt_says_what_was_removed_what_remains_and_what_is_not_reached(desk: Desk) -> None:
    result = desk("erase", EMAIL, "--yes")

    assert (result.exit_code, result.stdout) == (0, RECEIPT)
    assert (
        "This is Surname-Gone II, somebody@example.com: per_1, with cus_gone, user 41-gone." in result.stderr
    )
    assert len(desk.waiting.slept) == 1


@pytest.mark.parametrize("who", [EMAIL, CUSTOMER, USER, "per_1"])
def test_a_person_is_found_by_each_identity(desk: Desk, who: str) -> None:
    told = desk.erased(who)

    assert (told["person"], told["complete"], told["customers"]) == ("per_1", True, [CUSTOMER])
    assert told["removed"] == {
        "records": 2,
        "identities": 3,
        "memberships": 2,
        "fields": 38,
        "feed_entries": 7,
    }


def test_nobody_is_erased_without_a_yes(desk: Desk) -> None:
    result = desk("erase", EMAIL, answers="n\n")

    assert result.exit_code == 1
    assert "All that is known of them will be removed, for good. Go on?" in result.stderr
    assert PeopleReader().person_of(MAIN, f"email:{EMAIL}") is not None
    assert desk.worker.secrets.erasure_key("main") is None
    assert desk("erase", EMAIL, answers="y\n").stdout == RECEIPT


def test_who_is_nobody_here_cannot_be_erased(desk: Desk) -> None:
    result = desk("erase", "new@example.com", "--yes")

    assert result.exit_code == 1
    assert "No person matches new@example.com." in result.output


def test_of_who_was_erased_before_it_says_when_where_that_is_known(desk: Desk) -> None:
    told = desk.erased()

    for who in (CUSTOMER, "per_1"):
        assert desk("erase", who).stdout == f"{who} was erased on 2026-03-01T12:00:00Z.\n{RECEIPT}"
        assert desk.erased(who) == told
    for who in (EMAIL, USER):
        assert desk("erase", who).stdout == f"{who} was erased, and is known by a keyed hash only.\n"
        assert desk.erased(who) == {"erased": who}


def test_where_the_worker_is_paused_it_says_so_and_does_not_wait(desk: Desk) -> None:
    desk.mappings.since = NOW - DAY

    result = desk("erase", EMAIL, "--yes")

    assert result.exit_code == 0
    assert "The worker has been paused since 2026-02-28T12:00:00Z" in result.stderr
    assert "`peoplesync people erase per_1` shows the receipt" in result.stdout
    assert desk.waiting.slept == []
    desk.worker.take_from_live()
    assert desk("erase", "per_1").stdout.endswith(RECEIPT)


def test_without_waiting_it_is_asked_for_and_that_is_all(desk: Desk) -> None:
    result = desk("erase", EMAIL, "--yes", "--no-wait", "--json")

    assert json.loads(result.stdout) == {"person": "per_1", "complete": False}
    assert desk.waiting.slept == []
    assert PeopleReader().person_of(MAIN, f"email:{EMAIL}") is not None
    desk.worker.take_from_live()
    assert desk.erased("per_1")["complete"]


def test_a_worker_that_does_not_come_round_is_not_waited_for_for_ever(desk: Desk) -> None:
    def time_flies() -> None:
        desk.waiting.seconds += 30

    desk.waiting.meanwhile = time_flies

    result = desk("erase", EMAIL, "--yes")

    assert result.exit_code == 1
    assert "After 120 s the worker has not erased per_1 yet" in result.output


def test_who_moves_to_another_person_meanwhile_is_to_be_looked_for_again(desk: Desk) -> None:
    def move() -> None:
        desk.waiting.meanwhile = lambda: None
        desk.worker.tell(event("customer.created", customer("cus_2"), created=NOW))
        # Both of their records have got the e-mail of somebody else.
        for one in (CUSTOMER, "cus_other"):
            moved = shown_customer(one, email="cus_2@example.com")
            desk.worker.tell(event("customer.updated", moved, created=NOW + 60))

    desk.waiting.meanwhile = move

    result = desk("erase", "cus_other", "--yes")

    assert result.exit_code == 1
    assert "has moved to another person; look for them again" in result.output


def test_a_key_that_is_lost_is_not_made_anew(desk: Desk) -> None:
    desk.erased()
    desk.worker.secrets.forget_erasure_key("main")

    result = desk("erase", "cus_other", "--yes")

    assert result.exit_code == 1
    assert "key by which the erased people of main are known is missing" in result.output
    assert desk.worker.aws.secrets.erasure_key("main") is None


@pytest.mark.parametrize(("who", "json_"), [(EMAIL, True), (CUSTOMER, False), (USER, False)])
def test_the_erased_are_let_in_again_one_identity_at_a_time(desk: Desk, who: str, json_: bool) -> None:
    desk.erased()

    result = desk("readmit", who, *(["--json"] if json_ else []))

    assert result.exit_code == 0, result.output
    assert who in result.stdout
    again = desk("readmit", who)
    assert (again.exit_code, f"{who} is not erased." in again.output) == (1, True)


def test_who_is_let_in_again_is_a_person_again(desk: Desk) -> None:
    desk.erased()
    desk("readmit", EMAIL)

    desk.worker.tell(event("customer.created", shown_customer("cus_new"), created=NOW))

    person = PeopleReader().person_of(MAIN, f"email:{EMAIL}")
    assert person is not None
    assert set(person.records) == {"cus_new"}


def test_a_person_id_is_not_let_in_again(desk: Desk) -> None:
    desk.erased()

    result = desk("readmit", "per_1")

    assert result.exit_code == 1
    assert "name one of those" in result.output


def test_nothing_personal_is_in_a_receipt(desk: Desk) -> None:
    result = desk("erase", CUSTOMER, "--yes")

    assert [text for text in PERSONAL if text in result.stdout] == []
