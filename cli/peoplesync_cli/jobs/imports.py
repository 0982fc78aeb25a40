"""Commands for imports of existing customers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from peoplesync.use_cases.health.checks import waiting_text
from peoplesync_cli.failure import Failure
from peoplesync_cli.jobs.runs import new_name, start_run, watch_run
from peoplesync_cli.options import connection_option, json_option, on_stack
from peoplesync_cli.output import print_json, print_lines, stdout, table
from peoplesync_cli.target import Target


@click.group(name="import")
def imports() -> None:
    """Import the customers that Stripe has already.

    The same can be started in the Step Functions console, with the input {"connection": "main"}.
    """


@imports.command()
@click.option("--created-after", metavar="DATE", help="Only what was created after this, such as 2026-01-31.")
@click.option(
    "--share",
    type=click.IntRange(1, 100),
    metavar="PERCENT",
    help="How much of Stripe's rate limit to take; the stack's parameter ImportShare without it.",
)
@click.option(
    "--event-days",
    type=click.IntRange(0, 30),
    default=30,
    show_default=True,
    metavar="DAYS",
    help="How far back to replay events, which fill feeds.",
)
@click.option("--publish", is_flag=True, help="Publish what it brings on the bus, with the cause `import`.")
@click.option("--detach", is_flag=True, help="Do not wait for its end.")
@connection_option
@json_option
@on_stack
def start(
    target: Target,
    created_after: str | None,
    share: int | None,
    event_days: int,
    publish: bool,
    detach: bool,
    connection: str,
    as_json: bool,
) -> None:
    """Start an import and watch it."""
    target.connection(connection)
    given: dict[str, Any] = {"connection": connection, "event_days": event_days}
    if created_after is not None:
        given["created_after"] = created_after
    if share is not None:
        given["share"] = share
    if publish:
        given["publish"] = True
    run_id = begin(target, given)
    if detach:
        _report({"id": run_id, "status": "running"}, as_json)
        return
    _end(watch_import(target, connection, run_id), as_json)


@imports.command()
@click.argument("run", required=False)
@connection_option
@json_option
@on_stack
def watch(target: Target, run: str | None, connection: str, as_json: bool) -> None:
    """Watch an import to its end; without RUN the latest."""
    _end(watch_import(target, connection, _named(target, connection, run)), as_json)


@imports.command()
@click.argument("run", required=False)
@click.option("--detach", is_flag=True, help="Do not wait for its end.")
@connection_option
@json_option
@on_stack
def resume(target: Target, run: str | None, detach: bool, connection: str, as_json: bool) -> None:
    """Resume an import that failed or was stopped; without RUN the latest."""
    run_id = _named(target, connection, run)
    begin(target, {"connection": connection, "resume": run_id}, run_id)
    if detach:
        _report({"id": run_id, "status": "running"}, as_json)
        return
    _end(watch_import(target, connection, run_id), as_json)


@imports.command(name="list")
@connection_option
@json_option
@on_stack
def list_imports(target: Target, connection: str, as_json: bool) -> None:
    """List the imports, the latest first."""
    every = target.imports_of(connection).all()
    if as_json:
        print_lines(every)
        return
    if not every:
        stdout.print("No import yet: `peoplesync import start` imports the existing customers.")
        return
    columns = ("import", "status", "listed", "enqueued", "applied", "failed", "started (UTC)", "")
    rows = [
        (
            one["id"],
            one["status"],
            *(f"{one[name]:,}" for name in ("listed", "enqueued", "applied", "failed")),
            one["started_at"].replace("T", " ").removesuffix("Z"),
            one["reason"] or waiting_text(one),
        )
        for one in every
    ]
    stdout.print(table(None, columns, rows, right=(2, 3, 4, 5)))


def start_import(target: Target, connection: str, **options: Any) -> dict[str, Any]:
    """Starts an import and watches it to its end; the import as `peoplesync import list` shows it."""
    return watch_import(target, connection, begin(target, {"connection": connection, **options}))


def begin(target: Target, given: Mapping[str, Any], run_id: str = "") -> str:
    """Starts an execution and waits until it has begun; the run's id. Fails, with the reason, where it does
    not."""
    name = new_name("import")
    run_id = run_id or name
    epoch = target.connection(str(given["connection"])).epoch

    def has_begun(execution: str) -> bool:
        run = target.imports.get(epoch, run_id)
        return run is not None and run.execution == execution

    start_run(target.executions, given, name, has_begun, "import")
    return run_id


def watch_import(target: Target, connection: str, run_id: str) -> dict[str, Any]:
    """Shows an import's progress until it has ended; the import then."""
    every = target.imports_of(connection)
    missing = f"There is no import {run_id}; `peoplesync import list` shows them."
    return watch_run(lambda: every.one(run_id), _phase, missing)


def summary(shown: Mapping[str, Any]) -> str:
    """An import's end in a sentence."""
    lists = shown["lists"]
    what = f"{_counted(lists, 'customer')} and {_counted(lists, 'subscription')}"
    if shown["status"] == "succeeded":
        return f"Imported {what}: all {shown['applied']:,} objects that Stripe listed are applied."
    # What could not be applied is a dead letter, and stays one however often the rest is done again.
    again = "peoplesync dead list" if shown["failed"] else f"peoplesync import resume {shown['id']}"
    return (
        f"The import failed: {shown['reason']}. {what} were listed, {shown['applied']:,} objects applied. "
        f"Go on with `{again}`."
    )


def _counted(lists: Mapping[str, int], name: str) -> str:
    count = lists.get(f"{name}s", 0)
    return f"{count:,} {name}{'s' * (count != 1)}"


def _phase(shown: Mapping[str, Any]) -> tuple[str, int | None, int]:
    lists = shown["lists"]
    listed = (
        f"{lists.get('customers', 0):,} customers, {lists.get('subscriptions', 0):,} subscriptions listed"
    )
    if waits := waiting_text(shown):
        listed = f"{listed}; {waits}"
    return listed, shown["enqueued"] or None, shown["applied"] + shown["failed"]


def _named(target: Target, connection: str, run: str | None) -> str:
    if run is not None:
        return run
    latest = target.imports_of(connection).latest()
    if latest is None:
        raise Failure("No import yet: `peoplesync import start` imports the existing customers.")
    return str(latest["id"])


def _end(shown: dict[str, Any], as_json: bool) -> None:
    _report(shown, as_json)
    if shown["status"] == "failed":
        raise SystemExit(1)


def _report(shown: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(shown)
    elif shown["status"] == "running":
        stdout.print(f"Import {shown['id']} is running; `peoplesync import watch` shows its progress.")
    else:
        stdout.print(summary(shown))
