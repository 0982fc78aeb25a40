"""A stack with people: real tables in memory, a worker and a door. Stripe is a fake."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from pynamodb.connection import Connection as PynamoConnection

from peoplesync.adapters.dynamodb.catalogue import CatalogueStore
from peoplesync.adapters.dynamodb.connections import ConnectionsStore
from peoplesync.adapters.dynamodb.epoch_purge import EpochPurge
from peoplesync.adapters.dynamodb.people.people_reader import PeopleReader
from peoplesync.adapters.dynamodb.people.people_store import PeopleStore
from peoplesync.domain.connections import Epoch
from peoplesync.domain.people.person import EVERYONE
from peoplesync.use_cases.connecting.connect import Connector
from peoplesync.use_cases.ingress.stripe_webhook import Receiver
from peoplesync.use_cases.messages.message import BulkBatch, IndexScan, Message
from peoplesync.use_cases.worker.apply import Applier
from peoplesync.use_cases.worker.outcome.report import Delivery
from tests.support.builders.stripe import NOW, customer, event, subscription
from tests.support.fakes.world import FakeQueue, FakeRuns, nobody_erased
from tests.support.fakes.world import FakeStripe as FakeStripeApi
from tests.support.stacks.moto_stack import REGION, MotoStack
from tests.support.worlds.connecting import Calls, FakeStripe, Noted, url_of

TEST, LIVE = Epoch("main", 1), Epoch("main", 2)


def events(suffix: str, livemode: bool = False, **facts: Any) -> list[dict[str, Any]]:
    """Somebody signs up, and subscribes."""
    cus = f"cus_{suffix}"
    return [
        event("customer.created", customer(cus), created=NOW - 60, livemode=livemode),
        event(
            "customer.subscription.created",
            subscription(f"sub_{suffix}", customer=cus, **facts),
            created=NOW - 59,
            livemode=livemode,
        ),
    ]


def of_the_test_epoch() -> Iterator[Message]:
    """Everything that may be on a queue, delayed, or put back from the dead letters."""
    for number, one in enumerate(events("queued")):
        yield Message(TEST, one, attempt=number)
    yield Message(TEST, review=("per_1",), cause="sweep")
    yield Message(TEST, walk=IndexScan(EVERYONE))
    listed = (customer("cus_listed"), subscription("sub_listed", customer="cus_listed"))
    yield Message(
        TEST,
        chunk=BulkBatch("c1", "imp_1", NOW, listed, tuple(events("happened")), ("cus_unseen",)),
        cause="import",
    )
    yield Message(TEST, chunk=BulkBatch("c2", "", NOW, (customer("cus_reconciled"),)), cause="reconcile")


@dataclass
class SlowPeople:
    """Something happens between a worker's last look and its first write."""

    people: PeopleStore
    meanwhile: Callable[[], None] | None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.people, name)

    def write(self, *arguments: Any) -> Sequence[Exception | None]:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile:
            meanwhile()
        return self.people.write(*arguments)


@dataclass
class Stack:
    """A stack's real tables and secrets with a worker and a door, and Stripe in memory."""

    aws: MotoStack
    stripe: FakeStripe = field(default_factory=FakeStripe)
    queue: FakeQueue = field(default_factory=FakeQueue)
    calls: Calls = field(default_factory=Calls)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.secrets = self.aws.secrets
        self.people = PeopleStore(PynamoConnection(region=REGION), 400, nobody_erased())
        self.worker = Applier(
            people=self.people,
            catalogue=CatalogueStore(),
            stripe=FakeStripeApi({f"cus_{name}": customer(f"cus_{name}") for name in ("unseen", "live")}),
            connections=ConnectionsStore(),
            runs=FakeRuns(),
            old_rows=EpochPurge(),
            clock=lambda: NOW,
            new_id=lambda: f"per_{next(self.numbers)}",
            jitter=lambda: 0.5,
            sleep=lambda _: None,
        )
        self.door = Receiver(ConnectionsStore(cache_seconds=10), self.aws.secrets, self.queue)

    def connect(self, key: str) -> None:
        connections, secrets = Noted(ConnectionsStore(), self.calls), Noted(self.secrets, self.calls)
        connector = Connector(
            connections,
            PeopleReader(),
            secrets,
            lambda key: Noted(self.stripe.account(key), self.calls),
            Noted(self.queue, self.calls),
            url_of,
        )
        connector.connect(connector.examine("main", key), NOW, people_may_go=True)

    def deliver(self, *messages: Message) -> None:
        for message in messages:
            report = self.worker.apply([Delivery("m", message.encode(), FakeQueue())])
            assert not report.crashed

    def work_off(self) -> None:
        """Delivers what is on the queue, and what that puts there, until nothing is."""
        while self.queue.sent:
            body, _ = self.queue.sent.popleft()
            self.worker.apply([Delivery("m", body, self.queue)])

    def rows(self, epoch: Epoch, *, of_people: bool = False) -> list[str]:
        """The tables and keys of the rows of an epoch; only of people and what belongs to them."""
        stack = self.aws.stack
        tables = [
            stack.people_table,
            stack.identities_table,
            stack.feed_table,
            stack.segment_members_table,
            stack.catalogue_table,
            stack.imports_table,
        ]
        tables += [] if of_people else [stack.fields_table, stack.segments_table]
        keys = [(table, item["pk"]["S"]) for table in tables for item in self.aws.items(table)]
        return [f"{table} {key}" for table, key in keys if f"{key}#".startswith(f"{epoch}#")]
