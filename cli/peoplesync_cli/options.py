"""The options that all commands share."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from peoplesync_cli.target import announce, resolve

Command = Callable[..., Any]


def on_stack(command: Command) -> Command:
    """Gives a command `--stack`, and passes the resolved target as its first argument."""

    @click.option(
        "--stack",
        envvar="PEOPLESYNC_STACK",
        metavar="NAME",
        help="The deployed stack to act on; without it, this checkout's running local stack.",
    )
    @wraps(command)
    def with_target(stack: str | None, **arguments: Any) -> Any:
        target = resolve(stack)
        announce(target)
        return command(target, **arguments)

    return with_target


connection_option = click.option(
    "--connection", default="main", show_default=True, metavar="NAME", help="The connected Stripe account."
)

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON; lists as one JSON object a line."
)
