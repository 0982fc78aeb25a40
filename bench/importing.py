"""What an import costs in requests and units of DynamoDB: its lists are read from the simulator of Stripe,
and their chunks applied by the worker as it is deployed.

    .venv/bin/python -m bench.importing                 # 1,000 customers
    .venv/bin/python -m bench.importing 10000           # some minutes
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from bench.running import EPOCH, Kept, stack
from bench.units import Units
from peoplesync.adapters.wiring import Wiring
from peoplesync.use_cases.worker.outcome.report import Delivery
from peoplesync_cli.local_stack.local import say
from peoplesync_local.stripe_simulator.control import Simulator

MESSAGES_AT_ONCE: Final = 4
"""As the bulk queue's mapping has it."""


def main() -> None:
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    with stack() as (running, wiring):
        Simulator(running.stripe_api_url).fill(size, seed=14)
        say(measured(wiring, size))


def measured(wiring: Wiring, size: int) -> str:
    """The import from its first step to its last, in words."""
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
    ended = importer.finish(
        {name: begun[name] for name in begun if name not in ("lists", "events", "status")}
    )
    if ended["status"] != "succeeded":
        raise RuntimeError(ended)
    tables = ", ".join(f"{name} {spent / size:.1f}" for name, spent in units.by_table.most_common())
    return (
        f"import of {size:,} customers, {sum(ended['lists'].values()):,} objects: {units.people / size:.2f} "
        f"writes and {units.written / size:.1f} write units a customer ({tables}), {units.read / size:.1f} "
        f"read units"
    )


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
