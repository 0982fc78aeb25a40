"""Publishing on the bus: paused and resumed; and what could not be published."""

from __future__ import annotations

from typing import Any

import click

from peoplesync.adapters import clock
from peoplesync.use_cases.health.checks import duration
from peoplesync.use_cases.public_json import iso
from peoplesync.use_cases.publishing.publish import KEPT_BY_STREAMS, PUBLISHED_WITHIN
from peoplesync_cli.operating.pause import reachable, settle
from peoplesync_cli.operating.republish import again, drop, failed
from peoplesync_cli.options import json_option, on_stack
from peoplesync_cli.output import print_json, stdout
from peoplesync_cli.target import Target

_WITHIN, _KEPT = duration(PUBLISHED_WITHIN), duration(KEPT_BY_STREAMS)
_WHAT = "The mappings of the streams"


@click.group()
def publish() -> None:
    """Pause and resume publishing on the bus; and publish what failed."""


for command in (failed, again, drop):
    publish.add_command(command)
# Its name until version 0.2.
publish.add_command(
    click.Command("retell", help=again.help, params=again.params, callback=again.callback, hidden=True)
)


@publish.command()
@json_option
@on_stack
def pause(target: Target, as_json: bool) -> None:
    """Publish nothing until `peoplesync publish resume`; people and segments go on.

    Only a short pause is free. When it goes on, what happened in the last 6 hours is published. What is older
    goes to the bucket of what could not be published, for `peoplesync publish again`; what is older than 24
    hours is forgotten.
    """
    with reachable(_WHAT):
        already = not any(state.enabled for state in target.publisher_mappings.states())
        settle(target.publisher_mappings, enabled=False, again="peoplesync publish pause")
        since = target.publisher_mappings.paused_since()
    if as_json:
        print_json(_described(target, since))
        return
    begun = (
        f"Publishing has been paused since {iso(since)}." if already and since else "Publishing is paused."
    )
    stdout.print(
        f"{begun} People and segments go on. What happens is published later if younger than {_WITHIN} at "
        f"the resume; what is older goes to the bucket PublishFailures, and after {_KEPT} the streams "
        "forget it. `peoplesync publish resume` goes on."
    )


@publish.command()
@json_option
@on_stack
def resume(target: Target, as_json: bool) -> None:
    """Publish again, first what happened meanwhile; of that, not what is older than 6 hours."""
    with reachable(_WHAT):
        since = target.publisher_mappings.paused_since()
        settle(target.publisher_mappings, enabled=True, again="peoplesync publish resume")
    if as_json:
        print_json(_described(target, None))
        return
    if since is None:
        stdout.print("Publishing was not paused.")
    elif clock.now() - since < PUBLISHED_WITHIN:
        stdout.print(f"Changes are published again, first what happened since {iso(since)}.")
    else:
        stdout.print(
            f"Changes are published again. It was paused since {iso(since)}: what is older than {_WITHIN} is "
            "no longer published by itself; in some minutes `peoplesync publish failed` shows it, and "
            "`publish again` publishes it. `docs/runbooks/publish-paused.md` says more."
        )


def _described(target: Target, since: int | None) -> dict[str, Any]:
    return {
        "paused": since is not None,
        "since": None if since is None else iso(since),
        "told_within_seconds": PUBLISHED_WITHIN,
        "kept_seconds": KEPT_BY_STREAMS,
        "streams": {
            state.name: "enabled" if state.enabled else "disabled"
            for state in target.publisher_mappings.states()
        },
    }
