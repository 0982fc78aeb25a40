"""The endpoint at Stripe: created, adopted, put right or replaced, and never doubled."""

from __future__ import annotations

from dataclasses import replace

import pytest

from peoplesync.use_cases.connecting.endpoints import API_VERSION, EVENTS, EndpointRefused
from tests.support.worlds.connecting import LIVE_KEY, TEST_KEY, Company, assert_complete, connected, url_of


def test_an_endpoint_that_lacks_events_gets_them_and_keeps_its_own() -> None:
    company = connected()
    endpoint = company.endpoint()
    some = frozenset({"customer.created", "payout.paid"})
    company.stripe.endpoints[endpoint.id] = replace(endpoint, events=some)

    company.connect()

    assert company.endpoint() == replace(endpoint, events=EVENTS | some)


def test_an_endpoint_that_stripe_disabled_is_enabled() -> None:
    company = connected()
    endpoint = company.endpoint()
    company.stripe.endpoints[endpoint.id] = replace(endpoint, enabled=False)

    company.connect()

    assert company.endpoint() == endpoint


def test_an_endpoint_for_all_events_stays_one() -> None:
    company = connected()
    endpoint = company.endpoint()
    company.stripe.endpoints[endpoint.id] = replace(endpoint, events=frozenset({"*"}))

    company.connect()

    assert company.endpoint().events == {"*"}


@pytest.mark.parametrize("version", [None, "2020-03-02"])
def test_an_endpoint_of_another_api_version_is_replaced(version: str | None) -> None:
    company = connected()
    endpoint = company.endpoint()
    company.stripe.endpoints[endpoint.id] = replace(endpoint, api_version=version)

    company.connect()

    assert_complete(company)
    assert company.endpoint().id != endpoint.id


def test_an_endpoint_whose_secret_nobody_knows_is_replaced_and_the_new_one_is_there_first() -> None:
    company = Company()
    company.stripe.hold(TEST_KEY, url=url_of("main"), api_version=API_VERSION, events=EVENTS)

    company.connect()

    assert_complete(company)
    made = company.calls.made
    assert made.index("FakeAccount.create_endpoint") < made.index("FakeSecrets.store_signing_secrets")
    assert made.index("FakeSecrets.store_signing_secrets") < made.index("FakeAccount.delete_endpoint")


def test_a_lost_secret_is_made_up_for() -> None:
    company = connected()
    company.secrets.signing.clear()

    company.connect()

    assert_complete(company)


def test_an_endpoint_that_was_deleted_at_stripe_is_created_again() -> None:
    company = connected()
    company.stripe.endpoints.clear()

    company.connect()

    assert_complete(company)


def test_endpoints_of_others_are_left_alone() -> None:
    company = Company()
    theirs = [
        company.stripe.hold(TEST_KEY, url="https://other.example.com", events=frozenset({"*"})),
        company.stripe.hold(TEST_KEY, url=url_of("main-2"), events=frozenset({"*"})),
        company.stripe.hold(LIVE_KEY, url=url_of("main"), events=frozenset({"*"})),
    ]

    company.connect()

    assert [company.stripe.endpoints[one.id] for one in theirs] == theirs


def test_the_endpoint_moves_along_when_the_stack_has_a_new_address() -> None:
    company = connected()
    endpoint = company.endpoint()
    company.stripe.endpoints[endpoint.id] = replace(endpoint, url="https://old.example.com/webhooks")

    company.connect()

    assert_complete(company)
    assert len(company.stripe.endpoints) == 1


def test_where_stripe_cannot_reach_us_there_is_no_endpoint() -> None:
    company = Company()

    made = company.connect(webhook=False)

    assert (made.connection.endpoint_id, company.stripe.endpoints, company.secrets.signing) == (None, {}, {})
    assert company.secrets.keys == {"main": TEST_KEY}


def test_an_endpoint_that_is_not_wanted_any_more_is_deleted() -> None:
    company = connected()

    company.connect(webhook=False)

    assert (company.row().endpoint_id, company.stripe.endpoints, company.secrets.signing) == (None, {}, {})
    company.connect()
    assert_complete(company)


def test_an_endpoint_that_stripe_refuses_ends_it_before_there_is_a_connection() -> None:
    company = Company()
    company.stripe.refuses = "Invalid URL."

    with pytest.raises(EndpointRefused):
        company.connect()

    assert company.connections.rows == {}
