"""Reindex: counts, history and search are compared with all people, and mended."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Final

import click
from rich.text import Text

from peoplesync.domain.connections import Connection
from peoplesync.use_cases.read_models.reindex import AT_ONCE, Reindexed
from peoplesync_cli.connecting.stripe_refusals import in_a_sentence
from peoplesync_cli.options import connection_option, json_option, on_stack
from peoplesync_cli.output import print_json, stderr, stdout
from peoplesync_cli.target import Target

EVERY: Final = 5_000
"""People after which the terminal is told how far it is."""


@click.command()
@connection_option
@json_option
@on_stack
def reindex(target: Target, connection: str, as_json: bool) -> None:
    """Count everybody anew, and rebuild the search index where it differs.

    Needed once after the upgrade to 0.2. It may be interrupted and run again; people change meanwhile as
    always.
    """
    found = reindexed(target, target.connection(connection), repair=True)
    if as_json:
        print_json(asdict(found))
    else:
        stdout.print(said(found, repaired=True))


def reindexed(target: Target, connection: Connection, *, repair: bool) -> Reindexed:
    """What differs, after it is mended where that is asked for; then everybody has been counted."""
    reindexer = target.reindexer(_say)
    with in_a_sentence():
        found = reindexer.settled(connection.epoch, time.sleep, repair=repair)
        if repair:
            target.connections.note_counted(connection.epoch)
    return found


def said(found: Reindexed, *, repaired: bool) -> Text:
    """In words."""
    people = f"{found.people:,} people"
    if found.agrees:
        sums = "; the sums could not be compared, since people keep changing" if found.unsettled else ""
        return Text.assemble(("counts and search agree", "bold green"), f"  compared with {people}{sums}")
    parts = {
        "counted otherwise": found.different,
        "counted, but gone": found.gone,
        "search terms": found.terms,
        "sums": found.sums,
    }
    differ = ", ".join(f"{what}: {count:,}" for what, count in parts.items() if count)
    what = "mended in counts and search" if repaired else "counts and search differ"
    style = "bold green" if repaired else "bold red"
    hint = "" if repaired else "; `peoplesync reindex` mends it"
    return Text.assemble((what, style), f"  {differ} (of {people}){hint}")


def _say(people: int) -> None:
    if people // EVERY > (people - AT_ONCE) // EVERY:
        stderr.print(f"{people:,} people compared", style="dim")
