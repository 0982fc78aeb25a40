"""Runs of a state machine, imports and re-evaluations: started, and watched to their end."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from peoplesync.adapters import clock
from peoplesync.adapters.aws.executions import Executions
from peoplesync_cli.failure import Failure
from peoplesync_cli.output import stderr

_SHORTEST_LOOK, _SHARE_OF_TIME = 0.5, 5
"""A look at a long run takes time: the wait between two is so many times as long."""

_STARTS_WITHIN = 60.0


def new_name(what: str) -> str:
    """A name for a new execution, and its run."""
    moment = datetime.fromtimestamp(clock.now(), UTC).strftime("%Y%m%d-%H%M%S")
    return f"{what}-{moment}-{secrets.token_hex(2)}"


def start_run(
    executions: Executions,
    given: Mapping[str, Any],
    name: str,
    has_begun: Callable[[str], bool],
    what: str,
) -> None:
    """Starts an execution and waits until its run has begun, which `has_begun` says of the execution's ARN.
    Fails, with the reason, where it does not."""
    try:
        execution = executions.start(given, name)
    except ClientError as error:
        raise Failure(f"The {what} could not be started: {error.response['Error']['Message']}") from error
    gives_up_at = time.monotonic() + _STARTS_WITHIN
    while time.monotonic() < gives_up_at:
        is_running = executions.is_running(execution)
        if has_begun(execution):
            return
        if not is_running:
            raise Failure(f"The {what} was not started: {executions.cause(execution)}")
        time.sleep(0.1)
    raise Failure(f"The {what} has not begun within {_STARTS_WITHIN:.0f} s.")


def watch_run(
    look: Callable[[], dict[str, Any] | None],
    phase: Callable[[Mapping[str, Any]], tuple[str, int | None, int]],
    missing: str,
) -> dict[str, Any]:
    """Shows a run's progress until it has ended; the run then. `phase` says what a run does, and how much
    of how much (None: not known yet) is done; `missing` is the error where there is no such run."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=stderr,
        transient=True,
    ) as progress:
        task = progress.add_task("starting", total=None)
        while True:
            began = time.monotonic()
            shown = look()
            if shown is None:
                raise Failure(missing)
            description, total, completed = phase(shown)
            progress.update(task, description=description, total=total, completed=completed)
            if shown["status"] != "running":
                return shown
            time.sleep(max(_SHORTEST_LOOK, _SHARE_OF_TIME * (time.monotonic() - began)))
