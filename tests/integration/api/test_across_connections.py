"""What belongs to one connection cannot be reached through another: neither read, nor changed."""

from __future__ import annotations

import pytest

from peoplesync_api.api import build
from tests.support.stacks.http_client import HttpClient
from tests.support.stacks.stack_company import Company

OF_ONE = ("<person>", "<segment>", "<field>", "<run>", "<key>")


@pytest.fixture(scope="module")
def other(company: Company) -> Company:
    other = Company(company.running, "other")
    other.connect()
    return other


@pytest.mark.parametrize("route", sorted(one for one in build().roles if any(part in one for part in OF_ONE)))
def test_an_id_of_another_connection_is_not_there(
    company: Company, other: Company, admin: HttpClient, route: str
) -> None:
    target, epoch = company.target, company.epoch
    person = next(iter(target.browser(company.name).list_people()))["id"]
    run = target.import_overview(epoch).all()[0]["id"]
    method, _, rule = route.partition(" ")
    path = rule.lstrip("/").replace("<connection>", other.name)
    for part, own in (("<person>", person), ("<run>", run), ("<segment>", "none"), ("<field>", "none")):
        path = path.replace(part, own)
    path = path.replace("<key>", "none").replace("/moved", "/moved?day=2026-11-30&what=entered")
    body = {"title": "Taken", "rule": {"has": "email"}} if method == "PUT" else {"title": "Taken"}
    answer = admin.ask(method, path, body if method in ("PUT", "PATCH") else None, {"If-Match": "*"})

    assert answer.status == 404, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_cursor_of_another_connection_is_refused(
    company: Company, other: Company, admin: HttpClient
) -> None:
    cursor = admin.get(f"api/v1/connections/{company.name}/people?limit=1")["next"]
    refused = admin.ask("GET", f"api/v1/connections/{other.name}/people?limit=1&cursor={cursor}")

    assert (refused.status, refused.body["pointer"]) == (422, "/query/cursor")
