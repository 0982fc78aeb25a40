"""Long work: imports, re-evaluations, queries, verifications, reconciliations.

It is started, watched, stopped and gone on with.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

from aws_lambda_powertools.event_handler.openapi.params import Body
from pydantic import Field as Described

from peoplesync.adapters import clock
from peoplesync.adapters.ids import run_id_of
from peoplesync.use_cases.defining.changes import DefinitionChange
from peoplesync.use_cases.jobs.overview import Overview
from peoplesync.use_cases.jobs.starting import NotStarted
from peoplesync.use_cases.queries.browse import NotFound
from peoplesync.use_cases.reevaluating.begin import begin
from peoplesync.use_cases.tasks.runs import COLLECTIONS, Kind
from peoplesync_api.callers import Role
from peoplesync_api.parameters import Closed, Connection, CursorQuery, Limit, Rule, RunId, RunPath
from peoplesync_api.problems import Problem
from peoplesync_api.requests import decode_cursor, encode_cursor
from peoplesync_api.resolver import CONNECTION, Api
from peoplesync_api.stack import active, browser, connection_of, wiring

if TYPE_CHECKING:
    from peoplesync.use_cases.tasks.asking import Tasks

GivenId = Annotated[
    RunId | None, Described(description="An id of your own, so that sending twice is harmless")
]

_WELL = ("running", "succeeded")

BEGINS_WITHIN = 15.0
"""Seconds: API Gateway waits for 30."""


class NewImport(Closed):
    """What is imported; by default everything, and 30 days of events."""

    id: GivenId = None
    created_after: Annotated[str | None, Described(description="A date, such as 2026-01-31")] = None
    share: Annotated[int | None, Described(ge=1, le=100, description="Percent of Stripe's rate limit")] = None
    event_days: Annotated[int, Described(ge=0, le=30)] = 30
    publish: bool = False


class NewQuery(Closed):
    """Whom to find, exactly."""

    id: GivenId = None
    rule: Rule
    segment: Annotated[str | None, Described(description="Only this segment's members")] = None
    sort: Annotated[str | None, Described(description="A field; after a - the largest first")] = None


class NewVerification(Closed):
    """What is compared with Stripe: everybody, or so many by lot."""

    id: GivenId = None
    sample: Annotated[int | None, Described(ge=1, description="Only so many customers, and the newest")] = (
        None
    )
    repair: Annotated[bool, Described(description="Have what drifted applied again")] = False


class NewReconciliation(Closed):
    """From when on Stripe's events are read again."""

    id: GivenId = None
    since: Annotated[
        str | None,
        Described(description="An instant, such as 2026-01-31T00:00:00Z; without it the checkpoint"),
    ] = None


