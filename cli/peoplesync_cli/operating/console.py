"""`peoplesync console`: where people sign in."""

from __future__ import annotations

import click

from peoplesync_cli.failure import Failure
from peoplesync_cli.options import json_option, on_stack
from peoplesync_cli.output import print_json
from peoplesync_cli.target import Target


@click.command()
@json_option
@on_stack
def console(target: Target, as_json: bool) -> None:
    """Print the address of the console, below which is the HTTP API."""
    if "SIGN_IN_URL" not in target.environ:
        raise Failure("The stack has no console: it was deployed with Console=false.")
    if as_json:
        print_json({"url": target.console_url})
    else:
        click.echo(target.console_url)
