"""Commands for queries: who of everybody matches a rule, exactly. Their answers are kept for a day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TextIO

import click

from peoplesync.domain.segments.conditions import InvalidRule
from peoplesync.use_cases.jobs.job import Unacceptable
from peoplesync.use_cases.queries.browse import NotFound
from peoplesync.use_cases.tasks.overview import TaskOverview
from peoplesync_cli.defining.rule_files import read
from peoplesync_cli.failure import USAGE, Failure, sentence
from peoplesync_cli.jobs.runs import latest_run, print_run, print_runs, watch_run
from peoplesync_cli.options import connection_option, json_option, on_stack
from peoplesync_cli.output import print_json, stdout
from peoplesync_cli.target import Target

NONE_YET = "No query within a day: `peoplesync queries start RULE-FILE` starts one."
IDS_AT_ONCE: Final = 1_000


@click.group()
def queries() -> None:
    """Ask who of everybody matches a rule, exactly."""


@queries.command()
@click.argument("file", type=click.File(encoding="utf-8"), metavar="RULE-FILE")
@click.option("--segment", metavar="SEGMENT", help="Ask only its members.")
@click.option("--sort", metavar="[-]FIELD", help="Sort by a field; after a - the largest first.")
@click.option("--id", "run_id", default="", metavar="ID", help="Name it; with the same id it starts once.")
@click.option("--detach", is_flag=True, help="Do not wait for its end.")
@connection_option
@json_option
@on_stack
def start(
    target: Target,
    file: TextIO,
    segment: str | None,
    sort: str | None,
    run_id: str,
    detach: bool,
    connection: str,
    as_json: bool,
) -> None:
    """Start a query with the rule in a file, or - for standard input, and watch it."""
    target.connection(connection)
    with _in_a_sentence():
        given = {"rule": read(file), "segment": segment, "sort": sort}
        shown = target.tasks("query").start(connection, given, run_id)
    if not detach:
        shown = watch_run(target.runs_of("query", connection), shown["id"], _phase)
    print_run(shown, as_json, _summary)


@queries.command(name="list")
@connection_option
@json_option
@on_stack
def list_queries(target: Target, connection: str, as_json: bool) -> None:
    """List the queries of the last day, the latest first."""
    overview = target.runs_of("query", connection)
    print_runs(overview, as_json, NONE_YET, ("looked_at", "found"), lambda one: one["reason"])


@queries.command()
@click.argument("run", required=False)
@connection_option
@json_option
@on_stack
def show(target: Target, run: str | None, connection: str, as_json: bool) -> None:
    """Print the ids of the people that a query has found, one a line; without RUN the latest's.

    With --json the query, with its ids.
    """
    overview = target.runs_of("query", connection)
    run = run or latest_run(overview, NONE_YET)
    with _in_a_sentence():
        shown, ids = overview.one(run), _ids(overview, run)
        if as_json:
            print_json({**(shown or {}), "ids": list(ids)})
            return
        for one in ids:
            click.echo(one)


@queries.command()
@click.argument("run")
@connection_option
@json_option
@on_stack
def stop(target: Target, run: str, connection: str, as_json: bool) -> None:
    """Stop a query; what it has found is kept."""
    with _in_a_sentence():
        shown = target.tasks("query").stop(target.connection(connection).epoch, run)
    print_json(shown) if as_json else stdout.print(_summary(shown))


@queries.command()
@click.argument("run")
@click.option("--detach", is_flag=True, help="Do not wait for its end.")
@connection_option
@json_option
@on_stack
def resume(target: Target, run: str, detach: bool, connection: str, as_json: bool) -> None:
    """Go on with a query that failed or was stopped, where it was."""
    with _in_a_sentence():
        shown = target.tasks("query").resume(target.connection(connection).epoch, run)
    if not detach:
        shown = watch_run(target.runs_of("query", connection), run, _phase)
    print_run(shown, as_json, _summary)


def _ids(overview: TaskOverview, run: str) -> Iterator[str]:
    """What a query has found so far."""
    after: str | None = None
    while True:
        page = overview.page(run, after, IDS_AT_ONCE)
        yield from page["ids"]
        after = page["next"]
        if after is None or not page["ids"]:
            return


def _phase(shown: Mapping[str, Any]) -> tuple[str, int | None, int]:
    return f"{shown['found']:,} found", shown["of"], shown["looked_at"]


def _summary(shown: Mapping[str, Any]) -> str:
    """A query in a sentence."""
    name, found = shown["id"], f"{shown['found']:,} of {shown['looked_at']:,} people"
    match shown["status"]:
        case "running":
            return f"Query {name} is running; `peoplesync queries list` shows how far it is."
        case "succeeded":
            return f"{found} match; `peoplesync queries show {name}` prints their ids."
        case "stopped":
            return f"Stopped when {found} matched; `peoplesync queries resume {name}` goes on."
    again = f"Go on with `peoplesync queries resume {name}`."
    return f"The query failed: {shown['reason']}. {found} matched until then. {again}"


@contextmanager
def _in_a_sentence() -> Iterator[None]:
    try:
        yield
    except (InvalidRule, Unacceptable) as error:
        raise Failure(sentence(error), USAGE) from error
    except NotFound as error:
        raise Failure(sentence(error)) from error
