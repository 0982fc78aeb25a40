"""How far a run has come: what is listed, what is applied, and what is missing.

Pages and applied chunks are read side by side in the same order, so that the largest import takes no more
memory than the smallest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from peoplesync.use_cases.importing.runs import ImportRuns, ListedPage, Run

UNSEEN: Final = "unseen"
"""The list of customers that Stripe's lists did not show."""

NAMED: Final = 5
"""How many missing chunks, or objects, a failure names."""


@dataclass
class ImportProgress:
    """Counts of Stripe objects: `listed` by Stripe, `enqueued` (those that are of use), `applied` to people,
    and `failed` for good. `asked` and `answered` count customers that no list showed. `missing` names some of
    the chunks that are not applied yet."""

    listed: int = 0
    enqueued: int = 0
    applied: int = 0
    failed: int = 0
    asked: int = 0
    answered: int = 0
    missing: list[str] = field(default_factory=list)
    lists: Mapping[str, int] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        return not self.missing

    def public(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "listed": self.listed,
            "enqueued": self.enqueued,
            "applied": self.applied,
            "failed": self.failed,
        }


def progress_of(run: Run, runs: ImportRuns) -> ImportProgress:
    """Where a run stands."""
    of_lists = runs.listed(run)
    lists = {name: listed for name, (listed, _) in of_lists.items() if name != UNSEEN}
    progress = ImportProgress(listed=sum(lists.values()), lists=lists)
    for page, chunk, objects, failed in side_by_side(runs.pages(run), runs.chunks_applied(run)):
        done = 0 if failed is None else objects - failed
        if page.list == UNSEEN:
            progress.asked += objects
            progress.answered += done
        else:
            progress.enqueued += objects
            progress.applied += done
        progress.failed += failed or 0
        if failed is None and len(progress.missing) < NAMED:
            progress.missing.append(chunk)
    return progress


def shortcoming(progress: ImportProgress, failures: Iterable[str]) -> str:
    """Why a run has failed, "" where all is applied; `failures` name what could not be."""
    if progress.failed:
        objects = f"{progress.failed} object{'s' * (progress.failed != 1)}"
        named = [f"“{one}”" for one in islice(failures, NAMED)]
        some = f", among them {', '.join(named)}" if named else ""
        return f"{objects} could not be applied{some}; `peoplesync dead list` shows which, and why"
    if progress.missing:
        return f"these chunks were never applied: {', '.join(progress.missing)}"
    return ""


def missing_pages(
    pages: Iterable[ListedPage], chunks_applied: Iterable[tuple[str, int]]
) -> Iterator[ListedPage]:
    """The pages of which a chunk is missing, each once."""
    last: ListedPage | None = None
    for page, _, _, failed in side_by_side(pages, chunks_applied):
        if failed is None and page is not last:
            last = page
            yield page


def side_by_side(
    pages: Iterable[ListedPage], chunks_applied: Iterable[tuple[str, int]]
) -> Iterator[tuple[ListedPage, str, int, int | None]]:
    """Each chunk of each page, with how many objects it has and how many of them failed; None where it is not
    applied yet. Chunks that no page names are skipped. Both come in order of chunks' ids."""
    applied = iter(chunks_applied)
    at: tuple[str, int] | None = next(applied, None)
    for page in pages:
        for chunk in sorted(page.chunks):
            while at is not None and at[0] < chunk:
                at = next(applied, None)
            found = at is not None and at[0] == chunk
            yield page, chunk, page.chunks[chunk], at[1] if found and at is not None else None
