"""`peoplesync connect`: three steps from a restricted key to people in step with Stripe."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click
from rich.text import Text

from peoplesync.adapters import clock
from peoplesync.domain.fields.built_in import FIELDS
from peoplesync.use_cases.connecting.connect import Connected, Examined
from peoplesync.use_cases.connecting.permissions import PERMISSIONS, MissingPermissions, key_page, missing
from peoplesync.use_cases.connecting.shown import connected_json, mode, permissions_json
from peoplesync_cli.connecting.stripe_refusals import in_a_sentence
from peoplesync_cli.failure import FAILED, Failure
from peoplesync_cli.options import connection_option, json_option, on_stack
from peoplesync_cli.output import print_json, stderr, stdout, table
from peoplesync_cli.target import Target

VARIABLE: Final = "STRIPE_API_KEY"
_START, _SKIP = "start", "skip"


@click.command()
@connection_option
@click.option(
    "--key-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=f"Read the restricted key from a file; otherwise from {VARIABLE}, else it is asked for.",
)
@click.option(
    "--yes", "-y", is_flag=True, help="Ask nothing: people of the other mode go, the import starts."
)
@click.option(
    "--import/--skip",
    "start",
    default=None,
    help="Import the existing customers, or sync only new and changed ones; otherwise it is asked for.",
)
@click.option(
    "--no-webhook", is_flag=True, help="For a stack that Stripe cannot reach: only poll its events."
)
@json_option
@on_stack
def connect(
    target: Target,
    connection: str,
    key_file: Path | None,
    yes: bool,
    start: bool | None,
    no_webhook: bool,
    as_json: bool,
) -> None:
    """Connect a Stripe account, or give a connection another key.

    It takes a restricted key, checks its permissions, creates the fields, the segments and the webhook
    endpoint at Stripe, and imports the existing customers on request. Running it again completes what was
    interrupted. A live key for a test connection replaces the test key, and the test people go.
    """
    api_key = _key(key_file)
    with in_a_sentence():
        use_case = target.connector()
        _say("Checking what the key may do.")
        examined = use_case.examine(connection, api_key)
        lacking = missing(examined.permissions, required=True)
        if not as_json:
            show_permissions(examined.permissions)
        elif lacking:
            print_json({"connection": connection, "state": "refused", **permissions_json(examined)})
        if lacking:
            page = key_page(livemode=examined.livemode)
            raise Failure(f"{MissingPermissions(lacking)} Change the key, or create one here: {page}", FAILED)
        if not as_json:
            show_fields()
        for warning in examined.warnings:
            _say(warning)
        _agree(examined, yes=yes)
        made = use_case.connect(examined, clock.now(), webhook=not no_webhook, people_may_go=True)
    if made.left_endpoint:
        _say(
            f"The endpoint {made.left_endpoint} could not be deleted with the key it was made with. "
            "Its events are refused; delete it in Stripe's dashboard."
        )
    if not as_json:
        _show(target, examined, made)
    run = _import(target, connection) if _starts(start, yes=yes) else None
    if as_json:
        print_json(connected_json(examined, made, target.webhook_url(connection), run))
    elif run is not None:
        stdout.print(_summary(run))
    if run is not None and run["status"] != "succeeded":
        raise SystemExit(FAILED)


def _key(key_file: Path | None) -> str:
    """The key, read where neither process lists nor shell histories show it."""
    if key_file is not None:
        return key_file.read_text().strip()
    if from_environment := os.environ.get(VARIABLE, "").strip():
        _say(f"Taking the key from {VARIABLE}.")
        return from_environment
    _say(
        "Step 1 of 3. peoplesync needs a restricted key of Stripe's. These pages create one, with all the "
        "permissions chosen already:\n"
        f"  test mode  {key_page(livemode=False)}\n"
        f"  live mode  {key_page(livemode=True)}"
    )
    return str(click.prompt("Restricted key (hidden)", hide_input=True, err=True)).strip()


def show_permissions(granted: Mapping[str, bool]) -> None:
    """A table of what the key may do, and what each permission is for."""
    rows = []
    for one in PERMISSIONS:
        mark = Text("✓", "green") if granted[one.slug] else Text("✗", "red" if one.required else "yellow")
        rows.append((mark, one.name, one.access, one.purpose, "" if one.required else "optional"))
    stdout.print(table("Permissions of the key", ("", "permission", "", "what it is for", ""), rows))
    for one in missing(granted, required=False):
        stdout.print(f"Without {one.name}: {one.access}, {one.without}.")


def show_fields() -> None:
    """The fields, which are all mapped automatically."""
    groups: dict[str, list[str]] = {}
    for one in FIELDS:
        groups.setdefault(one.group, []).append(one.title)
    rows = [(group, len(titles), ", ".join(titles)) for group, titles in groups.items()]
    stdout.print()
    title = f"Step 2 of 3. {len(FIELDS)} fields, all mapped automatically"
    stdout.print(table(title, ("group", "", "fields"), rows, right=(1,)))


def _agree(examined: Examined, *, yes: bool) -> None:
    """Asks before people of test mode are deleted."""
    current = examined.current
    if not examined.begins_epoch or current is None or yes:
        return
    if current.disconnected_at is not None and not examined.people:
        return
    count = "1 person" if examined.people == 1 else f"{examined.people} people"
    click.confirm(
        f"{examined.name} is connected in {mode(current.livemode)} mode. It goes on with live data only: its "
        f"{count} of {mode(current.livemode)} mode will be deleted. Go on?",
        abort=True,
        err=True,
    )


def _starts(start: bool | None, *, yes: bool) -> bool:
    if start is not None or yes:
        return start is not False
    _say("\nStep 3 of 3. Start imports the existing customers; skip syncs only new and changed ones.")
    answer = click.prompt("Sync", type=click.Choice([_START, _SKIP]), default=_START, err=True)
    return str(answer) == _START


def _import(target: Target, connection: str) -> dict[str, Any]:
    from peoplesync_cli.jobs.imports import start_import  # only who imports needs it

    return start_import(target, connection)


def _summary(run: Mapping[str, Any]) -> str:
    from peoplesync_cli.jobs.imports import summary

    return summary(run)


def _show(target: Target, examined: Examined, made: Connected) -> None:
    connection = made.connection
    arrives = (
        f"Stripe sends its events to {target.webhook_url(connection.name)}"
        if connection.endpoint_id
        else "its events are polled"
    )
    stdout.print(f"\n{connection.name} is connected in {mode(connection.livemode)} mode; {arrives}.")
    if examined.people:
        stdout.print(f"The {examined.people} people of before are being deleted.")


def _say(line: str) -> None:
    stderr.print(line, soft_wrap=True, markup=False)
