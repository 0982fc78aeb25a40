"""Unseen customers: those in sync that an import did not list may have been deleted at Stripe meanwhile.

All customers in sync are put on the queue; the worker, which reads them anyway, asks Stripe only for those
that nothing has arrived about since the import began.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from peoplesync.domain.connections import Epoch
from peoplesync.domain.people.person import CUSTOMERS_IN_SYNC
from peoplesync.domain.windows import Window
from peoplesync.use_cases.importing.progress import UNSEEN
from peoplesync.use_cases.importing.reading_lists import BulkQueue, chunk_id
from peoplesync.use_cases.importing.runs import ImportRuns, ListedPage, Run
from peoplesync.use_cases.messages.message import BulkBatch, Message

CUSTOMERS_A_CHUNK: Final = 25

SHOWN_WITHIN: Final = 30
"""A snapshot from up to so many seconds before the start counts as seen, since clocks differ."""


class Members(Protocol):
    def members_page(self, epoch: Epoch, index: str, shard: int, after: str, most: int) -> Sequence[str]: ...

    @property
    def shards(self) -> int: ...


@dataclass(frozen=True)
class UnseenCustomers:
    """Has Stripe asked for the customers that were not seen, shard by shard of their index."""

    run: Run
    runs: ImportRuns
    members: Members
    queue: BulkQueue
    out_of_time: Callable[[], bool]

    def ask(self) -> bool:
        """Continues asking; returns whether all were asked for."""
        places = self.runs.windows(self.run, UNSEEN)
        for shard in range(self.members.shards):
            place = places.get(str(shard)) or Window(str(shard), 0, 0)
            while not place.done:
                if self.out_of_time():
                    return False
                place = self._step(place, shard)
        return True

    def again(self, page: ListedPage) -> None:
        """Asks for the customers of one page once more."""
        place = Window(page.window, 0, 0, cursor=str(page.params["after"]), pages=page.number)
        self._send(place, self._members(int(page.window), place.cursor))

    def _step(self, place: Window, shard: int) -> Window:
        customers = self._members(shard, place.cursor)
        if customers:
            self._send(place, customers)
        last = customers[-1] if customers else place.cursor
        moved = Window(
            place.id,
            0,
            0,
            cursor=last,
            pages=place.pages + 1,
            listed=place.listed + len(customers),
            done=len(customers) < CUSTOMERS_A_CHUNK,
            version=place.version,
        )
        return self.runs.save_window(self.run, UNSEEN, moved)

    def _members(self, shard: int, after: str) -> Sequence[str]:
        return self.members.members_page(self.run.epoch, CUSTOMERS_IN_SYNC, shard, after, CUSTOMERS_A_CHUNK)

    def _send(self, place: Window, customers: Sequence[str]) -> None:
        name = chunk_id(UNSEEN, place, 0, customers)
        since = self.run.started_at - SHOWN_WITHIN
        chunk = BulkBatch(name, self.run.id, since, unseen=tuple(customers))
        self.queue.send_all([Message(self.run.epoch, chunk=chunk, cause=self.run.cause).encode()])
        page = ListedPage(UNSEEN, place.id, place.pages, {name: len(customers)}, {"after": place.cursor})
        self.runs.add_page(self.run, page)
