"""Somebody is erased from the deployed stack, and everything that was ever told of them is told again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import stripe

from peoplesync.adapters import clock
from peoplesync.domain.people.person import email_identity
from peoplesync.use_cases.messages.message import BulkBatch, Message
from peoplesync_cli.jobs.replay import run as replay
from peoplesync_local.stack.stack import LocalStack
from tests.integration.events.test_publish import rule
from tests.support.stacks.moto_stack import as_text
from tests.support.stacks.stack_company import Commands, Company, eventually

EMAIL, NAME, USER = "erased-07@example.com", "Erased Seven", "erased-user-7"
ADDRESS: Any = {"line1": "7 Erased Street", "city": "Erasedtown", "country": "DE", "postal_code": "70707"}
PERSONAL = (EMAIL, NAME, USER, "+1 555 0177", "7 Erased Street", "Erasedtown", "erased-tier", "Erased-Report")
SECONDS = 20


def become_customer(company: Company) -> str:
    """Somebody signs up, subscribes and pays; the id of their customer."""
    api = company.stripe()
    customer = api.v1.customers.create(
        {
            "email": EMAIL,
            "name": NAME,
            "phone": "+1 555 0177",
            "address": ADDRESS,
            "metadata": {"tier": "erased-tier"},
        }
    )
    price = api.v1.prices.create(
        {
            "currency": "usd",
            "unit_amount": 1900,
            "recurring": {"interval": "month"},
            "product_data": {"name": "Starter"},
        }
    )
    api.v1.subscriptions.create({"customer": customer.id, "items": [{"price": price.id}]})
    return customer.id


def tell_activity(company: Company) -> None:
    """The app tells of them, too."""
    about = {"user": USER, "at": clock.now(), "traits": {"email": EMAIL, "tier": "erased-tier"}}
    activities = (
        {**about, "type": "identify", "message": "erased-1"},
        {
            **about,
            "type": "track",
            "message": "erased-2",
            "event": "Exported",
            "properties": {"what": "Erased-Report"},
        },
    )
    told = Message(company.epoch, chunk=BulkBatch(activities=activities))
    company.target.depths.queues[0].send(told.encode())


def records(company: Company) -> set[str]:
    """The records of the person with the e-mail."""
    person = company.target.people.person_of(company.epoch, email_identity(EMAIL))
    return set(person.records) if person else set()


def rows(company: Company) -> Iterator[tuple[str, str]]:
    """All rows of the company in all tables of the stack, each with its table's name in the outputs."""
    dynamodb = company.target.session.client("dynamodb")
    tables = {name: value for name, value in company.target.outputs.items() if name.endswith("Table")}
    assert len(tables) >= 9
    theirs: Any = {
        "FilterExpression": "begins_with(pk, :name)",
        "ExpressionAttributeValues": {":name": {"S": company.name}},
    }
    for name, table in tables.items():
        for page in dynamodb.get_paginator("scan").paginate(TableName=table, **theirs):
            yield from ((name, as_text(row)) for row in page["Items"])


def traces(company: Company, texts: tuple[str, ...] = PERSONAL) -> list[str]:
    """Where one of these texts is, in capitals or not: who is sought by name is found either way."""
    return [
        f"{table}: {text} in {row}"
        for table, row in rows(company)
        for text in texts
        if text.lower() in row.lower()
    ]


def is_indexed(company: Company, *texts: str) -> bool:
    """Whether the read models know each of these texts."""
    return all(any(one.startswith("ReadModelsTable") for one in traces(company, (text,))) for text in texts)


def tell_all_again(company: Company, customer: str) -> None:
    """The webhook delivers everything once more, the reconciler reads it, the app repeats itself."""
    found = company.stripe().v1.events.list({"limit": 100}).data
    events: list[Any] = [json.loads(str(one)) for one in reversed(found)]
    assert customer in json.dumps(events)
    tally = replay(company.target, events, events, connection=company.name, concurrency=4, timeout=60)
    assert (tally.refused, tally.dead) == (0, 0)
    tell_activity(company)
    Commands(company).json("reconcile", "--since", "1h")
    company.drain()


