"""Commands that look: people, feed, segments, fields."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import Any, Final, TextIO

import click
from rich.text import Text

from peoplesync.adapters import clock
from peoplesync.domain.conditions import InvalidRule
from peoplesync.sync.browse import NotFound
from peoplesync.sync.explain import explain_person
from peoplesync.sync.preview import preview
from peoplesync_cli.failure import USAGE, Failure
from peoplesync_cli.options import connection_option, json_option, on_stack
from peoplesync_cli.output import card, explanation, feed_rows, print_json, print_lines, stdout, table
from peoplesync_cli.target import Target


@click.group()
def people() -> None:
    """Look at people."""


@people.command("get")
@click.argument("person", metavar="EMAIL|cus_…|per_…")
@connection_option
@json_option
@on_stack
def get_person(target: Target, person: str, connection: str, as_json: bool) -> None:
    """Show one person with all their fields and segments."""
    try:
        found = target.browser(connection).person(person)
    except NotFound as error:
        raise Failure(_sentence(error)) from error
    if as_json:
        print_json(found)
    else:
        stdout.print(*card(found), sep="\n")


@people.command("list")
@click.option("--segment", metavar="ID", help="Only this segment's members, such as current_trials.")
@connection_option
@json_option
@on_stack
def list_people(target: Target, segment: str | None, connection: str, as_json: bool) -> None:
    """List everyone, or a segment's members; oldest first."""
    try:
        found = target.browser(connection).list_people(segment)
        if as_json:
            print_lines(found)
            return
        rows = [_row(one) for one in found]
    except NotFound as error:
        raise Failure(_sentence(error)) from error
    stdout.print(table(None, _COLUMNS, rows, right=(4,)))
    stdout.print(Text("1 person" if len(rows) == 1 else f"{len(rows)} people", style="dim"))


@people.command("explain")
@click.argument("person", metavar="EMAIL|cus_…|per_…")
@click.option("--segment", metavar="ID", help="Only this segment, such as slipping_trials; not the fields.")
@connection_option
@json_option
@on_stack
def explain(target: Target, person: str, segment: str | None, connection: str, as_json: bool) -> None:
    """Tell which conditions of segments hold, until when, and where each field comes from."""
    browser = target.browser(connection)
    try:
        found = browser.find(person)
        chosen = [browser.segment(segment)] if segment else browser.segments()
    except NotFound as error:
        raise Failure(_sentence(error)) from error
    told = explain_person(found, chosen, clock.now())
    if segment:
        del told["fields"]
    if as_json:
        print_json(told)
    else:
        stdout.print(*explanation(told), sep="\n")


@click.command()
@click.argument("person", metavar="EMAIL|cus_…|per_…")
@connection_option
@json_option
@on_stack
def feed(target: Target, person: str, connection: str, as_json: bool) -> None:
    """Show what happened to a person, newest first."""
    try:
        entries = list(target.browser(connection).feed(person))
    except NotFound as error:
        raise Failure(_sentence(error)) from error
    if as_json:
        print_lines(entries)
    else:
        stdout.print(table(None, ("when (UTC)", "what", ""), feed_rows(entries)))


@click.group()
def segments() -> None:
    """Look at segments."""


@segments.command("list")
@connection_option
@json_option
@on_stack
def list_segments(target: Target, connection: str, as_json: bool) -> None:
    """List the segments with how many are in each."""
    found = target.browser(connection).list_segments()
    if as_json:
        print_lines(found)
        return
    rows = [(one["id"], one["title"], one["count"]) for one in found]
    stdout.print(table(None, ("segment", "title", "people"), rows, right=(2,)))


@segments.command("preview")
@click.argument("file", metavar="RULE.json", type=click.File(encoding="utf-8"))
@click.option("--people", "most", default=10, show_default=True, help="How many of them to name.")
@connection_option
@json_option
@on_stack
def preview_segment(target: Target, file: TextIO, most: int, connection: str, as_json: bool) -> None:
    """Tell how many people, and who, a segment of this rule would have; - reads it from stdin.

    Of more than 20,000 people a sample is looked at. Nothing is saved.
    """
    try:
        rule = json.load(file)
    except ValueError as error:
        raise Failure(f"{file.name} is no JSON: {error}.", USAGE) from error
    epoch = target.connection(connection).epoch
    try:
        found = preview(target.people, epoch, rule, clock.now(), random.Random(), most=most)
    except InvalidRule as error:
        raise Failure(f"The rule in {file.name} is not valid. {error}", USAGE) from error
    if as_json:
        print_json(found.public())
        return
    if found.people:
        stdout.print(table(None, _COLUMNS, [_row(one) for one in found.people], right=(4,)))
    count = f"{found.count:,}" if found.exact else f"About {found.count:,} ({found.low:,} to {found.high:,})"
    stdout.print(Text(f"{count} of {found.everybody:,} people would be in it", style="dim"))


@click.group()
def fields() -> None:
    """Look at fields."""


@fields.command("list")
@connection_option
@json_option
@on_stack
def list_fields(target: Target, connection: str, as_json: bool) -> None:
    """List the fields that people have."""
    found = target.browser(connection).list_fields()
    if as_json:
        print_lines(found)
        return
    rows = [(one["group"], one["key"], one["title"], one["type"].replace("_", " ")) for one in found]
    stdout.print(table(None, ("group", "key", "title", "type"), rows))


_COLUMNS: Final = ("person", "name", "status", "plan", "MRR")


def _row(one: Mapping[str, Any]) -> tuple[Any, ...]:
    values = one["fields"]
    return (
        one["email"] or one["id"],
        values["customer_name"],
        values["subscription_status"],
        values["plan_nickname"] or values["product_name"],
        _money(values["customer_mrr"], values["customer_mrr_currency"]),
    )


def _money(amount: str | None, currency: str | None) -> str | None:
    return None if amount is None else f"{amount} {(currency or '').upper()}"


def _sentence(error: NotFound) -> str:
    text = str(error)
    return text[:1].upper() + text[1:] + "."
