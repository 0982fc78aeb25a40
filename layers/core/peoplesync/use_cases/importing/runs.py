"""Import runs: what is known of them, and where that is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from peoplesync.domain.connections import Epoch
from peoplesync.domain.publishing import IMPORT, IMPORT_PUBLISHED
from peoplesync.domain.windows import Window

Status = Literal["running", "succeeded", "failed"]


@dataclass(frozen=True)
class Run:
    """An import.

    It brings what was created up to `started_at`, since `created_after` if that is given; charges of the last
    `charge_days` days, events of the last `event_days`. `share` is its part of Stripe's rate limit, 0 to 1.
    `execution` is the ARN of the state machine's execution that drives it. `relisted` says that missing
    chunks were listed once more; `quiet_looks` counts how often in a row nothing moved though something was
    missing. `publish` says whether what it brings goes out on the bus.
    """

    id: str
    epoch: Epoch
    started_at: int
    status: Status = "running"
    created_after: int | None = None
    share: float = 0.4
    charge_days: int = 35
    event_days: int = 30
    execution: str = ""
    finished_at: int | None = None
    failure: str = ""
    relisted: bool = False
    quiet_looks: int = 0
    applied_before: int = -1
    publish: bool = False

    @property
    def is_full(self) -> bool:
        """Whether it brings every customer, so that one it did not see no longer exists."""
        return self.created_after is None

    @property
    def cause(self) -> str:
        """The cause of what it writes."""
        return IMPORT_PUBLISHED if self.publish else IMPORT


@dataclass(frozen=True)
class ListedPage:
    """A page that is on the queue: its chunks, each with its number of objects, and the parameters with which
    it can be listed again."""

    list: str
    window: str
    number: int
    chunks: Mapping[str, int]
    params: Mapping[str, Any]


@dataclass(frozen=True)
class ListState:
    """The state of a list: `refused` counts requests that had to be made again, `idle_since` is since when
    Stripe has not answered at all, and `reason` why; None and "" where the list goes on."""

    refused: int = 0
    idle_since: int | None = None
    reason: str = ""


class Superseded(Exception):
    """Another task has taken over this run, or its connection has begun a new epoch."""


class ImportRuns(Protocol):
    """Where runs are kept. All may raise `Unavailable`."""

    def create(self, run: Run) -> None: ...

    def get(self, epoch: Epoch, run: str) -> Run | None: ...

    def save(self, run: Run) -> None: ...

    def all(self, epoch: Epoch) -> list[Run]:
        """The runs of an epoch, the latest first."""

    def windows(self, run: Run, list_name: str) -> dict[str, Window]: ...

    def save_window(self, run: Run, list_name: str, window: Window) -> Window:
        """The window with its new version; raises `Superseded` where another version is stored."""

    def list_state(self, run: Run, list_name: str) -> ListState: ...

    def list_states(self, run: Run) -> Mapping[str, ListState]:
        """All of a run that are known, by list."""

    def save_list_state(self, run: Run, list_name: str, state: ListState) -> None: ...

    def add_page(self, run: Run, page: ListedPage) -> None:
        """Stores a page, in place of an earlier one of the same number."""

    def pages(self, run: Run) -> Iterator[ListedPage]:
        """All pages, in order of their chunks' ids."""

    def chunks_applied(self, run: Run) -> Iterable[tuple[str, int]]:
        """The ids of the chunks that are applied, in order, with how many of their parts failed."""

    def failures(self, run: Run) -> Iterator[str]:
        """Why some of what could never be applied could not: each names an object."""

    def listed(self, run: Run) -> Mapping[str, tuple[int, int]]:
        """How many objects were listed, on how many pages, by list."""
