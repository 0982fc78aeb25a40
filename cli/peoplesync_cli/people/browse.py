"""Commands that show people and feeds."""

from __future__ import annotations

from itertools import islice

import click
from rich.text import Text

from peoplesync.adapters import clock
from peoplesync.use_cases.queries.browse import NotFound
from peoplesync.use_cases.queries.explain import explain_person
from peoplesync.use_cases.read_models.find import TooShort
from peoplesync_cli.failure import USAGE, Failure, sentence
from peoplesync_cli.options import connection_option, json_option, on_stack
from peoplesync_cli.output import (
    card,
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


FOUND_AT_ONCE = 50


@click.group()
def people() -> None:
    """Look at people, and erase them."""


@people.command("get")
@click.argument("person", metavar="EMAIL|cus_…|user:…|per_…")
@connection_option
@json_option
@on_stack
def get_person(target: Target, person: str, connection: str, as_json: bool) -> None:
    """Show one person with all their fields and segments."""
    browser = target.browser(connection)
    try:
        found = browser.person(person)
    except NotFound as error:
        raise Failure(sentence(error)) from error
    if as_json:
        print_json(found)
    else:
        stdout.print(*card(found, browser.fields), sep="\n")


@people.command("list")
@click.option("--segment", metavar="ID", help="Only this segment's members, such as current_trials.")
@click.option(
    "--search",
    metavar="TEXT",
    help=f"At most {FOUND_AT_ONCE} whose e-mail, name, domain or id begins so: mar, example.com, cus_N.",
)
@limit_option
@connection_option
@json_option
@on_stack
def list_people(
    target: Target, segment: str | None, search: str | None, limit: int | None, connection: str, as_json: bool
) -> None:
    """List everyone, or a segment's members, oldest first; or find people."""
    if search is not None and segment is not None:
        raise Failure("Either --search or --segment: a search looks through everybody.", USAGE)
    browser = target.browser(connection)
    try:
        if search is None:
            found = islice(browser.list_people(segment), limit)
        else:
            found = islice(browser.search(search, FOUND_AT_ONCE), limit)
    except (NotFound, TooShort) as error:
        raise Failure(sentence(error)) from error
    if as_json:
        print_lines(found)
        return
    listed = -1  # the first line names the columns
    for line in people_lines(found):
        stdout.print(line)
        listed += 1
    stdout.print(Text("1 person" if listed == 1 else f"{listed} people", style="dim"))


@people.command("explain")
@click.argument("person", metavar="EMAIL|cus_…|user:…|per_…")
@click.option("--segment", metavar="ID", help="Only this segment, such as slipping_trials; not the fields.")
@connection_option
@json_option
@on_stack
def explain(target: Target, person: str, segment: str | None, connection: str, as_json: bool) -> None:
    """Show which conditions of segments hold, until when, and where each field comes from."""
    browser = target.browser(connection)
    try:
        found = browser.find(person)
        enabled = [one for one in browser.segments() if one.enabled]
        chosen = [browser.segment(segment)] if segment else enabled
    except NotFound as error:
        raise Failure(sentence(error)) from error
    explained = explain_person(found, chosen, clock.now(), browser.fields)
    if segment:
        explained = {name: value for name, value in explained.items() if name not in ("fields", "errors")}
    if as_json:
        print_json(explained)
    else:
        stdout.print(*explanation(explained), sep="\n")


@click.command()
@click.argument("person", metavar="EMAIL|cus_…|user:…|per_…")
@limit_option
@connection_option
@json_option
@on_stack
def feed(target: Target, person: str, limit: int | None, connection: str, as_json: bool) -> None:
    """Show what happened to a person, newest first."""
    try:
        entries = islice(target.browser(connection).feed(person), limit)
    except NotFound as error:
        raise Failure(sentence(error)) from error
    if as_json:
        print_lines(entries)
        return
    for line in feed_lines(entries):
        stdout.print(line)