def register(api: Api) -> None:
    """The routes."""
    imports, reevaluations = f"{CONNECTION}/imports", f"{CONNECTION}/reevaluations"

    @api.declare("GET", imports, Role.VIEWER, "Imports")
    def list_imports(connection: Connection) -> Any:
        """List the imports, the latest first."""
        return {"items": _imports(connection).all()}

    @api.declare("POST", imports, Role.ADMIN, "Import", status=HTTPStatus.ACCEPTED)
    def start_import(connection: Connection, body: Annotated[NewImport, Body()]) -> Any:
        """Start an import of the customers that Stripe has already."""
        given = {"connection": active(connection).name, **body.model_dump(exclude_none=True, exclude={"id"})}
        return begin_import(connection, given, body.id)

    @api.declare("GET", f"{imports}/<run>", Role.VIEWER, "Import")
    def get_import(connection: Connection, run: RunPath) -> Any:
        """Watch an import."""
        return _one(_imports(connection), run)

    @api.declare("POST", f"{imports}/<run>/stop", Role.ADMIN, "Import")
    def stop_import(connection: Connection, run: RunPath) -> Any:
        """Stop an import; it can be gone on with."""
        return _stopped(api, _imports(connection), run)

    @api.declare("POST", f"{imports}/<run>/resume", Role.ADMIN, "Import", status=HTTPStatus.ACCEPTED)
    def resume_import(connection: Connection, run: RunPath) -> Any:
        """Go on with an import that failed or was stopped, where it was."""
        return _resumed(_imports(connection), active(connection).name, run)

    @api.declare("GET", reevaluations, Role.VIEWER, "Reevaluations")
    def list_reevaluations(connection: Connection) -> Any:
        """List the re-evaluations, the latest first."""
        return {"items": _reevaluations(connection).all()}

    @api.declare("POST", reevaluations, Role.ADMIN, "Reevaluation", status=HTTPStatus.ACCEPTED)
    def start_reevaluation(connection: Connection) -> Any:
        """Evaluate everybody again, or go on with a run that failed or was stopped.

        What changes segments and fields starts it by itself."""
        return _begun(connection)

    @api.declare("GET", f"{reevaluations}/<run>", Role.VIEWER, "Reevaluation")
    def get_reevaluation(connection: Connection, run: RunPath) -> Any:
        """Watch a re-evaluation."""
        return _one(_reevaluations(connection), run)

    @api.declare("POST", f"{reevaluations}/<run>/stop", Role.ADMIN, "Reevaluation")
    def stop_reevaluation(connection: Connection, run: RunPath) -> Any:
        """Stop a re-evaluation; it can be gone on with."""
        return _stopped(api, _reevaluations(connection), run)

    @api.declare(
        "POST", f"{reevaluations}/<run>/resume", Role.ADMIN, "Reevaluation", status=HTTPStatus.ACCEPTED
    )
    def resume_reevaluation(connection: Connection, run: RunPath) -> Any:
        """Go on with a re-evaluation that failed or was stopped, where it was."""
        return _resumed(_reevaluations(connection), active(connection).name, run)

    @api.declare("POST", f"{CONNECTION}/queries", Role.VIEWER, "Query", status=HTTPStatus.ACCEPTED)
    def start_query(connection: Connection, body: Annotated[NewQuery, Body()]) -> Any:
        """Find who of everybody matches a rule, exactly. The answer is kept for 24 hours."""
        return _start_task("query", connection, body)

    @api.declare(
        "POST", f"{CONNECTION}/verifications", Role.ADMIN, "Verification", status=HTTPStatus.ACCEPTED
    )
    def start_verification(connection: Connection, body: Annotated[NewVerification, Body()]) -> Any:
        """Compare customers, subscriptions, deletions and charges with Stripe. The report is kept for 30
        days."""
        return _start_task("verification", connection, body)

    @api.declare(
        "POST", f"{CONNECTION}/reconciliations", Role.ADMIN, "Reconciliation", status=HTTPStatus.ACCEPTED
    )
    def start_reconciliation(connection: Connection, body: Annotated[NewReconciliation, Body()]) -> Any:
        """Read Stripe's events, and apply what the webhook missed.

        The stack does so by itself every 15 minutes."""
        return _start_task("reconciliation", connection, body)

    for kind, collection in COLLECTIONS.items():
        _register_tasks(api, kind, collection)

    @api.declare("GET", f"{CONNECTION}/queries/<run>/people", Role.VIEWER, "People")
    def list_found(
        connection: Connection, run: RunPath, limit: Limit = 50, cursor: CursorQuery = None
    ) -> Any:
        """List whom a query has found, in its order; who is gone since is missing."""
        scope = ("query", connection, run)
        place = decode_cursor(cursor, *scope)
        page = _tasks("query").overview(connection_of(connection).epoch).page(run, place, limit)
        items = list(browser(connection).people_of(page["ids"]))
        return {"items": items, "next": encode_cursor(page["next"], *scope) if page["next"] else None}


