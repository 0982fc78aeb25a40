"""`peoplesync report`: what people are worth, and how that came about."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import click
from rich.text import Text

from peoplesync.use_cases.read_models.read import NotCounted, NotUnderstood
from peoplesync_cli.failure import USAGE, Failure, sentence
from peoplesync_cli.options import connection_option, json_option, on_stack
from peoplesync_cli.output import print_json, stdout, table
from peoplesync_cli.target import Target


@click.group()
def report() -> None:
    """Report on people in numbers."""


@report.command()
@click.option("--month", metavar="YYYY-MM", help="Such as 2026-11; the current one without it.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the movements as CSV.")
@connection_option
@json_option
@on_stack
def mrr(target: Target, month: str | None, as_csv: bool, connection: str, as_json: bool) -> None:
    """Show what MRR a month began with, what moved, and what it ended with, by currency."""
    if as_csv and as_json:
        raise Failure("Either --csv or --json.", USAGE)
    try:
        found = target.mrr_report_of(target.connection(connection)).report(month)
    except NotUnderstood as error:
        raise Failure(sentence(error), USAGE) from error
    except NotCounted as error:
        raise Failure(sentence(error)) from error
    if as_json:
        print_json(found)
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(("month", "currency", "movement", "amount", "count"))
        writer.writerows((found["month"], *row) for row in _lines(found))
    else:
        _print(found)


def _print(found: Mapping[str, Any]) -> None:
    rows = [
        (currency.upper(), movement, amount, count)
        for currency, movement, amount, count in _lines(found)
        if count != 0 or Decimal(amount)  # what a reindex mended is nobody's
    ]
    title = f"MRR in {found['month']}, {found['from']} to {found['to']} (UTC)"
    stdout.print(table(title, ("", "", "amount", "count"), rows, right=(2, 3)))
    for what in ("plan", "status"):
        cells = [(one[what], one["people"], _worth(one["mrr"])) for one in found[f"by_{what}"]]
        stdout.print(table(f"\nBy {what}", (what, "people", "MRR"), cells, right=(1, 2)))
    stdout.print(
        Text(f"as of {found['as_of']}, counted since {found['counted_since']}", style="dim")
        if found["as_of"]
        else Text("nobody was counted yet", style="dim")
    )


def _lines(found: Mapping[str, Any]) -> Iterator[tuple[str, str, str, int | None]]:
    """Currency, what, amount and count; start and end have no count."""
    for one in found["currencies"]:
        yield one["currency"], "start", one["start"], None
        for movement in one["movements"]:
            yield one["currency"], movement["movement"], movement["amount"], movement["count"]
        yield one["currency"], "end", one["end"], None


def _worth(amounts: list[dict[str, str]]) -> str:
    return ", ".join(f"{one['amount']} {one['currency'].upper()}" for one in amounts) or "–"
