"""Whatever one can ask for is the same object by the API and by the command line, and on the bus."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # ships no types

from infra.describe_api import WRITTEN
from tests.support.stacks.http_client import HttpClient
from tests.support.stacks.stack_company import Commands, Company

ROOT = "api/v1/connections/asked"
WHO = "{who}"
DESCRIPTION = json.loads(WRITTEN.read_text())

CAPABILITIES = {
    "a person": ("people/{who}", ["people", "get", WHO]),
    "why": ("people/{who}/explanation", ["people", "explain", WHO]),
    "a feed": ("people/{who}/feed?limit=200", ["feed", WHO]),
    "members": ("people?segment=customers&limit=200", ["people", "list", "--segment", "customers"]),
    "newest first": ("people?sort=-created&limit=200", ["people", "list", "--sort", "-created"]),
    "a search": ("people?q=example.com&limit=50", ["people", "list", "--search", "example.com"]),
    "segments": ("segments", ["segments", "list"]),
    "fields": ("fields", ["fields", "list"]),
    "what fields could be": ("fields/suggestions", ["fields", "suggest"]),
    "imports": ("imports", ["import", "list"]),
    "re-evaluations": ("reevaluations", ["reevaluate", "list"]),
    "queries": ("queries", ["queries", "list"]),
    "a segment's history": ("segments/customers/history", ["segments", "history", "customers"]),
    "MRR": ("reports/mrr", ["report", "mrr"]),
    "health": ("health", ["status"]),
}
PASSING = {"checked_at", "behind_seconds", "silence", "checkpoint", "due_seconds"}
"""What is another a moment later."""


def lasting(shown: Any) -> Any:
    return {k: v for k, v in shown.items() if k not in PASSING} if isinstance(shown, dict) else shown


@pytest.mark.parametrize("what", CAPABILITIES)
def test_a_request_and_a_command_show_the_same(company: Company, viewer: HttpClient, what: str) -> None:
    path, command = CAPABILITIES[what]
    browser = company.target.browser(company.name)
    who = next(one["id"] for one in browser.list_people("customers") if next(browser.feed(one["id"]), None))
    shown = viewer.get(f"{ROOT}/{path.replace(WHO, who)}")
    printed = Commands(company).json(*(one.replace(WHO, who) for one in command))

    listed = shown["items"] if isinstance(shown, dict) and "items" in shown else [shown]
    assert list(map(lasting, listed)) == list(map(lasting, printed))
    assert listed or what in ("re-evaluations", "queries", "what fields could be")
    assert list(described(path).iter_errors(shown)) == []


def described(path: str) -> Draft202012Validator:
    """What openapi.json says of the answer."""
    rule = f"/{ROOT}/{path.partition('?')[0]}".replace("asked", "{connection}").replace("{who}", "{person}")
    content = DESCRIPTION["paths"][rule.replace("/customers/", "/{segment}/")]["get"]["responses"]["200"][
        "content"
    ]
    return Draft202012Validator(
        {**content["application/json"]["schema"], "components": DESCRIPTION["components"]}
    )


def test_the_overview_is_as_described(viewer: HttpClient) -> None:
    shown = viewer.get(f"{ROOT}/overview")

    assert list(described("overview").iter_errors(shown)) == []
    assert shown["people"] > 0


def test_pages_joined_are_the_whole_list_in_its_order(company: Company, viewer: HttpClient) -> None:
    everybody = [one["id"] for one in company.target.browser(company.name).list_people()]
    joined: list[str] = []
    cursor = ""
    while True:
        page = viewer.get(f"{ROOT}/people?limit=7{cursor}")
        joined += [one["id"] for one in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"

    assert joined == everybody


def test_csv_pages_joined_are_what_the_command_prints(company: Company, viewer: HttpClient) -> None:
    path, pages = f"{ROOT}/segments/everyone/people.csv?limit=25", []
    while path:
        page = viewer.ask("GET", path)
        assert page.status == 200, page.text
        pages.append(page.text)
        link = page.headers.get("link", "")
        path = f"{ROOT}/segments/everyone/{link.partition('<')[2].partition('>')[0]}" if link else ""
    printed = Commands(company)("people", "list", "--csv").stdout

    assert len(pages) > 1
    assert "".join(pages).removeprefix("\ufeff").splitlines() == printed.removeprefix("\ufeff").splitlines()


def test_a_person_is_compared_with_stripe_by_both(company: Company, viewer: HttpClient) -> None:
    who = next(iter(company.target.browser(company.name).list_people("customers")))["id"]
    checked = viewer.ask("POST", f"{ROOT}/people/{who}/check").body
    (printed,) = Commands(company).json("people", "check", who)

    assert lasting(checked) == lasting(printed)
    assert (checked["person"], checked["agrees"], checked["differences"]) == (who, True, [])
