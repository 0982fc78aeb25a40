"""Commands for fields: show them, define custom ones."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, Final, cast

import click

from peoplesync.domain.fields.built_in import Field, FieldType
from peoplesync.domain.fields.custom import CUSTOM_GROUP, CUSTOM_TYPES
from peoplesync.use_cases.defining.changes import DefinitionChange
from peoplesync.use_cases.public_json import describe_field
from peoplesync.use_cases.queries.coverage import FieldCoverage, field_coverage
from peoplesync_cli.defining.changes import (
    changes_definitions,
    end,
    field_definer,
    outcome,
    refusals,
    settled,
)
from peoplesync_cli.options import connection_option, json_option, on_stack
from peoplesync_cli.output import print_json, print_lines, stdout, table
from peoplesync_cli.target import Target

_KEY = click.argument("key")

_SOURCES: Final = "customer.metadata.NAME, subscription.metadata.NAME, product.metadata.NAME or traits.NAME"


@click.group()
def fields() -> None:
    """Look at fields, and define your own."""


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
    rows = [
        (one["group"], one["key"], one["title"], one["type"].replace("_", " "), one["source"], _state(one))
        for one in found
    ]
    stdout.print(table(None, ("group", "key", "title", "type", "from", ""), rows))


@fields.command()
@connection_option
@json_option
@on_stack
def suggest(target: Target, connection: str, as_json: bool) -> None:
    """Show of what fields could be made: metadata and traits that no field shows yet."""
    found = target.browser(connection).suggestions(random.Random())
    if as_json:
        print_lines(found)
    elif not found:
        stdout.print("There is no metadata, and no trait, that no field shows.")
    else:
        rows = [(one["source"], one["type"], one["people"], ", ".join(one["samples"])) for one in found]
        stdout.print(table(None, ("from", "type", "people", "such as"), rows, right=(2,)))


@fields.command()
@_KEY
@click.option(
    "--from",
    "source",
    required=True,
    metavar="PATH",
    help=f"Where its value is: {_SOURCES} (traits come from the app).",
)
@click.option(
    "--type",
    "field_type",
    type=click.Choice(CUSTOM_TYPES),
    default="text",
    show_default=True,
    help="What values are converted to.",
)
@click.option("--title", metavar="TEXT", help="What people call it; else made of the key.")
@click.option("--group", default=CUSTOM_GROUP, show_default=True, metavar="TEXT", help="Where it is shown.")
@changes_definitions
def add(
    target: Target,
    key: str,
    source: str,
    field_type: str,
    title: str | None,
    group: str,
    detach: bool,
    connection: str,
    as_json: bool,
) -> None:
    """Add a field of your own, such as

    \b
    peoplesync fields add tier --from customer.metadata.tier
    peoplesync fields add seats --from subscription.metadata.seats --type number

    It fills itself from what is known of people already.
    """
    named = title if title is not None else key.replace("_", " ").capitalize()
    with refusals():
        change = field_definer(target, connection).add(key, named, cast(FieldType, field_type), source, group)
    _report(target, connection, change, key, detach=detach, as_json=as_json)


@fields.command()
@_KEY
@click.argument("title")
@connection_option
@json_option
@on_stack
def rename(target: Target, key: str, title: str, connection: str, as_json: bool) -> None:
    """Give a field another title. Its key stays: rules and automations refer to it."""
    with refusals():
        change = field_definer(target, connection).rename(key, title)
    _report(target, connection, change, key, detach=False, as_json=as_json)


@fields.command()
@_KEY
@changes_definitions
def disable(target: Target, key: str, detach: bool, connection: str, as_json: bool) -> None:
    """Stop writing and showing a field."""
    with refusals():
        change = field_definer(target, connection).disable(key)
    _report(target, connection, change, key, detach=detach, as_json=as_json)


@fields.command()
@_KEY
@changes_definitions
def enable(target: Target, key: str, detach: bool, connection: str, as_json: bool) -> None:
    """Write and show a field again; it fills itself from what is known."""
    with refusals():
        change = field_definer(target, connection).enable(key)
    _report(target, connection, change, key, detach=detach, as_json=as_json)


@fields.command()
@_KEY
@changes_definitions
def remove(target: Target, key: str, detach: bool, connection: str, as_json: bool) -> None:
    """Remove a field of your own with its values. What it was made of stays known: added again, it fills
    itself again."""
    with refusals():
        change = field_definer(target, connection).remove(key)
    reevaluation = settled(target, connection, change, detach=detach)
    if as_json:
        print_json({"key": key, "removed": True, "reevaluation": reevaluation})
    else:
        stdout.print(" ".join(filter(None, (f"{key} is removed.", outcome(reevaluation)))))
    end(reevaluation)


def _report(
    target: Target, connection: str, change: DefinitionChange, key: str, *, detach: bool, as_json: bool
) -> None:
    """Has people evaluated, and prints the field and how many have a value."""
    reevaluation = settled(target, connection, change, detach=detach)
    (field,) = [one for one in change.after.fields if one.key == key]
    ended = reevaluation is not None and reevaluation["status"] == "succeeded"
    found = _filling(target, connection, field) if ended and field.enabled else None
    if as_json:
        json = {**describe_field(field), "filling": found and found.public(), "reevaluation": reevaluation}
        print_json(json)
    else:
        stdout.print(_line(field, changed=bool(change.fields)))
        for line in _filled(field, found) if found else ():
            stdout.print(line)
        if left := outcome(reevaluation):
            stdout.print(left)
    end(reevaluation)


def _filling(target: Target, connection: str, field: Field) -> FieldCoverage | None:
    epoch = target.connection(connection).epoch
    if describe_field(field)["builtin"]:
        return None
    return field_coverage(target.people, target.catalogue, epoch, field, random.Random())


def _line(field: Field, *, changed: bool) -> str:
    if not changed:
        return "Nothing to change: it is already like that."
    state = "is there" if field.enabled else "is disabled: it is neither written nor shown"
    return f"{field.title} ({field.key}) {state}."


def _filled(field: Field, found: FieldCoverage) -> list[str]:
    """How a field has filled, in sentences."""
    about = "" if found.exact else "About "
    lines = [f"{about}{found.filled:,} of {found.everybody:,} people have a value."]
    if found.unconverted:
        lines.append(f"{about}{found.unconverted:,} could not be converted to {field.type}:")
        lines += [f"  {person}  {reason}" for person, reason in found.reasons.items()]
    if found.unknown:
        what = field.source.rpartition(".")[0].replace(".", "'s ")
        lines.append(
            f"Of {about.lower()}{found.unknown:,} the {what} is not known: they were last heard of before it "
            "was kept. An import brings it: `peoplesync import start`."
        )
    return lines


def _state(one: Mapping[str, Any]) -> str:
    kind = "built in" if one["builtin"] else "own"
    return kind if one["enabled"] else f"{kind}, disabled"
