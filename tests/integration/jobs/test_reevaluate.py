"""A changed rule reaches everybody by the deployed state machine, during live events and killed once."""

from __future__ import annotations

import json
import re
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from peoplesync.adapters import clock
from peoplesync.adapters.dynamodb.definitions import DefinitionsStore
from peoplesync.domain.billing_events import KINDS
from peoplesync.domain.fields.built_in import FieldType, types_of
from peoplesync.domain.people.person import EVERYONE, Person, customer_identity, subject_of
from peoplesync.domain.records.record import Occurrences
from peoplesync.domain.segments.definitions import Definitions
from peoplesync.domain.segments.rules import Subject
from peoplesync.use_cases.defining.segments import SegmentDefiner
from peoplesync.use_cases.jobs.members import MEMBERS_A_CHUNK, MEMBERS_A_PAGE
from peoplesync.use_cases.reevaluating.runs import Reevaluation
from peoplesync.use_cases.reevaluating.steps import MOST_AHEAD
from peoplesync_local.stack.stack import LocalStack
from tests.support.builders.many_people import customer_id, payment_failed, store_people
from tests.support.builders.stripe import customer, event, sign
from tests.support.oracles.naive_rules import naively
from tests.support.stacks.stack_company import Commands, Company, eventually, kill

BIG = {"field": "customer_mrr", "at_least": 40}
PAYING = {
    "all": [
        {"field": "customer_mrr", "over": 10},
        {"none": [{"event": "payment_failed", "at_least": 1, "within": "30d"}]},
        {"field": "subscription_status", "in": ["active", "trialing"]},
    ]
}
LIVE_PAUSE = 0.2
"""Seconds between two live events."""

RENAMED = {"field": "customer_name", "starts_with": "Renamed"}


def in_minutes(rule: Any) -> Any:
    """The rule with all its durations in minutes, as the naive evaluator reads them."""
    if isinstance(rule, Mapping):
        return {name: in_minutes(value) for name, value in rule.items()}
    if isinstance(rule, list):
        return [in_minutes(one) for one in rule]
    found = re.fullmatch(r"(\d+)([hd])", rule) if isinstance(rule, str) else None
    return f"{int(found[1]) * {'h': 60, 'd': 1_440}[found[2]]}m" if found else rule


def subject(person: Person, types: Mapping[str, FieldType]) -> Subject:
    """The person, with nothing where they have no value and nothing happened."""
    told = subject_of(person, person.fields, types)
    fields = dict.fromkeys(types) | dict(told.fields)
    events = dict.fromkeys(KINDS, Occurrences()) | dict(told.events)
    return replace(told, fields=fields, events=events)


