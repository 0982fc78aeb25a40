"""The commands that define segments and fields, on a stack in memory with three people."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from click.testing import CliRunner, Result
from pynamodb.connection import Connection as PynamoConnection

from peoplesync.adapters import clock
from peoplesync.adapters.dynamodb.catalogue import CatalogueStore
from peoplesync.adapters.dynamodb.connections import ConnectionsStore
from peoplesync.adapters.dynamodb.people.people_reader import PeopleReader
from peoplesync.adapters.dynamodb.people.people_store import PeopleStore
from peoplesync.adapters.dynamodb.tables import MemberRow
from peoplesync.domain.connections import Epoch
from peoplesync.domain.people.person import EVERYONE
from peoplesync.domain.segments.definitions import Definitions
from peoplesync.use_cases.messages.message import Message
from peoplesync.use_cases.worker.apply import Applier
from peoplesync.use_cases.worker.outcome.report import Delivery
from peoplesync_cli import options
from peoplesync_cli.defining import changes as defining
from peoplesync_cli.main import main
from peoplesync_cli.target import Target
from tests.support.builders.stripe import NOW
from tests.support.fakes.world import FakeOldRows, FakeQueue, FakeRuns, FakeStripe, nobody_erased
from tests.support.stacks.moto_stack import REGION, MotoStack, moto_stack
from tests.unit.cli.test_cli import tell

EPOCH = Epoch("main", 1)

Run = Callable[..., Result]
Rows = dict[tuple[str, str], dict[str, Any]]


def applier() -> Applier:
    return Applier(
        people=PeopleStore(PynamoConnection(region=REGION), 400, nobody_erased()),
        catalogue=CatalogueStore(),
        stripe=FakeStripe(),
        connections=ConnectionsStore(),
        runs=FakeRuns(),
        old_rows=FakeOldRows(),
        clock=lambda: NOW,
        new_id=lambda: "per_new",
        jitter=lambda: 0.5,
        sleep=lambda _: None,
    )


def apply(message: Message) -> None:
    report = applier().apply([Delivery("m1", message.encode(), FakeQueue())])
    assert (report.counts["waiting"], report.counts["dead"], report.crashed) == (0, 0, {})


def evaluate(target: Target, connection: str, *, detach: bool) -> dict[str, Any]:
    """What the state machine does, at once; or what it has done when nobody waits for it."""
    people = target.people.ids(EPOCH, EVERYONE)
    if not detach:
        apply(Message(EPOCH, review=tuple(people), cause="definition_changed"))
    status = "running" if detach else "succeeded"
    return {"id": "reevaluate-1", "status": status, "people": len(people), "reason": ""}


@contextmanager
def stack_with_people() -> Iterator[MotoStack]:
    with moto_stack() as stack:
        tell(stack)
        yield stack


class Unhurried(PeopleReader):
    """Counts one shard after the other: each thread would read botocore's models for itself."""

    def count(self, epoch: Epoch, index: str) -> int:
        return sum(map(MemberRow.count, MemberRow.shards(epoch, index)))


def target_of(aws: MotoStack, patched: pytest.MonkeyPatch) -> Target:
    """The stack as the commands' target; people are evaluated as the deployed job does."""
    target = Target("test (in memory)", aws.stack, "https://api.example.com", aws.session)
    vars(target)["people"] = Unhurried()
    patched.setattr(options, "resolve", lambda stack: target)
    patched.setattr(clock, "now", lambda: NOW)
    patched.setattr(defining, "begin_and_watch", evaluate)
    return target


@contextmanager
def left_as_it_was(aws: MotoStack) -> Iterator[None]:
    """What is changed in the tables meanwhile is undone."""
    before = rows(aws)
    yield
    restore(aws, before)


def rows(aws: MotoStack) -> Rows:
    """What is in the tables, by table and key."""
    tables = [name for name in vars(aws.stack).values() if name.endswith("Table")]
    return {
        (table, json.dumps({key: row[key] for key in ("pk", "sk") if key in row})): row
        for table in tables
        for row in aws.items(table)
    }


def restore(aws: MotoStack, before: Rows) -> None:
    dynamodb, now = aws.client("dynamodb"), rows(aws)
    for table, key in now.keys() - before.keys():
        dynamodb.delete_item(TableName=table, Key=json.loads(key))
    for (table, key), row in before.items():
        if now.get((table, key)) != row:
            dynamodb.put_item(TableName=table, Item=row)


def invoke(*arguments: str, given: str = "") -> Result:
    return CliRunner().invoke(main, arguments, input=given)


def printed(result: Result) -> list[Any]:
    assert result.exit_code == 0, result.output
    return [json.loads(text) for text in result.stdout.splitlines()]


def stored(target: Target) -> Definitions:
    return target.definitions.definitions(EPOCH)


def words(text: str) -> str:
    return " ".join(text.split())
