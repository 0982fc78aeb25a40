"""Reports from the read models: a segment's history, the overview, MRR; each number with who is behind it."""

from __future__ import annotations

from typing import Annotated, Any

from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import Field as Described

from peoplesync_api.callers import Role
from peoplesync_api.parameters import Connection, CursorQuery, Limit, SegmentPath
from peoplesync_api.requests import decode_cursor, encode_cursor
from peoplesync_api.resolver import CONNECTION, Api
from peoplesync_api.stack import browser, connection_of, wiring

Day = Annotated[str, Query(description="A UTC day, such as 2026-11-30")]
Month = Annotated[str | None, Query(description="Such as 2026-11; without it the current month")]
Days = Annotated[int, Query(ge=1, le=400, description="How many days back")]
Direction = Annotated[str, Query(description="entered or left"), Described(pattern="^(entered|left)$")]


def register(api: Api) -> None:
    """The routes."""
    segment = f"{CONNECTION}/segments/<segment>"

    @api.declare("GET", f"{CONNECTION}/overview", Role.VIEWER, "Overview")
    def get_overview(connection: Connection) -> Any:
        """Show people and MRR by status and plan, today's entered and left, trials by week."""
        return wiring().overview_of(connection_of(connection)).overview()

    @api.declare("GET", f"{segment}/history", Role.VIEWER, "History")
    def get_history(connection: Connection, segment: SegmentPath, days: Days = 30) -> Any:
        """Show how many were in a segment at each day's end, who entered and left, and by what cause."""
        return wiring().history_of(connection_of(connection)).history(segment, days)

    @api.declare("GET", f"{segment}/moved", Role.VIEWER, "Moved")
    def list_moved(
        connection: Connection,
        segment: SegmentPath,
        day: Day,
        what: Direction,
        limit: Limit = 50,
        cursor: CursorQuery = None,
    ) -> Any:
        """List who entered or left a segment on a day; who is gone since is missing."""
        scope = ("moved", connection, segment, day, what)
        history = wiring().history_of(connection_of(connection))
        page = history.moved(segment, day, what, decode_cursor(cursor, *scope), limit)
        items = list(browser(connection).people_of(page["people"]))
        return {"items": items, "next": encode_cursor(page["next"], *scope) if page["next"] else None}

    @api.declare("GET", f"{CONNECTION}/reports/mrr", Role.VIEWER, "MrrReport")
    def get_mrr(connection: Connection, month: Month = None) -> Any:
        """Show a month's MRR by currency with its movements, by plan and by status."""
        return wiring().mrr_report_of(connection_of(connection)).report(month)

    @api.declare("GET", f"{CONNECTION}/reports/mrr/customers", Role.VIEWER, "MrrCustomers")
    def list_behind_mrr(
        connection: Connection,
        currency: Annotated[str, Query(description="Such as usd")],
        movement: Annotated[str, Query(description="Such as churned")],
        month: Month = None,
        limit: Limit = 50,
        cursor: CursorQuery = None,
    ) -> Any:
        """List the customers behind a movement of MRR, each with the amount."""
        scope = ("mrr", connection, month, currency, movement)
        report = wiring().mrr_report_of(connection_of(connection))
        page = report.people_behind(month, currency, movement, decode_cursor(cursor, *scope), limit)
        following = encode_cursor(page["next"], *scope) if page["next"] else None
        return {"items": page["customers"], "next": following}
