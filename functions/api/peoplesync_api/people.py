"""People: found, read, explained, compared with Stripe, erased."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Query
from pydantic import Field as Described

from peoplesync.adapters import clock
from peoplesync.domain.people.person import EVERYONE
from peoplesync.use_cases.queries.browse import NotFound
from peoplesync.use_cases.queries.columns import all_columns, columns_of, is_newest_first, only
from peoplesync.use_cases.queries.explain import explain_person
from peoplesync.use_cases.queries.people_csv import BOM, MOST, csv_page
from peoplesync_api.callers import Role
from peoplesync_api.parameters import Closed, Connection, CursorQuery, Limit, PersonPath, SegmentPath
from peoplesync_api.problems import Problem, invalid
from peoplesync_api.requests import decode_cursor, encode_cursor
from peoplesync_api.resolver import CONNECTION, Api
from peoplesync_api.stack import active, browser, wiring

CSV: Final = "text/csv"
Sort = Annotated[str, Query(description="created, or -created for the newest first")]


class Somebody(Closed):
    """Somebody who was erased."""

    person: Annotated[str, Described(description="An e-mail, a Stripe customer or user:ID")]


def register(api: Api) -> None:
    """The routes."""
    people, person = f"{CONNECTION}/people", f"{CONNECTION}/people/<person>"

    @api.declare("GET", people, Role.VIEWER, "People")
    def list_people(
        connection: Connection,
        q: Annotated[
            str | None, Query(description="Beginning of an e-mail, a name's word, a domain or an id")
        ] = None,
        segment: Annotated[str | None, Query(description="Only this segment's members")] = None,
        sort: Sort = "created",
        fields: Annotated[str | None, Query(description="Keys of the fields to show, with commas")] = None,
        limit: Limit = 50,
        cursor: CursorQuery = None,
    ) -> Any:
        """List people in order of when they were first known; or find them."""
        if q is not None and segment is not None:
            raise invalid("either q or segment: a search looks through everybody", "/query/segment")
        scope = ("people", connection, q, segment, sort)
        looked, place = browser(connection), decode_cursor(cursor, *scope) or ""
        columns = None if fields is None else columns_of(fields, looked.fields)
        if q is not None:
            items, after = looked.search_page(q, place, limit)
        else:
            items, after = looked.page(segment, place, limit, newest_first=is_newest_first(sort))
        if columns is not None:
            items = [only(one, columns) for one in items]
        return {"items": items, "next": encode_cursor(after, *scope) if after else None}

    @api.declare("GET", f"{CONNECTION}/segments/<segment>/people.csv", Role.VIEWER, "CSV", content_type=CSV)
    def list_members_as_csv(
        connection: Connection,
        segment: SegmentPath,
        columns: Annotated[str | None, Query(description="Keys of fields, id or email, with commas")] = None,
        sort: Sort = "created",
        limit: Annotated[int, Query(ge=1, le=MOST, description="How many at most")] = MOST,
        cursor: CursorQuery = None,
    ) -> Any:
        """List a segment's members as CSV, a page at a time.

        The first page begins with the columns' names. The header Link names the next one; joined, the pages
        are one file. `everyone` is a segment here."""
        looked = browser(connection)
        scope = ("csv", connection, segment, columns, sort)
        place = decode_cursor(cursor, *scope)
        chosen = all_columns(looked.fields) if columns is None else columns_of(columns, looked.fields)
        index = None if segment == EVERYONE else segment
        people, after = looked.page(index, place or "", limit, newest_first=is_newest_first(sort))
        text = csv_page(people, chosen, looked.fields, header=place is None)
        following = {"cursor": encode_cursor(after, *scope), "limit": limit, "sort": sort, "columns": columns}
        link = urlencode({name: value for name, value in following.items() if value is not None})
        return Response(
            status_code=200,
            content_type=f"{CSV}; charset=utf-8",
            headers={"Link": f'<people.csv?{link}>; rel="next"'} if after else {},
            body=(BOM if place is None else "") + text,
        )

    @api.declare("GET", person, Role.VIEWER, "Person")
    def get_person(connection: Connection, person: PersonPath) -> Any:
        """Show a person with all their fields and segments."""
        return browser(connection).person(person)

    @api.declare("GET", f"{person}/feed", Role.VIEWER, "Feed")
    def get_feed(
        connection: Connection, person: PersonPath, limit: Limit = 50, cursor: CursorQuery = None
    ) -> Any:
        """Show what happened to a person, newest first."""
        looked = browser(connection)
        scope = ("feed", connection, looked.meant(person).id)
        place = decode_cursor(cursor, *scope)
        items, before = looked.feed_page(person, tuple(place) if place else None, limit)
        return {"items": items, "next": encode_cursor(before, *scope) if before else None}

    @api.declare("GET", f"{person}/explanation", Role.VIEWER, "Explanation")
    def explain(connection: Connection, person: PersonPath) -> Any:
        """Say which conditions of segments hold, until when, and where each field comes from."""
        looked = browser(connection)
        enabled = [one for one in looked.segments() if one.enabled]
        return explain_person(looked.meant(person), enabled, clock.now(), looked.fields)

    @api.declare("POST", f"{person}/check", Role.VIEWER, "Checked")
    def check_person(connection: Connection, person: PersonPath) -> Any:
        """Compare a person with Stripe now."""
        return wiring().checker(active(connection)).check(person)

    @api.declare("POST", f"{person}/repair", Role.ADMIN, "Checked")
    def repair_person(connection: Connection, person: PersonPath) -> Any:
        """Compare a person with Stripe now, and have what differs applied again."""
        return wiring().checker(active(connection)).check(person, repair=True)

    @api.declare("DELETE", person, Role.ADMIN, "ErasureReceipt", status=HTTPStatus.ACCEPTED)
    def erase_person(connection: Connection, person: PersonPath) -> Any:
        """Remove a person with all that is known of them, for good.

        The answer is the receipt; asked again, it says how far it has come."""
        eraser = wiring().eraser(active(connection))
        try:
            found = browser(connection).find(person)
        except NotFound as error:
            known, receipt = eraser.erased_before(person)
            if not known:
                raise
            if receipt is None:
                detail = f"{person} was erased; a receipt is found by the person's or a customer's id"
                raise Problem(HTTPStatus.GONE, detail, "/path/person") from error
            return receipt.public()
        eraser.ask(found, clock.now())
        receipt = eraser.rows.receipt(eraser.epoch, found.id)
        return receipt.public() if receipt else None

    @api.declare("POST", f"{CONNECTION}/readmissions", Role.ADMIN, "Readmitted")
    def readmit(connection: Connection, body: Annotated[Somebody, Body()]) -> Any:
        """Let an erased e-mail, Stripe customer or user of the app be a person again."""
        if not wiring().eraser(active(connection)).readmit(body.person):
            raise Problem(HTTPStatus.NOT_FOUND, f"{body.person} is not erased", "/body/person")
        return {"readmitted": body.person}
