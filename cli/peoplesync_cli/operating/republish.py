"""What could not be published: looked at, published after all, or dropped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import click
from rich.text import Text

from peoplesync.use_cases.public_json import iso
from peoplesync.use_cases.publishing.republish import FailedBatch, Republished
from peoplesync_cli.failure import USAGE, Failure
from peoplesync_cli.operating.dead import short_ids
from peoplesync_cli.operating.pause import reachable
from peoplesync_cli.options import json_option, on_stack
from peoplesync_cli.output import print_json, print_lines, stderr, stdout, table
from peoplesync_cli.target import Target

NONE: Final = "There is nothing that could not be published."
_SHOWN: Final = "`peoplesync publish failed` shows what there is"
_WHAT: Final = "The bucket of what could not be published"
_COLUMNS: Final = ("id", "stream", "records", "happened since (UTC)", "put aside (UTC)", "why")

ids_argument = click.argument("ids", nargs=-1, metavar="[ID…]")
all_option = click.option("--all", "every", is_flag=True, help="All that `peoplesync publish failed` shows.")


@click.command()
@json_option
@on_stack
def failed(target: Target, as_json: bool) -> None:
    """List what could not be published, or was too old when a pause ended; without anything personal.

    It is in batches as the streams delivered it, each for 14 days in the bucket PublishFailures.
    """
    with reachable(_WHAT):
        batches = target.failed_batches.all()
    if as_json:
        print_lines(batch.described() for batch in batches)
        return
    if not batches:
        stdout.print(NONE)
        return
    stdout.print(table(None, _COLUMNS, _rows(batches), right=(2,)))
    since = min((one.first_at for one in batches if one.first_at is not None), default=None)
    summary = f"{_count(batches)} with {_records(sum(batch.records for batch in batches))}"
    oldest = "" if since is None else f", since {iso(since)}"
    stdout.print(Text(f"{summary}{oldest}; `peoplesync publish again` publishes them", style="dim"))


@click.command()
@ids_argument
@all_option
@json_option
@on_stack
def again(target: Target, ids: Sequence[str], every: bool, as_json: bool) -> None:
    """Publish after all what could not be published; do so when the cause is fixed.

    Events come late, but under the ids that they would have had: consumers can drop what they have seen.
    What is published in full is deleted from the bucket, the rest stays. IDs may be abbreviated.
    """
    _either(ids, every)
    _not_paused(target)
    done: list[Republished] = []
    with reachable(_WHAT):
        republisher = target.republisher()
        batches = _chosen(target.failed_batches.all(), ids, every)
        for short, batch in zip(short_ids([one.id for one in batches]), batches, strict=True):
            done.append(republisher.publish_again(batch))
            if as_json:
                print_json(done[-1].described())
            else:
                stdout.print(Text(_line(short, done[-1])))
    left = [one for one in done if one.failed]
    if left:
        raise Failure(f"{len(left):,} of {_count(batches)} could not be published in full, and stay.")
    if not as_json:
        events = sum(one.events for one in done)
        stdout.print(f"{events:,} event{'s' * (events != 1)} published; nothing is left." if done else NONE)


@click.command()
@ids_argument
@all_option
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@json_option
@on_stack
def drop(target: Target, ids: Sequence[str], every: bool, yes: bool, as_json: bool) -> None:
    """Delete what could not be published, for good: it will never be published."""
    _either(ids, every)
    with reachable(_WHAT):
        bucket = target.failed_batches
        batches = _chosen(bucket.all(), ids, every)
        if batches and not yes:
            stderr.print(*(Text(" ".join(map(str, row))) for row in _rows(batches)), sep="\n")
            click.confirm(f"Delete {_count(batches)} for good, unpublished?", abort=True, err=True)
        for batch in batches:
            bucket.delete(batch.key)
    if as_json:
        print_lines(batch.described() for batch in batches)
    else:
        stdout.print(f"{_count(batches)} deleted." if batches else NONE)


def _not_paused(target: Target) -> None:
    with reachable("The mappings of the streams"):
        since = target.publisher_mappings.paused_since()
    if since is not None:
        raise Failure(f"Publishing has been paused since {iso(since)}: `peoplesync publish resume` first.")


def _chosen(batches: Sequence[FailedBatch], ids: Sequence[str], every: bool) -> list[FailedBatch]:
    """The batches whose ids begin with these, or that have these keys, in their order; fails where one
    matches none, or more than one."""
    if every:
        return list(batches)
    wanted: set[str] = set()
    for beginning in ids:
        fitting = [one.key for one in batches if one.id.startswith(beginning) or one.key == beginning]
        if len(fitting) != 1:
            many = f"There are {len(fitting)} of which the ids begin with {beginning}: give more of it"
            raise Failure(f"{many if fitting else f'There is no failed batch {beginning}'}; {_SHOWN}.")
        wanted.update(fitting)
    return [one for one in batches if one.key in wanted]


def _rows(batches: Sequence[FailedBatch]) -> Iterable[tuple[Any, ...]]:
    for short, one in zip(short_ids([batch.id for batch in batches]), batches, strict=True):
        yield short, one.stream, one.records, _instant(one.first_at), _instant(one.put_aside_at), one.why


def _instant(at: int | None) -> str | None:
    return None if at is None else iso(at).replace("T", " ").removesuffix("Z")


def _line(short: str, one: Republished) -> str:
    said = f"{short}  {one.batch.stream or '–'}  {_records(one.batch.records)}, {one.events:,} published"
    reasons = ", ".join(f"{reason} ({count:,})" for reason, count in one.failed.items())
    return f"left {said}; not published: {reasons}" if reasons else f"sent {said}"


def _count(batches: Sequence[FailedBatch]) -> str:
    return f"{len(batches):,} batch{'es' * (len(batches) != 1)}"


def _records(count: int) -> str:
    return f"{count:,} record{'s' * (count != 1)}"


def _either(ids: Sequence[str], every: bool) -> None:
    if bool(ids) is every:
        raise Failure(f"Give either ids or --all; {_SHOWN}.", USAGE)
