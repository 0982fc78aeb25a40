"""Pages: what a list shows is put on the queue in chunks, and noted with them.

After an interruption between the two a page is enqueued again. Its chunks are named after what is in them, so
that nothing is counted twice or thought to be applied that is not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from peoplesync.domain.stripe_objects.reading import name_of
from peoplesync.use_cases.jobs.runs import ListedPage, R, RunStore
from peoplesync.use_cases.messages.message import BulkBatch, Message


class BulkQueue(Protocol):
    def send_all(self, bodies: Sequence[str]) -> None:
        """Puts all messages on the queue; raises where one of them is not."""

    def depth(self) -> int: ...


def enqueue_page(
    run: R, page: ListedPage, batches: Iterable[BulkBatch], queue: BulkQueue, runs: RunStore[R]
) -> None:
    """Puts the batches of a page on the queue, and notes the page with them."""
    chunks: dict[str, int] = {}
    bodies = []
    for number, batch in enumerate(batches):
        names = [one if isinstance(one, str) else name_of(one) for _, _, one in batch.parts]
        chunk = _chunk_id(page, number, names)
        chunks[chunk] = len(names)
        bodies.append(
            Message(run.epoch, chunk=replace(batch, id=chunk, run=run.id), cause=run.cause).encode()
        )
    queue.send_all(bodies)
    runs.add_page(run, replace(page, chunks=chunks))


def missing_pages(run: R, runs: RunStore[R]) -> Iterator[ListedPage]:
    """The pages of which a chunk is missing, each once."""
    last: ListedPage | None = None
    for page, _, _, failed in side_by_side(runs.pages(run), runs.chunks_applied(run)):
        if failed is None and page is not last:
            last = page
            yield page


def side_by_side(
    pages: Iterable[ListedPage], chunks_applied: Iterable[tuple[str, int]]
) -> Iterator[tuple[ListedPage, str, int, int | None]]:
    """Each chunk of each page, with how many parts it has and how many of them failed; None where it is not
    applied yet. Chunks that no page names are skipped. Both come in order of chunks' ids, so
    that the largest run takes no more memory than the smallest."""
    applied = iter(chunks_applied)
    at: tuple[str, int] | None = next(applied, None)
    for page in pages:
        for chunk in sorted(page.chunks):
            while at is not None and at[0] < chunk:
                at = next(applied, None)
            yield page, chunk, page.chunks[chunk], at[1] if at is not None and at[0] == chunk else None


def _chunk_id(page: ListedPage, number: int, parts: Iterable[str]) -> str:
    """A chunk is named after its place and what is in it; ids sort as their pages do."""
    digest = hashlib.sha256(" ".join(parts).encode()).hexdigest()[:12]
    return f"{page.list}#{page.window}#{page.number:06}#{number:03}#{digest}"
