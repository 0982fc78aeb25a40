"""Who was erased is known to be, and can be let in again."""

from __future__ import annotations

import pytest

from peoplesync.adapters.dynamodb.people.people_reader import PeopleReader
from peoplesync.use_cases.messages.message import Message
from tests.support.builders.stripe import NOW
from tests.support.fakes.erased import (
    CUSTOMER,
    EMAIL,
    USER,
    events,
    told_by_the_app,
)
from tests.support.stacks.moto_stack import MotoStack
from tests.support.worlds.erasing_worker import MAIN, Worker, traces, with_somebody


@pytest.fixture
def worker(aws: MotoStack) -> Worker:
    return with_somebody(aws)


def test_who_was_erased_is_known_and_by_customer_or_person_also_when(worker: Worker) -> None:
    person = worker.erase()

    for who in (person, CUSTOMER):
        known, receipt = worker.eraser.erased_before(who)
        assert known
        assert receipt is not None
        assert receipt.erased_at == NOW
    for who in (EMAIL, " Somebody@EXAMPLE.com", USER):
        assert worker.eraser.erased_before(who) == (True, None)


def test_who_was_not_erased_is_not_taken_for_it(worker: Worker) -> None:
    others = ("per_9", "cus_other", "cus_nobody", "new@example.com", "user:7")
    for _ in range(2):
        for who in others:
            assert worker.eraser.erased_before(who) == (False, None)
            assert not worker.eraser.readmit(who)
        if not worker.erased_since():
            worker.erase()


def test_readmitted_by_email_and_customer_they_are_a_person_again(worker: Worker) -> None:
    worker.erase()
    everything = [Message(MAIN, told).encode() for told in events()[:8]]
    assert worker.eraser.readmit(CUSTOMER)
    worker.deliver(*everything)
    assert traces(worker.aws) == [], "their e-mail is still erased, and so they are again"

    assert worker.eraser.readmit(CUSTOMER)
    assert worker.eraser.readmit(EMAIL.upper())
    assert not worker.eraser.readmit(EMAIL)
    worker.deliver(*everything)

    person = PeopleReader().person_of(MAIN, f"email:{EMAIL}")
    assert person is not None
    assert set(person.records) == {CUSTOMER}
    assert len(list(PeopleReader().feed(MAIN, CUSTOMER))) > 3
    worker.deliver(told_by_the_app())
    assert traces(worker.aws, (USER,)) == [], "the user of the app was not readmitted"
