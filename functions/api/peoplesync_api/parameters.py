"""Parameters that several resources have."""

from __future__ import annotations

from typing import Annotated, Any

from aws_lambda_powertools.event_handler.openapi.params import Body, Header, Path, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from peoplesync_api.requests import named

MOST_A_PAGE = 200

_NAME = r"^[^\x00-\x1f\x7f]+$"


def in_path(description: str) -> Any:
    """A name in the path: one line of text."""
    return Path(description=description, pattern=_NAME)


Connection = Annotated[str, in_path("The connection's name, such as main"), AfterValidator(named)]
PersonPath = Annotated[
    str,
    in_path("A person's id, e-mail, Stripe customer or user:ID, or a beginning that nobody else has"),
    AfterValidator(named),
]
SegmentPath = Annotated[str, in_path("The segment's id"), AfterValidator(named)]
FieldPath = Annotated[str, in_path("The field's key"), AfterValidator(named)]
RunPath = Annotated[str, in_path("The run's id"), AfterValidator(named)]
KeyPath = Annotated[str, in_path("A key's name, or its last four characters"), AfterValidator(named)]
Limit = Annotated[int, Query(ge=1, le=MOST_A_PAGE, description="How many at most")]
CursorQuery = Annotated[str | None, Query(max_length=1_000, description="`next` of the page before")]
IfMatch = Annotated[str | None, Header(alias="if-match", description="The ETag that was read")]
RunId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
GivenId = Annotated[RunId | None, Body(description="An id of your own, so that sending twice is harmless")]


class Closed(BaseModel):
    """What a client sends: what is not known is refused rather than overlooked."""

    model_config = ConfigDict(extra="forbid", strict=True)


Rule = dict[str, Any]
"""A segment's rule: docs/segments.md says what it may be. The use cases check it."""
