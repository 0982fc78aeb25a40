"""An import in memory: Stripe's lists, beside what each job has."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from peoplesync.domain.connections import Connection, Epoch
from peoplesync.use_cases.importing.progress import final_counts
from peoplesync.use_cases.importing.steps import Importer
from peoplesync.use_cases.jobs.job import Job
from peoplesync.use_cases.ports import Page
from tests.support.builders.stripe import DAY, NOW, customer, price, subscription
from tests.support.fakes.world import FakeConnections, World
from tests.support.worlds.job_world import (
    PLACE,
    FakeBulk,
    FakeExecutions,
    FakeRuns,
    Hazards,
    JobWorld,
    Json,
    Step,
)

RESOURCES = {
    "customer": "customers",
    "subscription": "subscriptions",
    "charge": "charges",
    "price": "prices",
    "coupon": "coupons",
    "event": "events",
}


@dataclass
class FakeLists:
    """Stripe's lists of the objects that it is given, newest first. `problems` are raised before answers."""

    objects: Sequence[Json]
    now: Callable[[], int]
    hazards: Hazards = field(default_factory=Hazards)
    asked: Counter[str] = field(default_factory=Counter)
    params: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    problems: Iterator[BaseException | None] = field(default_factory=lambda: iter(()))
    at_a_time: int = 0
    most_at_a_time: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def page(self, connection: str, resource: str, params: Mapping[str, Any]) -> Page:
        self.hazards.call()
        with self._lock:
            self.asked[resource] += 1
            self.params.append((resource, dict(params)))
            problem = next(self.problems, None)
        if problem is not None:
            raise problem
        created = params.get("created", {})
        found = [
            one
            for one in self.objects
            if RESOURCES[str(one["object"])] == resource
            and created.get("gte", 0) <= one["created"] < created.get("lt", 10**12)
            and ("types" not in params or one["type"] in params["types"])
            and (resource != "subscriptions" or params.get("status") == "all" or one["status"] != "canceled")
        ]
        found.sort(key=lambda one: (one["created"], one["id"]), reverse=True)
        if cursor := params.get("starting_after"):
            places = [place for place, one in enumerate(found) if one["id"] == cursor]
            after = next(
                ((one["created"], one["id"]) for one in self.objects if one["id"] == cursor), (10**12, "")
            )
            found = (
                found[places[0] + 1 :]
                if places
                else [one for one in found if (one["created"], one["id"]) < after]
            )
        shown = found[: params["limit"]]
        if "data.customer" in params.get("expand", ()):
            customers = {one["id"]: one for one in self.objects if one["object"] == "customer"}
            shown = [{**one, "customer": customers.get(one["customer"], one["customer"])} for one in shown]
        return Page(shown, len(found) > params["limit"], self.now() - 1)


@dataclass
class ConnectionsWithGaps(FakeConnections):
    """Remembers which gaps an import closed."""

    closed: list[int] = field(default_factory=list)

    def get(self, name: str) -> Connection | None:
        return self.connection if self.connection and self.connection.name == name else None

    def close_gap(self, epoch: Epoch, at: int) -> None:
        self.closed.append(at)


@dataclass(kw_only=True)
class ImportWorld(JobWorld):
    """All of it together."""

    lists: FakeLists

    @classmethod
    def of(cls, objects: Sequence[Json], now: int, readers: int = 4, **options: Any) -> ImportWorld:
        hazards = Hazards()
        world = World(now)
        world.stripe.objects = {str(one["id"]): one for one in objects}
        world.stripe.now = now
        runs = FakeRuns(hazards)
        world.runs = runs  # type: ignore[assignment]  # the worker notes in the same place
        world.connections = connections = ConnectionsWithGaps()
        world.__post_init__()
        lists, queue = FakeLists(objects, lambda: world.now, hazards), FakeBulk(world, hazards)
        executions = FakeExecutions()
        importer = Importer(
            job=Job(
                "import",
                "import",
                connections,
                runs,
                executions,
                lambda: world.now,
                lambda run: final_counts(run, runs),
            ),
            runs=runs,
            close_gap=connections.close_gap,
            lists=lists,
            queue=queue,
            members=world.people,
            monotonic=lambda: 0.0,
            sleep=lambda seconds: None,
            slice_seconds=60,
            share=1.0,
            readers=readers,
            **options,
        )
        return cls(world, runs, queue, connections, executions, hazards, importer, lists=lists)

    def phases(self, begun: Json) -> Iterator[list[tuple[Step, Json]]]:
        yield [(self.steps.read_list, place) for place in begun["lists"]]
        yield [(self.steps.ask_for_unseen, {key: begun[key] for key in PLACE})]

    @property
    def again(self) -> Step:
        return self.steps.relist  # type: ignore[no-any-return]

    def people(self) -> dict[str, Any]:
        """Everything about everybody but what tells when we did it."""
        known: dict[str, Any] = {
            person.email or "": (
                {key: value for key, value in person.fields.items() if key != "customer_last_sync_at"},
                sorted(person.segments),
                {name: sorted(record.subscriptions) for name, record in person.records.items()},
            )
            for person in self.world.people.people.values()
        }
        return known | {"feeds": self.world.people.feeds} if self.world.people.feeds else known


def company(customers: int, seed: int = 1) -> list[Json]:
    """So many customers who came over two years, with 1.2 subscriptions each, a third of them canceled."""
    rng = random.Random(seed)
    found: list[Json] = [price()]
    for number in range(customers):
        at = NOW - rng.randrange(1, 730 * DAY)
        name = f"cus_{number}"
        found.append(customer(name, email=f"customer-{number}@example.com", created=at))
        for which in range(1 + (number % 5 == 0)):
            status = "canceled" if rng.random() < 0.33 else "active"
            ended: dict[str, Any] = {}
            if status == "canceled":
                ended = {"ended_at": at + 60, "canceled_at": at + 60}
            found.append(
                subscription(f"sub_{number}_{which}", customer=name, created=at + 1, status=status, **ended)
            )
    return found
