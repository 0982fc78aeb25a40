"""Check: whether one person is what Stripe says now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
from rich.text import Text

from peoplesync_cli.failure import FAILED
from peoplesync_cli.options import connection_option, json_option, on_stack
from peoplesync_cli.output import print_json, stdout
from peoplesync_cli.people.browse import found_or_said, person_argument
from peoplesync_cli.people.verify import print_differences, print_unreadable
from peoplesync_cli.target import Target


@click.command("check")
@person_argument
@click.option("--repair", is_flag=True, help="Have what differs applied again as Stripe shows it.")
@connection_option
@json_option
@on_stack
def check(target: Target, person: str, repair: bool, connection: str, as_json: bool) -> None:
    """Compare one person with Stripe now: customers, subscriptions, and charges of the last 35 days.

    PERSON is whatever `people get` takes. What differs is looked at again for a few seconds, since it may
    just be on its way. Exits with 1 where it still differs, or cannot be read. Personal values are not
    printed, only their field's name.
    """
    checker = target.checker(target.connection(connection))
    with found_or_said():
        found = checker.check(person, repair=repair)
    if as_json:
        print_json(found)
    else:
        _print(found)
    if not found["agrees"]:
        raise SystemExit(FAILED)


def _print(found: Mapping[str, Any]) -> None:
    if not found["customers"]:
        stdout.print("Stripe has no customer of theirs: only the app knows them, so nothing can differ.")
        return
    compared = f"compared {', '.join(f'{count:,} {what}' for what, count in found['compared'].items())}"
    if found["agrees"]:
        stdout.print(Text.assemble(("in step with Stripe", "bold green"), f"  {compared}"))
        return
    stdout.print(Text.assemble(("not in step with Stripe", "bold red"), f"  {compared}"))
    print_unreadable(found["unreadable"])
    if not found["differences"]:
        return
    print_differences(found["differences"])
    if found["repair_messages"] is None:
        stdout.print("With --repair it is applied again as Stripe shows it.")
    else:
        stdout.print("It is on the live queue again, as Stripe shows it; check once more in a moment.")
