"""What an event costs the worker in calls and CPU time, beside the floor (`floor.py`) for the same rows.

    .venv/bin/python -m bench.worker              # about a minute
    .venv/bin/python -m bench.worker --profile    # and where the time goes

The events of `corpus.py` are applied in batches of ten to a local stack's tables, by the worker as it is
deployed. CPU time is that of this process: the emulator is another one.
"""

from __future__ import annotations

import base64
import cProfile
import json
import pstats
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from statistics import median
from typing import Any, Final

from bench import corpus, floor
from bench.machine import described
from bench.running import EPOCH, Kept, stack
from bench.units import Units
from peoplesync.adapters import wiring as composition
from peoplesync.adapters.dynamodb.epoch_purge import EpochPurge
from peoplesync.adapters.ids import person_ids
from peoplesync.domain.people.write_set import FoldResult
from peoplesync.use_cases.messages.message import Message
from peoplesync.use_cases.ports import Unavailable
from peoplesync.use_cases.stripe_reads.relevance import no_use
from peoplesync.use_cases.worker import folding
from peoplesync.use_cases.worker.apply import Applier
from peoplesync.use_cases.worker.outcome.report import Delivery
from peoplesync_cli.local_stack.local import say

BATCH: Final = 10
WARM_UP: Final = 0.4
"""The share of the events that is applied before the clock starts."""


def main() -> None:
    say(described(sys.executable, "botocore", "pynamodb"))
    with stack() as (_, wiring):
        measure(wiring)


def measure(wiring: composition.Wiring) -> None:
    bench = Bench(wiring)
    batches = list(batches_of_ten())
    warm = int(len(batches) * WARM_UP)
    for events in batches[:warm]:
        bench.apply(events)
    bench.units.clear()
    bench.time_the_fold()
    profile = cProfile.Profile() if "--profile" in sys.argv else None
    recorded, cpu, count = [], 0.0, 0
    for events in batches[warm:]:
        bench.requests.clear()
        before = time.process_time()
        with profile or nullcontext():
            messages = bench.apply(events)
        cpu += time.process_time() - before
        count += len(events)
        recorded.append(floor.Batch(messages, bench.keys_read(), bench.items_put()))
    units = bench.units
    calls = {name: round(number / len(recorded), 2) for name, number in units.requests.most_common()}
    read, written = units.read / count, units.written / count
    tables = ", ".join(f"{name} {spent / count:.2f}" for name, spent in units.by_table.most_common())
    least = median(floor.cpu_seconds(bench.client, recorded) for _ in range(5))
    say(f"{count:,} events in batches of {BATCH}: {sum(calls.values()):.1f} calls a batch, {calls}")
    say(f"units an event: {read:.2f} read, {written:.2f} written ({tables})")
    say(
        f"CPU an event: {1000 * cpu / count:.2f} ms, of that the fold {1000 * bench.folded / count:.2f}; "
        f"floor {1000 * least / count:.2f} ms: {cpu / least:.1f} x"
    )
    if profile:
        pstats.Stats(profile).sort_stats("cumtime").print_stats(80)


def batches_of_ten() -> Iterator[list[corpus.Event]]:
    events = [one for one in corpus.events() if no_use(one) is None]
    return (events[start : start + BATCH] for start in range(0, len(events), BATCH))


class Bench:
    """The worker, with what it asks of DynamoDB."""

    def __init__(self, wiring: composition.Wiring) -> None:
        self.units, self.folded = Units(), 0.0
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.client = wiring.tables.client
        self.units.watch(self.client)
        self.client.meta.events.register("before-call.dynamodb", self._note)
        self._now = corpus.BEGINS
        self._worker = Applier(
            people=wiring.people_store(400, wiring.secrets, composition.WRITES_SIDE_BY_SIDE),
            catalogue=wiring.catalogue,
            stripe=Silence(),
            connections=wiring.connections,
            runs=wiring.imports,
            old_rows=EpochPurge(),
            clock=lambda: self._now,
            new_id=person_ids(lambda: self._now),
            jitter=lambda: 0.5,
            sleep=time.sleep,
        )

    def apply(self, events: list[corpus.Event]) -> list[str]:
        """Applies a batch; the messages that it came in."""
        self._now = max(one["created"] for one in events) + 1
        messages = [Message(EPOCH, one).encode() for one in events]
        deliveries = [Delivery(f"message-{at}", body, Kept()) for at, body in enumerate(messages)]
        for crash in self._worker.apply(deliveries).crashed.values():
            raise crash
        return messages

    def time_the_fold(self) -> None:
        fold = vars(folding)["fold"]

        def timed(*given: Any) -> FoldResult:
            before = time.process_time()
            result: FoldResult = fold(*given)
            self.folded += time.process_time() - before
            return result

        vars(folding)["fold"] = timed

    def keys_read(self) -> Mapping[str, list[floor.Item]]:
        """All keys that were asked for since the requests were cleared, once each, by table."""
        found: dict[str, dict[str, floor.Item]] = {}
        for name, request in self.requests:
            if name == "BatchGetItem":
                for table, wanted in request["RequestItems"].items():
                    found.setdefault(table, {}).update({json.dumps(key): key for key in wanted["Keys"]})
        return {table: list(keys.values()) for table, keys in found.items()}

    def items_put(self) -> list[tuple[str, floor.Item]]:
        """All items that were put, once each, with their tables."""
        puts = [request for name, request in self.requests if name == "PutItem"]
        for name, request in self.requests:
            if name == "TransactWriteItems":
                puts += [one["Put"] for one in request["TransactItems"] if "Put" in one]
        found = {
            json.dumps([put["TableName"], put["Item"]["pk"], put["Item"].get("sk")]): put for put in puts
        }
        return [(put["TableName"], _with_bytes(put["Item"])) for put in found.values()]

    def _note(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        self.requests.append((model.name, json.loads(params["body"])))


class Silence:
    """Stripe, which does not answer."""

    def fetch(self, *_: Any) -> Any:
        raise Unavailable("Stripe does not answer")

    terms = fetch


def _with_bytes(item: Mapping[str, Any]) -> floor.Item:
    """An item as a client takes it: on the wire, bytes are text."""
    return {
        name: {"B": base64.b64decode(value["B"])} if "B" in value else value for name, value in item.items()
    }


if __name__ == "__main__":
    main()
