"""Connecting with Stripe's own client, against the simulator of Stripe, with the stack in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from peoplesync.adapters.dynamodb.connections import ConnectionsStore
from peoplesync.adapters.dynamodb.people.people_reader import PeopleReader
from peoplesync.adapters.stripe.account import StripeAccount
from peoplesync.use_cases.connecting.connect import Connected, Connector
from peoplesync.use_cases.connecting.disconnect import Disconnector
from peoplesync.use_cases.connecting.endpoints import API_VERSION, EVENTS, EndpointRefused
from peoplesync.use_cases.connecting.permissions import PERMISSIONS, MissingPermissions
from peoplesync.use_cases.connecting.rotate_secret import rotate_secret
from peoplesync.use_cases.ports import KeyRefused, NotPermitted, RateLimited, Unavailable
from peoplesync_local.stripe_simulator.control import Simulator
from tests.support.builders.stripe import NOW
from tests.support.fakes.world import FakeQueue
from tests.support.stacks.moto_stack import MotoStack, moto_stack
from tests.support.worlds.connecting import url_of
from tests.support.worlds.simulated_stripe import KEY, client, simulated_stripe

SLUGS = [one.slug for one in PERMISSIONS]
REQUIRED = [one.slug for one in PERMISSIONS if one.required]
LIVE_KEY = "rk_live_simulated"


@pytest.fixture
def url() -> Iterator[str]:
    with simulated_stripe() as url:
        Simulator(url, livemode=True).add_key(LIVE_KEY)
        yield url


@pytest.fixture
def aws() -> Iterator[MotoStack]:
    with moto_stack() as stack:
        yield stack


def endpoints(url: str, key: str = KEY) -> list[Any]:
    return list(client(url, key).v1.webhook_endpoints.list().data)


def connector(aws: MotoStack, url: str) -> Connector:
    return Connector(
        ConnectionsStore(),
        PeopleReader(),
        aws.secrets,
        lambda key: StripeAccount(key, url),
        FakeQueue(),
        url_of,
    )


def connect(aws: MotoStack, url: str, key: str = KEY) -> Connected:
    use_case = connector(aws, url)
    return use_case.connect(use_case.examine("main", key), NOW, people_may_go=True)


def test_a_key_with_all_permissions_may_do_all(url: str) -> None:
    assert {slug: StripeAccount(KEY, url).may(slug) for slug in SLUGS} == dict.fromkeys(SLUGS, True)


@pytest.mark.parametrize("lacking", SLUGS)
def test_a_missing_permission_is_found_and_it_alone(url: str, lacking: str) -> None:
    Simulator(url).add_key("rk_test_less", {*SLUGS} - {lacking})

    found = {slug: StripeAccount("rk_test_less", url).may(slug) for slug in SLUGS}

    assert [slug for slug, granted in found.items() if not granted] == [lacking]


def test_asking_for_permissions_changes_nothing_and_asks_nothing_else(url: str) -> None:
    account = StripeAccount(KEY, url)
    for slug in SLUGS:
        account.may(slug)

    assert endpoints(url) == []
    assert "/v1/account" not in Simulator(url).requests()["by_path"]


@pytest.mark.parametrize("lacking", REQUIRED)
def test_a_key_that_lacks_a_permission_leaves_nothing_behind(aws: MotoStack, url: str, lacking: str) -> None:
    Simulator(url).add_key("rk_test_less", {*SLUGS} - {lacking})

    with pytest.raises(MissingPermissions) as refused:
        connect(aws, url, "rk_test_less")

    assert [one.slug for one in refused.value.missing] == [lacking]
    assert endpoints(url) == []
    assert ConnectionsStore().all_even_disconnected() == []
    assert aws.client("ssm").describe_parameters()["Parameters"] == []
    assert aws.items(aws.stack.fields_table) == aws.items(aws.stack.segments_table) == []


def test_the_endpoint_is_as_it_should_be_and_its_events_are_accepted(aws: MotoStack, url: str) -> None:
    made = connect(aws, url).connection

    (endpoint,) = endpoints(url)
    assert (endpoint.id, endpoint.url) == (made.endpoint_id, url_of("main"))
    assert endpoint.api_version == API_VERSION
    assert set(endpoint.enabled_events) == EVENTS
    assert endpoint.metadata["peoplesync_connection"] == "main"
    assert [secret.startswith("whsec_") for secret in aws.secrets.signing_secrets("main")] == [True]


def test_connecting_twice_doubles_nothing(aws: MotoStack, url: str) -> None:
    first = connect(aws, url)

    assert connect(aws, url) == first
    assert len(endpoints(url)) == 1


def test_an_endpoint_with_fewer_events_that_was_disabled_is_put_right(aws: MotoStack, url: str) -> None:
    made = connect(aws, url).connection
    changed: Any = {"enabled_events": ["customer.created", "payout.paid"], "disabled": True}
    client(url).v1.webhook_endpoints.update(str(made.endpoint_id), changed)

    assert connect(aws, url).connection == made

    (endpoint,) = endpoints(url)
    assert set(endpoint.enabled_events) == EVENTS | {"payout.paid"}
    assert endpoint.status == "enabled"


def test_an_endpoint_of_an_older_api_version_is_replaced(aws: MotoStack, url: str) -> None:
    old: Any = {"url": url_of("main"), "enabled_events": ["*"], "api_version": "2020-03-02"}
    client(url).v1.webhook_endpoints.create(old)

    made = connect(aws, url).connection

    assert [(one.id, one.api_version) for one in endpoints(url)] == [(made.endpoint_id, API_VERSION)]


def test_rotating_leaves_one_endpoint_with_another_secret(aws: MotoStack, url: str) -> None:
    before = connect(aws, url).connection
    (secret,) = aws.secrets.signing_secrets("main")
    secrets = aws.secrets

    made = rotate_secret(
        "main", url_of("main"), ConnectionsStore(), secrets, lambda key: StripeAccount(key, url), NOW
    )

    assert [one.id for one in endpoints(url)] == [made] != [before.endpoint_id]
    assert secrets.signing_secrets("main") != [secret]
    assert len(secrets.signing_secrets("main")) == 1


def test_going_live_moves_the_endpoint_to_live_mode(aws: MotoStack, url: str) -> None:
    connect(aws, url)

    made = connect(aws, url, LIVE_KEY)

    assert made.left_endpoint is None
    assert endpoints(url) == []
    assert [one.id for one in endpoints(url, LIVE_KEY)] == [made.connection.endpoint_id]
    assert made.connection.epoch_number == 2


def test_disconnecting_leaves_nothing_at_stripe(aws: MotoStack, url: str) -> None:
    connect(aws, url)
    account = StripeAccount
    disconnector = Disconnector(
        ConnectionsStore(), aws.secrets, lambda key: account(key, url), FakeQueue(), url_of
    )

    assert disconnector.disconnect("main", NOW) is None

    assert endpoints(url) == []
    assert aws.client("ssm").describe_parameters()["Parameters"] == []


def test_a_deleted_endpoint_can_be_deleted_again(url: str) -> None:
    account = StripeAccount(KEY, url)
    made = account.create_endpoint(url_of("main"), EVENTS, API_VERSION, "main")

    account.delete_endpoint(made.id)
    account.delete_endpoint(made.id)

    assert account.endpoints() == []


def test_a_seventeenth_endpoint_is_refused_in_stripes_words(url: str) -> None:
    account = StripeAccount(KEY, url)
    for number in range(16):
        account.create_endpoint(url_of(f"c{number}"), EVENTS, API_VERSION, f"c{number}")

    with pytest.raises(EndpointRefused, match="maximum of 16 test webhook endpoints"):
        account.create_endpoint(url_of("main"), EVENTS, API_VERSION, "main")


def test_a_key_without_the_permission_may_not_look_at_endpoints(url: str) -> None:
    Simulator(url).add_key("rk_test_less", {*SLUGS} - {"rak_webhook_write"})
    account = StripeAccount("rk_test_less", url)

    with pytest.raises(NotPermitted) as refused:
        account.create_endpoint(url_of("main"), EVENTS, API_VERSION, "main")
    assert refused.value.permission == "rak_webhook_write"
    with pytest.raises(NotPermitted):
        account.endpoints()
    with pytest.raises(NotPermitted):
        account.delete_endpoint("we_1")


def test_a_revoked_key_is_refused_and_not_taken_for_one_that_may_less(url: str) -> None:
    Simulator(url).add_key(KEY, revoked=True)

    with pytest.raises(KeyRefused):
        StripeAccount(KEY, url).may("rak_charge_read")


def test_a_stripe_that_has_no_time_is_not_taken_for_a_missing_permission(url: str) -> None:
    Simulator(url).limit(lock_timeouts=1.0)

    with pytest.raises(RateLimited):
        StripeAccount(KEY, url).may("rak_charge_read")

    Simulator(url).limit(server_errors=1.0)
    with pytest.raises(Unavailable):
        StripeAccount(KEY, url).may("rak_webhook_write")
