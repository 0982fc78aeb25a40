"""What clients send: only JSON that is JSON, cursors that are ours, ETags that are current."""

from __future__ import annotations

import pytest

from peoplesync_api.callers import Role, caller_of
from peoplesync_api.problems import Problem
from peoplesync_api.requests import DEEPEST, check_etag, decode_cursor, encode_cursor, read_json


@pytest.mark.parametrize(
    "text",
    [
        '{"limit": NaN}',
        "[Infinity]",
        "1e999",
        '{"a": 1, "a": 2}',
        '"\\ud800"',
        "{",
        "",
        "9" * 5_000,
        "[" * 100_000,
        "[" * (DEEPEST + 2) + "]" * (DEEPEST + 2),
    ],
    ids=["nan", "infinity", "beyond", "twice", "half", "open", "empty", "digits", "endless", "deep"],
)
def test_what_only_looks_like_json_is_refused(text: str) -> None:
    with pytest.raises(Problem) as refused:
        read_json(text)
    assert (refused.value.status, refused.value.pointer) == (422, "/body")


def test_what_is_json_is_read() -> None:
    assert read_json('{"a": [1, 2.5, "é", null, {"b": true}]}') == {"a": [1, 2.5, "é", None, {"b": True}]}


def test_a_cursor_belongs_to_one_list() -> None:
    cursor = encode_cursor("per_7", "people", "main", None)

    assert decode_cursor(cursor, "people", "main", None) == "per_7"
    assert decode_cursor(None, "people", "main", None) is None
    for other in (("people", "other", None), ("people", "main", "customers")):
        with pytest.raises(Problem, match="belongs to another list"):
            decode_cursor(cursor, *other)


@pytest.mark.parametrize("cursor", ["", "x", "é", "bnVsbA", "WzFd", "eyJhIjoxfQ", "W10"])
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(Problem, match="not a cursor"):
        decode_cursor(cursor, "people")


def test_what_was_not_read_is_not_changed() -> None:
    check_etag('"now"', '"now"')
    check_etag("*", '"now"')
    for sent, status in ((None, 428), ('"before"', 409)):
        with pytest.raises(Problem) as refused:
            check_etag(sent, '"now"')
        assert (refused.value.status, refused.value.headers) == (status, {"ETag": '"now"'})


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        ("[admin viewer]", Role.ADMIN),
        ("[viewer]", Role.VIEWER),
        (["viewer"], Role.VIEWER),
        ("viewer", Role.VIEWER),
        ('["admin"]', Role.ADMIN),
        ("[administrators]", Role.NONE),
        ("[]", Role.NONE),
        (None, Role.NONE),
    ],
)
def test_a_role_is_a_group_of_that_very_name(groups: object, role: Role) -> None:
    claims = {"cognito:groups": groups, "username": "ann@example.com"}
    caller = caller_of({"requestContext": {"authorizer": {"jwt": {"claims": claims}}}})

    assert (caller.name, caller.role) == ("ann@example.com", role)


def test_whom_the_gateway_says_nothing_of_may_nothing() -> None:
    assert caller_of({}).role is Role.NONE
    assert caller_of({"requestContext": {"authorizer": None}}).role is Role.NONE
