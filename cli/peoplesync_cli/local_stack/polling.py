"""Following a Stripe that cannot reach this machine: its events are asked for every few seconds."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Final

from peoplesync.domain.people.person import EVERYONE
from peoplesync_cli.jobs.reconcile import reconcile_now
from peoplesync_cli.local_stack.wait_for_queues import drain
from peoplesync_cli.output import stdout
from peoplesync_cli.target import Target

SECONDS: Final = 5


def follow(target: Target, connection: str) -> None:
    """Has the events reconciled again and again, and prints whom that moved, until it is interrupted."""
    stdout.print(
        f"\nFollowing Stripe, whose events are asked for every {SECONDS} s. Change something in the test "
        "mode's dashboard and see who moves; Ctrl-C ends this."
    )
    before = _sizes(target, connection)
    try:
        while True:
            # Events of the last minutes are read again each time, so that only a change is worth a line.
            reconcile_now(target, connection)
            drain(target, 120)
            after = _sizes(target, connection)
            if moved := [
                f"{name} {before[name]} → {size}" for name, size in after.items() if size != before[name]
            ]:
                stdout.print(f"{datetime.now(UTC):%H:%M:%S}  {' · '.join(moved)}")
            before = after
            time.sleep(SECONDS)
    except KeyboardInterrupt:
        stdout.print("The stack is still running; `make down` stops it.")


def _sizes(target: Target, connection: str) -> dict[str, int]:
    segments = {one["id"]: one["count"] for one in target.browser(connection).list_segments()}
    return {"people": target.people.count(target.connection(connection).epoch, EVERYONE), **segments}
