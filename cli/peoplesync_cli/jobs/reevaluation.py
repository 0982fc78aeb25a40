"""Commands for re-evaluations, which evaluate everybody again after segments or fields changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from peoplesync_cli.failure import Failure
from peoplesync_cli.jobs.runs import new_name, start_run, watch_run
from peoplesync_cli.options import connection_option, json_option, on_stack
from peoplesync_cli.output import print_json, print_lines, stdout, table
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
    _end(begin_and_watch(target, connection, detach=detach), as_json)


@reevaluate.command(name="watch")
@click.argument("run", required=False)
@connection_option
@json_option
@on_stack
def watch_to_the_end(target: Target, run: str | None, connection: str, as_json: bool) -> None:
    """Watch a re-evaluation to its end; without RUN the latest."""
    if run is None:
        latest = target.reevaluations_of(connection).latest()
        if latest is None:
            raise Failure(NONE_YET)
        run = str(latest["id"])
    _end(watch(target, connection, run), as_json)


@reevaluate.command(name="list")
@connection_option
@json_option
@on_stack
def list_reevaluations(target: Target, connection: str, as_json: bool) -> None:
    """List the re-evaluations, the latest first."""
    every = target.reevaluations_of(connection).all()
    if as_json:
        print_lines(every)
        return
    if not every:
        stdout.print(NONE_YET)
        return
    columns = ("re-evaluation", "status", "people", "evaluated", "failed", "started (UTC)", "")
    rows = [
        (
            one["id"],
            one["status"],
            *(f"{one[name]:,}" for name in ("people", "evaluated", "failed")),
            one["started_at"].replace("T", " ").removesuffix("Z"),
            one["reason"],
        )
        for one in every
    ]
    stdout.print(table(None, columns, rows, right=(2, 3, 4)))


def begin_and_watch(target: Target, connection: str, *, detach: bool) -> dict[str, Any]:
    """Begins a re-evaluation and, without `detach`, watches it to its end; the run as `peoplesync reevaluate
    list` shows it, with `id`, `status` (running, succeeded, superseded or failed), `people`, `evaluated`,
    `failed` and `reason`. Fails where it does not begin."""
    run_id = begin(target, connection)
    if not detach:
        return watch(target, connection, run_id)
    shown = target.reevaluations_of(connection).one(run_id)
    if shown is None:
        raise Failure(_unknown(run_id))
    return shown


def begin(target: Target, connection: str) -> str:
    """Has everybody evaluated with the segments and fields as they are; the id of the run: one that is
    running already, one that stopped and is resumed, or a new one. Fails, with the reason, where none
    begins."""
    found = target.connection(connection)
    latest = target.reevaluations_of(connection).current()
    given, name = {"connection": connection}, new_name("reevaluate")
    run_id = name
    if latest is not None and latest["version"] == found.definitions_version:
        if latest["status"] == "running":
            return str(latest["id"])
        # A resumed run would count its dead letters as failed for ever, so a new one is begun.
        if latest["status"] == "failed" and not latest["failed"]:
            run_id = given["resume"] = str(latest["id"])

    def has_begun(execution: str) -> bool:
        run = target.reevaluations.get(found.epoch, run_id)
        return run is not None and run.execution == execution

    start_run(target.reevaluating, given, name, has_begun, "re-evaluation")
    return run_id


def watch(target: Target, connection: str, run_id: str) -> dict[str, Any]:
    """Shows a re-evaluation's progress until it has ended; the run then."""
    every = target.reevaluations_of(connection)
    return watch_run(lambda: every.one(run_id), _phase, _unknown(run_id))


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


def _unknown(run_id: str) -> str:
    return f"There is no re-evaluation {run_id}; `peoplesync reevaluate list` shows them."


def _end(shown: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(shown)
    else:
        stdout.print(summary(shown))
    if shown["status"] == "failed":
        raise SystemExit(1)
