"""`peoplesync segments history`: how large a segment was, and who came and went."""

from __future__ import annotations

from typing import Any

import click
from rich.text import Text

from peoplesync.use_cases.queries.browse import NotFound
from peoplesync.use_cases.read_models.history import MOST_DAYS
from peoplesync.use_cases.read_models.read import NotCounted
from peoplesync_cli.failure import Failure, sentence
from peoplesync_cli.options import connection_option, json_option, on_stack
from peoplesync_cli.output import print_json, stdout, table
from peoplesync_cli.target import Target


@click.command()
@click.argument("segment", metavar="ID")
@click.option(
    "--days", type=click.IntRange(1, MOST_DAYS), default=30, show_default=True, help="So many, with today."
)
@connection_option
@json_option
@on_stack
def history(target: Target, segment: str, days: int, connection: str, as_json: bool) -> None:
    """Show how many were in a segment at each day's end (UTC), how many entered and left, and why."""
    try:
        found = target.history_of(target.connection(connection)).history(segment, days)
    except (NotFound, NotCounted) as error:
        raise Failure(sentence(error)) from error
    if as_json:
        print_json(found)
        return
    rows = [
        (one["day"], one["count"], one["entered"] or None, one["left"] or None, _causes(one["by_cause"]))
        for one in found["days"]
    ]
    stdout.print(table(None, ("day", "people", "entered", "left", ""), rows, right=(1, 2, 3)))
    stdout.print(Text(f"as of {found['as_of'] or 'never: nobody was counted yet'}", style="dim"))


def _causes(causes: list[dict[str, Any]]) -> str:
    return ", ".join(
        " ".join(
            (
                one["cause"].replace("_", " "),
                *(f"{sign}{one[what]}" for sign, what in (("+", "entered"), ("-", "left")) if one[what]),
            )
        )
        for one in causes
    )
