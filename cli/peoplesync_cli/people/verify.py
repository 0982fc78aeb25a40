"""Verify: whether people are what Stripe says."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click
from rich.text import Text

from peoplesync.adapters import clock
from peoplesync.use_cases.verifying.report import public_report
from peoplesync.use_cases.verifying.verify import VerificationReport
from peoplesync_cli.connecting.stripe_refusals import in_a_sentence
from peoplesync_cli.failure import FAILED
from peoplesync_cli.options import connection_option, json_option, on_stack
from peoplesync_cli.output import print_json, stderr, stdout, table
from peoplesync_cli.people.reindex import reindexed, said
from peoplesync_cli.target import Target

_LONGEST_VALUE = 60


@click.command()
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    metavar="N",
    help="Compare only N random customers, and the N newest of Stripe's.",
)
@click.option("--repair", is_flag=True, help="Have what drifted applied again as Stripe shows it.")
@connection_option
@json_option
@on_stack
def verify(target: Target, sample: int | None, repair: bool, connection: str, as_json: bool) -> None:
    """Compare customers, subscriptions, deletions and the charges of the last 35 days with Stripe.

    All of them are compared with what is counted and indexed, too.

    Exits with 1 and a list when something drifted, or cannot be read. What may just be on its way is checked
    again for two minutes first. Personal values are not printed, only their field's name.
    """
    connected = target.connection(connection)
    verifier = target.verifier(lambda line: stderr.print(line, style="dim"))
    messages = None
    with in_a_sentence():
        verdict = verifier.verify(connected, sample)
        if repair and verdict.differences:
            messages = verifier.repair(connected, verdict, target.queues["bulk"], clock.now())
    indexed = reindexed(target, connected, repair=repair) if sample is None else None
    if as_json:
        print_json(public_report(verdict, messages, indexed))
    else:
        _print(verdict, messages)
        if indexed:
            stdout.print(said(indexed, repaired=repair))
    if not verdict.agrees or (indexed and not indexed.agrees):
        raise SystemExit(FAILED)


def _print(verdict: VerificationReport, messages: int | None) -> None:
    compared = f"compared {', '.join(f'{count:,} {what}' for what, count in verdict.compared.items())}"
    if verdict.erased:
        compared += f"; erased: {len(verdict.erased):,}"
    if verdict.agrees:
        stdout.print(Text.assemble(("in step with Stripe", "bold green"), f"  {compared}"))
        return
    found = [
        f"{len(verdict.differences):,} customer{'s' * (len(verdict.differences) != 1)} drifted",
        f"{len(verdict.unreadable):,} object{'s' * (len(verdict.unreadable) != 1)} could not be read",
    ]
    said = [one for one in found if not one.startswith("0 ")]
    stdout.print(Text.assemble((", ".join(said), "bold red"), f"  {compared}"))
    print_unreadable([one.public() for one in verdict.unreadable.values()])
    if verdict.differences:
        print_differences([one.public() for every in verdict.differences.values() for one in every])
        if messages is None:
            stdout.print("With --repair it is applied again as Stripe shows it.")
        else:
            stdout.print("It is on the bulk queue again, as Stripe shows it; verify once more in a minute.")


def print_unreadable(unreadable: Sequence[Mapping[str, Any]]) -> None:
    """What cannot be read at Stripe, as public JSON, in a table."""
    if not unreadable:
        return
    rows = [tuple(one.values()) for one in unreadable]
    stdout.print(table(None, ("kind", "object", "what cannot be read"), rows))
    stdout.print(
        "All else was compared. Such an object is a dead letter where it changed anything: "
        "`peoplesync dead list`."
    )


def print_differences(differences: Sequence[Mapping[str, Any]]) -> None:
    """What differs, as public JSON, in a table; personal values are not in it."""
    rows = [
        (
            one["person"] or "nobody yet",
            one["object"],
            one["field"],
            "(not shown)" if one["personal"] else _shown(one["ours"]),
            "(not shown)" if one["personal"] else _shown(one["stripe"]),
        )
        for one in differences
    ]
    stdout.print(table(None, ("person", "object", "field", "ours", "Stripe's"), rows))


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"
