"""Another signing secret, without missing an event."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from peoplesync.use_cases.connecting.connect import InvalidConnection
from peoplesync.use_cases.connecting.endpoints import API_VERSION, EVENTS, EndpointRefused
from tests.support.worlds.connecting import LIVE_KEY, Calls, Company, Killed, calls_of, killed_at


def connected() -> Company:
    company = Company()
    company.connect()
    return company


def test_the_endpoint_is_replaced_by_one_with_another_secret() -> None:
    company = connected()
    old = company.endpoint()

    made = company.rotate()

    new = company.endpoint()
    assert new.id == made == company.row().endpoint_id != old.id
    assert company.secrets.signing == {"main": [new.secret]}
    assert new.secret != old.secret
    assert (new.url, new.events, new.api_version) == (old.url, EVENTS, API_VERSION)


@pytest.mark.parametrize("call", range(calls_of(Company.rotate, connected)))
def test_killed_at_any_call_and_run_again_it_completes(call: int) -> None:
    company = connected()
    old = company.endpoint()

    killed_at(call, Company.rotate, company)

    assert company.row().endpoint_id == company.endpoint().id != old.id
    assert company.secrets.signing == {"main": [company.endpoint().secret]}


@pytest.mark.parametrize("call", range(calls_of(Company.rotate, connected)))
def test_killed_at_any_call_an_event_is_accepted_whichever_endpoint_sent_it(call: int) -> None:
    """Apart from those of an endpoint that was created an instant before: the other one sends them too."""
    company = connected()
    company.calls = Calls(last=call)
    with pytest.raises(Killed):
        company.rotate()

    known = set(company.secrets.signing["main"])
    assert known & {one.secret for one in company.stripe.endpoints.values()}


@pytest.mark.parametrize("call", range(calls_of(Company.rotate, connected)))
def test_what_a_killed_rotation_left_behind_connecting_clears_up_too(call: int) -> None:
    company = connected()
    company.calls = Calls(last=call)
    with pytest.raises(Killed):
        company.rotate()
    company.calls = Calls()

    company.connect()

    assert company.row().endpoint_id == company.endpoint().id
    assert company.secrets.signing == {"main": [company.endpoint().secret]}


def test_while_both_endpoints_are_there_both_secrets_are_accepted() -> None:
    company = connected()
    old = company.endpoint()
    seen: list[tuple[int, int]] = []
    company.calls = Calls(
        before_each=lambda: seen.append((len(company.stripe.endpoints), len(company.secrets.signing["main"])))
    )

    company.rotate()

    assert (2, 2) in seen
    assert (1, 2) in seen
    assert old.secret not in company.secrets.signing["main"]


def disconnected(company: Company) -> None:
    company.disconnect()


def polled(company: Company) -> None:
    company.connect(webhook=False)


@pytest.mark.parametrize(
    ("become", "because"),
    [(disconnected, "there is no connection main"), (polled, "its events are polled")],
)
def test_where_there_is_no_endpoint_there_is_nothing_to_rotate(
    become: Callable[[Company], None], because: str
) -> None:
    company = connected()
    become(company)

    with pytest.raises(InvalidConnection, match=because):
        company.rotate()


def test_where_stripe_takes_no_further_endpoint_all_stays_as_it_is() -> None:
    company = connected()
    company.stripe.refuses = "You have reached the maximum of 16 test webhook endpoints."
    before = company.endpoint(), company.row(), dict(company.secrets.signing)

    with pytest.raises(EndpointRefused):
        company.rotate()

    assert (company.endpoint(), company.row(), company.secrets.signing) == before


def test_the_other_connections_secret_stays() -> None:
    company = connected()
    company.connect(LIVE_KEY, "shop")
    shop = company.endpoint("shop")

    company.rotate()

    assert company.endpoint("shop") == shop
    assert company.secrets.signing["shop"] == [shop.secret]
