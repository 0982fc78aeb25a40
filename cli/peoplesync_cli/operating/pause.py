"""Pause and resume: the worker takes nothing from the queues for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import click
from botocore.exceptions import BotoCoreError, ClientError

from peoplesync.adapters.aws.event_source_mappings import Mappings
from peoplesync.use_cases.messages.pausing import KEPT_DAYS, pause_json
from peoplesync.use_cases.public_json import iso
from peoplesync_cli.failure import Failure
from peoplesync_cli.options import json_option, on_stack
from peoplesync_cli.output import print_json, stdout
from peoplesync_cli.target import Target
from peoplesync_cli.waiting import wait_until

PATIENCE: Final = 300.0
"""Seconds for Lambda to enable or disable a mapping: usually less than one minute."""

_LOOK: Final = 1.0


@click.command()
@json_option
@on_stack
def pause(target: Target, as_json: bool) -> None:
    """Apply no changes until `peoplesync resume`; they wait on the queues.

    Webhooks are accepted meanwhile. The queues keep a change for 14 days: within them nothing is lost.
    """
    with reachable("The worker's mappings"):
        already = not any(state.enabled for state in target.worker_mappings.states())
        settle(target.worker_mappings, enabled=False, again="peoplesync pause")
        waiting, since = target.depths.waiting(), target.worker_mappings.paused_since()
    if as_json:
        print_json(_described(target, waiting, since))
        return
    begun = (
        f"The worker has been paused since {iso(since)}." if already and since else "The worker is paused."
    )
    stdout.print(
        f"{begun} {_changes(waiting)} on the queues. Webhooks are accepted, and nothing is lost for "
        f"{KEPT_DAYS} days; `peoplesync resume` has them applied."
    )


@click.command()
@json_option
@on_stack
def resume(target: Target, as_json: bool) -> None:
    """Apply changes again, first those that waited."""
    with reachable("The worker's mappings"):
        already = target.worker_mappings.paused_since() is None
        settle(target.worker_mappings, enabled=True, again="peoplesync resume")
        waiting = target.depths.waiting()
    if as_json:
        print_json(_described(target, waiting, None))
        return
    begun = "The worker was not paused." if already else "The worker takes changes again."
    stdout.print(f"{begun} {_changes(waiting)} on the queues; `peoplesync status` shows how they fare.")


def settle(mappings: Mappings, *, enabled: bool, again: str) -> None:
    """Enables or disables the mappings and waits until each of them is; fails where Lambda takes too long,
    which goes on by itself, and says that the command `again` waits for it."""

    def is_settled() -> bool:
        # Asked for again each time: what was in the middle of another change did not take it.
        mappings.set_enabled(enabled)
        return all(state.settled and state.enabled is enabled for state in mappings.states())

    late = f"Lambda is still at it after {PATIENCE:.0f} s: run `{again}` again to see it end."
    wait_until(is_settled, PATIENCE, _LOOK, lambda: late)


@contextmanager
def reachable(what: str) -> Iterator[None]:
    """Ends the command where AWS does not answer."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise Failure(f"{what} cannot be reached: {error}") from error


def _described(target: Target, waiting: int, since: int | None) -> dict[str, Any]:
    enabled = {state.name: state.enabled for state in target.worker_mappings.states()}
    return pause_json(enabled, waiting, since)


def _changes(waiting: int) -> str:
    return f"{waiting:,} change{' waits' if waiting == 1 else 's wait'}" if waiting else "No change waits"
