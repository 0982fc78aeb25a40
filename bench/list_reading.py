"""The process that `import_pages.py` measures: reads one of the simulator's lists as an import does.

Everything is what a deployed import runs (the readers, the pace, Stripe's own client), but for the table of
runs and the bulk queue: those are in memory here, keep counts only, and take `--store-ms` for a call.
"""

# ruff: noqa: ARG002 - what stands in takes what the real one takes

from __future__ import annotations

import argparse
import json
import resource
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Final

from peoplesync.adapters.stripe.api import StripeApi
from peoplesync.domain.connections import Connection
from peoplesync.domain.windows import Window
from peoplesync.use_cases.importing.lists import stripe_list
from peoplesync.use_cases.importing.reading_lists import ListReader
from peoplesync.use_cases.importing.runs import ImportRun
from peoplesync.use_cases.jobs.runs import ListedPage
from peoplesync.use_cases.stripe_reads.pace import PER_ENDPOINT, Pace

TIMEOUT: Final = 30
"""Seconds for a page, as in functions/import_customers."""


@dataclass
class CountingRuns:
    """Forgets the pages, and remembers only the windows, without which no list could be read."""

    store_seconds: float
    kept: dict[str, Window] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def windows(self, run: ImportRun, list_name: str) -> dict[str, Window]:
        return dict(self.kept)

    def save_window(self, run: ImportRun, list_name: str, window: Window) -> Window:
        time.sleep(self.store_seconds)
        moved = replace(window, version=window.version + 1)
        with self._lock:
            self.kept[window.id] = moved
        return moved

    def add_page(self, run: ImportRun, page: ListedPage) -> None:
        time.sleep(self.store_seconds)


@dataclass
class CountingQueue:
    """Counts the bytes of the messages."""

    store_seconds: float
    messages: int = 0
    bytes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send_all(self, bodies: Sequence[str]) -> None:
        time.sleep(self.store_seconds)
        with self._lock:
            self.messages += len(bodies)
            self.bytes += sum(map(len, bodies))

    def depth(self) -> int:
        return 0


@dataclass(frozen=True)
class OneConnection:
    connection: Connection

    def get(self, name: str) -> Connection | None:
        return self.connection


@dataclass(frozen=True)
class Reading:
    """What one reading of a list took. `listed` counts objects; `calls` pages, the empty ones too; `peak_mb`
    is the process's peak of resident memory, `idle_mb` what it was before the first page."""

    list: str
    listed: int
    calls: int
    windows: int
    seconds: float
    cpu_seconds: float
    refused: int
    messages: int
    queued_bytes: int
    idle_mb: float
    peak_mb: float


def read(url: str, key: str, name: str, now: int, readers: int, share: float, store_ms: float) -> Reading:
    """Reads one list from its newest object to its oldest."""
    connection = Connection("main", True, 1, 1, 0)
    run = ImportRun("imp_bench", connection.epoch, now, share=share)
    listing = stripe_list(run, {}, name)
    if listing is None:
        raise ValueError(f"an import reads no list {name}")
    pace = Pace(share * PER_ENDPOINT, time.monotonic, time.sleep)
    runs, queue = CountingRuns(store_ms / 1000), CountingQueue(store_ms / 1000)
    lists = StripeApi(lambda _: key, url, timeout=TIMEOUT, measure=lambda *_: None, fresh_key=lambda _: key)
    reader = ListReader(
        run,
        listing,
        runs,  # type: ignore[arg-type]  # what only other steps need is left out
        OneConnection(connection),
        lists,
        queue,
        pace,
        lambda: False,
        readers,
    )
    # What the first request alone takes, on both sides, is no matter of how long the list is.
    lists.page(connection.name, listing.resource, listing.page({"limit": 1}))
    idle_mb, cpu_before, began = peak_mb(), time.process_time(), time.monotonic()
    if not reader.read():
        raise RuntimeError(f"the list of {name} was not read to its end")
    seconds = time.monotonic() - began
    return Reading(
        name,
        sum(window.listed for window in runs.kept.values()),
        reader.pages,
        len(runs.kept),
        seconds,
        time.process_time() - cpu_before,
        pace.refused,
        queue.messages,
        queue.bytes,
        idle_mb,
        peak_mb(),
    )


def peak_mb() -> float:
    """The most memory that this process has had so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Reads one list of the simulator; prints what it took as JSON."
    )
    parser.add_argument("--url", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--list", required=True)
    parser.add_argument("--now", type=int, required=True)
    parser.add_argument("--readers", type=int, required=True)
    parser.add_argument("--share", type=float, required=True)
    parser.add_argument("--store-ms", type=float, required=True)
    given = parser.parse_args()
    taken = read(given.url, given.key, given.list, given.now, given.readers, given.share, given.store_ms)
    shown: Mapping[str, object] = asdict(taken)
    print(json.dumps(shown))


if __name__ == "__main__":
    main()
