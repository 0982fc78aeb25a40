"""Segments and fields: read, tried, defined and changed."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body
from pydantic import Field as Described

from peoplesync.adapters import clock
from peoplesync.domain.fields.custom import CUSTOM_GROUP, CUSTOM_TYPES
from peoplesync.domain.segments.definitions import Definitions
from peoplesync.use_cases.public_json import describe_field
from peoplesync.use_cases.queries.browse import NotFound
from peoplesync_api.callers import Role
from peoplesync_api.parameters import Closed, Connection, FieldPath, IfMatch, Rule, SegmentPath
from peoplesync_api.requests import check_etag, etag_of, with_etag
from peoplesync_api.resolver import CONNECTION, Api
from peoplesync_api.runs import reevaluate_after
from peoplesync_api.stack import active, browser, wiring

SAMPLES = random.Random()  # noqa: S311 - a sample, not a key

Title = Annotated[str, Described(min_length=1, max_length=100)]


class NewSegment(Closed):
    """A segment of one's own."""

    id: Annotated[str | None, Described(description="Its id, for good; else made of the title")] = None
    title: Title
    rule: Rule


class SegmentContent(Closed):
    """What a segment is to be."""

    title: Title
    rule: Rule
    enabled: bool = True


class SegmentChange(Closed):
    """What of a segment is to change."""

    title: Title | None = None
    rule: Rule | None = None
    enabled: bool | None = None


class RuleToTry(Closed):
    """A rule that is tried, over everybody."""

    rule: Rule
    people: Annotated[int, Described(ge=0, le=50, description="How many to name")] = 10


class NewField(Closed):
    """A field of one's own."""

    key: str
    source: Annotated[str, Described(description="Where its value is, such as customer.metadata.tier")]
    type: Annotated[str, Described(json_schema_extra={"enum": list(CUSTOM_TYPES)})] = "text"
    title: Title | None = None
    group: Title = CUSTOM_GROUP


class FieldChange(Closed):
    """What of a field is to change."""

    title: Title | None = None
    enabled: bool | None = None


