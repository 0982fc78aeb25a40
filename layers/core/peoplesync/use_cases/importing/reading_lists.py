"""Reading one of Stripe's lists, with several readers, for as long as a task may take.

Every page goes through four calls: it is asked for, its chunks are put on the queue, the page is noted with
them, and its window moves on. After an interruption between any two of them the page is read again; its
chunks are named after what is in them, so that nothing is counted twice or thought to be applied that is not.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from peoplesync.domain.connections import Connection
from peoplesync.domain.stripe_objects.reading import name_of
from peoplesync.domain.windows import FIRST, Window, next_window
from peoplesync.use_cases.importing.lists import StripeList
from peoplesync.use_cases.importing.runs import ImportRuns, ListedPage, Run, Superseded
from peoplesync.use_cases.messages.message import BulkBatch, Message
from peoplesync.use_cases.messages.packing import chunks_of_events, chunks_of_objects
from peoplesync.use_cases.ports import CursorGone, KeyRefused, Lists, Page, RateLimited, Unavailable
from peoplesync.use_cases.stripe_reads.pace import Pace
from peoplesync.use_cases.stripe_reads.relevance import no_use

READERS: Final = 16
"""Enough for 25 pages a second, as long as asking for one and putting it on the queue takes 0.6 s."""

PATIENCE: Final = 5
"""Failed requests in a row after which a task ends, and a later one continues."""


class BulkQueue(Protocol):
    def send_all(self, bodies: Sequence[str]) -> None:
        """Puts all messages on the queue; raises where one of them is not."""

    def depth(self) -> int: ...


class Connections(Protocol):
    def get(self, name: str) -> Connection | None: ...


@dataclass
class ListReader:
    """Reads one list of a run. `out_of_time` says when to stop; nothing is lost by stopping."""

    run: Run
    listing: StripeList
    lists: Lists
    queue: BulkQueue
    runs: ImportRuns
    connections: Connections
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
        self._windows = self._taken_over()
        with ThreadPoolExecutor(self.readers, thread_name_prefix=self.listing.name) as readers:
            for _ in range(self.readers):
                readers.submit(self._reader)
        if self._stopped is not None:
            raise self._stopped
        return all(window.done for window in self._windows.values())

    def _taken_over(self) -> dict[str, Window]:
        """The windows of the list. An earlier task, whose execution was stopped, may still be at work on
        them: each is stored again, so that its next write fails, and not one of ours."""
        name = self.listing.name
        whole = Window(FIRST, self.listing.since, self.run.started_at + 1)
        for _ in range(PATIENCE):
            windows = self.runs.windows(self.run, name) or {FIRST: whole}
            with suppress(Superseded):  # it has just moved one: what it did is taken over too
                return {one.id: self.runs.save_window(self.run, name, one) for one in windows.values()}
        raise Superseded("another task goes on with this import")

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
        connection = self.connections.get(self.run.epoch.connection)
        if connection is None or connection.epoch != self.run.epoch:
            raise Superseded("the connection has begun a new epoch, or no longer exists")
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
            put_on_queue(self.run, self.listing.name, window, params, page, self.queue, self.runs)
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


def put_on_queue(
    run: Run,
    list_name: str,
    window: Window,
    params: Mapping[str, Any],
    page: Page,
    queue: BulkQueue,
    runs: ImportRuns,
) -> None:
    """Puts a page on the queue in chunks, and notes which."""
    is_of_events = list_name.startswith("events")
    wanted = (one for one in page.objects if no_use(one) is None) if is_of_events else page.objects
    packed = chunks_of_events(wanted) if is_of_events else chunks_of_objects(wanted)
    chunks: dict[str, int] = {}
    bodies = []
    for number, parts in enumerate(packed):
        name = chunk_id(list_name, window, number, map(name_of, parts))
        chunks[name] = len(parts)
        of_kind: dict[str, Any] = {"events": parts} if is_of_events else {"objects": parts}
        chunk = BulkBatch(name, run.id, page.as_of, **of_kind)
        bodies.append(Message(run.epoch, chunk=chunk, cause=run.cause).encode())
    queue.send_all(bodies)
    runs.add_page(run, ListedPage(list_name, window.id, window.pages, chunks, params))


def chunk_id(list_name: str, window: Window, number: int, parts: Iterable[str]) -> str:
    """A chunk is named after its place and what is in it; ids sort as their pages do."""
    digest = hashlib.sha256(" ".join(parts).encode()).hexdigest()[:12]
    return f"{list_name}#{window.id}#{window.pages:06}#{number:03}#{digest}"