@pytest.fixture(scope="module")
def erased(local_stack: LocalStack) -> tuple[Company, str, dict[str, Any]]:
    """A company, whose one person with feed and segments was erased; their customer, and the receipt."""
    company = Company(local_stack, "eraser")
    company.connect()
    commands = Commands(company)
    with rule(local_stack, company.name, **{"detail-type": ["Person Removed"]}) as heard:
        customer = become_customer(company)
        tell_activity(company)
        eventually(lambda: records(company) == {customer, f"user:{USER}"}, SECONDS, "the two of them")
        company.drain()
        browser = company.target.browser(company.name)
        person = browser.person(EMAIL)
        assert {"customers", "syncing_with_stripe"} <= set(person["segments"])
        assert len(list(browser.feed(EMAIL))) > 2
        assert {text for text in PERSONAL if traces(company, (text,))} == set(PERSONAL)
        eventually(lambda: is_indexed(company, EMAIL, NAME, customer), SECONDS, "them in the read models")

        (receipt,) = commands.json("people", "erase", EMAIL, "--yes")

        eventually(lambda: bool(heard()), SECONDS, "the removal on the bus")
        (removed,) = heard()
    assert (removed["detail"]["cause"], removed["detail"]["person"]["id"]) == ("erased", person["id"])
    return company, customer, {**receipt, "id": person["id"], "was_in": person["segments"]}


def test_the_receipt_tells_what_was_removed(erased: tuple[Company, str, dict[str, Any]]) -> None:
    _, customer, receipt = erased

    assert (receipt["person"], receipt["complete"]) == (receipt["id"], True)
    assert receipt["customers"] == [customer]
    assert receipt["erased_at"] >= receipt["asked_at"]
    assert receipt["unindexed_at"] >= receipt["erased_at"]
    removed = receipt["removed"]
    assert (removed["records"], removed["identities"]) == (2, 3)
    assert removed["memberships"] == len(receipt["was_in"])
    assert removed["fields"] > 10
    assert removed["feed_entries"] > 2


def test_nothing_of_them_is_in_any_table_and_nothing_that_is_told_again_brings_them_back(
    erased: tuple[Company, str, dict[str, Any]],
) -> None:
    company, customer, receipt = erased
    assert traces(company) == []

    tell_all_again(company, customer)

    assert traces(company) == []
    left = [table for table, row in rows(company) if customer in row or receipt["id"] in row]
    # The customer's marker and the receipt; and for two days which version of whom was counted last.
    assert sorted(left) == ["IdentitiesTable", "IdentitiesTable", "ReadModelsTable"]
    assert not is_indexed(company, customer)
    result = Commands(company)("people", "erase", customer)
    assert result.stdout.startswith(f"{customer} was erased on {receipt['erased_at']}.")


@pytest.mark.long
def test_a_full_import_brings_nobody_back_and_verify_counts_them(
    erased: tuple[Company, str, dict[str, Any]],
) -> None:
    company, customer, _ = erased
    other = company.stripe().v1.customers.create({"email": "other-07@example.com"})
    company.drain()

    ended = company.ended(company.start_import())
    company.drain()

    assert ended["status"] == "SUCCEEDED", ended
    assert traces(company) == []
    assert company.target.browser(company.name).find(other.id).email == "other-07@example.com"
    verdict = company.verify()
    assert (verdict.differences, verdict.erased, verdict.compared["customers"]) == ({}, {customer}, 1)


@pytest.mark.long
def test_with_a_new_customer_they_stay_erased_until_they_are_let_in_again(
    erased: tuple[Company, str, dict[str, Any]],
) -> None:
    company, _, _ = erased
    api = company.stripe()
    rejected = api.v1.customers.create({"email": EMAIL})
    company.drain()
    assert traces(company) == []

    Commands(company).json("people", "readmit", EMAIL)
    let_in: stripe.Customer = api.v1.customers.create({"email": EMAIL})

    eventually(lambda: records(company) == {let_in.id}, SECONDS, "the new customer")
    Commands(company).json("people", "erase", EMAIL, "--yes")
    assert traces(company) == []
    result = Commands(company)("people", "erase", rejected.id)
    assert result.stdout.startswith(f"{rejected.id} was erased")
