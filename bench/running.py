"""A local stack to measure on, with one connection and no functions running."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from peoplesync.adapters.parts import STRIPE_URL
from peoplesync.adapters.stack import Stack
from peoplesync.adapters.wiring import Wiring
from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.fields.built_in import FIELDS
from peoplesync.domain.segments.definitions import PREDEFINED
from peoplesync_cli.local_stack.local import say
from peoplesync_local.stack import stack as local_stack
from peoplesync_local.stack.places import Places
from peoplesync_local.stack.stack import LocalStack

EPOCH: Final = Epoch("bench", 1)
FUNCTION: Final = {
    "PEOPLESYNC_STACK": "bench",
    "FEED_RETENTION_DAYS": "400",
    "IMPORT_SLICE_SECONDS": "600",
    "IMPORT_SHARE": "100",
    "PRICE_PER_MILLION_READ_UNITS": "0.125",
    "PRICE_PER_MILLION_WRITE_UNITS": "0.625",
}


@contextmanager
def stack() -> Iterator[tuple[LocalStack, Wiring]]:
    """The stack, and the wiring as its functions have it."""
    with tempfile.TemporaryDirectory() as folder:
        places = Places(state_directory=Path(folder))
        try:
            running = local_stack.up(say, None, places=places)
            os.environ.update(running.environment())
            names = Stack.from_outputs(running.outputs).environment
            wiring = Wiring.of_function({**names, **FUNCTION, STRIPE_URL: running.stripe_api_url})
            connect(wiring, running.stripe_api_key)
            yield running, wiring
        finally:
            local_stack.down(say, places=places)


def connect(wiring: Wiring, api_key: str) -> None:
    """The connection to measure with."""
    wiring.secrets.store_api_key(EPOCH.connection, api_key)
    wiring.connections.create(
        Connection(EPOCH.connection, api_key.startswith("rk_live_"), 1, 1, int(time.time()))
    )
    wiring.connections.define(EPOCH, FIELDS, PREDEFINED)


@dataclass
class Kept:
    """A queue that keeps what it is sent."""

    bodies: list[str] = field(default_factory=list)

    def send(self, body: str, delay: int = 0) -> None:  # noqa: ARG002 - as the real one takes it
        self.bodies.append(body)

    def send_all(self, bodies: Sequence[str]) -> None:
        self.bodies.extend(bodies)

    def depth(self) -> int:
        return len(self.bodies)

    def dead_letter(self, body: str, reason: str) -> None:
        raise RuntimeError(f"{reason}: {body[:200]}")
