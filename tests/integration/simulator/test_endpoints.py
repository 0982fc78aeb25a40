"""Webhook endpoints, made and changed by Stripe's own client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import stripe

from peoplesync_local.stripe_simulator.control import Simulator
from tests.support.worlds.simulated_stripe import NOW, client, simulated_stripe

URL = "https://hooks.example.com/webhooks/stripe/main"


@pytest.fixture
def url() -> Iterator[str]:
    with simulated_stripe() as url:
        yield url


def endpoints(url: str) -> Any:
    return client(url).v1.webhook_endpoints


def create(at: str, **params: Any) -> Any:
    return endpoints(at).create({"url": URL, "enabled_events": ["customer.created"], **params})


def test_the_secret_is_shown_once(url: str) -> None:
    made = create(url)

    assert made.secret.startswith("whsec_")
    assert "secret" not in endpoints(url).retrieve(made.id)
    assert all("secret" not in each for each in endpoints(url).list().data)
    assert "secret" not in endpoints(url).update(made.id, {"description": "ours"})
    assert create(url).secret != made.secret


def test_an_endpoint_is_as_it_was_asked_for(url: str) -> None:
    made = create(
        url,
        api_version=stripe.api_version,
        description="peoplesync",
        metadata={"connection": "main"},
        enabled_events=["customer.created", "invoice.paid"],
    )

    assert endpoints(url).retrieve(made.id).to_dict() == {
        "id": made.id,
        "object": "webhook_endpoint",
        "api_version": "2026-10-28.endive",
        "application": None,
        "created": NOW,
        "description": "peoplesync",
        "enabled_events": ["customer.created", "invoice.paid"],
        "livemode": False,
        "metadata": {"connection": "main"},
        "status": "enabled",
        "url": URL,
    }


def test_an_update_changes_what_it_names(url: str) -> None:
    made = create(url, metadata={"connection": "main", "note": "old"})

    changed = endpoints(url).update(
        made.id, {"enabled_events": ["*"], "disabled": True, "metadata": {"note": ""}, "url": URL + "/2"}
    )

    assert (changed.enabled_events, changed.status, changed.url) == (["*"], "disabled", URL + "/2")
    assert changed.metadata.to_dict() == {"connection": "main"}
    assert endpoints(url).update(made.id, {"disabled": False}).status == "enabled"


def test_the_api_version_is_fixed_when_it_is_made(url: str) -> None:
    made = create(url, api_version="2024-06-20")

    with pytest.raises(stripe.InvalidRequestError, match="unknown parameter: api_version"):
        endpoints(url).update(made.id, {"api_version": stripe.api_version})
    assert endpoints(url).retrieve(made.id).api_version == "2024-06-20"


def test_a_deleted_endpoint_is_gone(url: str) -> None:
    made = create(url)

    assert endpoints(url).delete(made.id).deleted
    assert endpoints(url).list().data == []
    with pytest.raises(stripe.InvalidRequestError, match="No such webhook endpoint") as missing:
        endpoints(url).retrieve(made.id)
    assert missing.value.http_status == 404


def test_there_are_sixteen_at_most(url: str) -> None:
    made = [create(url) for _ in range(16)]

    with pytest.raises(stripe.InvalidRequestError, match="maximum of 16 test webhook endpoints"):
        create(url)
    endpoints(url).delete(made[0].id)
    create(url)


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"url": ""}, "url"),
        ({"url": "hooks.example.com"}, "url"),
        ({"enabled_events": []}, "enabled_events"),
        ({"enabled_events": ["customer.created", "Customer Created"]}, "enabled_events[1]"),
        ({"enabled_events": ["*", "customer.created"]}, "enabled_events"),
        ({"api_version": "latest"}, "api_version"),
        ({"secret": "whsec_mine"}, "secret"),
    ],
)
def test_a_wrong_parameter_is_named(url: str, params: dict[str, Any], param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        create(url, **params)

    assert (refused.value.http_status, refused.value.param) == (400, param)


def test_the_endpoints_of_the_modes_are_apart(url: str) -> None:
    Simulator(url, livemode=True).add_key("rk_live_simulated")
    create(url)

    assert client(url, "rk_live_simulated").v1.webhook_endpoints.list().data == []
