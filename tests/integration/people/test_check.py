"""`peoplesync people check` on the stack: what no webhook delivered is a difference of one person, until it
is repaired."""

from __future__ import annotations

import json

from peoplesync_local.stack.stack import LocalStack
from tests.support.stacks.stack_company import Commands, Company, eventually

APPLIED_WITHIN = 60


def test_what_the_webhook_missed_differs_until_it_is_repaired(local_stack: LocalStack) -> None:
    company = Company(local_stack, "checked")
    company.connect()
    run, stripe = Commands(company), company.stripe()
    customer = stripe.v1.customers.create({"email": "mia@example.com", "name": "Mia"}).id
    company.drain()
    eventually(lambda: run("people", "get", customer).exit_code == 0, APPLIED_WITHIN, "the customer")
    (agrees,) = run.json("people", "check", "mia@example.com")
    assert (agrees["agrees"], agrees["differences"]) == (True, [])

    (endpoint,) = stripe.v1.webhook_endpoints.list().data
    stripe.v1.webhook_endpoints.update(endpoint.id, {"disabled": True})
    stripe.v1.customers.update(customer, {"name": "Mia Muster"})
    charged = stripe.v1.charges.create(
        {"amount": 1_900, "currency": "usd", "customer": customer, "source": "tok_visa"}
    )
    differs = run("people", "check", charged.id, "--repair", "--json")

    assert differs.exit_code == 1, differs.output
    found = json.loads(differs.stdout)
    assert {(one["object"], one["field"], one["personal"]) for one in found["differences"]} == {
        (customer, "name", True),
        (charged.id, "charge", False),
    }
    assert "Muster" not in differs.stdout
    assert found["repair_messages"] > 0
    company.drain()
    eventually(lambda: run("people", "check", customer).exit_code == 0, APPLIED_WITHIN, "agreement")
    (person,) = run.json("people", "get", customer)
    assert person["fields"]["customer_name"] == "Mia Muster"
