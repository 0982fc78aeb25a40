"""Disconnecting: what goes, what stays, and what a later connection may use again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from peoplesync.adapters.dynamodb.connections import ConnectionsStore
from peoplesync.adapters.dynamodb.people.people_reader import PeopleReader
from peoplesync.domain.connections import Epoch
from peoplesync.use_cases.connecting.connect import LATE_WRITES, InvalidConnection
from peoplesync.use_cases.messages.message import Message, Purge, decode
from peoplesync.use_cases.ports import Unavailable
from peoplesync.use_cases.scheduled.sweep import sweep
from tests.support.builders.stripe import DAY, NOW, sign
from tests.support.fakes.world import FakeQueue
from tests.support.stacks.connected_stack import Stack, events, of_the_test_epoch
from tests.support.stacks.moto_stack import MotoStack
from tests.support.worlds.connecting import (
    ALL,
    LIVE_KEY,
    TEST_KEY,
    Calls,
    Company,
    Killed,
    calls_of,
    killed_at,
    url_of,
)

FIRST, SECOND = Epoch("main", 1), Epoch("main", 2)
PURGE = Message(FIRST, purge=Purge(), cause="moved")


def connected(key: str = TEST_KEY) -> Company:
    company = Company()
    company.connect(key)
    company.people.counts[FIRST] = 7
    return company


def disconnect(company: Company) -> object:
    return company.disconnect(at=NOW + DAY)


def give_up(company: Company) -> object:
    return company.disconnect(at=NOW + DAY, with_people=True)


def assert_gone(company: Company) -> None:
    """No endpoint, no secret, and a row that only remembers."""
    assert company.stripe.endpoints == {}
    assert not company.secrets.keys
    assert not company.secrets.signing
    assert company.connections.get("main") is None
    assert (company.row().disconnected_at, company.row().endpoint_id) == (NOW + DAY, None)


def test_endpoint_and_secrets_go_and_the_people_stay() -> None:
    company = connected()

    assert company.disconnect(at=NOW + DAY) is None

    assert_gone(company)
    assert company.row().epoch == FIRST
    assert not company.bulk.sent


def test_the_key_by_which_the_erased_are_known_stays_with_the_people_and_goes_with_them() -> None:
    company = connected()
    company.secrets.erasure = {"main", "other"}

    company.disconnect()
    assert company.secrets.erasure == {"main", "other"}

    company.disconnect(with_people=True)
    assert company.secrets.erasure == {"other"}


def test_it_is_disconnected_before_anything_else_happens() -> None:
    company = connected()
    company.calls = Calls()

    company.disconnect()

    assert company.calls.made[:2] == ["FakeConnections.get_even_disconnected", "FakeConnections.disconnect"]


def test_people_go_on_request_at_once_and_again_when_nobody_writes_any_more() -> None:
    company = connected()

    company.disconnect(at=NOW + DAY, with_people=True)

    assert_gone(company)
    assert company.row().epoch == SECOND
    assert [(decode(body), delay) for body, delay in company.bulk.sent] == [
        (PURGE, LATE_WRITES),
        (PURGE, 0),
    ]


@pytest.mark.parametrize("call", range(calls_of(disconnect, connected)))
def test_killed_at_any_call_and_run_again_it_completes(call: int) -> None:
    company = killed_at(call, disconnect, connected())

    assert_gone(company)
    assert company.row().epoch == FIRST


@pytest.mark.parametrize("call", range(calls_of(give_up, connected)))
def test_killed_at_any_call_and_run_again_it_completes_with_the_people(call: int) -> None:
    company = killed_at(call, give_up, connected())

    assert_gone(company)
    assert company.row().epoch_number > 1
    assert PURGE in [decode(body) for body, _ in company.bulk.sent]


@pytest.mark.parametrize("call", range(calls_of(give_up, connected)))
def test_killed_at_any_call_the_people_are_either_all_there_or_on_their_way_out(call: int) -> None:
    company = connected()
    company.calls = Calls(last=call)
    with pytest.raises(Killed):
        give_up(company)

    over = company.row().epoch != FIRST
    assert not over or PURGE in [decode(body) for body, _ in company.bulk.sent]


def test_people_can_be_given_up_later() -> None:
    company = connected()
    company.disconnect(at=NOW + DAY)

    company.disconnect(at=NOW + DAY, with_people=True)

    assert_gone(company)
    assert company.row().epoch == SECOND


def test_the_other_connections_and_their_endpoints_stay() -> None:
    company = connected()
    company.connect(LIVE_KEY, "shop")
    shop = company.row("shop")

    company.disconnect()

    assert company.row("shop") == shop
    assert company.endpoint("shop").id == shop.endpoint_id
    assert list(company.secrets.keys) == list(company.secrets.signing) == ["shop"]


def test_an_endpoint_at_an_old_address_of_the_stack_goes_too() -> None:
    company = connected()
    endpoint = company.endpoint()
    company.stripe.endpoints[endpoint.id] = replace(endpoint, url="https://old.example.com/webhooks")

    company.disconnect(at=NOW + DAY)

    assert_gone(company)


def test_with_a_revoked_key_the_endpoint_is_left_and_named() -> None:
    company = connected()
    endpoint = company.endpoint()
    del company.stripe.keys[TEST_KEY]

    assert company.disconnect(at=NOW + DAY) == endpoint.id

    assert company.connections.get("main") is None
    assert not company.secrets.keys
    assert not company.secrets.signing


def test_with_a_key_that_may_not_write_endpoints_the_endpoint_is_left_and_named() -> None:
    company = connected()
    company.stripe.keys[TEST_KEY] = ALL - {"rak_webhook_write"}

    assert company.disconnect() == company.endpoint().id


def test_when_stripe_is_down_it_is_disconnected_and_run_again_it_completes() -> None:
    company = connected()
    account = company.stripe.account

    def down(key: str) -> object:
        raise Unavailable("down")

    company.stripe.account = down  # type: ignore[assignment, method-assign]  # for once
    with pytest.raises(Unavailable):
        company.disconnect(at=NOW + DAY)

    assert company.connections.get("main") is None
    company.stripe.account = account  # type: ignore[method-assign]
    company.disconnect(at=NOW + 2 * DAY)
    assert_gone(company)


def test_a_connection_that_never_was_cannot_be_disconnected() -> None:
    with pytest.raises(InvalidConnection, match="there is no connection main"):
        Company().disconnect()


def test_connecting_again_goes_on_with_the_same_people_and_checkpoint() -> None:
    company = connected()
    before = company.row()
    company.disconnect()

    company.connect(at=NOW + 9 * DAY)

    row = company.row()
    assert row == replace(before, endpoint_id=company.endpoint().id, webhook_since=NOW + 9 * DAY)
    assert company.secrets.signing == {"main": [company.endpoint().secret]}
    assert company.endpoint().url == url_of("main")


def test_connecting_again_after_the_people_went_begins_with_none_in_a_new_epoch() -> None:
    company = connected()
    company.disconnect(with_people=True)

    company.connect()

    assert company.row().epoch == SECOND
    assert len(company.connections.segments(SECOND)) == 8
    assert company.connections.fields(SECOND)


@pytest.mark.parametrize("call", range(calls_of(Company.connect, connected)))
def test_an_epoch_that_was_given_up_is_never_used_again(call: int) -> None:
    """However often it is killed and whatever is done next."""
    company = killed_at(call, Company.connect, connected())
    company.disconnect(with_people=True)
    company.connect()
    company.disconnect(with_people=True)
    company.connect(LIVE_KEY)

    assert company.row().epoch_number == 4
    assert company.row().livemode


def test_a_live_connection_whose_people_went_may_begin_again_in_test_mode() -> None:
    company = connected(LIVE_KEY)
    company.disconnect(with_people=True)

    company.connect(TEST_KEY)

    assert (company.row().livemode, company.row().epoch_number) == (False, 3)


def test_a_live_connection_that_kept_its_people_does_not_go_back_to_test_mode() -> None:
    company = connected(LIVE_KEY)
    company.disconnect()

    with pytest.raises(InvalidConnection, match="--connection NAME"):
        company.connect(TEST_KEY)


def test_what_is_still_about_of_a_disconnected_connection_is_refused_or_dropped(aws: MotoStack) -> None:
    stack = Stack(aws)
    stack.connect(TEST_KEY)
    (secret,) = stack.secrets.signing_secrets("main")
    told, queued = events("told")
    stack.deliver(Message(FIRST, queued))
    before = stack.rows(FIRST, of_people=True)
    ConnectionsStore().disconnect(FIRST, NOW, for_good=False)

    body = json.dumps(told).encode()
    receipt = stack.door.receive("main", body, sign(secret, body, NOW), NOW)
    stack.deliver(*of_the_test_epoch())

    assert (receipt.outcome, receipt.detail["because"]) == ("refused", "unknown connection")
    assert before
    assert stack.rows(FIRST, of_people=True) == before


def test_the_clock_moves_nobody_of_a_disconnected_connection(aws: MotoStack) -> None:
    stack = Stack(aws)
    stack.connect(TEST_KEY)
    stack.deliver(*(Message(FIRST, one) for one in events("slipping", status="trialing")))
    due_later = NOW + 400 * DAY
    assert sweep(ConnectionsStore(), PeopleReader(), SilentQueue(), due_later).due == 1

    ConnectionsStore().disconnect(FIRST, NOW, for_good=False)

    assert sweep(ConnectionsStore(), PeopleReader(), SilentQueue(), due_later).due == 0


class SilentQueue(FakeQueue):
    """A queue with nothing on it."""

    def visible(self) -> int:
        return 0

    def send_all(self, bodies: Sequence[str]) -> None:
        for body in bodies:
            self.send(body)
