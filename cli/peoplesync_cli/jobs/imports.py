"""Commands for imports of existing customers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from peoplesync.use_cases.health.checks import waiting_text
from peoplesync_cli.jobs.runs import latest_run, print_run, print_runs, start_run, watch_run
from peoplesync_cli.options import connection_option, json_option, on_stack
from peoplesync_cli.target import Target

NONE_YET = "No import yet: `peoplesync import start` imports the existing customers."


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
    _begin(target, given, detach, as_json)


@imports.command()
@click.argument("run", required=False)
@connection_option
@json_option
@on_stack
def watch(target: Target, run: str | None, connection: str, as_json: bool) -> None:
    """Watch an import to its end; without RUN the latest."""
    run = run or latest_run(target.imports_of(connection), NONE_YET)
    print_run(watch_import(target, connection, run), as_json, summary)


@imports.command()
@click.argument("run", required=False)
@click.option("--detach", is_flag=True, help="Do not wait for its end.")
@connection_option
@json_option
@on_stack
def resume(target: Target, run: str | None, detach: bool, connection: str, as_json: bool) -> None:
    """Go on with an import that failed or was stopped, where it was; without RUN the latest."""
    run = run or latest_run(target.imports_of(connection), NONE_YET)
    _begin(target, {"connection": connection, "resume": run}, detach, as_json)


@imports.command(name="list")
@connection_option
@json_option
@on_stack
def list_imports(target: Target, connection: str, as_json: bool) -> None:
    """List the imports, the latest first."""
    counts = ("listed", "enqueued", "applied", "failed")
    overview = target.imports_of(connection)
    print_runs(overview, as_json, NONE_YET, counts, lambda one: one["reason"] or waiting_text(one))


def start_import(target: Target, connection: str, **options: Any) -> dict[str, Any]:
    """Starts an import and watches it to its end; the import as `peoplesync import list` shows it."""
    run_id = start_run(target, target.imports_of(connection), {"connection": connection, **options})
    return watch_import(target, connection, run_id)


def watch_import(target: Target, connection: str, run_id: str) -> dict[str, Any]:
    """Shows an import's progress until it has ended; the import then."""
    return watch_run(target.imports_of(connection), run_id, _phase)


def summary(shown: Mapping[str, Any]) -> str:
    """An import in a sentence."""
    if shown["status"] == "running":
        return f"Import {shown['id']} is running; `peoplesync import watch` shows its progress."
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


def _begin(target: Target, given: Mapping[str, Any], detach: bool, as_json: bool) -> None:
    """Starts an import, and watches it unless it is to be left alone."""
    run_id = start_run(target, target.imports_of(str(given["connection"])), given)
    shown = {"id": run_id, "status": "running"}
    if not detach:
        shown = watch_import(target, str(given["connection"]), run_id)
    print_run(shown, as_json, summary)
