"""Commands that show people and feeds."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import click
from rich.text import Text

from peoplesync.adapters import clock
from peoplesync.domain.fields.built_in import Field
from peoplesync.domain.segments.conditions import InvalidRule
from peoplesync.use_cases.queries.browse import NotFound
from peoplesync.use_cases.queries.columns import (
    InvalidColumns,
    InvalidSort,
    all_columns,
    columns_of,
    is_newest_first,
    only,
)
from peoplesync.use_cases.queries.explain import explain_person
from peoplesync.use_cases.queries.people_csv import BOM, csv_page
from peoplesync.use_cases.read_models.find import TooShort
from peoplesync_cli.connecting.stripe_refusals import in_a_sentence
from peoplesync_cli.defining import rule_files
from peoplesync_cli.failure import USAGE, Failure, sentence
from peoplesync_cli.options import connection_option, json_option, on_stack
from peoplesync_cli.output import (
    card,
    column_lines,
    explanation,
    feed_lines,
    people_lines,
    print_json,
    print_lines,
    stdout,
)
from peoplesync_cli.target import Target

limit_option = click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", help="No more than so many; all without it."
)


person_argument = click.argument("person", metavar="PERSON")

FOUND_AT_ONCE = 50


@click.group()
def people() -> None:
    """Look at people, and erase them."""


@people.command("get")
@person_argument
@connection_option
@json_option
@on_stack
def get_person(target: Target, person: str, connection: str, as_json: bool) -> None:
    """Show one person with all their fields and segments.

    PERSON is an e-mail, cus_…, user:… or per_…; the beginning of one, or of a name or a domain, where it
    leaves no doubt; or an id of theirs at Stripe: in_…, ch_…, pi_…, cs_…, sub_….
    """
    browser = target.browser(connection)
    with found_or_said():
        found = browser.person(person)
    if as_json:
        print_json(found)
    else:
        stdout.print(*card(found, browser.fields), sep="\n")


@contextmanager
def found_or_said() -> Iterator[None]:
    """Ends the command where nobody, or not one alone, is found, and where Stripe does not say who it is."""
    with in_a_sentence():
        try:
            yield
        except NotFound as error:
            raise Failure(sentence(error)) from error


@people.command("list")
@click.option("--segment", metavar="ID", help="Only this segment's members, such as current_trials.")
@click.option(
    "--search",
    metavar="TEXT",
    help=f"At most {FOUND_AT_ONCE} whose e-mail, name, domain or id begins so: mar, example.com, cus_N.",
)
@click.option("--rule", metavar="FILE|JSON", help="Only those for whom it holds; reads everybody for that.")
@click.option("--sort", metavar="KEY", help="created (without it), or -created for the newest first.")
@click.option("--columns", metavar="A,B,…", help="Fields by key, and id, email, segments, customers, users.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV; without --columns with all fields.")
@limit_option
@connection_option
@json_option
@on_stack
def list_people(
    target: Target,
    segment: str | None,
    search: str | None,
    rule: str | None,
    sort: str | None,
    columns: str | None,
    as_csv: bool,
    limit: int | None,
    connection: str,
    as_json: bool,
) -> None:
    """List everyone, or a segment's members, oldest first; or find people.

    CSV begins with a byte order mark, for Excel, where it does not go to a terminal. Cells that a spreadsheet
    would take for a formula begin with an apostrophe.
    """
    for option, value in (("--segment", segment), ("--rule", rule), ("--sort", sort)):
        if search is not None and value is not None:
            raise Failure(
                f"Either --search or {option}: a search looks through everybody, in its own order.", USAGE
            )
    if as_csv and as_json:
        raise Failure("Either --csv or --json.", USAGE)
    browser = target.browser(connection)
    try:
        chosen = columns_of(columns, browser.fields) if columns is not None else None
        if search is None:
            found = browser.list_people(
                segment,
                rule=rule_files.given("--rule", rule) if rule is not None else None,
                now=clock.now(),
                newest_first=is_newest_first(sort or "created"),
            )
        else:
            found = browser.search(search, FOUND_AT_ONCE)
    except InvalidRule as error:
        raise Failure(f"The rule is not valid. {error}", USAGE) from error
    except (InvalidColumns, InvalidSort) as error:
        raise Failure(sentence(error), USAGE) from error
    except (NotFound, TooShort) as error:
        raise Failure(sentence(error)) from error
    found = islice(found, limit)
    if as_json:
        print_lines(found if chosen is None else (only(one, chosen) for one in found))
    elif as_csv:
        _print_csv(found, chosen or all_columns(browser.fields), browser.fields)
    else:
        _print_table(found, chosen)


def _print_csv(found: Iterable[Mapping[str, Any]], columns: Sequence[str], fields: Sequence[Field]) -> None:
    start = "" if sys.stdout.isatty() else BOM
    click.echo(start + csv_page((), columns, fields, header=True), nl=False)
    for one in found:
        click.echo(csv_page((one,), columns, fields, header=False), nl=False)


def _print_table(found: Iterable[Mapping[str, Any]], columns: Sequence[str] | None) -> None:
    listed = -1  # the first line names the columns
    for line in people_lines(found) if columns is None else column_lines(found, columns):
        stdout.print(line)
        listed += 1
    stdout.print(Text("1 person" if listed == 1 else f"{listed} people", style="dim"))


@people.command("explain")
@person_argument
@click.option("--segment", metavar="ID", help="Only this segment, such as slipping_trials; not the fields.")
@connection_option
@json_option
@on_stack
def explain(target: Target, person: str, segment: str | None, connection: str, as_json: bool) -> None:
    """Show which conditions of segments hold, until when, and where each field comes from."""
    browser = target.browser(connection)
    with found_or_said():
        found = browser.meant(person)
        enabled = [one for one in browser.segments() if one.enabled]
        chosen = [browser.segment(segment)] if segment else enabled
    explained = explain_person(found, chosen, clock.now(), browser.fields)
    if segment:
        explained = {name: value for name, value in explained.items() if name not in ("fields", "errors")}
    if as_json:
        print_json(explained)
    else:
        stdout.print(*explanation(explained), sep="\n")


@click.command()
@person_argument
@limit_option
@connection_option
@json_option
@on_stack
def feed(target: Target, person: str, limit: int | None, connection: str, as_json: bool) -> None:
    """Show what happened to a person, newest first."""
    with found_or_said():
        entries = islice(target.browser(connection).feed(person), limit)
    if as_json:
        print_lines(entries)
        return
    for line in feed_lines(entries):
        stdout.print(line)
