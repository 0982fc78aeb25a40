"""Commands for the local stack."""

from __future__ import annotations

import secrets
import time

import click

from peoplesync.sync.connect import connect
from peoplesync_cli.failure import NO_TARGET, Failure
from peoplesync_cli.options import json_option
from peoplesync_cli.output import print_json
from peoplesync_cli.target import of_local
from peoplesync_local import LocalStackError
from peoplesync_local import stack as local_stack
from peoplesync_local.stack import LocalStack


def say(line: str) -> None:
    """Progress, on stderr."""
    click.echo(line, err=True)


def prepare(stack: LocalStack) -> None:
    """Connects `main` in test mode, with a signing secret of its own."""
    target = of_local(stack)
    connect(
        "main",
        stack.stripe_api_key,
        f"whsec_local_{secrets.token_hex(16)}",
        target.connections,
        target.secrets,
        int(time.time()),
    )


def bring_up() -> LocalStack:
    """The running local stack, started if it is not."""
    try:
        return local_stack.up(say, prepare)
    except LocalStackError as error:
        raise Failure(str(error), NO_TARGET) from error


@click.group()
def local() -> None:
    """The embedded local stack: the real template on this machine."""


@local.command()
@json_option
def up(as_json: bool) -> None:
    """Start the local stack and deploy the template to it; does nothing if it is up."""
    stack = bring_up()
    url = of_local(stack).webhook_url("main")
    if as_json:
        print_json({"state": "up", "endpoint": stack.endpoint, "webhook_url": url})
        return
    say(f"Up at {stack.endpoint}; Stripe's webhooks go to {url}")


@local.command()
@json_option
def down(as_json: bool) -> None:
    """Stop the local stack; its data is gone."""
    try:
        stopped = local_stack.down(say)
    except LocalStackError as error:
        raise Failure(str(error), NO_TARGET) from error
    if as_json:
        print_json({"state": "down", "stopped": stopped})


@local.command()
@json_option
def status(as_json: bool) -> None:
    """Tell whether the local stack is up."""
    found = local_stack.status()
    if as_json:
        print_json({"state": found.state, "reason": found.sentence})
    else:
        click.echo(found.sentence)
    if found.state != "up":
        raise SystemExit(NO_TARGET)


@local.command()
@click.option("--follow", "-f", is_flag=True, help="Go on with the lines to come.")
def logs(follow: bool) -> None:
    """Print the functions' log lines, oldest first."""
    try:
        for line in local_stack.logs(follow=follow):
            click.echo(line)
    except LocalStackError as error:
        raise Failure(str(error), NO_TARGET) from error
