"""How fast an import reads Stripe's lists, as a share of Stripe's rate limit, and with how much memory.

    .venv/bin/python -m bench.import_pages

For each skew of the sign-up dates a simulator of Stripe is started and filled; then a process of its own
reads one list after the other (`list_reading.py`), as fast as one endpoint allows. Both share this machine.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import platform
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench.list_reading import Reading
from peoplesync.use_cases.importing.lists import PAGE
from peoplesync.use_cases.importing.reading_lists import READERS
from peoplesync.use_cases.stripe_reads.pace import PER_ENDPOINT
from peoplesync_local.stripe_simulator.control import LISTENING, Simulator

KEY: Final = "rk_live_simulated"
LATENCY_MS: Final = 250
SKEWS: Final = ("growing", "even", "recent", "old")
LISTS: Final = ("customers", "subscriptions")
RESULT: Final = Path(__file__).parent / "results" / "import_pages.txt"


@contextlib.contextmanager
def simulator(customers: int, skew: str) -> Iterator[Simulator]:
    """A simulator in a process of its own, filled, slow and limited."""
    command = [sys.executable, "-m", "peoplesync_local.stripe_simulator", "--key", KEY]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout is None:
                raise RuntimeError("the simulator says nothing")
            url = process.stdout.readline().strip().removeprefix(LISTENING)
            stripe = Simulator(url, livemode=True)
            stripe.fill(customers, seed=1, skew=skew)
            # A line for each request follows: the pipe must not fill up.
            drain = threading.Thread(target=deque, args=(process.stdout, 0))
            drain.start()
            try:
                yield stripe
            finally:
                process.kill()
                drain.join()
        finally:
            process.kill()


def measured(
    stripe: Simulator, name: str, readers: int, share: float, store_ms: float
) -> tuple[Reading, int]:
    """One list, read by a new process; with how many requests the simulator has refused."""
    stripe.limit(latency_ms=LATENCY_MS, requests_per_second_per_endpoint=PER_ENDPOINT)
    stripe.reset_requests()
    given = {
        "--url": stripe.url,
        "--key": KEY,
        "--list": name,
        "--now": stripe.now(),
        "--readers": readers,
        "--share": share,
        "--store-ms": store_ms,
    }
    words = [str(word) for pair in given.items() for word in pair]
    command = [sys.executable, "-m", "bench.list_reading", *words]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return Reading(**json.loads(printed)), int(stripe.requests()["throttled"])


HEADINGS: Final = (
    f"{'skew':8} {'customers':>9} {'list':13} {'pages':>5} {'calls':>5} {'429s':>4} {'windows':>7} "
    f"{'seconds':>7} {'pages/s':>7} {'share':>6} {'CPU s':>6} {'MB idle':>7} {'MB peak':>7} {'load':>4}"
)


def line(skew: str, customers: int, taken: Reading, refused: int) -> str:
    """A row of the table. `pages` are those that the list must have; `share` counts only them. `load` is the
    machine's load average: above the number of its cores, it is the machine that is too slow."""
    needed = math.ceil(taken.listed / PAGE)
    rate = needed / taken.seconds
    return (
        f"{skew:8} {customers:9,} {taken.list:13} {needed:5} {taken.calls:5} {refused:4} {taken.windows:7} "
        f"{taken.seconds:7.1f} {rate:7.1f} {rate / PER_ENDPOINT:6.0%} {taken.cpu_seconds:6.1f} "
        f"{taken.idle_mb:7.0f} {taken.peak_mb:7.0f} {os.getloadavg()[0]:4.1f}"
    )


def about(readers: int, share: float, store_ms: float) -> str:
    return (
        f"{datetime.now(UTC):%Y-%m-%d} · {os.cpu_count()} cores {platform.machine()}, Python "
        f"{platform.python_version()}, simulator and reader on the same machine\n"
        f"latency {LATENCY_MS} ms, {PER_ENDPOINT} requests/s per endpoint; {readers} readers at {share:.0%}\n"
        f"runs and queue in memory, {store_ms:g} ms a call"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--customers", type=int, nargs="+", default=[5_000, 50_000])
    parser.add_argument("--skews", nargs="+", default=SKEWS, choices=SKEWS)
    parser.add_argument("--lists", nargs="+", default=LISTS)
    parser.add_argument("--readers", type=int, default=READERS)
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--store-ms", type=float, default=10)
    parser.add_argument("--save", action="store_true", help="also write results/import_pages.txt")
    given = parser.parse_args()
    rows: list[str] = []

    def show(row: str) -> None:
        rows.append(row)
        print(row, flush=True)

    show(about(given.readers, given.share, given.store_ms))
    show(HEADINGS)
    for skew in given.skews:
        for customers in given.customers:
            with simulator(customers, skew) as stripe:
                for name in given.lists:
                    taken, refused = measured(stripe, name, given.readers, given.share, given.store_ms)
                    show(line(skew, customers, taken, refused))
    if given.save:
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text("\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
