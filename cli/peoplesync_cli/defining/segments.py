"""Commands for segments: show them, try a rule, define custom ones."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

import click
from rich.text import Text

from peoplesync.adapters import clock
from peoplesync.domain.segments.conditions import InvalidRule
from peoplesync.use_cases.defining.changes import DefinitionChange
from peoplesync.use_cases.queries.browse import NotFound
from peoplesync.use_cases.queries.preview import preview
from peoplesync_cli.defining import rule_files
from peoplesync_cli.defining.changes import (
    changes_definitions,
    end,
    outcome,
    refusals,
    segment_definer,
    settled,
)
from peoplesync_cli.failure import USAGE, Failure, sentence
from peoplesync_cli.options import connection_option, json_option, on_stack
from peoplesync_cli.output import people_lines, print_json, print_lines, stdout, table
from peoplesync_cli.target import Target

_RULE = click.argument("file", metavar="RULE.json|RULE.yaml|-", type=click.File(encoding="utf-8"))
_ONE = click.argument("segment", metavar="ID")
_SOME = click.argument("segment", metavar="ID...", nargs=-1, required=True)
_TITLE = click.option("--title", required=True, metavar="TEXT", help="What people call it.")
_ID = click.option(
    "--id", "segment_id", default="", metavar="ID", help="Its id, for good; else made of the title."
)


@click.group()
def segments() -> None:
    """Look at segments, try rules, and define your own."""


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
    rows = [(one["id"], one["title"], one["count"] if one["enabled"] else None, _state(one)) for one in found]
    stdout.print(table(None, ("segment", "title", "people", ""), rows, right=(2,)))


@segments.command("show")
@_ONE
@connection_option
@json_option
@on_stack
def show(target: Target, segment: str, connection: str, as_json: bool) -> None:
    """Show a segment with its rule."""
    browser = target.browser(connection)
    try:
        found = browser.described(browser.segment(segment))
    except NotFound as error:
        raise Failure(sentence(error)) from error
    if as_json:
        print_json(found)
        return
    stdout.print(Text.assemble((found["title"], "bold"), "  ", (found["id"], "dim")))
    stdout.print(Text(f"{_state(found)}, {_people(found['count'])}", style="cyan"))
    click.echo(json.dumps(found["rule"], indent=2, ensure_ascii=False))


@segments.command("preview")
@_RULE
@click.option("--people", "most", default=10, show_default=True, help="How many of them to name.")
@connection_option
@json_option
@on_stack
def preview_segment(target: Target, file: TextIO, most: int, connection: str, as_json: bool) -> None:
    """Show how many people, and who, a segment of this rule would have; - reads it from stdin.

    Of more than 20,000 people a sample is looked at. Nothing is saved.
    """
    rule = rule_files.read(file)
    browser = target.browser(connection)
    try:
        found = preview(
            target.people,
            browser.epoch,
            rule,
            clock.now(),
            random.Random(),
            most=most,
            fields=browser.fields,
        )
    except InvalidRule as error:
        raise Failure(f"The rule in {file.name} is not valid. {error}", USAGE) from error
    if as_json:
        print_json(found.public())
        return
    if found.people:
        stdout.print(*people_lines(found.people), sep="\n")
    count = f"{found.count:,}" if found.exact else f"About {found.count:,} ({found.low:,} to {found.high:,})"
    stdout.print(Text(f"{count} of {found.everybody:,} people would be in it", style="dim"))


@segments.command()
@_RULE
@_TITLE
@_ID
@changes_definitions
def create(
    target: Target,
    file: TextIO,
    title: str,
    segment_id: str,
    detach: bool,
    connection: str,
    as_json: bool,
) -> None:
    """Define a segment of your own by its rule; everybody who matches it becomes a member."""
    definer, rule = segment_definer(target, connection), rule_files.read(file)
    with refusals(file.name):
        change = definer.create(title, rule, segment_id)
    _report(target, connection, change, detach=detach, as_json=as_json)


@segments.command()
@_ONE
@_RULE
@changes_definitions
def change(target: Target, segment: str, file: TextIO, detach: bool, connection: str, as_json: bool) -> None:
    """Give a segment of your own another rule."""
    definer, rule = segment_definer(target, connection), rule_files.read(file)
    with refusals(file.name):
        changed = definer.change_rule(segment, rule)
    _report(target, connection, changed, [segment], detach=detach, as_json=as_json)


@segments.command()
@_ONE
@click.argument("title")
@connection_option
@json_option
@on_stack
def rename(target: Target, segment: str, title: str, connection: str, as_json: bool) -> None:
    """Give a segment another title. Its id stays: automations refer to it."""
    with refusals():
        changed = segment_definer(target, connection).rename(segment, title)
    _report(target, connection, changed, [segment], detach=False, as_json=as_json)


@segments.command()
@_ONE
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@changes_definitions
def delete(target: Target, segment: str, yes: bool, detach: bool, connection: str, as_json: bool) -> None:
    """Delete a segment of your own; its members leave it first."""
    definer = segment_definer(target, connection)
    with refusals():
        definer.export([segment])
        if not yes:
            click.confirm(
                f"{segment} will be deleted with its rule; `peoplesync segments disable {segment}` would "
                "keep that. Go on?",
                abort=True,
                err=True,
            )
        deleted = definer.delete(segment)
    reevaluation = settled(target, connection, deleted, detach=detach)
    if as_json:
        print_json({"id": segment, "deleted": True, "reevaluation": reevaluation})
    else:
        stdout.print(" ".join(filter(None, (f"{segment} is deleted.", outcome(reevaluation)))))
    end(reevaluation)


@segments.command()
@_ONE
@click.option("--title", default="", metavar="TEXT", help="The copy's title.")
@_ID
@connection_option
@json_option
@on_stack
def duplicate(
    target: Target, segment: str, title: str, segment_id: str, connection: str, as_json: bool
) -> None:
    """Copy a segment, to change its rule. The copy has no members until it is enabled."""
    with refusals():
        made = segment_definer(target, connection).duplicate(segment, title, segment_id)
    _report(target, connection, made, detach=False, as_json=as_json)


@segments.command()
@_SOME
@changes_definitions
def enable(target: Target, segment: tuple[str, ...], detach: bool, connection: str, as_json: bool) -> None:
    """Enable segments; at most 40 may be enabled."""
    with refusals():
        changed = segment_definer(target, connection).enable(segment)
    _report(target, connection, changed, segment, detach=detach, as_json=as_json)


@segments.command()
@_SOME
@changes_definitions
def disable(target: Target, segment: tuple[str, ...], detach: bool, connection: str, as_json: bool) -> None:
    """Disable segments: their members leave, their rules stay."""
    with refusals():
        changed = segment_definer(target, connection).disable(segment)
    _report(target, connection, changed, segment, detach=detach, as_json=as_json)


@segments.command()
@click.argument("segment", metavar="[ID...]", nargs=-1)
@click.option("--yaml", "as_yaml", is_flag=True, help="YAML instead of JSON.")
@connection_option
@json_option
@on_stack
def export(target: Target, segment: tuple[str, ...], as_yaml: bool, connection: str, as_json: bool) -> None:
    """Print segments as a file that `import` takes: those named, or all."""
    with refusals():
        epoch = target.connection(connection).epoch
        content = target.segment_definer(epoch).export(segment)
    if as_json:
        print_json(content)
    elif as_yaml:
        click.echo(rule_files.as_yaml(content), nl=False)
    else:
        click.echo(json.dumps(content, indent=2, ensure_ascii=False))


@segments.command("import")
@click.argument("file", metavar="SEGMENTS.json|SEGMENTS.yaml|-", type=click.File(encoding="utf-8"))
@click.option("--replace", is_flag=True, help="Replace segments that are there already.")
@changes_definitions
def import_segments(
    target: Target, file: TextIO, replace: bool, detach: bool, connection: str, as_json: bool
) -> None:
    """Define all segments of a file, or none where one is not valid."""
    definer, content = segment_definer(target, connection), rule_files.read(file)
    try:
        with refusals():
            changed = definer.import_segments(content, replaces=replace)
    except Failure as problem:
        message = f"{file.name}: {problem.message.rstrip('.')}. Nothing is imported."
        raise Failure(message, problem.code) from problem
    _report(target, connection, changed, detach=detach, as_json=as_json)


def _report(
    target: Target,
    connection: str,
    change: DefinitionChange,
    segment_ids: Sequence[str] = (),
    *,
    detach: bool,
    as_json: bool,
) -> None:
    """Has people evaluated, and prints the segments named, or else those that were changed."""
    reevaluation = settled(target, connection, change, detach=detach)
    browser = target.browser(connection)
    chosen = set(segment_ids) or {one.id for one in change.segments}
    described = [browser.described(one) for one in change.after.segments if one.id in chosen]
    if as_json:
        print_lines({**one, "reevaluation": reevaluation} for one in described)
    else:
        if not change.segments:
            stdout.print("Nothing to change: it is already like that.")
        for one in described:
            stdout.print(_line(one, settled=reevaluation is None or reevaluation["status"] == "succeeded"))
        if left := outcome(reevaluation):
            stdout.print(left)
    end(reevaluation)


def _line(one: Mapping[str, Any], *, settled: bool) -> str:
    name = f"{one['title']} ({one['id']})"
    if not one["enabled"]:
        return f"{name} is disabled: `peoplesync segments enable {one['id']}` puts people in it."
    return f"{name}: {_people(one['count'])}." if settled else f"{name} is stored."


def _state(one: Mapping[str, Any]) -> str:
    kind = "predefined" if one["predefined"] else "own"
    return kind if one["enabled"] else f"{kind}, disabled"


def _people(count: int) -> str:
    return f"{count:,} {'person is' if count == 1 else 'people are'} in it"
