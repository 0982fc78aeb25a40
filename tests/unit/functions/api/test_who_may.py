"""Each route declares who may, and nobody else does; what is refused says why in the same form."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from peoplesync_api.api import build
from peoplesync_api.callers import Role
from peoplesync_api.resolver import Api
from tests.support.stacks.called_api import CalledApi, called_api
from tests.support.stacks.moto_stack import MotoStack

ROUTES = sorted(build().roles)
LOOKS = {
    f"POST /api/v1/connections/<connection>/{what}"
    for what in (
        "segments/preview",
        "queries",
        "queries/<run>/stop",
        "queries/<run>/resume",
        "people/<person>/check",
    )
}
"""What a viewer may besides GET."""


@pytest.fixture
def called(aws: MotoStack) -> Iterator[CalledApi]:
    with called_api(aws) as called:
        yield called


def asked(called: CalledApi, route: str, groups: str) -> int:
    method, _, rule = route.partition(" ")
    path = rule.removeprefix("/api/v1").replace("<", "").replace(">", "")
    return called.ask(method, path, groups=groups).status


@pytest.mark.parametrize("route", ROUTES)
def test_only_who_has_the_role_gets_further(called: CalledApi, route: str) -> None:
    role = called.api.roles[route]
    statuses = {one: asked(called, route, f"[{one.name.lower()}]") for one in Role}

    assert [one for one, status in statuses.items() if status == 403] == [one for one in Role if one < role]


@pytest.mark.parametrize("route", ROUTES)
def test_a_viewer_changes_nothing(route: str) -> None:
    expected = Role.VIEWER if route.startswith("GET ") or route in LOOKS else Role.ADMIN
    personal_to_admins = route.endswith(("/keys", "/audit"))
    to_all = route in (f"GET /api/v1/{what}" for what in ("me", "openapi.json", "docs"))

    assert build().roles[route] is (Role.ADMIN if personal_to_admins else Role.NONE if to_all else expected)


def test_a_route_without_a_role_cannot_be_made() -> None:
    with pytest.raises(LookupError, match="declares no role"):
        Api().get("/api/v1/anything")(dict)


def test_who_may_not_does_not_learn_what_would_be_valid(called: CalledApi) -> None:
    refused = called.ask("PUT", "/connections/main", {"key": 1}, groups="[viewer]")

    assert (refused.status, refused.headers["Content-Type"]) == (403, "application/problem+json")
    assert refused.body == {
        "type": "about:blank",
        "title": "Forbidden",
        "status": 403,
        "detail": "This takes the role admin: have an admin give it to you, and sign in again.",
    }


@pytest.mark.parametrize(
    ("method", "path", "given", "status", "says"),
    [
        ("GET", "/nothing", {}, 404, "There is no such resource"),
        ("PATCH", "/me", {}, 405, "Here are: GET."),
        ("GET", "/connections/none/people", {}, 404, "There is no connection none"),
        (
            "GET",
            "/connections",
            {"query": {"page": "2"}},
            422,
            "There is no parameter 'page'; there are: none.",
        ),
        ("PUT", "/connections/main", {"text": "{"}, 422, "The body is not valid JSON at character 1."),
        ("PUT", "/connections/main", {}, 422, "The body is missing."),
        ("PUT", "/connections/main", {"body": []}, 422, "Input should be"),
        ("PUT", "/connections/main", {"body": {"key": "pk_1"}}, 422, "This is a publishable key"),
        ("PUT", "/connections/Not!", {"body": {"key": "rk_test_1"}}, 422, "A connection's name matches"),
        (
            "PUT",
            "/connections/main",
            {"body": {"key": "a"}, "headers": {"content-type": "text/plain"}},
            415,
            "Send JSON",
        ),
    ],
)
def test_a_refusal_says_what_to_do(
    called: CalledApi, method: str, path: str, given: dict[str, object], status: int, says: str
) -> None:
    refused = called.ask(method, path, **given)  # type: ignore[arg-type]  # by name

    assert (refused.status, refused.headers["Content-Type"]) == (status, "application/problem+json")
    assert refused.body["detail"].startswith(says)
    assert refused.headers["X-Request-Id"] == "request-1"
    assert refused.headers["Cache-Control"] == "no-store"


def test_a_fault_says_nothing_of_itself(called: CalledApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("peoplesync_api.connections.wiring", lambda: 1 / 0)
    failed = called.ask("GET", "/connections")

    assert failed.status == 500
    assert "division" not in failed.text
    assert "request-1" in failed.body["detail"]
