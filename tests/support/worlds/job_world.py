"""A job in memory: its runs, the worker behind the queue, and the state machine."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from peoplesync.domain.connections import Epoch
from peoplesync.domain.windows import Window
from peoplesync.use_cases.importing.runs import ListState
from peoplesync.use_cases.jobs.cursor import Cursor
from peoplesync.use_cases.jobs.runs import ListedPage, Superseded
from tests.support.fakes.world import TEST, World

Json = Mapping[str, Any]
Step = Callable[[Any], dict[str, Any]]

PLACE = ("connection", "epoch", "run", "execution")
"""What the state machines remember of what a start answered."""


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
class FakeRuns:
    """Runs of any job in memory, as JSON where the tables keep JSON."""

    hazards: Hazards = field(default_factory=Hazards)
    runs: dict[tuple[Epoch, str], Any] = field(default_factory=dict)
    rows: dict[tuple[str, str], Any] = field(default_factory=dict)
    reasons: dict[str, list[str]] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def get(self, epoch: Epoch, run: str) -> Any:
        self.hazards.call()
        return self.runs.get((epoch, run))

    def save(self, run: Any) -> None:
        self.hazards.call()
        self.runs[run.epoch, run.id] = run

    def all(self, epoch: Epoch) -> list[Any]:
        return sorted(
            (run for (of, _), run in self.runs.items() if of == epoch),
            key=lambda run: run.started_at,
            reverse=True,
        )

    def windows(self, run: Any, list_name: str) -> dict[str, Window]:
        return {name: Window(**one) for name, one in self._rows(run, f"window#{list_name}#").items()}

    def cursors(self, run: Any, list_name: str) -> dict[str, Cursor]:
        return {name: Cursor(**one) for name, one in self._rows(run, f"window#{list_name}#").items()}

    def save_window(self, run: Any, list_name: str, window: Any) -> Any:
        self.hazards.call()
        with self._lock:
            key = run.id, f"window#{list_name}#{window.id}"
            stored = self.rows.get(key, {"version": 0})
            if stored["version"] != window.version:
                raise Superseded("another task goes on with this run")
            moved = replace(window, version=window.version + 1)
            self._put(*key, asdict(moved))
            return moved

    save_cursor = save_window

    def save_list_state(self, run: Any, list_name: str, state: ListState) -> None:
        self.hazards.call()
        self._put(run.id, f"list#{list_name}", asdict(state))

    def add_page(self, run: Any, page: ListedPage) -> None:
        self.hazards.call()
        self._put(run.id, f"page#{page.list}#{page.window}#{page.number:06}", asdict(page))

    def pages(self, run: Any) -> Iterator[ListedPage]:
        return (ListedPage(**one) for one in self._rows(run, "page#").values())

    def chunks_applied(self, run: Any) -> list[tuple[str, int]]:
        return list(self._rows(run, "chunk#").items())

    def listed(self, run: Any) -> Mapping[str, int]:
        listed: Counter[str] = Counter()
        for name, row in self._rows(run, "window#").items():
            listed[name.split("#")[0]] += row["listed"]
        return listed

    def applied(self, epoch: Epoch, run: str, chunk: str, failed: int, reasons: Sequence[str] = ()) -> None:
        self.rows.setdefault((run, f"chunk#{chunk}"), failed)
        self.reasons.setdefault(chunk, list(reasons))

    def failures(self, run: Any) -> Iterator[str]:
        return (reason for every in self.reasons.values() for reason in every)

    def list_states(self, run: Any) -> Mapping[str, ListState]:
        return {name: ListState(**row) for name, row in self._rows(run, "list#").items()}

    def _put(self, run: str, name: str, content: Any) -> None:
        with self._lock:
            self.rows[run, name] = json.loads(json.dumps(content))

    def _rows(self, run: Any, prefix: str) -> dict[str, Any]:
        """What belongs to a run, by what its name has after the prefix, in order."""
        with self._lock:
            return {
                name.removeprefix(prefix): content
                for (of, name), content in sorted(self.rows.items())
                if of == run.id and name.startswith(prefix)
            }


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
class FakeExecutions:
    running: set[str] = field(default_factory=set)

    def is_running(self, execution: str) -> bool:
        return execution in self.running


@dataclass
class JobWorld:
    """All of it together; `steps` are those of an import or a re-evaluation. `between` happens between two
    tries of a step."""

    world: World
    runs: FakeRuns
    queue: FakeBulk
    connections: Any
    executions: FakeExecutions
    hazards: Hazards
    steps: Any
    waited: int = 0
    between: Callable[[], None] = lambda: None

    def phases(self, begun: Json) -> Iterable[list[tuple[Step, Json]]]:
        """What enqueues, and where; after each phase all of it has to be applied."""
        raise NotImplementedError

    @property
    def again(self) -> Step:
        """What enqueues again what is missing."""
        raise NotImplementedError

    def people(self) -> dict[str, Any]:
        """What has become of everybody."""
        raise NotImplementedError

    def begin(self, name: str, given: Json | None = None) -> dict[str, Any]:
        begun: dict[str, Any] = self.steps.start(given or {"connection": "main"}, name, f"arn:{name}")
        return begun

    def enqueue_first(self, begun: Json) -> dict[str, Any]:
        """The first step that enqueues something, of a run that has begun."""
        for step, place in next(iter(self.phases(begun))):
            before = len(self.world.queue.sent)
            answer = step(place)
            if len(self.world.queue.sent) > before or answer["status"] == "failed":
                break
        return answer

    def drive(self, given: Json | None = None, name: str = "run_1") -> dict[str, Any]:
        """Takes the steps as infra/*.asl.json does, the worker working in between; the last answer."""
        begun = self.begin(name, given)
        if begun["status"] != "running":
            return begun
        place = {key: begun[key] for key in PLACE}
        for phase in self.phases(begun):
            answers = (self._repeat(step, at) for step, at in phase)
            answer = next((one for one in answers if one["status"] == "failed"), None)
            answer = answer or self._until_applied(place)
            if answer["status"] == "failed":
                return dict(self.steps.job.fail(place, answer["reason"]))
        return dict(self.steps.finish(place))

    def _until_applied(self, place: Json) -> dict[str, Any]:
        while True:
            self.world.settle()
            answer: dict[str, Any] = self.steps.look(place)
            if answer["status"] == "missing":
                answer = self._repeat(self.again, place)
            if answer["status"] in ("applied", "superseded", "failed"):
                return answer
            self.world.now += 5

    def _repeat(self, step: Step, place: Json) -> dict[str, Any]:
        while (answer := step(place))["status"] in ("more", "wait"):
            self.waited += answer["status"] == "wait"
            self.world.now += int(answer.get("seconds", 1))
            self.between()
        return answer

    def run(self, name: str = "run_1") -> Any:
        return self.runs.runs[TEST, name]
