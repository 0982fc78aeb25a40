"""Re-evaluation runs: what is known of them, how far they have come, and where that is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final, Literal, Protocol

from peoplesync.domain.connections import Epoch
from peoplesync.domain.windows import Window
from peoplesync.use_cases.importing.progress import NAMED, side_by_side
from peoplesync.use_cases.importing.runs import ListedPage

Status = Literal["running", "succeeded", "superseded", "failed"]

LIST: Final = "everyone"
"""What the list of people to be handed out is called; each of its windows is a shard of their index."""


@dataclass(frozen=True)
class Reevaluation:
    """A re-evaluation with the definitions of `version`.

    `people` is how many there were when it began, and how many were handed out once it has ended; of these
    `evaluated` were looked at, and `failed` could not be. A run that newer definitions have overtaken is
    `superseded`. `execution` is the ARN of the state machine's execution that drives it. `handed_again` says
    that missing chunks were handed out once more; `quiet_looks` counts how often in a row nothing moved
    though something was missing.
    """

    id: str
    epoch: Epoch
    version: int
    started_at: int
    people: int
    status: Status = "running"
    evaluated: int = 0
    failed: int = 0
    execution: str = ""
    finished_at: int | None = None
    failure: str = ""
    handed_again: bool = False
    quiet_looks: int = 0
    done_before: int = -1

    def ended(self, status: Status, failure: str, progress: ReevaluationProgress, now: int) -> Reevaluation:
        """The run after its end, with what came of it."""
        return replace(
            self,
            status=status,
            failure=failure,
            finished_at=now,
            people=progress.people(self),
            evaluated=progress.evaluated,
            failed=progress.failed,
        )


class ReevaluationRuns(Protocol):
    """Where runs are kept. All may raise `Unavailable`."""

    def create(self, run: Reevaluation) -> None: ...

    def get(self, epoch: Epoch, run: str) -> Reevaluation | None: ...

    def save(self, run: Reevaluation) -> None: ...

    def all(self, epoch: Epoch) -> list[Reevaluation]:
        """The runs of an epoch, the latest first."""

    def windows(self, run: Reevaluation, list_name: str) -> dict[str, Window]: ...

    def save_window(self, run: Reevaluation, list_name: str, window: Window) -> Window:
        """The window with its new version; raises `Superseded` where another version is stored."""

    def add_page(self, run: Reevaluation, page: ListedPage) -> None:
        """Stores a page, in place of an earlier one of the same number."""

    def pages(self, run: Reevaluation) -> Iterator[ListedPage]:
        """All pages, in order of their chunks' ids."""

    def chunks_applied(self, run: Reevaluation) -> Iterable[tuple[str, int]]:
        """The ids of the chunks that are applied, in order, with how many of their people failed."""


@dataclass
class ReevaluationProgress:
    """How many people were `handed_out`, `evaluated`, and `failed` for good; whether that is `everybody`.
    `missing` names some of the chunks that are not applied yet."""

    everybody: bool = False
    handed_out: int = 0
    evaluated: int = 0
    failed: int = 0
    missing: list[str] = field(default_factory=list)

    @property
    def done(self) -> int:
        return self.evaluated + self.failed

    @property
    def complete(self) -> bool:
        return self.everybody and not self.missing

    def people(self, run: Reevaluation) -> int:
        """How many there are to evaluate; a guess until everybody is handed out, since people come and go."""
        return self.handed_out if self.everybody else max(run.people, self.handed_out)


def progress_of(run: Reevaluation, runs: ReevaluationRuns, shards: int) -> ReevaluationProgress:
    """Where a run stands, of an index of so many shards."""
    windows = runs.windows(run, LIST).values()
    progress = ReevaluationProgress(everybody=sum(window.done for window in windows) == shards)
    for _, chunk, people, failed in side_by_side(runs.pages(run), runs.chunks_applied(run)):
        progress.handed_out += people
        progress.failed += failed or 0
        if failed is not None:
            progress.evaluated += people - failed
        elif len(progress.missing) < NAMED:
            progress.missing.append(chunk)
    return progress
