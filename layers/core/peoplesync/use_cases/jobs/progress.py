"""How far a run has come: what is enqueued, what is applied, and what is missing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from peoplesync.use_cases.jobs.pages import side_by_side
from peoplesync.use_cases.jobs.runs import R, RunStore

NAMED: Final = 5
"""How many missing chunks, or objects, a failure names."""


@dataclass
class Progress:
    """How many parts were `enqueued` and `applied`, by list, and how many `failed` for good. `missing` names
    some of the chunks that are not applied yet; `all_enqueued` says whether no more of them are to come."""

    enqueued: Counter[str] = field(default_factory=Counter)
    applied: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    missing: list[str] = field(default_factory=list)
    all_enqueued: bool = True

    @property
    def done(self) -> int:
        return self.applied.total() + self.failed

    @property
    def complete(self) -> bool:
        return self.all_enqueued and not self.missing

    @property
    def never_applied(self) -> str:
        """What a failure says of what is missing."""
        return f"these chunks were never applied: {', '.join(self.missing)}"


def progress_of(run: R, runs: RunStore[R]) -> Progress:
    """Where a run stands."""
    progress = Progress()
    for page, chunk, parts, failed in side_by_side(runs.pages(run), runs.chunks_applied(run)):
        progress.enqueued[page.list] += parts
        progress.failed += failed or 0
        if failed is not None:
            progress.applied[page.list] += parts - failed
        elif len(progress.missing) < NAMED:
            progress.missing.append(chunk)
    return progress
