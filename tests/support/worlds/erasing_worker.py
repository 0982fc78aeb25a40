"""A worker on the tables of a stack in memory, and all that can be done to have people erased by it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any

from pynamodb.connection import Connection as PynamoConnection

from peoplesync.adapters.aws.erasure_keys import ErasureKeys, marker_of
from peoplesync.adapters.dynamodb.catalogue import CatalogueStore
from peoplesync.adapters.dynamodb.connections import ConnectionsStore
from peoplesync.adapters.dynamodb.epoch_purge import TABLES, EpochPurge
from peoplesync.adapters.dynamodb.people.erasure_receipts import ErasedRows
from peoplesync.adapters.dynamodb.people.people_reader import PeopleReader
from peoplesync.adapters.dynamodb.people.people_store import PeopleStore
from peoplesync.domain.connections import Epoch
from peoplesync.domain.fields.built_in import FIELDS
from peoplesync.domain.segments.definitions import Segment
from peoplesync.use_cases.erasing.erase import Eraser
from peoplesync.use_cases.messages.message import Message
from peoplesync.use_cases.worker.apply import Applier
from peoplesync.use_cases.worker.outcome.report import Delivery, Report
from tests.support.builders.stripe import NOW
from tests.support.fakes.erased import CUSTOMER, OTHER, PERSONAL, events, told_by_the_app
from tests.support.fakes.ready_connections import connect
from tests.support.fakes.world import FakeQueue, FakeRuns, FakeStripe
from tests.support.stacks.indexed import indexed
from tests.support.stacks.moto_stack import REGION, MotoStack, Tables, as_text

MAIN = Epoch("main", 1)
_TOLD: dict[Callable[[Worker], None], tuple[Tables, tuple[tuple[str, int], ...], int]] = {}


class Worker:
    """The stack's worker, on one queue in memory, and the command that has people erased."""

    def __init__(self, aws: MotoStack, segments: Sequence[Segment] = ()) -> None:
        self.aws, self.queue = aws, FakeQueue()
        self.connections, self.secrets = ConnectionsStore(), aws.secrets
        connect("main", "rk_test_1", "whsec_1", self.connections, self.secrets, NOW)
        if segments:
            self.connections.define(MAIN, FIELDS, segments)
        self.keys = ErasureKeys(self.connections, self.secrets.erasure_key)
        self.people = PeopleStore(PynamoConnection(region=REGION), 400, self.keys)
        self.numbers = count(1)
        self.applier = Applier(
            people=self.people,
            catalogue=CatalogueStore(),
            stripe=FakeStripe(),
            connections=self.connections,
            runs=FakeRuns(),
            old_rows=EpochPurge(),
            clock=lambda: NOW,
            new_id=lambda: f"per_{next(self.numbers)}",
            jitter=lambda: 0.5,
            sleep=lambda _: None,
        )

    def deliver(self, *bodies: str) -> Report:
        deliveries = [Delivery(f"m{place}", body, self.queue) for place, body in enumerate(bodies)]
        report = self.applier.apply(deliveries)
        assert not report.crashed, report.crashed
        return report

    def tell(self, *told: dict[str, Any]) -> Report:
        return self.deliver(*(Message(MAIN, one).encode() for one in told))

    def once(self, story: Callable[[Worker], None]) -> None:
        """What the story tells; after its first time the tables are as they were then, and so is the rest."""
        if story not in _TOLD:
            story(self)
            _TOLD[story] = self.aws.remembered(), tuple(self.queue.sent), next(self.numbers)
        remembered, sent, number = _TOLD[story]
        self.aws.recall(remembered)
        self.queue.sent, self.numbers = deque(sent), count(number)

    def settle(self) -> None:
        while self.queue.sent:
            self.deliver(self.queue.sent.popleft()[0])

    @property
    def eraser(self) -> Eraser:
        connection = self.connections.get_even_disconnected("main")
        assert connection is not None
        return Eraser(
            connection=connection,
            connections=self.connections,
            secrets=self.secrets,
            rows=ErasedRows(),
            people=PeopleReader(),
            live=self.queue,
            marker=marker_of,
            sleep=lambda seconds: None,
            stopwatch=lambda: 0.0,
        )

    def erased_since(self) -> int | None:
        return self.eraser.connection.erased_since

    def erase(self, identity: str = f"customer:{CUSTOMER}") -> str:
        person = PeopleReader().person_of(MAIN, identity)
        assert person is not None
        self.eraser.ask(person, NOW)
        with indexed(MAIN):
            self.settle()
        return person.id

    def take_from_live(self) -> None:
        """Takes what is on the stack's own live queue, as the deployed worker does."""
        found = self.aws.messages(self.aws.stack.live_queue_url)
        with indexed(MAIN):
            self.deliver(*(one["Body"] for one in found))
            self.settle()


def with_somebody(aws: MotoStack) -> Worker:
    """A stack with somebody to be erased, and somebody else."""
    worker = Worker(aws)
    worker.once(_somebody)
    return worker


def _somebody(worker: Worker) -> None:
    with indexed(MAIN):
        worker.tell(*events()[:8], OTHER)
        worker.deliver(told_by_the_app())


def rows(aws: MotoStack) -> Iterator[str]:
    """All that is in all the tables, a row at a time."""
    tables = aws.client("dynamodb").list_tables()["TableNames"]
    assert len(tables) >= len(TABLES)
    return (f"{table} {as_text(row)}" for table in sorted(tables) for row in aws.items(table))


def traces(aws: MotoStack, texts: tuple[str, ...] = PERSONAL) -> list[str]:
    """Which of these texts are in which rows."""
    return [f"{text}: {row}" for row in rows(aws) for text in texts if text in row]


def identities(aws: MotoStack) -> dict[str, dict[str, Any]]:
    found = aws.items(aws.stack.identities_table)
    return {row["pk"]["S"].removeprefix("main#1#"): row for row in found}