@dataclass
class Changing:
    """A company with many people, of whom some do something while they are evaluated anew."""

    company: Company
    people: int
    happened: list[tuple[str, str]] = field(default_factory=list)
    newcomers: int = 0
    deepest: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    @property
    def definer(self) -> SegmentDefiner:
        return SegmentDefiner(DefinitionsStore(), self.company.epoch, clock.now)

    @property
    def definitions(self) -> Definitions:
        return self.definer.store.definitions(self.company.epoch)

    def send(self, told: Mapping[str, Any]) -> None:
        """An event comes to the webhook."""
        target, name = self.company.target, self.company.name
        (secret,) = target.secrets.signing_secrets(name)
        body = json.dumps(told).encode()
        headers = {"stripe-signature": sign(secret, body, clock.now())}
        request = urllib.request.Request(target.webhook_url(name), data=body, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert json.load(answer) == {"outcome": "enqueued"}

    def live(self) -> None:
        """People are renamed, have payments that fail, and come, until it is over."""
        number = 0
        while not self._over.wait(LIVE_PAUSE):
            self.deepest = max(self.deepest, self.company.target.queues["bulk"].depth())
            who, now = customer_id(number * 37 % self.people), clock.now()
            match number % 3:
                case 0:
                    name = f"Renamed {number}"
                    self.send(event("customer.updated", customer(who, name=name), created=now))
                    self.happened.append((who, name))
                case 1:
                    self.send(payment_failed(who, f"live_{number}", now))
                case 2:
                    self.send(event("customer.created", customer(f"cus_new_{number}"), created=now))
                    self.newcomers += 1
            number += 1

    def everybody(self) -> list[Person]:
        return list(self.company.target.people.members(self.company.epoch, EVERYONE))

    def is_naive(self) -> None:
        """Everybody is in exactly the segments whose rules hold for them, and so are the indexes."""
        definitions, everybody, now = self.definitions, self.everybody(), clock.now()
        types = types_of(definitions.fields)
        assert len(everybody) == self.people + self.newcomers
        for segment in definitions.enabled:
            rule = in_minutes(segment.rule)
            expected = {one.id for one in everybody if naively(rule, subject(one, types), now)}
            assert {one.id for one in everybody if segment.id in one.segments} == expected, segment.id
            assert set(self.company.target.people.ids(self.company.epoch, segment.id)) == expected, segment.id
        reader = self.company.target.people
        for who, name in self.happened:
            person = reader.person_of(self.company.epoch, customer_identity(who))
            assert person is not None
            assert person.fields["customer_name"] == name

    def change(self) -> None:
        """A rule is changed so that some leave and others enter, and another one is added."""
        self.definer.change_rule("big", PAYING)
        self.definer.create("Renamed", RENAMED, "renamed")

    def begin(self) -> Reevaluation:
        """A re-evaluation that nobody waits for."""
        (begun,) = Commands(self.company).json("reevaluate", "start", "--detach")
        run = self.company.target.reevaluations.get(self.company.epoch, begun["id"])
        assert run is not None
        return run

    def pages(self, run: Reevaluation) -> int:
        """How many are enqueued."""
        return sum(1 for _ in self.company.target.reevaluations.pages(run))

    def calm(self) -> None:
        """Nothing happens any more, and what has happened is applied."""
        self._over.set()
        self.company.drain()
        assert self.happened
        assert self.newcomers


def changing(local_stack: LocalStack, name: str, people: int) -> Iterator[Changing]:
    """People who are evaluated, before a rule is changed and one is added; live events come until the end."""
    company = Company(local_stack, name)
    company.connect()
    found = Changing(company, people)
    found.definer.create("Big", BIG, "big")
    store_people(company.target.connection(name), found.definitions, people, clock.now())
    thread = threading.Thread(target=found.live)
    thread.start()
    try:
        yield found
    finally:
        found._over.set()
        thread.join()


@pytest.fixture
def a_thousand(local_stack: LocalStack) -> Iterator[Changing]:
    yield from changing(local_stack, "changing", 1_000)


@pytest.fixture
def twenty_thousand(local_stack: LocalStack) -> Iterator[Changing]:
    yield from changing(local_stack, "changing-many", 20_000)


@pytest.mark.long
def test_a_stopped_re_evaluation_of_1000_resumed_during_live_events_ends_in_the_naive_result(
    a_thousand: Changing,
) -> None:
    company, commands = a_thousand.company, Commands(a_thousand.company)
    a_thousand.change()
    run = a_thousand.begin()
    eventually(lambda: a_thousand.pages(run) > 0, 30, "people are enqueued")
    company.target.session.client("stepfunctions").stop_execution(executionArn=run.execution)
    assert kill(company.running, "ReevaluatePeople") > 0
    (stopped,) = commands.json("reevaluate", "list")

    (ended,) = commands.json("reevaluate", "start")

    a_thousand.calm()
    assert (stopped["status"], ended["id"], ended["status"]) == ("failed", stopped["id"], "succeeded")
    assert ended["evaluated"] == ended["people"] >= a_thousand.people
    a_thousand.is_naive()


@pytest.mark.long
def test_a_killed_re_evaluation_of_20000_goes_on_by_itself_and_ends_in_the_naive_result(
    twenty_thousand: Changing,
) -> None:
    company, commands = twenty_thousand.company, Commands(twenty_thousand.company)
    twenty_thousand.change()
    began = time.monotonic()
    run = twenty_thousand.begin()
    eventually(lambda: twenty_thousand.pages(run) > 16, 60, "people are enqueued")
    assert kill(company.running, "ReevaluatePeople") > 0

    (ended,) = commands.json("reevaluate", "watch")

    took = time.monotonic() - began
    twenty_thousand.calm()
    print(f"{ended['evaluated']:,} people in {took:.0f} s; {twenty_thousand.deepest} messages at most")
    assert "TaskFailed" in company.history(run.execution)
    assert ended["status"] == "succeeded", ended
    assert ended["evaluated"] == ended["people"] >= twenty_thousand.people
    # Two tasks may each have found room for a page at the same time.
    assert twenty_thousand.deepest <= MOST_AHEAD + 2 * MEMBERS_A_PAGE // MEMBERS_A_CHUNK
    twenty_thousand.is_naive()
