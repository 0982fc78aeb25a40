"""Commands for re-evaluations, which evaluate everybody again after segments or fields changed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import click

from peoplesync.use_cases.reevaluating.begin import begin as begin_run
from peoplesync_cli.jobs.runs import latest_run, print_run, print_runs, run_of, start_run, watch_run
from peoplesync_cli.options import connection_option, json_option, on_stack
from peoplesync_cli.target import Target

NONE_YET = "No re-evaluation yet: `peoplesync reevaluate start` begins one."


@click.group()
def reevaluate() -> None:
    """Evaluate everybody again, with the segments and fields as they are now.

    The commands that change segments and fields start it by themselves. It can also be started in the Step
    Functions console, with the input {"connection": "main"}.
    """


@reevaluate.command()
@click.option("--detach", is_flag=True, help="Do not wait for its end.")
@connection_option
@json_option
@on_stack
def start(target: Target, detach: bool, connection: str, as_json: bool) -> None:
    """Start a re-evaluation, or go on with one that failed or was stopped, and watch it."""
    target.connection(connection)
    print_run(begin_and_watch(target, connection, detach=detach), as_json, summary)


@reevaluate.command(name="watch")
@click.argument("run", required=False)
@connection_option
@json_option
@on_stack
def watch_to_the_end(target: Target, run: str | None, connection: str, as_json: bool) -> None:
    """Watch a re-evaluation to its end; without RUN the latest."""
    run = run or latest_run(target.reevaluations_of(connection), NONE_YET)
    print_run(watch(target, connection, run), as_json, summary)


@reevaluate.command(name="list")
@connection_option
@json_option
@on_stack
def list_reevaluations(target: Target, connection: str, as_json: bool) -> None:
    """List the re-evaluations, the latest first."""
    counts = ("people", "evaluated", "failed")
    print_runs(target.reevaluations_of(connection), as_json, NONE_YET, counts, lambda one: one["reason"])


def begin_and_watch(target: Target, connection: str, *, detach: bool) -> dict[str, Any]:
    """Begins a re-evaluation and, without `detach`, watches it to its end; the run as `peoplesync reevaluate
    list` shows it, with `id`, `status` (running, succeeded, superseded or failed), `people`, `evaluated`,
    `failed` and `reason`. Fails where it does not begin."""
    run_id = begin(target, connection)
    if not detach:
        return watch(target, connection, run_id)
    return run_of(target.reevaluations_of(connection), run_id)


def begin(target: Target, connection: str) -> str:
    """Has everybody evaluated with the segments and fields as they are; the id of the run: one that is
    running already, one that stopped and is resumed, or a new one. Fails, with the reason, where none
    begins."""
    overview = target.reevaluations_of(connection)
    return begin_run(target.connection(connection), overview, partial(start_run, target, overview))


def watch(target: Target, connection: str, run_id: str) -> dict[str, Any]:
    """Shows a re-evaluation's progress until it has ended; the run then."""
    return watch_run(target.reevaluations_of(connection), run_id, _phase)


def summary(shown: Mapping[str, Any]) -> str:
    """A re-evaluation in a sentence."""
    match shown["status"]:
        case "running":
            return (
                f"Re-evaluation {shown['id']} is running; `peoplesync reevaluate watch` shows its progress."
            )
        case "succeeded":
            people = "1 person is" if shown["people"] == 1 else f"{shown['people']:,} people are"
            return f"{people} evaluated with the newest segments and fields."
        case "superseded":
            return "Segments or fields have changed again since; another re-evaluation applies them."
    # What could not be applied is a dead letter, and resuming does not change that.
    again = "peoplesync dead list" if shown["failed"] else "peoplesync reevaluate start"
    return (
        f"The re-evaluation failed: {shown['reason']}. {shown['evaluated']:,} of {shown['people']:,} people "
        f"were evaluated. Go on with `{again}`."
    )


def _phase(shown: Mapping[str, Any]) -> tuple[str, int | None, int]:
    return "re-evaluating people", shown["people"] or None, shown["evaluated"] + shown["failed"]
