"""Keys, their permissions and modes, as Stripe's own client meets them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import stripe

from peoplesync_local.stripe_simulator.control import Simulator
from peoplesync_local.stripe_simulator.objects import shapes as stripe_objects
from tests.support.worlds.simulated_stripe import KEY, NOW, ask, client, simulated_stripe

READS = {
    "rak_charge_read": "/v1/charges",
    "rak_customer_read": "/v1/customers",
    "rak_event_read": "/v1/events",
    "rak_checkout_session_read": "/v1/checkout/sessions",
    "rak_invoice_read": "/v1/invoices",
    "rak_plan_read": "/v1/prices",
    "rak_subscription_read": "/v1/subscriptions",
    "rak_product_read": "/v1/products",
    "rak_coupon_read": "/v1/coupons",
}
ALL = {*READS, "rak_webhook_write"}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with simulated_stripe() as url:
        yield url


@pytest.fixture
def empty() -> Iterator[str]:
    with simulated_stripe() as url:
        yield url


@pytest.mark.parametrize(("permission", "path"), READS.items())
def test_a_key_that_lacks_one_permission_is_refused_only_there(url: str, permission: str, path: str) -> None:
    Simulator(url).add_key("rk_test_lacking", ALL - {permission})

    for other in READS.values():
        if other != path:
            ask(url, other, {"limit": 1}, key="rk_test_lacking")
    with pytest.raises(stripe.PermissionError, match=permission) as refused:
        ask(url, path, {"limit": 1}, key="rk_test_lacking")

    assert refused.value.http_status == 403
    assert refused.value.code is None
    assert refused.value.error is not None
    assert refused.value.error.code == "more_permissions_required"


def test_the_permission_to_write_endpoints_can_be_probed_without_writing(url: str) -> None:
    simulator = Simulator(url)
    simulator.add_key("rk_test_may", {"rak_webhook_write"})
    simulator.add_key("rk_test_may_not", {"rak_webhook_read"})

    with pytest.raises(stripe.InvalidRequestError, match="No such webhook endpoint: 'we_x'") as granted:
        client(url, "rk_test_may").v1.webhook_endpoints.update("we_x")
    with pytest.raises(stripe.PermissionError, match="rak_webhook_write"):
        client(url, "rk_test_may_not").v1.webhook_endpoints.update("we_x")
    assert granted.value.http_status == 404
    assert client(url, "rk_test_may").v1.webhook_endpoints.list().data == []


def test_what_may_not_be_read_may_not_be_expanded(url: str) -> None:
    Simulator(url).add_key("rk_test_no_products", {"rak_plan_read"})

    ask(url, "/v1/prices", {"expand": ["data.tiers"]}, key="rk_test_no_products")
    with pytest.raises(stripe.PermissionError, match="rak_product_read"):
        ask(url, "/v1/prices", {"expand": ["data.product"]}, key="rk_test_no_products")


def test_no_restricted_key_may_read_the_account(url: str) -> None:
    Simulator(url).add_key("sk_test_powerful")

    with pytest.raises(stripe.PermissionError):
        ask(url, "/v1/account")
    assert ask(url, "/v1/account", key="sk_test_powerful").data["object"] == "account"


@pytest.mark.parametrize("key", ["rk_test_another", "rk_live_none"])
def test_a_wrong_key_is_refused_as_at_stripe(url: str, key: str) -> None:
    with pytest.raises(stripe.AuthenticationError, match="Invalid API Key provided: rk_") as refused:
        ask(url, "/v1/customers", key=key)

    assert refused.value.http_status == 401
    assert key not in str(refused.value)


def test_a_revoked_key_no_longer_opens_anything(empty: str) -> None:
    ask(empty, "/v1/customers")
    Simulator(empty).add_key(KEY, revoked=True)

    with pytest.raises(stripe.AuthenticationError) as refused:
        ask(empty, "/v1/customers")

    assert refused.value.error is not None
    assert refused.value.error.code == "api_key_expired"


def test_test_and_live_mode_know_nothing_of_each_other(empty: str) -> None:
    Simulator(empty, livemode=True).add_key("rk_live_simulated")
    Simulator(empty).hold(
        [
            stripe_objects.customer("cus_test", created=NOW, email=None),
            stripe_objects.customer("cus_live", created=NOW, email=None, livemode=True),
        ]
    )

    in_test, in_live = client(empty).v1.customers, client(empty, "rk_live_simulated").v1.customers

    assert [customer.id for customer in in_test.list().data] == ["cus_test"]
    assert [customer.id for customer in in_live.list().data] == ["cus_live"]
    with pytest.raises(
        stripe.InvalidRequestError, match="exists in live mode, but a test mode key"
    ) as missing:
        in_test.retrieve("cus_live")
    assert missing.value.http_status == 404


def test_a_key_of_another_account_opens_that(empty: str) -> None:
    Simulator(empty, account="shop").add_key("rk_test_of_the_shop")
    Simulator(empty).hold([stripe_objects.customer("cus_1", created=NOW, email=None)])

    assert client(empty, "rk_test_of_the_shop").v1.customers.list().data == []
    client(empty, "rk_test_of_the_shop").v1.customers.create({"email": "trial-08@example.com"})
    assert [customer.id for customer in client(empty).v1.customers.list().data] == ["cus_1"]
