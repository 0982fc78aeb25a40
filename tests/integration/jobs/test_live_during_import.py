"""Live events pass an import: they are applied while thousands of bulk messages still wait."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from peoplesync.domain.people.person import customer_identity
from peoplesync_local.stack import stack
from peoplesync_local.stack.places import Places
from peoplesync_local.stack.stack import LocalStack
from tests.support.stacks.stack_company import Company, eventually

CUSTOMERS = 20_000
EVENTS = 60
WARM_UPS = 5
PAUSE = 0.5
"""Seconds between events, so that they meet an import in more than one of its phases."""

PATIENCE = 120
"""Seconds after which an event is given up: no measure of how fast they are to be."""

AHEAD = 500
"""So many bulk messages were on the queue before an event, and had to wait for it."""


@dataclass(frozen=True)
class Applied:
    """An event: after how many seconds its person had changed, and how many bulk messages waited then."""

    lag: float
    bulk: int


@pytest.fixture
def own(tmp_path: Path) -> Iterator[LocalStack]:
    """A stack whose import may be cut off."""
    places = Places(state_directory=tmp_path / "own")
    try:
        yield stack.up(print, places=places)
    finally:
        stack.down(print, places=places)


def spread(company: Company, count: int) -> list[str]:
    """Customers from the newest to the oldest."""
    api, ids, asked = company.stripe(), list[str](), dict[str, str | int]({"limit": 100})
    while page := api.raw_request("get", "/v1/customers", **asked).data["data"]:
        ids += [one["id"] for one in page]
        asked["starting_after"] = ids[-1]
    assert len(ids) == CUSTOMERS
    return ids[:: len(ids) // count][:count]


def is_named(company: Company, customer: str, name: str) -> bool:
    """Their record; the person may show the name of another customer with this e-mail."""
    person = company.target.people.person_of(company.epoch, customer_identity(customer))
    shown = person and person.records[customer].customer
    return bool(shown and shown.content["name"] == name)


def rename(company: Company, customers: Iterable[str], name: str) -> list[Applied]:
    """Renames one after the other, some time after the one before is applied."""
    api, bulk, applied = company.stripe(), company.target.queues["bulk"], []
    for customer in customers:
        api.v1.customers.update(customer, {"name": name})
        sent = time.monotonic()
        eventually(partial(is_named, company, customer, name), PATIENCE, "an event's change")
        applied.append(Applied(time.monotonic() - sent, bulk.depth()))
        time.sleep(PAUSE)
    return applied


def shown(when: str, applied: list[Applied]) -> str:
    lags = sorted(one.lag for one in applied)
    p90 = lags[int(len(lags) * 0.9)]
    return f"{when}: p50 {statistics.median(lags):.2f} s, p90 {p90:.2f} s, max {lags[-1]:.2f} s"


@pytest.mark.long
def test_live_events_are_applied_while_an_import_of_20000_customers_is_on_the_queue(own: LocalStack) -> None:
    company = Company(own, "busy")
    company.simulator().fill(CUSTOMERS, seed=5)
    company.connect()
    customers = spread(company, WARM_UPS + 2 * EVENTS)
    rename(company, customers[:WARM_UPS], "Warm")
    quiet, busy = customers[WARM_UPS::2], customers[WARM_UPS + 1 :: 2]

    without = rename(company, quiet, "Quiet")
    execution = company.start_import(share=100)
    bulk = company.target.queues["bulk"]
    # The worker may be ahead of the lists for a moment: what is asserted below needs more than what it takes.
    eventually(lambda: bulk.depth() > 2 * AHEAD, PATIENCE, "parts of the import on the bulk queue")
    during = rename(company, busy, "Busy")

    print(shown("without an import", without), shown("during an import", during), sep="\n")
    print(f"bulk messages waiting: {during[0].bulk} at first, {during[-1].bulk} at last")
    assert company.execution(execution)["status"] == "RUNNING"
    assert min(one.bulk for one in during) > AHEAD
    # What the import brings of them, from before or after, takes nothing back.
    assert [one for one in busy if not is_named(company, one, "Busy")] == []
