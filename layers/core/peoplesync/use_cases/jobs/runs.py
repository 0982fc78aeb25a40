"""Runs of a job: what is known of each, where that is kept, and whether somebody else goes on with it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol, TypeVar

from peoplesync.domain.connections import Connection, Epoch
from peoplesync.use_cases.jobs.cursor import Cursor

Status = Literal["running", "succeeded", "superseded", "failed", "stopped"]

OVER: Final = "the connection has begun a new epoch, or no longer exists"

TRIES: Final = 5
"""How often a task tries to take over from one that is still at work."""


class Superseded(Exception):
    """Another task has taken over this run, or its connection has begun a new epoch."""


@dataclass(frozen=True)
class Run(ABC):
    """A run of a job. `execution` is the ARN of the state machine's execution that drives it.

    `enqueued_again` says that missing chunks were enqueued once more; `quiet_looks` counts how often in a row
    nothing moved though something was missing, `done_before` what was done at the last look.
    """

    id: str
    epoch: Epoch
    started_at: int
    status: Status = "running"
    execution: str = ""
    finished_at: int | None = None
    failure: str = ""
    enqueued_again: bool = False
    quiet_looks: int = 0
    done_before: int = -1

    @property
    @abstractmethod
    def cause(self) -> str:
        """The cause of what it writes."""


@dataclass(frozen=True)
class ListedPage:
    """A page that is on the queue: its chunks, each with its number of parts, and the parameters with which
    it can be listed again. `window` is the id of the window, or shard, of its list."""

    list: str
    window: str
    number: int
    chunks: Mapping[str, int]
    params: Mapping[str, Any]


R = TypeVar("R", bound=Run)


class RunStore(Protocol[R]):
    """Where runs are kept. All may raise `Unavailable`."""

    def get(self, epoch: Epoch, run: str) -> R | None: ...

    def save(self, run: R) -> None: ...

    def all(self, epoch: Epoch) -> list[R]:
        """The runs of an epoch, the latest first."""

    def cursors(self, run: R, list_name: str) -> dict[str, Cursor]: ...

    def save_cursor(self, run: R, list_name: str, cursor: Cursor) -> Cursor:
        """The cursor with its new version; raises `Superseded` where another version is stored."""

    def add_page(self, run: R, page: ListedPage) -> None:
        """Stores a page, in place of an earlier one of the same number."""

    def pages(self, run: R) -> Iterator[ListedPage]:
        """All pages, in order of their chunks' ids."""

    def chunks_applied(self, run: R) -> Iterable[tuple[str, int]]:
        """The ids of the chunks that are applied, in order, with how many of their parts failed."""


class Connections(Protocol):
    def get(self, name: str) -> Connection | None: ...


class Executions(Protocol):
    def is_running(self, execution: str) -> bool: ...


def connection_of(run: Run, connections: Connections) -> Connection:
    """The connection of a run; raises `Superseded` where it does not wait for it any more."""
    connection = connections.get(run.epoch.connection)
    if connection is None or connection.epoch != run.epoch:
        raise Superseded(OVER)
    return connection


P = TypeVar("P")


def taken_over(stored: Callable[[], Iterable[P]], save: Callable[[P], P]) -> list[P]:
    """Where to go on. An earlier task, whose execution was stopped, may still be at work there: each window
    or cursor is stored again, so that the other's next write fails, and not ours."""
    for _ in range(TRIES):
        with suppress(Superseded):  # it has just moved one: what it did is taken over too
            return [save(one) for one in stored()]
    raise Superseded("another task goes on with this run")
