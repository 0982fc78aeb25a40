"""Write keys, with which the app sends activity."""

from __future__ import annotations

from typing import Any, Final

import click

from peoplesync.adapters import clock
from peoplesync.use_cases.ingress.write_keys import WriteKey, is_key_name, new_key
from peoplesync.use_cases.public_json import iso
from peoplesync_cli.failure import USAGE, Failure
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
    if not is_key_name(name):
        allowed = "1 to 64 letters, digits, spaces and . _ -, beginning with a letter or digit"
        raise Failure(f"{name!r} is not a valid name for a key: it has {allowed}.", USAGE)
    current = target.connection(connection)
    if any(one.name == name and one.connection == current.name for one in _good(target)):
        raise Failure(f"{current.name} has a key {name} already; revoke that, or choose another name.")
    secret, made = new_key(current.name, name, clock.now())
    target.write_keys.create(made)
    if as_json:
        print_json(_described(made) | {"write_key": secret})
        return
    stdout.print(secret)
    stderr.print(f"This is the write key {name} of {made.connection}. It is not shown again.")


@keys.command("list")
@json_option
@on_stack
def list_keys(target: Target, as_json: bool) -> None:
    """List the write keys, also the revoked ones; each with its last characters."""
    found = [_described(one) for one in target.write_keys.all()]
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
    key = _chosen(target, which)
    if not yes:
        warning = f"Apps with the key {key.name} ({key.shown}) of {key.connection} are refused from now on."
        click.confirm(f"{warning} Go on?", abort=True, err=True)
    now = clock.now()
    target.write_keys.revoke(key, now)
    if as_json:
        print_json(_described(key) | {"revoked_at": iso(now)})
        return
    stdout.print(f"{key.name} ({key.shown}) is revoked; within {REMEMBERED} seconds it is refused.")


def _good(target: Target) -> list[WriteKey]:
    return [one for one in target.write_keys.all() if one.revoked_at is None]


def _chosen(target: Target, which: str) -> WriteKey:
    """The key with this name, or else with these last characters."""
    good = _good(target)
    named = [one for one in good if one.name == which]
    found = named or [one for one in good if one.hint == which.rpartition("…")[2]]
    if not found:
        there_are = ", ".join(f"{one.name} ({one.shown})" for one in good) or "none"
        raise Failure(f"There is no write key {which}; there are: {there_are}.")
    if len(found) > 1:
        several = ", ".join(f"{one.hint} of {one.connection}" for one in found)
        raise Failure(f"{len(found)} keys are meant by {which}; name the last characters of one: {several}.")
    return found[0]


def _described(key: WriteKey) -> dict[str, Any]:
    return {
        "name": key.name,
        "key": key.shown,
        "connection": key.connection,
        "created_at": iso(key.created_at),
        "revoked_at": None if key.revoked_at is None else iso(key.revoked_at),
    }


def _minute(instant: str | None) -> str | None:
    return None if instant is None else instant[:16].replace("T", " ")
