"""How far an import has come, in counts of Stripe objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final

from peoplesync.use_cases.importing.runs import ImportRun, ImportRuns
from peoplesync.use_cases.jobs.progress import NAMED, Progress, progress_of

UNSEEN: Final = "unseen"
"""The list of customers that Stripe's lists did not show."""


def objects_listed(run: ImportRun, runs: ImportRuns) -> dict[str, int]:
    """How many objects each of Stripe's lists has shown."""
    return {name: objects for name, objects in runs.listed(run).items() if name != UNSEEN}


def final_counts(run: ImportRun, runs: ImportRuns) -> dict[str, Any]:
    """What a run keeps when it ends. Reads all of its pages."""
    return {"figures": figures(progress_of(run, runs), objects_listed(run, runs))}


def figures(progress: Progress, listed: Mapping[str, int]) -> dict[str, Any]:
    """The counts of a run, and how many objects each list has shown (`lists`)."""
    return {**counts(progress, listed), "lists": dict(listed)}


def counts(progress: Progress, listed: Mapping[str, int]) -> dict[str, int]:
    """Objects `listed` by Stripe, `enqueued` (those that are of use), `applied` to people, and `failed` for
    good. Customers that no list showed count among the last only."""
    return {
        "listed": sum(listed.values()),
        "enqueued": progress.enqueued.total() - progress.enqueued[UNSEEN],
        "applied": progress.applied.total() - progress.applied[UNSEEN],
        "failed": progress.failed,
    }


def shortcoming(progress: Progress, failures: Iterable[str]) -> str:
    """Why a run has failed, "" where all is applied; `failures` name what could not be."""
    if progress.failed:
        objects = f"{progress.failed} object{'s' * (progress.failed != 1)}"
        named = [f"“{one}”" for one in islice(failures, NAMED)]
        some = f", among them {', '.join(named)}" if named else ""
        return f"{objects} could not be applied{some}; `peoplesync dead list` shows which, and why"
    return "" if progress.complete else progress.never_applied
