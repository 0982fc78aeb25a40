"""Runs of a state machine, imports and re-evaluations: started, and watched to their end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from peoplesync.adapters import clock
from peoplesync.adapters.ids import run_id_of
from peoplesync.use_cases.jobs.overview import Overview
from peoplesync.use_cases.jobs.starting import NotStarted
from peoplesync_cli.failure import Failure, sentence
from peoplesync_cli.output import print_json, print_lines, stderr, stdout, table
from peoplesync_cli.target import Target

_SHORTEST_LOOK, _SHARE_OF_TIME = 0.5, 5
"""A look at a long run takes time: the wait between two is so many times as long."""

_STARTS_WITHIN = 60.0


def start_run(target: Target, overview: Overview[Any], given: Mapping[str, Any]) -> str:
    """Starts an execution and waits until its run has begun, a new one or that which it is to resume; the
    run's id. Fails, with the reason, where it does not."""
    try:
        return target.starter(overview, _STARTS_WITHIN).start(
            given, run_id_of(overview.job.command, clock.now())
        )
    except NotStarted as error:
        raise Failure(sentence(error)) from error


def watch_run(
    overview: Overview[Any],
    run_id: str,
    phase: Callable[[Mapping[str, Any]], tuple[str, int | None, int]],
) -> dict[str, Any]:
    """Shows a run's progress until it has ended; the run then. `phase` says what a run does, and how much of
    how much (None: not known yet) is done."""
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
            shown = run_of(overview, run_id)
            description, total, completed = phase(shown)
            progress.update(task, description=description, total=total, completed=completed)
            if shown["status"] != "running":
                return shown
            time.sleep(max(_SHORTEST_LOOK, _SHARE_OF_TIME * (time.monotonic() - began)))


def run_of(overview: Overview[Any], run_id: str) -> dict[str, Any]:
    """The run as it is shown; fails where there is none."""
    shown = overview.one(run_id)
    if shown is None:
        job = overview.job
        raise Failure(f"There is no {job.what} {run_id}; `peoplesync {job.command} list` shows them.")
    return shown


def latest_run(overview: Overview[Any], none_yet: str) -> str:
    """The id of the latest run; fails, saying that there is `none_yet`."""
    latest = overview.latest()
    if latest is None:
        raise Failure(none_yet)
    return str(latest["id"])


def print_runs(
    overview: Overview[Any],
    as_json: bool,
    none_yet: str,
    counts: Sequence[str],
    remark: Callable[[Mapping[str, Any]], str],
) -> None:
    """The runs, the latest first, each with its `counts` and a `remark`."""
    every = overview.all()
    if as_json:
        print_lines(every)
    elif not every:
        stdout.print(none_yet)
    else:
        columns = (overview.job.what, "status", *counts, "started (UTC)", "")
        rows = [
            (
                one["id"],
                one["status"],
                *(f"{one[name]:,}" for name in counts),
                one["started_at"].replace("T", " ").removesuffix("Z"),
                remark(one),
            )
            for one in every
        ]
        stdout.print(table(None, columns, rows, right=range(2, 2 + len(counts))))


def print_run(shown: dict[str, Any], as_json: bool, summary: Callable[[Mapping[str, Any]], str]) -> None:
    """A run; one that failed ends the command."""
    if as_json:
        print_json(shown)
    else:
        stdout.print(summary(shown))
    if shown["status"] == "failed":
        raise SystemExit(1)