def _register_tasks(api: Api, kind: Kind, collection: str) -> None:
    """The routes that all kinds of tasks have. Who may look may query; the others ask Stripe, and may
    repair."""
    root, name = f"{CONNECTION}/{collection}", kind.title()

    def list_runs(connection: Connection) -> Any:
        return {"items": _tasks(kind).overview(connection_of(connection).epoch).all()}

    def get(connection: Connection, run: RunPath) -> Any:
        found = _tasks(kind).overview(connection_of(connection).epoch).one(run)
        if found is None:
            raise NotFound(f"there is no {kind} {run}, or no longer")
        return found

    def stop(connection: Connection, run: RunPath) -> Any:
        return _tasks(kind).stop(connection_of(connection).epoch, run)

    def resume(connection: Connection, run: RunPath) -> Any:
        return _tasks(kind).resume(active(connection).epoch, run)

    for method, path, answer, status, handler, says in (
        ("GET", root, collection.title(), HTTPStatus.OK, list_runs, f"List the {collection}"),
        ("GET", f"{root}/<run>", name, HTTPStatus.OK, get, f"Watch a {kind}"),
        ("POST", f"{root}/<run>/stop", name, HTTPStatus.OK, stop, f"Stop a {kind}"),
        ("POST", f"{root}/<run>/resume", name, HTTPStatus.ACCEPTED, resume, f"Go on with a {kind}"),
    ):
        handler.__name__ = f"list_{collection}" if handler is list_runs else f"{handler.__name__}_{kind}"
        handler.__doc__ = f"{says}."
        role = Role.VIEWER if method == "GET" or kind == "query" else Role.ADMIN
        api.declare(method, path, role, answer, status=status)(handler)


def _start_task(kind: Kind, connection: str, body: Any) -> dict[str, Any]:
    return _tasks(kind).start(active(connection).name, body.model_dump(exclude={"id"}), body.id or "")


def _tasks(kind: Kind) -> Tasks:
    return wiring().tasks(kind)


def begin_import(connection: str, given: Mapping[str, Any], run_id: str | None) -> dict[str, Any]:
    """Starts an import, or shows the one that has this id; the import then."""
    overview = _imports(connection)
    known = overview.one(run_id) if run_id else None
    return known or _one(overview, _start(overview, given, run_id))


def reevaluate_after(connection: str, change: DefinitionChange | None = None) -> dict[str, Any] | None:
    """Has everybody evaluated again where a change of definitions may move somebody, or where that is still
    owed for an earlier one: its request died in between, and is sent again. The run then."""
    if change is None or not change.moves_people:
        found, current = connection_of(connection), _reevaluations(connection).current()
        done = current and current["version"] == found.definitions_version and current["status"] in _WELL
        if done or found.definitions_changed_at is None:
            return None
    try:
        return _begun(connection)
    except Problem as problem:
        detail = (
            f"the change is stored, but people are not evaluated yet: {problem.detail} "
            "POST reevaluations has it done"
        )
        raise Problem(problem.status, detail) from problem


def _imports(connection: str) -> Overview[Any]:
    return wiring().import_overview(connection_of(connection).epoch)


def _reevaluations(connection: str) -> Any:
    return wiring().reevaluation_overview(connection_of(connection).epoch)


def _begun(connection: str) -> dict[str, Any]:
    overview = _reevaluations(connection)

    def start(given: Mapping[str, Any]) -> str:
        return _start(overview, given, None)

    return _one(overview, begin(active(connection), overview, start))


def _start(overview: Overview[Any], given: Mapping[str, Any], run_id: str | None) -> str:
    name = run_id or run_id_of(overview.job.command, clock.now())
    try:
        return wiring().starter(overview, BEGINS_WITHIN).start(given, name)
    except NotStarted as error:
        raise Problem(HTTPStatus.CONFLICT, str(error)) from error


def _one(overview: Overview[Any], run: str) -> dict[str, Any]:
    found = overview.one(run)
    if found is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"there is no {overview.job.what} {run}", "/path/run")
    return found


def _stopped(api: Api, overview: Overview[Any], run: str) -> dict[str, Any]:
    if _one(overview, run)["status"] != "running":
        raise Problem(HTTPStatus.CONFLICT, f"{overview.job.what} {run} is not running")
    executions: Any = overview.job.executions
    if stored := overview.job.runs.get(overview.epoch, run):
        executions.stop(stored.execution, f"stopped by {api.caller.name}")
    return _one(overview, run)


def _resumed(overview: Overview[Any], connection: str, run: str) -> dict[str, Any]:
    if _one(overview, run)["status"] == "running":
        return _one(overview, run)
    return _one(overview, _start(overview, {"connection": connection, "resume": run}, None))
