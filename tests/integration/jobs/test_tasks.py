"""Queries, verifications and reconciliations by the deployed state machine, as the API starts them."""

from __future__ import annotations

import time
from typing import Any

import pytest

from peoplesync.domain.people.person import EVERYONE
from peoplesync.use_cases.tasks.asking import Conflict
from peoplesync.use_cases.tasks.runs import Kind
from peoplesync_local.stack.stack import LocalStack
from tests.support.stacks.stack_company import Commands, Company, eventually

CUSTOMERS = 6


@pytest.fixture(scope="module")
def company(local_stack: LocalStack) -> Company:
    """A company whose customers are imported."""
    company = Company(local_stack, "asking")
    stripe = company.stripe()
    for number in range(CUSTOMERS):
        stripe.v1.customers.create({"email": f"asking-{number}@example.com", "name": f"Person {number}"})
    company.connect()
    assert company.ended(company.start_import())["status"] == "SUCCEEDED"
    company.drain()
    return company


def ended(company: Company, kind: Kind, run: str) -> dict[str, Any]:
    """The run when it has ended, and its execution with it."""
    overview = company.target.tasks(kind).overview(company.epoch)
    eventually(lambda: (overview.one(run) or {})["status"] != "running", 90, f"the end of {kind} {run}")
    shown = overview.one(run)
    assert shown is not None
    company.ended(shown["execution"])
    return shown


def test_a_query_finds_who_matches_and_starting_it_twice_is_harmless(company: Company) -> None:
    queries = company.target.tasks("query")
    rule = {"field": "customer_email", "in": ["asking-1@example.com", "asking-4@example.com"]}
    given = {"rule": rule, "sort": "-customer_email"}

    first = queries.start("asking", given, "twice")
    assert queries.start("asking", given, "twice")["execution"] == first["execution"]

    shown = ended(company, "query", "twice")
    assert (shown["status"], shown["looked_at"], shown["found"]) == ("succeeded", CUSTOMERS, 2), shown
    page = queries.overview(company.epoch).page("twice", None, 10)
    people = {one.id: one.email for one in company.target.people.members(company.epoch, EVERYONE)}
    assert [people[one] for one in page["ids"]] == ["asking-4@example.com", "asking-1@example.com"]
    assert queries.start("asking", given, "twice")["status"] == "succeeded"
    with pytest.raises(Conflict):
        queries.start("asking", {"rule": rule}, "twice")
    assert company.execution(first["execution"])["status"] == "SUCCEEDED"


def test_a_stopped_query_is_resumed_by_another_execution(company: Company) -> None:
    queries, rule = company.target.tasks("query"), {"none": [{"field": "customer_name", "in": ["Nobody"]}]}
    first = queries.start("asking", {"rule": rule}, "stopped")
    if queries.stop(company.epoch, "stopped")["status"] == "stopped":
        company.ended(first["execution"])
        again = queries.resume(company.epoch, "stopped")
        assert again["execution"] != first["execution"]

    assert ended(company, "query", "stopped")["found"] == CUSTOMERS


def test_a_verification_reports_what_the_command_does(company: Company) -> None:
    tasks = company.target.tasks("verification")
    tasks.start("asking", {}, "all")

    shown = ended(company, "verification", "all")

    assert shown["status"] == "succeeded", shown
    (printed,) = Commands(company).json("verify")
    assert shown["report"] == printed
    assert (shown["report"]["customers"], shown["report"]["drifted"]) == (CUSTOMERS, 0)


def test_a_verification_mends_what_is_indexed(company: Company) -> None:
    store = company.target.read_model_store(0, 400)
    person = next(iter(company.target.people.members(company.epoch, EVERYONE))).id
    store.change_terms(company.epoch, {("wrong", person)}, ())
    company.target.tasks("verification").start("asking", {"repair": True}, "mend")

    shown = ended(company, "verification", "mend")

    assert shown["status"] == "succeeded", shown
    assert shown["report"]["read_models"]["terms"] == 1
    assert ("wrong", person) not in set(store.all_terms(company.epoch))


def test_a_reconciliation_reads_what_there_is(company: Company) -> None:
    tasks = company.target.tasks("reconciliation")
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 86_400))
    tasks.start("asking", {"since": since}, "day")

    shown = ended(company, "reconciliation", "day")

    assert shown["status"] == "succeeded", shown
    assert shown["report"]["done"] is True
    assert shown["report"]["events"] >= CUSTOMERS
