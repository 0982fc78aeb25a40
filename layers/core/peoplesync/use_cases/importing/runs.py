"""Import runs: what is known of them, and where that is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from peoplesync.domain.publishing import IMPORT, IMPORT_PUBLISHED
from peoplesync.domain.windows import Window
from peoplesync.use_cases.jobs.runs import Run, RunStore


@dataclass(frozen=True)
class ImportRun(Run):
    """An import.

    It brings what was created up to `started_at`, since `created_after` if that is given; charges of the last
    `charge_days` days, events of the last `event_days`. `share` is its part of Stripe's rate limit, 0 to 1.
    `publish` says whether what it brings goes out on the bus. `figures` are the counts with which it ended,
    as `progress.figures` has them; None while it runs, and of runs that ended before they were kept.
    """

    created_after: int | None = None
    share: float = 0.4
    charge_days: int = 35
    event_days: int = 30
    publish: bool = False
    figures: Mapping[str, Any] | None = None

    @property
    def is_full(self) -> bool:
        """Whether it brings every customer, so that one it did not see no longer exists."""
        return self.created_after is None

    @property
    def cause(self) -> str:
        return IMPORT_PUBLISHED if self.publish else IMPORT


@dataclass(frozen=True)
class ListState:
    """The state of a list: `refused` counts requests that had to be made again, `idle_since` is since when
    Stripe has not answered at all, and `reason` why; None and "" where the list goes on."""

    refused: int = 0
    idle_since: int | None = None
    reason: str = ""


class ImportRuns(RunStore[ImportRun], Protocol):
    """Where imports are kept. All may raise `Unavailable`."""

    def windows(self, run: ImportRun, list_name: str) -> dict[str, Window]: ...

    def save_window(self, run: ImportRun, list_name: str, window: Window) -> Window:
        """The window with its new version; raises `Superseded` where another version is stored."""

    def list_states(self, run: ImportRun) -> Mapping[str, ListState]:
        """All of a run that are known, by list."""

    def save_list_state(self, run: ImportRun, list_name: str, state: ListState) -> None: ...

    def failures(self, run: ImportRun) -> Iterator[str]:
        """Why some of what could never be applied could not: each names an object."""

    def listed(self, run: ImportRun) -> Mapping[str, int]:
        """How many objects were listed, by list."""
