"""What an import costs in requests and units of DynamoDB: its lists are read from the simulator of Stripe,
and their chunks applied by the worker as it is deployed. Then what the people's stream shows of it is counted
and indexed, as it is deployed too.

    .venv/bin/python -m bench.importing                 # 1,000 customers
    .venv/bin/python -m bench.importing 10000           # some minutes
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from statistics import median
from typing import Any, Final, TypeVar

from bench.machine import described
from bench.people_stream import BATCH, PeopleStream
from bench.running import EPOCH, Kept, stack
from bench.units import Units
from peoplesync.adapters.dynamodb.read_models.read_model_store import _marks, _move_row, _term_row
from peoplesync.adapters.dynamodb.streamed_rows import read_batch
from peoplesync.adapters.wiring import Wiring
from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.publishing import PersonWritten
from peoplesync.use_cases.read_models.index import Mark, update_of
from peoplesync.use_cases.worker.outcome.report import Delivery
from peoplesync_cli.local_stack.local import say
from peoplesync_local.stripe_simulator.control import Simulator

Result = TypeVar("Result")

MESSAGES_AT_ONCE: Final = 4
"""As the bulk queue's mapping has it."""

INDEXED: Final = Epoch("indexed", 1)
"""Indexed anew in an epoch of its own: a local stack's function has indexed that of the import already."""


def main() -> None:
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    say(described(sys.executable, "botocore", "pynamodb"))
    with stack() as (running, wiring):
        Simulator(running.stripe_api_url).fill(size, seed=14)
        stream = PeopleStream()
        stream.watch(wiring.tables.client)
        units, listed = measured(wiring)
        say(
            f"import of {size:,} customers, {listed:,} objects: {units.people / size:.2f} writes and "
            f"{units.written / size:.1f} write units a customer ({_tables(units, size)}), "
            f"{units.read / size:.1f} read units"
        )
        indexing = indexed(wiring, stream)
        say(
            f"index of these {len(stream.records):,} writes: {indexing.written / size:.1f} write units a "
            f"customer ({_tables(indexing, size)}), {indexing.read / size:.1f} read units, "
            f"{sum(indexing.requests.values()) * BATCH / len(stream.records):.1f} requests a batch of {BATCH}"
        )
        say(cpu_of_indexing(stream))


def _tables(units: Units, size: int) -> str:
    return ", ".join(f"{name} {spent / size:.1f}" for name, spent in units.by_table.most_common())


def measured(wiring: Wiring) -> tuple[Units, int]:
    """The units of an import from its first step to its last, and how many objects it listed."""
    units = Units()
    units.watch(wiring.tables.client)
    importer, worker = wiring.importer(), wiring.worker()
    begun = importer.start({"connection": EPOCH.connection}, "imp_bench", "bench")
    for place in begun["lists"]:
        queue = Kept()
        step = replace(importer, queue=queue).read_list(place)
        if step["status"] != "done":
            raise RuntimeError(step)
        apply(worker, queue.bodies)
    ended = importer.finish({name: begun[name] for name in begun if name != "lists"})
    if ended["status"] != "succeeded":
        raise RuntimeError(ended)
    return units, sum(ended["lists"].values())


def indexed(wiring: Wiring, stream: PeopleStream) -> Units:
    """The units of counting and indexing what a stream shows."""
    units = Units()
    units.watch(wiring.tables.client)
    indexer = wiring.indexer()
    wiring.connections.create(Connection(INDEXED.connection, True, INDEXED.number, 1, int(time.time())))
    for records in stream.batches():
        shown = read_batch(records).writes.values()
        writes = [replace(one, epoch=INDEXED) for one in shown if isinstance(one, PersonWritten)]
        if passed_over := indexer.index(writes).passed_over:
            raise RuntimeError(passed_over)
    return units


def cpu_of_indexing(stream: PeopleStream) -> str:
    """What it takes to find out what is to be counted and to make people's rows, without requests, beside
    what decoding the stream takes."""
    batches = list(stream.batches())
    decoded, decoding = _timed(lambda: [read_batch(records).writes.values() for records in batches])
    writes = [[one for one in some if isinstance(one, PersonWritten)] for some in decoded]
    _, indexing = _timed(lambda: _made(writes))
    each = 1000 / len(stream.records)
    return (
        f"CPU a write: {indexing * each:.2f} ms to index, {decoding * each:.2f} ms to decode: "
        f"{indexing / decoding:.2f} x"
    )


def _timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """What it came to, and the CPU seconds: the median of five times."""
    taken = []
    for _ in range(5):
        before = time.process_time()
        result = work()
        taken.append(time.process_time() - before)
    return result, median(taken)


def _made(batches: Iterable[Sequence[PersonWritten]]) -> None:
    marks: dict[str, Mark] = {}
    for writes in batches:
        update = update_of(writes, marks)
        for _ in _marks(INDEXED, update):
            pass
        for person, (_, mark) in update.marks.items():
            new = mark.contribution.terms - marks.get(person, Mark()).contribution.terms
            for term in new:
                _term_row(INDEXED, (term, person)).serialize()
            marks[person] = mark
        for move in update.moves:
            _move_row(INDEXED, move, 0).serialize()


def apply(worker: Any, bodies: Sequence[str]) -> None:
    """Applies the messages, and those that they ask for."""
    while bodies:
        asked = Kept()
        for start in range(0, len(bodies), MESSAGES_AT_ONCE):
            some = enumerate(bodies[start : start + MESSAGES_AT_ONCE])
            report = worker.apply([Delivery(f"message-{at}", body, asked) for at, body in some])
            for crash in report.crashed.values():
                raise crash
        bodies = asked.bodies


if __name__ == "__main__":
    main()
