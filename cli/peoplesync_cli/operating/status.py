"""`peoplesync status`: whether people are in step with Stripe, once or continuously."""

from __future__ import annotations

import time
from typing import Any, Final

import click
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from peoplesync.use_cases.health.checks import duration
from peoplesync_cli.options import connection_option, json_option, on_stack
from peoplesync_cli.output import print_json, print_lines, stdout, table
from peoplesync_cli.target import Target

RUNBOOKS: Final = "docs/runbooks"
NOT_COUNTED: Final = "not counted yet; `peoplesync reindex` does it"
INTERVAL: Final = 2.0
"""Seconds between two looks."""

_STYLES: Final = {
    "in_sync": "bold green",
    "importing": "bold cyan",
    "reevaluating": "bold cyan",
    "behind": "bold yellow",
    "paused": "bold yellow",
}


@click.command()
@click.option("--watch", is_flag=True, help="Go on looking, until Ctrl-C.")
@connection_option
@json_option
@on_stack
def status(target: Target, watch: bool, connection: str, as_json: bool) -> None:
    """Show whether people are in sync with Stripe, and what to do where they are not."""
    if watch:
        _watch(target, connection, as_json=as_json)
    elif as_json:
        print_json(target.status(connection))
    else:
        stdout.print(shown(target.status(connection)))


def _watch(target: Target, connection: str, *, as_json: bool) -> None:
    """On a terminal the display is kept up to date; elsewhere there is a line for each change."""
    try:
        if as_json:
            while True:
                print_lines([target.status(connection)])
                time.sleep(INTERVAL)
        if not stdout.is_terminal:
            _watch_changes(target, connection)
        with Live(console=stdout, auto_refresh=False) as live:
            while True:
                live.update(shown(target.status(connection)), refresh=True)
                time.sleep(INTERVAL)
    except KeyboardInterrupt:
        return


def _watch_changes(target: Target, connection: str) -> None:
    said = None
    while True:
        found = target.status(connection)
        if (found["headline"], found["reason"]) != said:
            said = found["headline"], found["reason"]
            click.echo(": ".join(said))
        time.sleep(INTERVAL)


def shown(found: dict[str, Any]) -> RenderableType:
    """The status, what to do, and the facts behind it."""
    style = _STYLES.get(found["state"], "bold red")
    lines: list[RenderableType] = [Text.assemble((found["headline"], style), "  ", found["reason"])]
    if found["what_to_do"]:
        lines.append(Text.assemble("  ", ("do  ", "dim"), found["what_to_do"]))
    if found["runbook"]:
        lines.append(Text(f"  see {RUNBOOKS}/{found['runbook']}.md", style="dim"))
    if found["also"]:
        lines.append(Text(f"  also: {', '.join(found['also'])}"))
    return Group(*lines, table(None, ("", ""), _facts(found)))


def _facts(found: dict[str, Any]) -> list[tuple[str, Any]]:
    queues = ", ".join(f"{name} {count:,}" for name, count in found["queues"].items() if count)
    rows: list[tuple[str, Any]] = [
        ("customers in sync", found["customers_in_sync"]),
        ("people", NOT_COUNTED if found["people"] is None else found["people"]),
        ("last event", found["last_event_at"]),
        ("from Stripe to the person", _seconds(found["lag_seconds"])),
        ("changes on the queues", queues or 0),
        ("dead letters", found["dead"]),
        ("all events known until", found["checkpoint"]),
        ("missed by the webhook", found["webhook_missed"]),
    ]
    if found["last_import"]:
        one = found["last_import"]
        rows.append(("last import", f"{one['id']} {one['status']}, {one['applied']:,} objects"))
    if found["due_seconds"]:
        rows.append(("due by the clock", f"for {duration(found['due_seconds'])}"))
    if found["degraded"]:
        rows.append(("not known", "; ".join(found["degraded"])))
    return rows


def _seconds(lag: int | None) -> str | None:
    return None if lag is None else duration(lag)
