"""Reconcile by hand: what the schedule does every quarter of an hour, now and from any time on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import click

from peoplesync.adapters import clock
from peoplesync.use_cases.scheduled.found import PASSES, PATIENCE, PAUSE, PROBLEMS, Found
from peoplesync_cli.durations import seconds_of
from peoplesync_cli.failure import USAGE, Failure
from peoplesync_cli.local_stack.invoking import RECONCILE, invoke
from peoplesync_cli.options import connection_option, json_option, on_stack
from peoplesync_cli.output import print_json, stdout
from peoplesync_cli.target import Target


@click.command()
@click.option(
    "--since",
    metavar="2h|3d|DATE",
    help="Read events again from then on, at most 30 days back; without it from the checkpoint on.",
)
@connection_option
@json_option
@on_stack
def reconcile(target: Target, since: str | None, connection: str, as_json: bool) -> None:
    """Read Stripe's events, and apply what the webhook missed.

    The stack does so by itself every 15 minutes.
    """
    target.connection(connection)
    found = reconcile_now(target, connection, None if since is None else instant(since, clock.now()))
    if as_json:
        print_json(found.public())
    else:
        stdout.print(str(found))


def reconcile_now(target: Target, connection: str, since: int | None = None) -> Found:
    """Invokes the function until it says that it is done; fails with what stopped it."""
    found: Found | None = None
    failures = 0
    for turn in _turns(target, connection, since):
        if found is None:
            found = Found.beginning_with(turn)
        found.add(turn)
        if turn["done"]:
            return found
        failures = failures + 1 if turn["problem"] else 0
        if turn["problem"] and (turn["problem"] not in PASSES or failures == PATIENCE):
            raise Failure(PROBLEMS.get(turn["problem"], turn["problem"]))
        if turn["problem"]:
            time.sleep(PAUSE)
    raise Failure(f"Connection {connection} is not there to be reconciled.")


def instant(text: str, now: int) -> int:
    """A duration back from now (`90m`, `2h`, `3d`), or a date or time in ISO 8601, UTC unless it says so."""
    if (duration := seconds_of(text)) is not None:
        return now - duration
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        problem = "is neither a duration like 2h or 3d nor a date like 2026-01-31"
        raise Failure(f"--since {text} {problem}.", USAGE) from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _turns(target: Target, connection: str, since: int | None) -> Iterator[dict[str, Any]]:
    """One turn after the other. By hand each goes on where the last one stopped, else from the checkpoint."""
    while True:
        asked = {"connection": connection} | ({} if since is None else {"since": since})
        turns = [
            turn
            for turn in invoke(target, RECONCILE, asked)["connections"]
            if turn["connection"] == connection
        ]
        if not turns:
            return
        yield turns[0]
        since = None if since is None else max(since, turns[0]["to"])
