"""Write keys, with which the app sends activity."""

from __future__ import annotations

from typing import Final

import click

from peoplesync.adapters import clock
from peoplesync.use_cases.defining.write_keys import (
    InvalidKeyName,
    KeyExists,
    choose_key,
    key_json,
    make_key,
)
from peoplesync.use_cases.public_json import iso
from peoplesync.use_cases.queries.browse import NotFound
from peoplesync_cli.failure import USAGE, Failure, sentence
from peoplesync_cli.options import connection_option, json_option, on_stack
from peoplesync_cli.output import print_json, print_lines, stderr, stdout, table
from peoplesync_cli.target import Target

REMEMBERED: Final = 30
"""Seconds for which the function that receives activity may still accept a revoked key."""

_COLUMNS: Final = ("name", "key", "connection", "created (UTC)", "revoked (UTC)")


@click.group()
def keys() -> None:
    """Make, list and revoke write keys, with which your app sends activity."""


@keys.command()
@click.argument("name")
@connection_option
@json_option
@on_stack
def create(target: Target, name: str, connection: str, as_json: bool) -> None:
    """Make a write key, and show it: once, since only its hash is kept.

    NAME says what it is for, such as the app or the server that will have it.
    """
    current = target.connection(connection)
    try:
        secret, made = make_key(target.write_keys, current.name, name, clock.now())
    except InvalidKeyName as error:
        raise Failure(sentence(error), USAGE) from error
    except KeyExists as error:
        raise Failure(sentence(error)) from error
    if as_json:
        print_json(key_json(made) | {"write_key": secret})
        return
    stdout.print(secret)
    stderr.print(f"This is the write key {name} of {made.connection}. It is not shown again.")


@keys.command("list")
@json_option
@on_stack
def list_keys(target: Target, as_json: bool) -> None:
    """List the write keys, also the revoked ones; each with its last characters."""
    found = [key_json(one) for one in target.write_keys.all()]
    if as_json:
        print_lines(found)
    elif found:
        rows = [
            (
                one["name"],
                one["key"],
                one["connection"],
                _minute(one["created_at"]),
                _minute(one["revoked_at"]),
            )
            for one in found
        ]
        stdout.print(table(None, _COLUMNS, rows))
    else:
        stdout.print("There are no write keys; `peoplesync keys create NAME` makes one.")


@keys.command()
@click.argument("which", metavar="NAME|HINT")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@json_option
@on_stack
def revoke(target: Target, which: str, yes: bool, as_json: bool) -> None:
    """Revoke a write key; HINT is the key's last four characters.

    What it has sent stays.
    """
    try:
        key = choose_key(target.write_keys.all(), which)
    except NotFound as error:
        raise Failure(sentence(error)) from error
    if not yes:
        warning = f"Apps with the key {key.name} ({key.shown}) of {key.connection} are refused from now on."
        click.confirm(f"{warning} Go on?", abort=True, err=True)
    now = clock.now()
    target.write_keys.revoke(key, now)
    if as_json:
        print_json(key_json(key) | {"revoked_at": iso(now)})
        return
    stdout.print(f"{key.name} ({key.shown}) is revoked; within {REMEMBERED} seconds it is refused.")


def _minute(instant: str | None) -> str | None:
    return None if instant is None else instant[:16].replace("T", " ")
