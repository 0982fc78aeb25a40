"""An import in memory: Stripe's lists, the runs, the worker behind the queue, and the state machine."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.windows import Window
from peoplesync.use_cases.importing.runs import ListedPage, ListState, Run, Superseded
from peoplesync.use_cases.importing.steps import Importer
from peoplesync.use_cases.ports import Page
from tests.support.fakes.world import FakeConnections, World

Json = Mapping[str, Any]

RESOURCES = {
    "customer": "customers",
    "subscription": "subscriptions",
    "charge": "charges",
    "price": "prices",
    "coupon": "coupons",
    "event": "events",
}


class Killed(BaseException):
    """The process is no more."""


@dataclass
class Hazards:
    """Calls are counted; before the one numbered `deadly`, the process is killed (once)."""

    deadly: int | None = None
    calls: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def call(self) -> None:
        with self._lock:
            self.calls += 1
            if self.calls == self.deadly:
                self.deadly = None
                raise Killed


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
        return Page(found[: params["limit"]], len(found) > params["limit"], self.now() - 1)


@dataclass
class FakeImportRuns:
    """Runs in memory, as JSON where the tables keep JSON."""

    hazards: Hazards = field(default_factory=Hazards)
    runs: dict[tuple[Epoch, str], Run] = field(default_factory=dict)
    rows: dict[tuple[str, str], Any] = field(default_factory=dict)
    reasons: dict[str, list[str]] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def create(self, run: Run) -> None:
        self.save(run)

    def get(self, epoch: Epoch, run: str) -> Run | None:
        self.hazards.call()
        return self.runs.get((epoch, run))

    def save(self, run: Run) -> None:
        self.hazards.call()
        self.runs[run.epoch, run.id] = run

    def all(self, epoch: Epoch) -> list[Run]:
        return sorted(
            (run for (of, _), run in self.runs.items() if of == epoch),
            key=lambda run: run.started_at,
            reverse=True,
        )

    def windows(self, run: Run, list_name: str) -> dict[str, Window]:
        found = self._rows(run, f"window#{list_name}#")
        return {one["id"]: Window(**one) for one in found}

    def save_window(self, run: Run, list_name: str, window: Window) -> Window:
        self.hazards.call()
        with self._lock:
            key = run.id, f"window#{list_name}#{window.id}"
            stored = self.rows.get(key, {"version": 0})
            if stored["version"] != window.version:
                raise Superseded("another task goes on with this run")
            moved = replace(window, version=window.version + 1)
            self._put(*key, asdict(moved))
            return moved

    def list_state(self, run: Run, list_name: str) -> ListState:
        return ListState(**self.rows.get((run.id, f"list#{list_name}"), {}))

    def save_list_state(self, run: Run, list_name: str, state: ListState) -> None:
        self.hazards.call()
        self._put(run.id, f"list#{list_name}", asdict(state))

    def add_page(self, run: Run, page: ListedPage) -> None:
        self.hazards.call()
        self._put(run.id, f"page#{page.list}#{page.window}#{page.number:06}", asdict(page))

    def pages(self, run: Run) -> Iterator[ListedPage]:
        return (ListedPage(**one) for one in self._rows(run, "page#"))

    def chunks_applied(self, run: Run) -> list[tuple[str, int]]:
        return [
            (name.removeprefix("chunk#"), failed)
            for (of, name), failed in sorted(self.rows.items())
            if of == run.id and name.startswith("chunk#")
        ]

    def listed(self, run: Run) -> Mapping[str, tuple[int, int]]:
        names = {name.split("#")[1] for of, name in self.rows if of == run.id and name.startswith("window#")}
        return {
            name: (
                sum(one.listed for one in self.windows(run, name).values()),
                sum(one.pages for one in self.windows(run, name).values()),
            )
            for name in names
        }

    def applied(self, epoch: Epoch, run: str, chunk: str, failed: int, reasons: Sequence[str] = ()) -> None:
        self.rows.setdefault((run, f"chunk#{chunk}"), failed)
        self.reasons.setdefault(chunk, list(reasons))

    def failures(self, run: Run) -> Iterator[str]:
        return (reason for every in self.reasons.values() for reason in every)

    def list_states(self, run: Run) -> Mapping[str, ListState]:
        rows = {name: row for (of, name), row in self.rows.items() if of == run.id}
        return {
            name.removeprefix("list#"): ListState(**row)
            for name, row in rows.items()
            if name.startswith("list#")
        }

    def _put(self, run: str, name: str, content: Any) -> None:
        with self._lock:
            self.rows[run, name] = json.loads(json.dumps(content))

    def _rows(self, run: Run, prefix: str) -> list[Any]:
        with self._lock:
            return [
                content
                for (of, name), content in sorted(self.rows.items())
                if of == run.id and name.startswith(prefix)
            ]


@dataclass
class FakeBulk:
    """The bulk queue, and the worker behind it; `lose` loses messages on their way."""

    world: World
    hazards: Hazards = field(default_factory=Hazards)
    lose: Callable[[str], bool] = lambda body: False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send_all(self, bodies: Sequence[str]) -> None:
        self.hazards.call()
        with self._lock:
            for body in bodies:
                if not self.lose(body):
                    self.world.queue.send(body)

    def depth(self) -> int:
        return len(self.world.queue.sent)


@dataclass
class ConnectionsWithGaps(FakeConnections):
    """Remembers which gaps an import closed."""

    closed: list[int] = field(default_factory=list)

    def get(self, name: str) -> Connection | None:
        return self.connection if self.connection and self.connection.name == name else None

    def close_gap(self, epoch: Epoch, at: int) -> None:
        self.closed.append(at)


@dataclass
class FakeExecutions:
    running: set[str] = field(default_factory=set)

    def is_running(self, execution: str) -> bool:
        return execution in self.running


@dataclass
class ImportWorld:
    """All of it together. `drive` is what the state machine does."""

    world: World
    lists: FakeLists
    runs: FakeImportRuns
    queue: FakeBulk
    connections: ConnectionsWithGaps
    executions: FakeExecutions
    hazards: Hazards
    importer: Importer
    waited: int = 0

    @classmethod
    def of(cls, objects: Sequence[Json], now: int, readers: int = 4, **options: Any) -> ImportWorld:
        hazards = Hazards()
        world = World(now)
        world.stripe.objects = {str(one["id"]): one for one in objects}
        world.stripe.now = now
        runs = FakeImportRuns(hazards)
        world.runs = runs  # type: ignore[assignment]  # the worker notes in the same place
        world.connections = connections = ConnectionsWithGaps()
        world.__post_init__()
        lists, queue = FakeLists(objects, lambda: world.now, hazards), FakeBulk(world, hazards)
        executions = FakeExecutions()
        importer = Importer(
            connections=connections,
            runs=runs,
            lists=lists,
            queue=queue,
            members=world.people,
            executions=executions,
            clock=lambda: world.now,
            monotonic=lambda: 0.0,
            sleep=lambda seconds: None,
            slice_seconds=60,
            share=1.0,
            readers=readers,
            **options,
        )
        return cls(world, lists, runs, queue, connections, executions, hazards, importer)

    def drive(self, given: Mapping[str, Any] | None = None, name: str = "imp_1") -> dict[str, Any]:
        """Takes the steps as infra/import.asl.json does, the worker working in between; the last answer."""
        importer = self.importer
        begun = importer.start(given or {"connection": "main"}, name, f"arn:{name}")
        if begun["status"] != "running":
            return begun
        place = {key: begun[key] for key in ("connection", "epoch", "run")}
        for each in [*begun["lists"], *begun["events"]]:
            answer = self._repeat(importer.read_list, each)
            if answer["status"] != "done":
                return importer.fail(place, answer["reason"])
        for step in (lambda _: {"status": "done"}, importer.ask_for_unseen):
            answer = self._repeat(step, place)
            if answer["status"] == "done":
                answer = self._until_applied(place)
            if answer["status"] != "applied":
                return importer.fail(place, answer["reason"])
        return importer.finish(place)

    def _repeat(self, step: Callable[[Any], dict[str, Any]], place: Any) -> dict[str, Any]:
        while (answer := step(place))["status"] in ("more", "wait"):
            self.waited += answer["status"] == "wait"
            self.world.now += int(answer.get("seconds", 1))
        return answer

    def _until_applied(self, place: Mapping[str, Any]) -> dict[str, Any]:
        while True:
            self.world.settle()
            answer = self.importer.look(place)
            if answer["status"] == "missing":
                answer = self._repeat(self.importer.relist, place)
            elif answer["status"] in ("applied", "failed"):
                return answer
            self.world.now += 5
