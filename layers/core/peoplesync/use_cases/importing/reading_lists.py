"""Reading one of Stripe's lists, with several readers, for as long as a task may take.

Every page goes through four calls: it is asked for, its chunks are put on the queue, the page is noted with
them, and its window moves on. After an interruption between any two of them the page is read again; its
chunks are named after what is in them, so that nothing is counted twice or thought to be applied that is not.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from peoplesync.domain.windows import FIRST, Window, next_window
from peoplesync.use_cases.importing.lists import StripeList
from peoplesync.use_cases.importing.runs import ImportRun, ImportRuns
from peoplesync.use_cases.jobs.pages import BulkQueue, enqueue_page
from peoplesync.use_cases.jobs.runs import Connections, ListedPage, connection_of, taken_over
from peoplesync.use_cases.messages.message import BulkBatch
from peoplesync.use_cases.messages.packing import chunks_of_events, chunks_of_objects
from peoplesync.use_cases.ports import CursorGone, KeyRefused, Lists, Page, RateLimited, Unavailable
from peoplesync.use_cases.stripe_reads.pace import Pace
from peoplesync.use_cases.stripe_reads.relevance import no_use

READERS: Final = 16
"""Enough for 25 pages a second, as long as asking for one and putting it on the queue takes 0.6 s."""

PATIENCE: Final = 5
"""Failed requests in a row after which a task ends, and a later one continues."""


@dataclass
class ListReader:
    """Reads one list of a run. `out_of_time` says when to stop; nothing is lost by stopping."""

    run: ImportRun
    listing: StripeList
    runs: ImportRuns
    connections: Connections
    lists: Lists
    queue: BulkQueue
    pace: Pace
    out_of_time: Callable[[], bool]
    readers: int = READERS
    mark: str = field(default_factory=lambda: f".{secrets.token_hex(3)}")
    pages: int = 0
    _windows: dict[str, Window] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)
    _stopped: BaseException | None = None
    _failures: int = 0
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def read(self) -> bool:
        """Reads on; whether the list is at its end. Raises `Superseded`, `KeyRefused`, `NotPermitted`,
        `UnreadableStripeObject` where the list cannot go on, or `Unavailable` where Stripe did not answer
        again and again."""
        whole = Window(FIRST, self.listing.since, self.run.started_at + 1)
        windows = taken_over(
            lambda: self.runs.windows(self.run, self.listing.name).values() or [whole],
            lambda one: self.runs.save_window(self.run, self.listing.name, one),
        )
        self._windows = {one.id: one for one in windows}
        with ThreadPoolExecutor(self.readers, thread_name_prefix=self.listing.name) as readers:
            for _ in range(self.readers):
                readers.submit(self._reader)
        if self._stopped is not None:
            raise self._stopped
        return all(window.done for window in self._windows.values())

    def _reader(self) -> None:
        """What each reader does: take a window, read it to its end, take the next."""
        try:
            while (window := self._take()) is not None:
                try:
                    while not window.done and self._goes_on():
                        window = self._step(window)
                finally:
                    with self._changed:
                        self._taken.discard(window.id)
                        self._changed.notify_all()
        except BaseException as problem:
            with self._changed:
                self._stopped = self._stopped or problem
                self._changed.notify_all()

    def _goes_on(self) -> bool:
        return self._stopped is None and not self.out_of_time()

    def _take(self) -> Window | None:
        """The window to read next, None when there is nothing more to do; waits while there may be."""
        with self._changed:
            while self._goes_on():
                division = next_window(self._windows, self._taken, self.mark)
                if division is None:
                    if not self._taken:
                        return None
                    self._changed.wait(timeout=0.5)
                    continue
                window = division.window
                if division.narrowed is not None:
                    # The new window is stored first: to read what is older twice does no harm.
                    window = self._store(window)
                    self._store(division.narrowed)
                self._taken.add(window.id)
                return window
        return None

    def _step(self, window: Window) -> Window:
        """One page; the window as it is afterwards."""
        connection_of(self.run, self.connections)
        with self._changed:
            window = self._windows[window.id]
        params = self.listing.page(window.params)
        try:
            page = self._ask(params)
        except CursorGone:
            with self._changed:
                return self._store(self._windows[window.id].without_cursor())
        if page is None:
            return window
        if page.objects:
            listed = ListedPage(self.listing.name, window.id, window.pages, {}, params)
            enqueue_page(self.run, listed, batches(self.listing, page), self.queue, self.runs)
        self.pages += 1
        with self._changed:
            # Another reader may have taken over a part of this window meanwhile.
            return self._store(self._windows[window.id].after(page.objects, page.has_more))

    def _ask(self, params: Mapping[str, Any]) -> Page | None:
        """The page; None where it has to be asked for again."""
        if not self.pace.wait(self._goes_on):
            return None
        try:
            page = self.lists.page(self.run.epoch.connection, self.listing.resource, params)
        except RateLimited as limit:
            self.pace.refuse(limit.retry_after)
            return None
        except (CursorGone, KeyRefused):
            raise
        except Unavailable:
            self._failures += 1
            if self._failures >= PATIENCE:
                raise
            self.pace.refuse()
            return None
        self._failures = 0
        self.pace.answered()
        return page

    def _store(self, window: Window) -> Window:
        stored = self.runs.save_window(self.run, self.listing.name, window)
        self._windows[window.id] = stored
        self._changed.notify_all()
        return stored


def batches(listing: StripeList, page: Page) -> Iterator[BulkBatch]:
    """What a page of a list shows, in chunks."""
    if listing.resource == "events":
        wanted = (one for one in page.objects if no_use(one) is None)
        return (BulkBatch(as_of=page.as_of, events=parts) for parts in chunks_of_events(wanted))
    return (BulkBatch(as_of=page.as_of, objects=parts) for parts in chunks_of_objects(page.objects))
