"""The simulator's accounts (v2) that are customers, beside a v1 customer or instead of one."""

import pytest

from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from peoplesync_local.stripe_simulator.parameters.errors import InvalidRequest
from tests.support.builders.stripe import NOW
from tests.support.worlds.simulated_account import SimulatedAccount, texts

EMAIL = {"email": "account-01@example.com", "name": "Account 01"}


@pytest.fixture
def stripe() -> SimulatedAccount:
    return SimulatedAccount()


def of_account(stripe: SimulatedAccount, account: str) -> StripeObject:
    asked = {"customer_account": account, "items": [{"price": stripe.price()["id"]}]}
    return stripe.does.create_subscription(texts(asked))


def owners(stripe: SimulatedAccount, kind: str) -> set[tuple[str | None, str | None]]:
    """The `customer` and `customer_account` that events show in objects of a kind."""
    shown = [one["data"]["object"] for one in stripe.events]
    return {(one["customer"], one.get("customer_account")) for one in shown if one["object"] == kind}


def test_what_belongs_to_an_account_without_customer_names_the_account_alone(
    stripe: SimulatedAccount,
) -> None:
    account = stripe.does.create_account(EMAIL, with_customer=False)
    assert (account["id"].startswith("acct_"), account["customer"]) == (True, None)
    stripe.events.clear()
    subscription = of_account(stripe, account["id"])
    assert subscription["status"] == "active"
    assert owners(stripe, "subscription") == owners(stripe, "invoice") == {(None, account["id"])}
    assert owners(stripe, "charge") == {(None, None)}
    assert "created" not in stripe.told()
    assert not [one for one in stripe.events if one["data"]["object"]["object"] == "customer"]


def test_what_belongs_to_an_account_beside_a_customer_names_both(stripe: SimulatedAccount) -> None:
    account = stripe.does.create_account(EMAIL, with_customer=True)
    customer = stripe.account.get("customer", account["customer"])
    assert customer is not None
    assert (customer["customer_account"], customer["email"]) == (account["id"], EMAIL["email"])
    stripe.events.clear()
    subscription = of_account(stripe, account["id"])
    both = (account["customer"], account["id"])
    assert (subscription["customer"], subscription["customer_account"]) == both
    assert owners(stripe, "subscription") == owners(stripe, "invoice") == {both}
    for event in stripe.events:
        assert "customer_account" not in event["data"].get("previous_attributes", {})


def test_the_clock_goes_on_for_an_account_without_customer(stripe: SimulatedAccount) -> None:
    account = stripe.does.create_account(EMAIL, with_customer=False)
    of_account(stripe, account["id"])
    assert stripe.pass_days(32)[-1] == "day 31 1 h: invoice.paid"


def test_a_subscription_has_one_owner_that_is_there(stripe: SimulatedAccount) -> None:
    with pytest.raises(InvalidRequest, match="No such v2 core account"):
        of_account(stripe, "acct_none")
    account = stripe.does.create_account(EMAIL, with_customer=True)
    asked = {"customer": account["customer"], "customer_account": account["id"]}
    with pytest.raises(InvalidRequest, match="only specify one"):
        stripe.does.create_subscription(texts(asked))
    assert stripe.clock.now() == NOW
