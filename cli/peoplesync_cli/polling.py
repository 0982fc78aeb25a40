"""Following a Stripe that cannot reach this machine: its events are asked for every few seconds."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any, Final

from peoplesync_cli.draining import drain
from peoplesync_cli.failure import Failure
from peoplesync_cli.output import stdout
from peoplesync_cli.target import Target

SECONDS: Final = 5


def follow(target: Target, connection: str) -> None:
    """Has the events taken over again and again, and tells whom that moved, until it is interrupted."""
    stdout.print(
        f"\nFollowing Stripe, whose events are asked for every {SECONDS} s. Change something in the test "
        "mode's dashboard and see it here; Ctrl-C ends this."
    )
    before = _sizes(target, connection)
    try:
        while True:
            answer = reconcile_now(target, connection)
            if answer.get("events"):
                drain(target, 120)
                after = _sizes(target, connection)
                moved = [
                    f"{name} {before[name]} → {after[name]}" for name in after if after[name] != before[name]
                ]
                when = datetime.now(UTC).strftime("%H:%M:%S")
                stdout.print(f"{when} {answer['events']} events  {' · '.join(moved) or 'nobody moved'}")
                before = after
            time.sleep(SECONDS)
    except KeyboardInterrupt:
        stdout.print("The stack is still running; `make down` stops it.")


def _sizes(target: Target, connection: str) -> dict[str, int]:
    return {one["id"]: one["count"] for one in target.browser(connection).list_segments()}


def reconcile_now(target: Target, connection: str) -> dict[str, Any]:
    """What the deployed reconciler answers for the connection."""
    invoked = target.session.client("lambda").invoke(
        FunctionName=target.outputs["ReconcileEventsFunction"],
        Payload=json.dumps({"connection": connection}).encode(),
    )
    answer: dict[str, Any] = json.load(invoked["Payload"])
    if "connections" not in answer:
        raise Failure("Stripe's events could not be asked for; `peoplesync local logs` tells why.")
    return next((dict(one) for one in answer["connections"]), {})
