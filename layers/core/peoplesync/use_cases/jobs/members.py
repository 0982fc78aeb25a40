"""Enqueueing an index: its members are put on the queue, shard by shard, page by page.

A page is put on the queue, noted, and the shard's cursor moves on. After an interruption between any two of
them it is enqueued again, which does no harm: evaluating somebody twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Protocol

from peoplesync.domain.connections import Epoch
from peoplesync.use_cases.jobs.cursor import Cursor
from peoplesync.use_cases.jobs.pages import BulkQueue, enqueue_page
from peoplesync.use_cases.jobs.runs import ListedPage, R, RunStore, taken_over
from peoplesync.use_cases.messages.message import BulkBatch

MEMBERS_A_CHUNK: Final = 25
"""A worker takes four chunks at a time, and must look at all their people well within its timeout."""

MEMBERS_A_PAGE: Final = 250
"""Ten chunks, which is what one request to the queue takes."""


class Members(Protocol):
    def members_page(self, epoch: Epoch, index: str, shard: int, after: str, most: int) -> Sequence[str]: ...

    @property
    def shards(self) -> int: ...


@dataclass(frozen=True)
class IndexEnqueuer(Generic[R]):
    """Enqueues the members of an `index`, as the list `list_name` of a run, each chunk as their `batch`. It
    goes on for as long as `has_room` says, which is asked before each page; nothing is lost by stopping."""

    run: R
    runs: RunStore[R]
    members: Members
    queue: BulkQueue
    list_name: str
    index: str
    batch: Callable[[tuple[str, ...]], BulkBatch]
    has_room: Callable[[], bool]

    def shard(self, number: int) -> bool:
        """Goes on with one shard; whether all of it is enqueued. Raises `Superseded`."""
        (cursor,) = taken_over(lambda: [self._stored(str(number))], self._save)
        while not cursor.done:
            if not self.has_room():
                return False
            members = self._members(cursor)
            if members:
                self._put_on_queue(cursor, members)
            cursor = self._save(cursor.after(members, MEMBERS_A_PAGE))
        return True

    def again(self, page: ListedPage) -> bool:
        """Enqueues once more who is in the place of a page, be it nobody; whether there was room for it."""
        if not self.has_room():
            return False
        cursor = Cursor(page.window, cursor=str(page.params["after"]), pages=page.number)
        self._put_on_queue(cursor, self._members(cursor))
        return True

    def _stored(self, shard: str) -> Cursor:
        return self.runs.cursors(self.run, self.list_name).get(shard) or Cursor(shard)

    def _save(self, cursor: Cursor) -> Cursor:
        return self.runs.save_cursor(self.run, self.list_name, cursor)

    def _members(self, at: Cursor) -> Sequence[str]:
        return self.members.members_page(self.run.epoch, self.index, int(at.id), at.cursor, MEMBERS_A_PAGE)

    def _put_on_queue(self, cursor: Cursor, members: Sequence[str]) -> None:
        starts = range(0, len(members), MEMBERS_A_CHUNK)
        batches = [self.batch(tuple(members[start : start + MEMBERS_A_CHUNK])) for start in starts]
        page = ListedPage(self.list_name, cursor.id, cursor.pages, {}, {"after": cursor.cursor})
        enqueue_page(self.run, page, batches, self.queue, self.runs)
