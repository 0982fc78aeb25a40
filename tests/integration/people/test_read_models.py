"""The read models after an import, live events and a re-evaluation at once, during which the function that
keeps them was killed twice."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from peoplesync.adapters import clock
from peoplesync.adapters.dynamodb.definitions import DefinitionsStore
from peoplesync.domain.people.person import CUSTOMERS_IN_SYNC, EVERYONE, customer_identity
from peoplesync.domain.read_models.contribution import Kind
from peoplesync.domain.read_models.days import DAY, Counts
from peoplesync.use_cases.defining.segments import SegmentDefiner
from peoplesync.use_cases.read_models.reindex import Reindexed
from peoplesync_local.stack.stack import LocalStack
from tests.support.stacks.stack_company import Commands, Company, eventually, kill

pytestmark = pytest.mark.long

CUSTOMERS = 2_000
FEW, MANY = 300, 1_100
"""So many of the people are counted when the function is killed for the first and the second time."""

LIVE_PAUSE = 0.3
"""Seconds between two live changes: they meet the import and the re-evaluation in all their phases."""

PATIENCE = 240
"""Seconds after which what must come in the end is given up."""

NO_SEGMENTS = {(EVERYONE,), (CUSTOMERS_IN_SYNC,)}

BIG: Any = {"field": "customer_mrr", "at_least": 40}
PAYING: Any = {
    "all": [
        {"field": "customer_mrr", "over": 10},
        {"field": "subscription_status", "in": ["active", "trialing"]},
    ]
}


@dataclass
class Busy:
    """What customers do through Stripe meanwhile, until it is over."""

    company: Company
    customers: list[str]
    done: Counter[str] = field(default_factory=Counter)
    subscribed: list[str] = field(default_factory=list)
    failed: list[BaseException] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def go_on(self) -> None:
        try:
            for number, what in enumerate(
                itertools.cycle(("rename", "join", "subscribe", "cancel", "leave"))
            ):
                if self._over.wait(LIVE_PAUSE):
                    return
                getattr(self, what)(number)
                self.done[what] += 1
        except Exception as fault:
            self.failed.append(fault)

    def rename(self, number: int) -> None:
        asked: Any = {"name": f"Renamed Nr{number:05}"}
        self.company.stripe().v1.customers.update(self._any(number), asked)

    def join(self, number: int) -> None:
        """They take another one's e-mail, so that the two become one person, and the first leaves who they
        were with."""
        other = self.company.stripe().v1.customers.retrieve(self._any(number + 1))
        asked: Any = {"email": other.email or f"joined-{number}@example.com"}
        self.company.stripe().v1.customers.update(self._any(number), asked)

    def subscribe(self, number: int) -> None:
        api = self.company.stripe()
        customer = api.v1.customers.create({"email": f"new-{number}@example.com"})
        price: Any = {
            "currency": ("usd", "eur")[number % 2],
            "unit_amount": 1_900 + 100 * (number % 50),
            "recurring": {"interval": "month"},
            "product_data": {"name": "Starter"},
        }
        items: Any = [{"price": api.v1.prices.create(price).id}]
        asked: Any = {"customer": customer.id, "items": items}
        self.subscribed.append(api.v1.subscriptions.create(asked).id)

    def cancel(self, number: int) -> None:
        """Every other one who has come goes on paying."""
        if number % 2:
            self.company.stripe().v1.subscriptions.cancel(self.subscribed[-1])

    def leave(self, number: int) -> None:
        self.company.stripe().v1.customers.delete(self.customers.pop())

    def _any(self, number: int) -> str:
        return self.customers[number * 7 % (len(self.customers) // 2)]

    @contextmanager
    def at_work(self) -> Iterator[None]:
        thread = threading.Thread(target=self.go_on)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()
        assert not self.failed


def some_customers(company: Company) -> list[str]:
    """The newest hundreds."""
    api, ids, asked = company.stripe(), list[str](), dict[str, str | int]({"limit": 100})
    for _ in range(4):
        ids += [one["id"] for one in api.raw_request("get", "/v1/customers", **asked).data["data"]]
        asked["starting_after"] = ids[-1]
    return ids


def counted(company: Company, index: str = EVERYONE) -> int:
    return company.target.read_models.counts(company.epoch).of(index)


def kill_in_a_batch(company: Company, people: int) -> None:
    """Once so many are counted, kills the function that counts, until that broke off a batch: it may be
    waiting for one. The stream then delivers the batch again."""
    functions = company.target.session.client("lambda")
    mappings = functions.list_event_source_mappings()["EventSourceMappings"]
    (mapping,) = (one["UUID"] for one in mappings if "-IndexPeople-" in one["FunctionArn"])

    def broken_off() -> bool:
        kill(company.running, "IndexPeople")
        return functions.get_event_source_mapping(UUID=mapping)["LastProcessingResult"] == "FAILED"

    eventually(lambda: counted(company) >= people, PATIENCE, f"{people} people counted")
    eventually(broken_off, PATIENCE, "a batch that was broken off")


def catch_up(company: Company) -> None:
    """Returns when all that was written is counted: somebody who comes last is, and the stream keeps the
    order."""
    company.drain(PATIENCE)
    last = company.stripe().v1.customers.create({"email": "last@example.com"}).id
    people, store = company.target.people, company.target.read_model_store(0, 400)

    def is_counted() -> bool:
        person = people.person_of(company.epoch, customer_identity(last))
        return person is not None and bool(store.marks(company.epoch, [person.id]))

    eventually(is_counted, PATIENCE, "the last one counted")


def history(company: Company, kind: Kind) -> tuple[Counts, Counts]:
    """What is counted, and all that moved on any day."""
    today = clock.now() // DAY
    days = company.target.read_models.days(company.epoch, kind, today - 7, today)
    moved: Counts = Counter()
    for day in days:
        moved.update(day.flows)
    return days[-1].totals, moved


@pytest.fixture(scope="module")
def counted_meanwhile(local_stack: LocalStack) -> Company:
    """A company whose people were counted while all of this went on."""
    company, commands = (one := Company(local_stack, "counted")), Commands(one)
    company.simulator().fill(CUSTOMERS, seed=41)
    company.connect()
    definer = SegmentDefiner(DefinitionsStore(), company.epoch, clock.now)
    definer.create("Big", BIG, "big")
    busy = Busy(company, some_customers(company))
    execution = company.start_import(share=100)
    with busy.at_work():
        kill_in_a_batch(company, FEW)
        definer.change_rule("big", PAYING)
        commands.json("reevaluate", "start", "--detach")
        kill_in_a_batch(company, MANY)
        assert company.execution(execution)["status"] == "RUNNING"
        (reevaluated,) = commands.json("reevaluate", "watch")
        ended = company.ended(execution, PATIENCE)
    assert (reevaluated["status"], ended["status"]) == ("succeeded", "SUCCEEDED"), (reevaluated, ended)
    print(f"meanwhile: {dict(busy.done)}; evaluated anew: {reevaluated['evaluated']:,}")
    assert min(busy.done.values()) > 2
    catch_up(company)
    return company


def test_what_is_counted_and_found_is_what_all_people_come_to(counted_meanwhile: Company) -> None:
    company = counted_meanwhile

    found = company.target.reindexer(lambda people: None).reindex(company.epoch, repair=False)

    assert found == Reindexed(people=len(company.people()))
    assert found.people > CUSTOMERS * 0.9
    assert counted(company) == found.people
    assert 0 < counted(company, "big") < found.people


def test_movements_add_up_to_mrr(counted_meanwhile: Company) -> None:
    totals, moved = history(counted_meanwhile, "mrr")

    sums: Counts = Counter()
    for (currency, _, what), amount in moved.items():
        sums[currency,] += amount if what == "amount" else 0
    assert {"eur", "jpy", "usd"} <= {currency for (currency,) in totals}
    movements = {movement for _, movement, _ in moved}
    assert {"imported", "new", "churned", "transferred"} <= movements
    transferred = [amount for key, amount in moved.items() if key[1:] == ("transferred", "amount")]
    assert not any(transferred), "what moves from one person to another is worth the same"
    assert {key: amount for key, amount in sums.items() if amount} == dict(totals)


def test_who_entered_less_who_left_is_who_is_in_a_segment(counted_meanwhile: Company) -> None:
    totals, moved = history(counted_meanwhile, "segments")

    passed: Counts = Counter()
    for (segment, _, what), people in moved.items():
        passed[segment,] += people if what == "entered" else -people
    in_segments = {key: people for key, people in totals.items() if key not in NO_SEGMENTS}
    assert len(in_segments) > 3
    assert {key: people for key, people in passed.items() if people} == in_segments
