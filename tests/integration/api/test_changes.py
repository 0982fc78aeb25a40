"""Changes by the API: twice is as once, nothing is overwritten unseen, each is in the trail."""

from __future__ import annotations

from tests.support.stacks.http_client import HttpClient
from tests.support.stacks.stack_company import Company, eventually

ROOT = "api/v1/connections/asked"
RULE = {"field": "subscription_status", "in": ["active"]}


def test_a_segment_from_preview_to_deletion(company: Company, admin: HttpClient, viewer: HttpClient) -> None:
    preview = viewer.ask("POST", f"{ROOT}/segments/preview", {"rule": RULE, "people": 2}).body
    assert preview["exact"]
    assert len(preview["people"]) == 2

    wanted = {"id": "active_ones", "title": "Active ones", "rule": RULE}
    made = admin.ask("POST", f"{ROOT}/segments", wanted)
    again = admin.ask("POST", f"{ROOT}/segments", wanted)
    other = admin.ask("POST", f"{ROOT}/segments", wanted | {"title": "Other"})
    assert (made.status, again.status, other.status) == (201, 201, 422)
    assert made.headers["etag"] == again.headers["etag"]
    run = made.body["reevaluation"]["id"]
    eventually(
        lambda: viewer.get(f"{ROOT}/reevaluations/{run}")["status"] == "succeeded", 60, "the re-evaluation"
    )
    eventually(
        lambda: viewer.get(f"{ROOT}/segments/active_ones")["count"] == preview["count"], 30, "its members"
    )

    unread = admin.ask("PATCH", f"{ROOT}/segments/active_ones", {"title": "New"})
    renamed = admin.ask(
        "PATCH", f"{ROOT}/segments/active_ones", {"title": "New"}, {"If-Match": made.headers["etag"]}
    )
    late = admin.ask("DELETE", f"{ROOT}/segments/active_ones", headers={"If-Match": made.headers["etag"]})
    assert (unread.status, renamed.status, late.status) == (428, 200, 409)
    assert late.headers["etag"] == renamed.headers["etag"]
    deleted = admin.ask("DELETE", f"{ROOT}/segments/active_ones", headers={"If-Match": late.headers["etag"]})
    assert deleted.body["deleted"] is True

    trail = [(one["what"], one["status"]) for one in admin.get(f"{ROOT}/audit")["items"]]
    assert trail[:3] == [
        ("delete_segment active_ones", 200),
        ("delete_segment active_ones", 409),
        ("change_segment active_ones", 200),
    ]


def test_who_sends_again_what_died_halfway_completes_it(company: Company, admin: HttpClient) -> None:
    company.target.segment_definer(company.epoch).create("Owed", RULE, "owed")
    again = admin.ask("POST", f"{ROOT}/segments", {"id": "owed", "title": "Owed", "rule": RULE})

    assert again.status == 201
    run = again.body["reevaluation"]["id"]
    eventually(lambda: admin.get(f"{ROOT}/reevaluations/{run}")["status"] == "succeeded", 60, "evaluating")
    third = admin.ask("POST", f"{ROOT}/segments", {"id": "owed", "title": "Owed", "rule": RULE})
    assert third.body["reevaluation"] is None


def test_an_import_that_is_asked_for_twice_is_one(company: Company, admin: HttpClient) -> None:
    wanted = {"id": "nightly-7", "event_days": 0}
    first = admin.ask("POST", f"{ROOT}/imports", wanted)
    second = admin.ask("POST", f"{ROOT}/imports", wanted)

    assert (first.status, second.status) == (202, 202)
    eventually(lambda: admin.get(f"{ROOT}/imports/nightly-7")["status"] == "succeeded", 60, "the import")
    assert [one["id"] for one in admin.get(f"{ROOT}/imports")["items"]].count("nightly-7") == 1


def test_an_import_is_stopped_and_gone_on_with(company: Company, admin: HttpClient) -> None:
    begun = admin.ask("POST", f"{ROOT}/imports", {"share": 1}).body
    stopped = admin.ask("POST", f"{ROOT}/imports/{begun['id']}/stop")
    assert (stopped.body["status"], stopped.status) == ("failed", 200)
    assert "stopped" in stopped.body["reason"]
    gone_on = admin.ask("POST", f"{ROOT}/imports/{begun['id']}/resume")
    assert (gone_on.status, gone_on.body["status"]) == (202, "running")
    admin.ask("POST", f"{ROOT}/imports/{begun['id']}/stop")


def test_who_is_erased_by_the_api_has_a_receipt(company: Company, admin: HttpClient) -> None:
    person = next(iter(company.target.browser(company.name).list_people()))
    asked = admin.ask("DELETE", f"{ROOT}/people/{person['email'].replace('@', '%40')}")
    assert (asked.status, asked.body["person"], asked.body["complete"]) == (202, person["id"], False)
    eventually(
        lambda: admin.ask("DELETE", f"{ROOT}/people/{person['id']}").body.get("complete") is True,
        60,
        "the receipt",
    )
    assert admin.ask("GET", f"{ROOT}/people/{person['id']}").status == 404
    assert admin.ask("DELETE", f"{ROOT}/people/{person['email']}").status == 410
    (noted,) = [
        one for one in admin.get(f"{ROOT}/audit")["items"] if one["what"] == f"erase_person {person['id']}"
    ][-1:]
    assert noted["status"] == 202


def test_a_query_finds_exactly_who_matches(company: Company, viewer: HttpClient) -> None:
    run = viewer.ask("POST", f"{ROOT}/queries", {"id": "who-is-active", "rule": RULE}).body["id"]
    eventually(lambda: viewer.get(f"{ROOT}/queries/{run}")["status"] == "succeeded", 60, "the query")
    found = viewer.get(f"{ROOT}/queries/{run}/people?limit=200")["items"]

    expected = [
        one["id"]
        for one in company.target.browser(company.name).list_people()
        if one["fields"]["subscription_status"] == "active"
    ]
    assert [one["id"] for one in found] == expected


def test_a_verification_says_what_the_command_says(company: Company, admin: HttpClient) -> None:
    run = admin.ask("POST", f"{ROOT}/verifications", {}).body["id"]
    eventually(lambda: admin.get(f"{ROOT}/verifications/{run}")["status"] != "running", 200, "verifying")
    ended = admin.get(f"{ROOT}/verifications/{run}")

    assert ended["status"] == "succeeded", ended
    assert ended["report"]["differences"] == []
