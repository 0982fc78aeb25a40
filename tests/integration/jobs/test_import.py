"""Imports by the deployed state machine, started as in the Step Functions console."""

from __future__ import annotations

import json
from typing import Any

import pytest

from peoplesync.domain.revenue.mrr import PAYING_STATUSES
from peoplesync_local.stack.stack import LocalStack
from tests.support.stacks.stack_company import Commands, Company, eventually, kill, slow

CUSTOMERS = 150
ACCOUNT = "imported"


@pytest.fixture(scope="module")
def undisturbed(local_stack: LocalStack) -> tuple[Company, dict[str, Any]]:
    """A company whose import nothing disturbed, and the execution."""
    company = Company(local_stack, ACCOUNT)
    company.simulator().fill(CUSTOMERS, seed=21)
    company.connect()
    return company, company.ended(company.start_import())


def another(local_stack: LocalStack, name: str) -> Company:
    """A further connection to the same account."""
    company = Company(local_stack, name, ACCOUNT)
    company.connect()
    return company


def test_an_import_from_the_console_ends_with_a_useful_output(
    undisturbed: tuple[Company, dict[str, Any]],
) -> None:
    company, execution = undisturbed

    assert execution["status"] == "SUCCEEDED", execution
    output = json.loads(execution["output"])
    assert (output["connection"], output["status"]) == (company.name, "succeeded")
    assert output["lists"]["customers"] == CUSTOMERS
    assert output["listed"] == sum(output["lists"].values())
    assert output["applied"] == output["enqueued"] <= output["listed"]
    assert output["failed"] == 0
    (run,) = Commands(company).json("import", "list")
    assert {name: run[name] for name in ("id", "status", "listed", "enqueued", "applied", "failed")} == {
        "id": execution["name"],
        **{name: output[name] for name in ("status", "listed", "enqueued", "applied", "failed")},
    }


def test_the_imported_people_are_what_stripe_says(undisturbed: tuple[Company, dict[str, Any]]) -> None:
    company, _ = undisturbed

    verdict = company.verify()

    assert (verdict.compared["customers"], verdict.differences) == (CUSTOMERS, {})
    api = company.stripe()
    people = company.people()
    assert sum(len(ids.split()) for ids in people) == CUSTOMERS
    browser = company.target.browser(company.name)
    for customer in api.v1.customers.list({"limit": 20}).data:
        person = browser.person(customer.id)
        assert person["email"] == (customer.email or "").lower() or None
        if len(person["customers"]) > 1:
            continue
        asked: Any = {"customer": customer.id, "status": "all"}
        statuses = [one.status for one in api.v1.subscriptions.list(asked).data]
        assert (person["fields"]["subscription_status"] in statuses) if statuses else True


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"connection": "nobody"}, "there is no connection nobody; peoplesync connect makes one"),
        ({"conection": "main"}, "the input has conection; known are connection, created_after, share"),
        ({"created_after": "yesterday"}, "created_after is a date such as 2026-01-31"),
        ({"resume": "no-such-run"}, "there is no import no-such-run; peoplesync import list shows them"),
        ({"share": 400}, "share is a percentage of Stripe's rate limit, 1 to 100, not 400"),
    ],
)
def test_a_bad_input_fails_with_what_to_do(
    undisturbed: tuple[Company, dict[str, Any]], given: dict[str, Any], says: str
) -> None:
    company, _ = undisturbed

    execution = company.ended(company.start_import(**given))

    assert (execution["status"], execution["error"]) == ("FAILED", "NotStarted")
    assert says in execution["cause"]


@pytest.mark.long
def test_an_import_whose_task_is_killed_ends_in_the_same_people(
    local_stack: LocalStack, undisturbed: tuple[Company, dict[str, Any]]
) -> None:
    company = another(local_stack, "import-killed")
    with slow(company, 400):
        execution = company.start_import(share=100)
        eventually(lambda: company.listed_pages(execution, "customers") > 0, 30, "a page of customers")
        assert kill(local_stack, "ImportCustomers") > 0

    ended = company.ended(execution)

    assert ended["status"] == "SUCCEEDED", ended
    assert "TaskFailed" in company.history(execution)
    assert company.people() == undisturbed[0].people()


@pytest.mark.long
def test_a_stopped_import_says_so_and_resumed_ends_in_the_same_people(
    local_stack: LocalStack, undisturbed: tuple[Company, dict[str, Any]]
) -> None:
    company = another(local_stack, "import-stopped")
    commands = Commands(company)
    with slow(company, 1_000):
        execution = company.start_import(share=100)
        eventually(lambda: company.listed_pages(execution, "customers") > 0, 30, "a page of customers")
        company.target.session.client("stepfunctions").stop_execution(executionArn=execution)
        (stopped,) = commands.json("import", "list")
        # Nobody has stopped the tasks of the execution: they are still reading.
        commands.json("import", "resume", "--detach")

    assert stopped["status"] == "failed"
    assert "peoplesync import resume" in stopped["reason"]
    (resumed,) = commands.json("import", "watch")

    assert (resumed["id"], resumed["status"]) == (stopped["id"], "succeeded")
    assert resumed["lists"]["customers"] == CUSTOMERS
    assert company.people() == undisturbed[0].people()


@pytest.mark.long
def test_after_an_import_nobodys_mrr_is_unknown_or_an_estimate(local_stack: LocalStack) -> None:
    # 2,000 customers, among them one of each that Stripe does not show whole: prices in several currencies,
    # coupons limited to products, twelve items, bank debits, trial offers, accounts.
    company = Company(local_stack, "shown")
    company.simulator().fill(2_000, seed=7)
    company.connect()
    company.simulator().reset_requests()
    execution = company.ended(company.start_import(), 480)
    assert execution["status"] == "SUCCEEDED", execution
    company.drain(120)
    asked = company.simulator().requests()["by_endpoint"]

    found = Commands(company).json("people", "list")
    paying = [one["fields"] for one in found if one["fields"].get("subscription_status") in PAYING_STATUSES]
    assert len(paying) > 900
    assert [one for one in paying if one.get("customer_mrr") is None] == []
    assert [one for one in paying if one["customer_mrr_estimated"]] == []
    assert {"eur", "jpy", "usd"} <= {one["customer_mrr_currency"] for one in paying}
    verdict = company.verify()
    assert verdict.agrees, verdict.differences
    assert verdict.compared["charges"] > 1_000
    # What the lists brought is not asked for one by one: only tiers of other currencies are.
    assert sum(asked[f"/v1/{name}"].get("get", 0) for name in ("prices", "coupons")) <= 6
