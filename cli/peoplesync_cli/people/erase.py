"""Erasing people, and letting them in again."""

from __future__ import annotations

from typing import Any, Final

import click

from peoplesync.adapters import clock
from peoplesync.domain.people.person import Person
from peoplesync.use_cases.erasing.erase import KeyLost, PersonMoved
from peoplesync.use_cases.erasing.receipt import ErasureReceipt
from peoplesync.use_cases.public_json import iso, present
from peoplesync.use_cases.queries.browse import NotFound
from peoplesync_cli.connecting.stripe_refusals import in_a_sentence
from peoplesync_cli.failure import Failure, sentence
from peoplesync_cli.operating.pause import reachable
from peoplesync_cli.options import connection_option, json_option, on_stack
from peoplesync_cli.output import print_json, stderr, stdout
from peoplesync_cli.target import Target

PATIENCE: Final = 120.0
"""Seconds to wait for the worker: as a rule it takes one or two."""

NOT_REACHED: Final = (
    "changes that are under way or among the dead letters: `peoplesync dead list` shows and drops those",
    "the tables' point-in-time backups, which DynamoDB keeps for 35 days",
    "the bucket of what could not be published, and what was published already",
    "Stripe itself",
)
"""Where something of an erased person may still be."""


@click.command("erase")
@click.argument("person", metavar="EMAIL|cus_…|per_…|user:ID")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--no-wait", is_flag=True, help="Do not wait for the receipt; the same command shows it later.")
@connection_option
@json_option
@on_stack
def erase(target: Target, person: str, yes: bool, no_wait: bool, connection: str, as_json: bool) -> None:
    """Remove a person with all that is known of them, for good.

    What arrives about them later is dropped: by their e-mail, their Stripe customers, their ids in the app.
    Prints a receipt of what was removed. `peoplesync people readmit` lets them in again.
    """
    eraser = target.eraser(target.connection(connection))
    try:
        found = target.browser(connection).find(person)
    except NotFound as error:
        known, receipt = eraser.erased_before(person)
        if not known:
            raise Failure(sentence(error)) from error
        _print_erased_before(person, receipt, as_json)
        return
    stderr.print(f"This is {_named(found)}.", soft_wrap=True, markup=False)
    if not yes:
        click.confirm("All that is known of them will be removed, for good. Go on?", abort=True, err=True)
    with in_a_sentence():
        try:
            eraser.ask(found, clock.now())
        except KeyLost as error:
            raise Failure(f"{sentence(error)} docs/erase.md says what to do.") from error
    paused = _paused(target)
    if paused and not no_wait:
        stderr.print(paused, soft_wrap=True)
    if paused or no_wait:
        _print_asked(found, as_json)
        return
    with in_a_sentence():
        try:
            receipt = eraser.wait(found.id, PATIENCE)
        except PersonMoved as error:
            raise Failure(sentence(error)) from error
    if receipt is None:
        raise Failure(
            f"After {PATIENCE:.0f} s the worker has not erased {found.id} yet; `peoplesync status` shows how "
            f"it fares, and `peoplesync people erase {found.id}` shows the receipt once there is one."
        )
    _print(receipt, as_json)


@click.command("readmit")
@click.argument("person", metavar="EMAIL|cus_…|user:ID")
@connection_option
@json_option
@on_stack
def readmit(target: Target, person: str, connection: str, as_json: bool) -> None:
    """Let an erased e-mail, Stripe customer or user of the app be a person again.

    Nothing comes back by this: they are a person again when something new about them arrives. An e-mail, and
    each customer that had it, is let in by itself.
    """
    if "@" not in person and person.startswith("per_"):
        raise Failure("Of an erased person only e-mail, customers and users are known: name one of those.")
    if not target.eraser(target.connection(connection)).readmit(person):
        raise Failure(f"{person} is not erased.")
    if as_json:
        print_json({"readmitted": person})
    else:
        stdout.print(f"{person} is let in again: what arrives about them from now on is taken.", markup=False)


def _paused(target: Target) -> str | None:
    """Why waiting is of no use."""
    with reachable("The worker's mappings"):
        since = target.worker_mappings.paused_since()
    if since is None:
        return None
    return (
        f"The worker has been paused since {iso(since)}: they will be erased after "
        "`peoplesync resume`, and not before."
    )


def _named(person: Person) -> str:
    shown = present(person)
    name, email = shown["fields"]["customer_name"], shown["email"]
    records = [one["id"] for one in shown["customers"]] + [f"user {one}" for one in shown["users"]]
    who = ", ".join(str(one) for one in (name, email) if one)
    return f"{who or 'somebody without name and e-mail'}: {person.id}, with {', '.join(records)}"


def _print_asked(person: Person, as_json: bool) -> None:
    if as_json:
        print_json({"person": person.id, "complete": False})
    else:
        again = f"peoplesync people erase {person.id}"
        stdout.print(f"It is on the live queue. `{again}` shows the receipt.", soft_wrap=True)


def _print_erased_before(who: str, receipt: ErasureReceipt | None, as_json: bool) -> None:
    if as_json:
        print_json({"erased": who} if receipt is None else receipt.public())
    elif receipt is None or receipt.erased_at is None:
        stdout.print(f"{who} was erased, and is known by a keyed hash only.", markup=False)
    else:
        stdout.print(f"{who} was erased on {iso(receipt.erased_at)}.", markup=False)
        _print(receipt, as_json)


def _print(receipt: ErasureReceipt, as_json: bool) -> None:
    if as_json:
        print_json(receipt.public())
        return
    removed: dict[str, Any] = receipt.public()["removed"]
    counted = (
        (removed["records"], "record", "records"),
        (removed["fields"], "field", "fields"),
        (removed["memberships"], "segment membership", "segment memberships"),
        (removed["feed_entries"], "feed entry", "feed entries"),
    )
    counts = ", ".join(f"{count:,} {one if count == 1 else many}" for count, one, many in counted)
    asked = "" if receipt.asked_at is None else f", asked for on {iso(receipt.asked_at)}"
    when = "not yet" if receipt.erased_at is None else f"on {iso(receipt.erased_at)}"
    lines = [f"Erased {when}: {receipt.person}{asked}.", f"Removed: {counts}."]
    if not receipt.complete:
        lines.append("The feed, or what finds them, is still being deleted.")
    hashed = removed["identities"] - len(receipt.customers)
    kept = [
        *receipt.customers,
        *([f"{hashed} keyed {'hash' if hashed == 1 else 'hashes'}"] if hashed else []),
    ]
    lines.append(f"What remains, so that they do not return: {', '.join(kept)}; and this receipt.")
    lines.append("What this does not reach:")
    stdout.print(*lines, *(f"  - {one}" for one in NOT_REACHED), sep="\n", markup=False, soft_wrap=True)