def register(api: Api) -> None:
    """The routes."""
    segments, segment = f"{CONNECTION}/segments", f"{CONNECTION}/segments/<segment>"
    fields, field = f"{CONNECTION}/fields", f"{CONNECTION}/fields/<field>"

    @api.declare("GET", segments, Role.VIEWER, "Segments")
    def list_segments(connection: Connection) -> Any:
        """List the segments with how many are in each."""
        return {"items": list(browser(connection).list_segments())}

    @api.declare("POST", f"{segments}/preview", Role.VIEWER, "Preview")
    def preview_segment(connection: Connection, body: Annotated[RuleToTry, Body()]) -> Any:
        """Say how many people, and who, a rule would have. Nothing is saved.

        Of more than 500 people a random sample is looked at; a query gives the exact answer."""
        looked = browser(connection)
        return looked.estimate(body.rule, clock.now(), SAMPLES, body.people).public()

    @api.declare("GET", segment, Role.VIEWER, "Segment", etag=True)
    def get_segment(connection: Connection, segment: SegmentPath) -> Any:
        """Show a segment with its rule."""
        return _segment(connection, segment)

    @api.declare("POST", segments, Role.ADMIN, "Segment", status=HTTPStatus.CREATED, etag=True)
    def create_segment(connection: Connection, body: Annotated[NewSegment, Body()]) -> Any:
        """Define a segment; everybody who matches its rule becomes a member.

        With an id of your own sending twice is harmless."""
        definer = wiring().segment_definer(active(connection).epoch)
        known = {one.id: one for one in browser(connection).segments()}.get(body.id or "")
        if known is not None and (known.title, known.rule) == (body.title, body.rule):
            return _segment(connection, known.id, reevaluate_after(connection), HTTPStatus.CREATED)
        change = definer.create(body.title, body.rule, body.id or "")
        (made,) = change.segments
        return _segment(connection, made.id, reevaluate_after(connection, change), HTTPStatus.CREATED)

    @api.declare("PUT", segment, Role.ADMIN, "Segment", etag=True)
    def replace_segment(
        connection: Connection,
        segment: SegmentPath,
        body: Annotated[SegmentContent, Body()],
        if_match: IfMatch = None,
    ) -> Any:
        """Give a segment another title and rule. Its id stays: automations refer to it."""
        return _change_segment(connection, segment, body.title, body.rule, body.enabled, if_match)

    @api.declare("PATCH", segment, Role.ADMIN, "Segment", etag=True)
    def change_segment(
        connection: Connection,
        segment: SegmentPath,
        body: Annotated[SegmentChange, Body()],
        if_match: IfMatch = None,
    ) -> Any:
        """Change a segment's title or rule, enable or disable it."""
        return _change_segment(connection, segment, body.title, body.rule, body.enabled, if_match)

    @api.declare("DELETE", segment, Role.ADMIN, "Deleted")
    def delete_segment(connection: Connection, segment: SegmentPath, if_match: IfMatch = None) -> Any:
        """Delete a segment of one's own; its members leave it first."""
        definer = wiring().segment_definer(active(connection).epoch)
        change = definer.expecting(_unchanged_segment(segment, if_match)).delete(segment)
        return {"id": segment, "deleted": True, "reevaluation": reevaluate_after(connection, change)}

    @api.declare("GET", fields, Role.VIEWER, "Fields")
    def list_fields(connection: Connection) -> Any:
        """List the fields that people have."""
        return {"items": list(browser(connection).list_fields())}

    @api.declare("GET", f"{fields}/suggestions", Role.VIEWER, "Suggestions")
    def suggest_fields(connection: Connection) -> Any:
        """Show of what fields could be made: metadata and traits that no field shows yet.

        It looks at 500 people at most."""
        return {"items": browser(connection).suggestions(SAMPLES)}

    @api.declare("GET", field, Role.VIEWER, "Field", etag=True)
    def get_field(connection: Connection, field: FieldPath) -> Any:
        """Show a field."""
        return _field(connection, field)

    @api.declare("POST", fields, Role.ADMIN, "Field", status=HTTPStatus.CREATED, etag=True)
    def add_field(connection: Connection, body: Annotated[NewField, Body()]) -> Any:
        """Add a field; it fills itself from what is known of people already.

        Sending the same twice is harmless."""
        title = body.title if body.title is not None else body.key.replace("_", " ").capitalize()
        wanted = (body.key, title, body.group, body.type, body.source.strip())
        for known in browser(connection).fields:
            if (known.key, known.title, known.group, known.type, known.source) == wanted:
                return _field(connection, known.key, reevaluate_after(connection), HTTPStatus.CREATED)
        kind: Any = body.type
        definer = wiring().field_definer(active(connection).epoch)
        change = definer.add(body.key, title, kind, body.source, body.group)
        return _field(connection, body.key, reevaluate_after(connection, change), HTTPStatus.CREATED)

    @api.declare("PATCH", field, Role.ADMIN, "Field", etag=True)
    def change_field(
        connection: Connection,
        field: FieldPath,
        body: Annotated[FieldChange, Body()],
        if_match: IfMatch = None,
    ) -> Any:
        """Give a field another title, enable or disable it. Its key stays: rules refer to it."""
        definer = wiring().field_definer(active(connection).epoch)
        definer = definer.expecting(_unchanged_field(field, if_match))
        change = definer.edit(field, title=body.title, enabled=body.enabled)
        return _field(connection, field, reevaluate_after(connection, change))

    @api.declare("DELETE", field, Role.ADMIN, "Deleted")
    def remove_field(connection: Connection, field: FieldPath, if_match: IfMatch = None) -> Any:
        """Remove a field of one's own with its values."""
        definer = wiring().field_definer(active(connection).epoch)
        change = definer.expecting(_unchanged_field(field, if_match)).remove(field)
        return {"id": field, "deleted": True, "reevaluation": reevaluate_after(connection, change)}


def _change_segment(
    connection: str,
    segment: str,
    title: str | None,
    rule: Rule | None,
    enabled: bool | None,
    if_match: str | None,
) -> Response[Any]:
    definer = wiring().segment_definer(active(connection).epoch)
    change = definer.expecting(_unchanged_segment(segment, if_match)).edit(
        segment, title=title, rule=rule, enabled=enabled
    )
    return _segment(connection, segment, reevaluate_after(connection, change))


def _segment(
    connection: str,
    segment_id: str,
    reevaluation: Mapping[str, Any] | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response[Any]:
    """A segment with its ETag, and the re-evaluation that a change of it began."""
    for one in browser(connection).list_segments():
        if one["id"] == segment_id:
            return with_etag({**one, "reevaluation": reevaluation}, _etag_of_segment(one), status)
    raise NotFound(f"there is no segment {segment_id}; /segments lists them")


def _field(
    connection: str,
    key: str,
    reevaluation: Mapping[str, Any] | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response[Any]:
    for one in browser(connection).list_fields():
        if one["key"] == key:
            return with_etag({**one, "reevaluation": reevaluation}, etag_of(one), status)
    raise NotFound(f"there is no field {key}; /fields lists them")


def _etag_of_segment(one: Mapping[str, Any]) -> str:
    """Of what is defined; how many are in it changes all the time."""
    return etag_of({name: one[name] for name in ("id", "title", "rule", "enabled")})


def _unchanged_segment(segment_id: str, if_match: str | None) -> Any:
    """Checks, when the change is stored, that the segment is what the client read."""

    def check(now: Definitions) -> None:
        for one in now.segments:
            if one.id == segment_id:
                check_etag(if_match, _etag_of_segment(asdict(one)))

    return check


def _unchanged_field(key: str, if_match: str | None) -> Any:
    def check(now: Definitions) -> None:
        for one in now.fields:
            if one.key == key:
                check_etag(if_match, etag_of(describe_field(one)))

    return check
