"""Rows with plain records, as the version before compressed ones wrote them, are read, folded on and
rewritten: in the end nothing shows that they were ever different.

`golden/rows_with_plain_records.json` says of itself how to read it.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from peoplesync.adapters.aws.secrets import erasure_key_name
from peoplesync.adapters.dynamodb.compression import uncompressed
from peoplesync.adapters.dynamodb.people.people_reader import PeopleReader
from peoplesync.domain.people.person import Person
from peoplesync.use_cases.queries.browse import Browser
from peoplesync_cli.target import Target
from tests.support.builders.all_sorts_of_people import AT_STRIPE, ERASED, ERASURE_KEY, MAIN, told, told_later
from tests.support.builders.stripe import NOW
from tests.support.fakes.world import FakeStripe
from tests.support.stacks.moto_stack import MotoStack, moto_stack
from tests.support.worlds.erasing_worker import Worker

STORED: dict[str, Any] = json.loads(
    (Path(__file__).parents[3] / "golden/rows_with_plain_records.json").read_text("utf-8")
)
pytestmark = pytest.mark.timeout(60)  # people without their records have Stripe asked for ever
IDS = [person["id"] for person in STORED["people"]]
Rows = Mapping[tuple[str, ...], Mapping[str, Any]]
Written = tuple[Mapping[str, Person | None], Mapping[int, Rows]]


def worker_of(aws: MotoStack) -> Worker:
    worker = Worker(aws)
    worker.applier.stripe = FakeStripe(dict(AT_STRIPE), NOW)
    name = erasure_key_name(aws.stack.secrets_prefix, "main")
    aws.client("ssm").put_parameter(Name=name, Value=ERASURE_KEY, Type="SecureString")
    return worker


def browser_of(aws: MotoStack) -> Browser:
    return Target("test (in memory)", aws.stack, "https://api.example.com", aws.session).browser("main")


@pytest.fixture
def worker(aws: MotoStack) -> Worker:
    """Today's worker at the stored rows."""
    worker = worker_of(aws)
    dynamodb = aws.client("dynamodb")
    for table, rows in STORED["rows"].items():
        for start in range(0, len(rows), 25):
            puts = [{"PutRequest": {"Item": row}} for row in rows[start : start + 25]]
            dynamodb.batch_write_item(RequestItems={table: puts})
    return worker


def tell_later(worker: Worker, size: int) -> None:
    worker.numbers = count(100)
    tell(worker, told_later().values(), size)


def tell(worker: Worker, bodies: Iterable[str], size: int) -> None:
    waiting = deque(bodies)
    while waiting:
        worker.deliver(*(waiting.popleft() for _ in range(min(size, len(waiting)))))
    worker.settle()


def stored(aws: MotoStack) -> Rows:
    """All rows of people, feeds and indexes, whatever their form."""
    stack = aws.stack
    tables = [stack.people_table, stack.identities_table, stack.segment_members_table, stack.feed_table]
    rows = ((table, row) for table in tables for row in aws.items(table))
    return {(table, row["pk"]["S"], row.get("sk", {}).get("S", "")): dict(values(row)) for table, row in rows}


def values(row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        if name in ("mrr_json", "moved_in_json", "indexed", "unindexed_at"):
            continue  # earlier rows did not have it, and it depends on the way here
        if name == "records":
            yield name, uncompressed(bytes(value["B"]))
        else:
            yield name.removesuffix("_json"), json.loads(value["S"]) if name.endswith("_json") else value


@pytest.fixture(scope="module")
def written_today() -> Written:
    """The people of whom all was written by today's worker, and all rows once the rest was told, too."""
    with moto_stack() as aws:
        worker = worker_of(aws)
        tell(worker, told(), 10)
        worker.erase(ERASED)
        people = {one: PeopleReader().person(MAIN, one) for one in IDS}
        before, rows = aws.remembered(), {}
        for size in (1, 100):
            aws.recall(before)
            tell_later(worker, size)
            rows[size] = stored(aws)
        return people, rows


def test_everybody_shows_what_they_showed(aws: MotoStack, worker: Worker) -> None:
    browser = browser_of(aws)
    assert [browser.person(one) for one in IDS] == STORED["people"]
    assert {one: list(browser.feed(one)) for one in IDS} == STORED["feeds"]


def test_everybody_is_as_if_they_had_been_written_today(written_today: Written, worker: Worker) -> None:
    people, _ = written_today
    found = {one: PeopleReader().person(MAIN, one) for one in IDS}
    assert all(person is None or person.mrr is None for person in found.values())
    # Neither MRR by customer nor who moved in was kept then.
    assert found == {one: person and replace(person, mrr=None, moved_in={}) for one, person in people.items()}


def test_the_stored_rows_are_of_the_earlier_form() -> None:
    rows = STORED["rows"]["PeopleTable"]
    assert len(rows) == len(IDS)
    assert all("records_json" in row and "records" not in row for row in rows)


@pytest.mark.parametrize("size", [1, 100], ids=["one by one", "in one batch"])
def test_what_comes_next_for_each_rewrites_them_as_if_all_had_been_written_today(
    written_today: Written, aws: MotoStack, worker: Worker, size: int
) -> None:
    tell_later(worker, size)

    assert stored(aws) == written_today[1][size]
    rows = aws.items(aws.stack.people_table)
    assert all("records" in row and "records_json" not in row for row in rows)
    assert worker.people.read(MAIN, told_later(), {}).identities[ERASED] == "erased"


def test_all_of_it_once_more_changes_nothing(aws: MotoStack, worker: Worker) -> None:
    before = stored(aws)

    tell(worker, told(), 10)

    assert stored(aws) == before
