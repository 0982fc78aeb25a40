"""Users: the people who may sign in to the console and its API, and tokens for scripts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click
from botocore.exceptions import BotoCoreError, ClientError

from peoplesync.adapters.aws.user_pool import SCRIPTS, UserPool
from peoplesync_cli.failure import USAGE, Failure
from peoplesync_cli.options import json_option, on_stack
from peoplesync_cli.output import print_json, print_lines, stdout, table
from peoplesync_cli.target import Target

_STATES: Final = {
    "force_change_password": "invited",
    "confirmed": "",
    "reset_required": "password to be chosen anew",
}

_EMAIL = click.argument("email")
_ADMIN = click.option("--admin", "role", flag_value="admin", help="May change things, too.")
_VIEWER = click.option("--viewer", "role", flag_value="viewer", default="viewer", help="May only look.")


@click.group()
def users() -> None:
    """Say who may sign in to the console and its API.

    They are in a Cognito user pool of the stack's. An OpenID Connect issuer of your own says it by itself: by
    groups called admin and viewer.
    """


@users.command()
@_EMAIL
@_ADMIN
@_VIEWER
@json_option
@on_stack
def add(target: Target, email: str, role: str, as_json: bool) -> None:
    """Invite somebody by mail; or give who is there another role."""
    if "@" not in email or email.endswith(SCRIPTS):
        raise Failure(f"{email} is not an e-mail that somebody could be invited by.", USAGE)
    with _pool(target) as pool:
        new = pool.add(email, role)
    if as_json:
        print_json({"email": email, "role": role, "invited": new})
    elif new:
        stdout.print(f"{email} is invited as {role}: Cognito sends a password for the first time.")
    else:
        stdout.print(f"{email} is {role} now, from when they sign in next.")


@users.command("list")
@json_option
@on_stack
def list_users(target: Target, as_json: bool) -> None:
    """List who may sign in."""
    with _pool(target) as pool:
        found = pool.all()
    if as_json:
        print_lines(found)
        return
    if not found:
        stdout.print("Nobody may sign in yet; `peoplesync users add EMAIL --admin` invites the first.")
        return
    rows = [
        (
            one["email"],
            one["role"],
            "for scripts" if one["email"].endswith(SCRIPTS) else _STATES.get(one["state"], one["state"]),
        )
        for one in found
    ]
    stdout.print(table(None, ("who", "role", ""), rows))


@users.command()
@_EMAIL
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@json_option
@on_stack
def remove(target: Target, email: str, yes: bool, as_json: bool) -> None:
    """Remove somebody; a token that they have is good for its hour."""
    if not yes:
        click.confirm(f"{email} cannot sign in any more. Go on?", abort=True, err=True)
    with _pool(target) as pool:
        pool.remove(email)
    if as_json:
        print_json({"email": email, "removed": True})
    else:
        stdout.print(f"{email} is removed.")


@users.command()
@_EMAIL
@json_option
@on_stack
def reset(target: Target, email: str, as_json: bool) -> None:
    """Send somebody a mail to choose another password, or the invitation again."""
    with _pool(target) as pool:
        pool.reset(email)
    if as_json:
        print_json({"email": email, "reset": True})
    else:
        stdout.print(f"Cognito sends {email} a mail.")


@users.command()
@_ADMIN
@_VIEWER
@json_option
@on_stack
def token(target: Target, role: str, as_json: bool) -> None:
    """Print an access token for a script, good for an hour: `Authorization: Bearer …`."""
    with _pool(target) as pool:
        made = pool.token(role)
    if as_json:
        print_json({"token": made, "role": role})
    else:
        click.echo(made)


@contextmanager
def _pool(target: Target) -> Iterator[UserPool]:
    """The stack's pool; ends the command where there is none, or Cognito refuses."""
    if "SIGN_IN_URL" not in target.environ:
        raise Failure("The stack has no console: it was deployed with Console=false.")
    if "USER_POOL_ID" not in target.environ:
        raise Failure(
            "The stack has no pool of its own: your OpenID Connect issuer (the stack's parameter OidcIssuer) "
            "says who may sign in, and makes tokens."
        )
    try:
        yield target.user_pool
    except (ClientError, BotoCoreError) as error:
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
        if code == "UserNotFoundException":
            raise Failure("There is no such user; `peoplesync users list` shows who there is.") from error
        raise Failure(f"Cognito did not do it: {error}") from error
