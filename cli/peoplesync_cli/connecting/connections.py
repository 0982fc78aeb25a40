"""Commands for existing connections."""

from __future__ import annotations

from typing import Any

import click

from peoplesync.adapters import clock
from peoplesync.domain.connections import Connection
from peoplesync.domain.people.person import EVERYONE
from peoplesync.use_cases.connecting.rotate_secret import rotate_secret as rotate
from peoplesync.use_cases.connecting.shown import connection_json
from peoplesync_cli.connecting.stripe_refusals import in_a_sentence
from peoplesync_cli.failure import Failure
from peoplesync_cli.options import connection_option, json_option, on_stack
from peoplesync_cli.output import print_json, print_lines, stderr, stdout, table
from peoplesync_cli.target import Target


@click.group()
def connections() -> None:
    """Look at the connected Stripe accounts."""


@connections.command("list")
@json_option
@on_stack
def list_connections(target: Target, as_json: bool) -> None:
    """List the connections, also those that were disconnected."""
    found = [_described(target, one) for one in target.connections.all_even_disconnected()]
    if as_json:
        print_lines(found)
        return
    rows = [
        (
            one["name"],
            one["mode"],
            one["state"].replace("_", " "),
            _webhook(one),
            one["people"],
        )
        for one in found
    ]
    stdout.print(table(None, ("connection", "mode", "state", "webhook endpoint", "people"), rows, right=(4,)))


@click.command()
@connection_option
@click.option("--with-people", is_flag=True, help="Delete the people too, with their feeds and segments.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@json_option
@on_stack
def disconnect(target: Target, connection: str, with_people: bool, yes: bool, as_json: bool) -> None:
    """Stop taking events; delete the webhook endpoint at Stripe and the stored secrets.

    The people stay unless you ask otherwise. `peoplesync connect` connects again, and goes on where it was.
    """
    current = target.connection(connection)
    people = target.people.count(current.epoch, EVERYONE) if with_people else 0
    if not yes:
        gone = f", and its {people} people deleted" if with_people else "; its people stay"
        click.confirm(f"{connection} will be disconnected{gone}. Go on?", abort=True, err=True)
    with in_a_sentence():
        left = target.disconnector().disconnect(connection, clock.now(), with_people=with_people)
    if left:
        stderr.print(
            f"Stripe no longer accepts the key, so the endpoint {left} is still there: delete it in "
            "Stripe's dashboard.",
            soft_wrap=True,
        )
    if as_json:
        print_json(
            {
                "connection": connection,
                "state": "disconnected",
                "people_removed": people,
                "left_endpoint_id": left,
            }
        )
        return
    stdout.print(f"{connection} is disconnected." + (f" {people} people are being deleted." * with_people))


@click.command("rotate-secret")
@connection_option
@json_option
@on_stack
def rotate_secret(target: Target, connection: str, as_json: bool) -> None:
    """Give the webhook endpoint another signing secret, without missing an event."""
    if target.connection(connection).disconnected_at is not None:
        raise Failure(f"{connection} is disconnected; `peoplesync connect` connects it again.")
    url = target.webhook_url(connection)
    with in_a_sentence():
        made = rotate(connection, url, target.connections, target.secrets, target.stripe_account, clock.now())
    if as_json:
        print_json({"connection": connection, "endpoint_id": made, "webhook_url": url})
        return
    stdout.print(f"Events are signed with a new secret now, by the new endpoint {made}.")


def _webhook(described: dict[str, Any]) -> str | None:
    return None if described["state"] == "disconnected" else described["endpoint_id"] or "polled"


def _described(target: Target, one: Connection) -> dict[str, Any]:
    sizes = target.read_models.sizes(one)
    return connection_json(one, sizes.of(EVERYONE) if sizes else None, target.webhook_url(one.name))
