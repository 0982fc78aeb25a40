"""Reconcile by hand: what the schedule does every quarter of an hour, now and from any time on."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import click

from peoplesync.adapters import clock
from peoplesync.use_cases.public_json import iso
from peoplesync_cli.durations import seconds_of
from peoplesync_cli.failure import USAGE, Failure
from peoplesync_cli.local_stack.invoking import RECONCILE, invoke
from peoplesync_cli.options import connection_option, json_option, on_stack
from peoplesync_cli.output import print_json, stdout
from peoplesync_cli.target import Target

_PATIENCE: Final = 5
_PAUSE: Final = 2.0
"""How many runs in a row Stripe may stop, and seconds between them."""

_PASSES: Final = frozenset({"rate_limited", "unavailable"})
_PROBLEMS: Final = {
    "key_refused": "Stripe refuses the API key; run `peoplesync connect` with a new one.",
    "not_permitted": "The API key may not read events; run `peoplesync connect` with a key that may.",
    "rate_limited": "Stripe's rate limit is reached again and again; nothing is lost: run it again later.",
    "unavailable": "Stripe cannot be asked; nothing is lost: run it again later.",
    "wrong_mode": "The key was replaced by one of the other mode a moment ago; run it again in a minute.",
    "replaced": "The connection was changed meanwhile; run it again.",
}


@dataclass
class Found:
    """The results of several runs, together."""

    connection: str
    since: int
    until: int
    events: int = 0
    messages: int = 0
    runs: int = 0
    unreadable: dict[str, dict[str, str]] = field(default_factory=dict)

    def add(self, turn: Mapping[str, Any]) -> None:
        """Adds the result of another run."""
        self.events += turn["events"]
        self.messages += turn["messages"]
        self.until = max(self.until, turn["to"])
        self.runs += 1
        unreadable = turn.get("unreadable", ())  # a stack older than the command does not say
        self.unreadable |= {f"{one['kind']} {one['id']}: {one['problem']}": one for one in unreadable}

    def public(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "connection": self.connection,
            "events": self.events,
            "messages": self.messages,
            "from": iso(self.since),
            "to": iso(self.until),
            "runs": self.runs,
            "unreadable": list(self.unreadable.values()),
            "done": True,
        }

    def __str__(self) -> str:
        if not self.events:
            return f"Stripe lists no events since {iso(self.since)}."
        summary = (
            f"{self.events:,} event{'s' * (self.events != 1)} since {iso(self.since)} "
            f"{'are' if self.events != 1 else 'is'} on the bulk queue. Those that are known already change "
            "nothing; `peoplesync status` counts those that the webhook missed."
        )
        if self.unreadable:
            named = ", ".join(f"“{one}”" for one in self.unreadable)
            summary += f" Not all can be read: {named}. `peoplesync dead list` will show them."
        return summary


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
            found = Found(connection, turn["from"], turn["to"])
        found.add(turn)
        if turn["done"]:
            return found
        failures = failures + 1 if turn["problem"] else 0
        if turn["problem"] and (turn["problem"] not in _PASSES or failures == _PATIENCE):
            raise Failure(_PROBLEMS.get(turn["problem"], turn["problem"]))
        if turn["problem"]:
            time.sleep(_PAUSE)
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
