"""Stripe's stand-in, asked by Stripe's own SDK."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import stripe

from peoplesync_local.stripe_stand_in import StandIn, StripeObject, hold_objects, requests_by_path

KEY = "sk_test_stand_in"
CUSTOMER = {"id": "cus_1", "object": "customer", "email": "trial-07@example.com", "metadata": {"plan": "a"}}


@pytest.fixture
def url() -> Iterator[str]:
    with StandIn(0, KEY) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.url
        server.shutdown()


def ask(url: str, path: str, key: str = KEY) -> Any:
    """The SDK's answer: `data` and `headers`."""
    client = stripe.StripeClient(key, base_addresses={"api": url}, max_network_retries=0)
    return client.raw_request("get", path)


def test_an_object_it_holds_is_answered_as_it_is(url: str) -> None:
    hold_objects(url, [CUSTOMER])

    assert ask(url, "/v1/customers/cus_1").data == CUSTOMER


@pytest.mark.parametrize(
    ("held", "path"),
    [
        ({"id": "sub_1", "object": "subscription"}, "/v1/subscriptions/sub_1"),
        ({"id": "in_1", "object": "invoice"}, "/v1/invoices/in_1"),
        ({"id": "ch_1", "object": "charge"}, "/v1/charges/ch_1"),
        ({"id": "cs_1", "object": "checkout.session"}, "/v1/checkout/sessions/cs_1"),
    ],
)
def test_an_object_is_found_where_stripe_has_it(url: str, held: StripeObject, path: str) -> None:
    hold_objects(url, [held])

    assert ask(url, path).data == held


def test_the_later_of_two_objects_is_the_truth(url: str) -> None:
    hold_objects(url, [CUSTOMER, {**CUSTOMER, "email": "second@example.com"}])
    hold_objects(url, [{**CUSTOMER, "email": "third@example.com"}])

    assert ask(url, "/v1/customers/cus_1").data["email"] == "third@example.com"


def test_a_deleted_customer_is_a_stub_for_good(url: str) -> None:
    hold_objects(url, [{**CUSTOMER, "deleted": True}, CUSTOMER])

    assert ask(url, "/v1/customers/cus_1").data == {"id": "cus_1", "object": "customer", "deleted": True}


def test_an_object_it_does_not_hold_is_missing_as_at_stripe(url: str) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="No such customer: 'cus_none'") as missing:
        ask(url, "/v1/customers/cus_none")

    assert missing.value.http_status == 404
    assert missing.value.code == "resource_missing"
    assert missing.value.param == "id"


@pytest.mark.parametrize("key", ["sk_test_another", "rk_live_none"])
def test_a_wrong_key_is_refused_as_at_stripe(url: str, key: str) -> None:
    hold_objects(url, [CUSTOMER])

    with pytest.raises(stripe.AuthenticationError) as refused:
        ask(url, "/v1/customers/cus_1", key)

    assert refused.value.http_status == 401


def test_a_path_that_is_no_object_is_unrecognized(url: str) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL"):
        ask(url, "/v1/customers")


def test_the_answers_date_is_the_time_of_the_request(url: str) -> None:
    hold_objects(url, [CUSTOMER])
    before = datetime.now(UTC) - timedelta(seconds=1)

    answered = parsedate_to_datetime(ask(url, "/v1/customers/cus_1").headers["Date"])

    assert before <= answered <= datetime.now(UTC)


def test_it_tells_how_often_an_object_was_asked_for(url: str) -> None:
    hold_objects(url, [CUSTOMER])
    for _ in range(3):
        ask(url, "/v1/customers/cus_1")

    assert requests_by_path(url) == {"/v1/customers/cus_1": 3}
