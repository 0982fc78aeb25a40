"""A company whose people are written on several days, and counted as the stream brings them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import count
from typing import Any

from pynamodb.connection import Connection as PynamoConnection

from peoplesync.adapters.dynamodb.read_models.read_model_reader import ReadModelReader
from peoplesync.adapters.dynamodb.read_models.read_model_store import ReadModelStore
from peoplesync.domain.people.person import Person
from peoplesync.domain.publishing import PersonWritten
from peoplesync.domain.read_models.days import DAY, day_of
from peoplesync.domain.records.record import Record
from peoplesync.use_cases.read_models.index import Indexer
from tests.support.fakes.world import FakeConnections
from tests.support.stacks.indexed import MAIN
from tests.support.stacks.moto_stack import REGION


def instant(day: str) -> int:
    """Noon of a date."""
    return day_of(date.fromisoformat(day)) * DAY + DAY // 2


@dataclass
class CountedCompany:
    """Its people, as they were last written; each write is counted in another part."""

    people: dict[str, Person] = field(default_factory=dict)
    writes: Any = field(default_factory=count)

    @property
    def reader(self) -> ReadModelReader:
        return ReadModelReader(PynamoConnection(region=REGION))

    def write(
        self,
        who: str,
        day: str,
        status: str = "",
        plan: str = "",
        mrr: Mapping[str, Any] | None = None,
        segments: Sequence[str] = (),
        cause: str = "live",
        **rest: Any,
    ) -> None:
        """Somebody with one customer, `cus_` and their name, worth so much, as of a day; with `mrr` among
        their `fields`, as they were stored before it was kept by customer."""
        at, former, customer = instant(day), self.people.get(who), f"cus_{who}"
        person = Person(
            f"per_{who}",
            at,
            former.version + 1 if former else 1,
            records={customer: Record(customer, at, deleted=True)},
            fields={"subscription_status": status or None, "product_name": plan or None},
            segments=dict.fromkeys(segments, at),
            evaluated_at=at,
            mrr=None if "mrr" in rest.get("fields", {}) else {customer: mrr} if mrr else {},
        )
        self._index(former, replace(person, **rest), cause, at)

    def remove(self, who: str, day: str) -> None:
        self._index(self.people[who], None, "live", instant(day))

    def _index(self, before: Person | None, after: Person | None, cause: str, at: int) -> None:
        store = ReadModelStore(PynamoConnection(region=REGION), next(self.writes) % 4, 400)
        told = [PersonWritten(MAIN, before, after, cause, at)] * 2  # as streams may
        indexed = Indexer(FakeConnections(), store, store).index(told)
        assert not indexed.passed_over
        if after:
            self.people[after.id.removeprefix("per_")] = after
