"""From test to live: the key and the endpoint are replaced, an epoch begins, and no test person is in it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from peoplesync.adapters.aws.secrets import Secrets
from peoplesync.adapters.dynamodb.connections import ConnectionsStore
from peoplesync.adapters.dynamodb.people.people_reader import PeopleReader
from peoplesync.adapters.dynamodb.tables import ReadModelRow
from peoplesync.adapters.stripe.api_keys import ApiKeys
from peoplesync.domain.fields.built_in import FIELDS, Field
from peoplesync.domain.people.person import EVERYONE
from peoplesync.domain.segments.definitions import PREDEFINED, Segment
from peoplesync.use_cases.connecting.connect import LATE_WRITES, InvalidConnection, Unconfirmed
from peoplesync.use_cases.messages.message import Message, Purge, decode
from tests.support.builders.stripe import DAY, NOW, sign
from tests.support.stacks.connected_stack import LIVE, TEST, SlowPeople, Stack, events, of_the_test_epoch
from tests.support.stacks.moto_stack import MotoStack
from tests.support.worlds.connecting import (
    LIVE_KEY,
    TEST_KEY,
    Calls,
    Company,
    Killed,
    calls_of,
    killed_at,
)

OWN_FIELD = Field("shoe_size", "Shoe size", "Mine", "number", "customer.metadata.shoe_size")
OWN_SEGMENT = Segment("mine", "Mine", {"has": "stripe_customer"})
PURGE = Message(TEST, purge=Purge(), cause="moved")


def in_test_mode() -> Company:
    company = Company()
    company.connect()
    company.people.counts[TEST] = 12
    return company


def go_live(company: Company) -> object:
    return company.connect(LIVE_KEY, at=NOW + DAY)


def assert_live(company: Company) -> None:
    """The live endpoint is the only one left, and nothing of test mode is known any more."""
    (endpoint,) = company.stripe.endpoints.values()
    row = company.row()
    assert endpoint.id in company.stripe.live
    assert (row.endpoint_id, row.livemode, row.epoch) == (endpoint.id, True, LIVE)
    assert company.secrets.signing == {"main": [endpoint.secret]}
    assert company.secrets.keys == {"main": LIVE_KEY}
    assert company.connections.fields(LIVE) == list(FIELDS)
    assert company.connections.segments(LIVE) == list(PREDEFINED)
    assert PURGE in [decode(body) for body, _ in company.bulk.sent]


def test_key_and_endpoint_are_replaced_and_an_epoch_begins() -> None:
    company = in_test_mode()

    made = company.connect(LIVE_KEY, at=NOW + DAY)

    assert_live(company)
    row = made.connection
    assert (row.created_at, row.reconciled_until, row.last_event_at) == (NOW, NOW + DAY, None)
    assert [delay > 0 for _, delay in company.bulk.sent] == [True, False]


@pytest.mark.parametrize("call", range(calls_of(go_live, in_test_mode)))
def test_killed_at_any_call_and_run_again_it_completes(call: int) -> None:
    assert_live(killed_at(call, go_live, in_test_mode()))


@pytest.mark.parametrize("call", range(calls_of(go_live, in_test_mode)))
def test_killed_at_any_call_the_old_epochs_end_is_on_the_queue_as_soon_as_it_has_ended(call: int) -> None:
    company = in_test_mode()
    company.calls = Calls(last=call)
    with pytest.raises(Killed):
        go_live(company)

    assert company.row().epoch == TEST or PURGE in [decode(body) for body, _ in company.bulk.sent]


def test_it_is_told_beforehand_how_many_test_people_go() -> None:
    examined = in_test_mode().connector.examine("main", LIVE_KEY)

    assert (examined.begins_epoch, examined.people) == (True, 12)


def test_nobody_goes_without_having_been_agreed_to() -> None:
    company = in_test_mode()
    before = company.row(), dict(company.stripe.endpoints), dict(company.secrets.keys)

    with pytest.raises(Unconfirmed, match="12 people of main"):
        company.connect(LIVE_KEY, people_may_go=False)

    assert (company.row(), company.stripe.endpoints, company.secrets.keys) == before
    assert not company.bulk.sent


def test_a_live_connection_does_not_go_back_to_test_mode() -> None:
    company = Company()
    company.connect(LIVE_KEY)

    with pytest.raises(InvalidConnection, match="--connection NAME"):
        company.connect(TEST_KEY)


def test_a_test_key_that_was_revoked_leaves_its_endpoint_and_that_is_said() -> None:
    company = in_test_mode()
    old = company.endpoint()
    del company.stripe.keys[TEST_KEY]

    made = company.connect(LIVE_KEY)

    assert made.left_endpoint == old.id
    assert (company.row().epoch, company.row().livemode) == (LIVE, True)


def test_a_disconnected_test_connection_may_come_back_live() -> None:
    company = in_test_mode()
    company.disconnect()

    company.connect(LIVE_KEY)

    assert_live(company)


@pytest.fixture
def stack(aws: MotoStack) -> Stack:
    """In test mode, with a person."""
    made = Stack(aws)
    made.connect(TEST_KEY)
    made.deliver(*(Message(TEST, one) for one in events("old")))
    assert made.rows(TEST, of_people=True)
    return made


def test_nothing_of_the_test_epoch_reaches_the_live_one_at_any_moment(stack: Stack) -> None:
    """All the messages there can be, and webhooks of test mode, before each call of going live and after."""
    secrets_seen: set[str] = set()

    def everything_at_once() -> None:
        if stack.calls.made and stack.calls.made[-1].endswith(".may"):
            return  # a question changes nothing
        stack.deliver(*of_the_test_epoch())
        secrets_seen.update(stack.secrets.signing_secrets("main"))
        for secret in secrets_seen:
            body = json.dumps(events("told")[0]).encode()
            stack.door.receive("main", body, sign(secret, body, NOW), NOW)
        stack.deliver(*(decode(body) for body, _ in stack.queue.sent if '"event"' in body))
        assert stack.rows(LIVE, of_people=True) == []

    stack.calls = Calls(before_each=everything_at_once)
    stack.connect(LIVE_KEY)
    everything_at_once()

    assert len(stack.calls.made) > 15
    stack.work_off()
    assert stack.rows(TEST) == []
    assert stack.rows(LIVE, of_people=True) == []


def test_the_test_people_go_and_the_live_ones_come(stack: Stack) -> None:
    stack.connect(LIVE_KEY)
    stack.deliver(*(Message(LIVE, one) for one in events("live", livemode=True)))
    living = stack.rows(LIVE)
    assert living

    stack.work_off()

    assert stack.rows(TEST) == []
    assert stack.rows(LIVE) == living
    assert PeopleReader().count(LIVE, EVERYONE) == 1


def test_definitions_of_the_users_own_go_along(stack: Stack) -> None:
    store = ConnectionsStore()
    renamed = replace(FIELDS[0], title="Address for mail", enabled=False)
    disabled = [replace(one, enabled=False) for one in (PREDEFINED[-1], OWN_SEGMENT)]
    store.define(TEST, [renamed, *FIELDS[1:], OWN_FIELD], [*PREDEFINED[:-1], *disabled])

    stack.connect(LIVE_KEY)
    stack.work_off()

    found = store.get("main")
    assert found is not None
    assert store.definitions(found).fields == (renamed, *FIELDS[1:], OWN_FIELD)
    assert store.definitions(found).segments == (*PREDEFINED[:-1], *disabled)


def test_a_worker_that_is_just_writing_writes_into_the_old_epoch_which_is_purged_once_more(
    stack: Stack,
) -> None:
    late: list[tuple[str, int]] = []

    def goes_live() -> None:
        stack.connect(LIVE_KEY)
        late.append(stack.queue.sent.popleft())
        stack.work_off()
        assert stack.rows(TEST) == []

    stack.worker.people = SlowPeople(stack.people, goes_live)
    stack.deliver(Message(TEST, events("late")[0]))

    assert stack.rows(LIVE, of_people=True) == []
    assert stack.rows(TEST, of_people=True)
    stack.queue.sent.extend(late)
    stack.work_off()
    assert stack.rows(TEST) == []


def test_what_was_still_being_added_to_the_read_models_goes_with_the_second_purge(stack: Stack) -> None:
    stack.connect(LIVE_KEY)
    late = stack.queue.sent.popleft()
    stack.work_off()
    ReadModelRow(ReadModelRow.mark(TEST, "per_1"), "mark", version=1, content={}).save()
    assert late == (PURGE.encode(), LATE_WRITES)

    stack.queue.sent.append(late)
    stack.work_off()

    assert list(ReadModelRow.scan()) == []


def test_an_order_to_purge_the_epoch_that_is_still_on_changes_nothing(stack: Stack) -> None:
    stack.deliver(PURGE, Message(LIVE, purge=Purge()))

    assert stack.rows(TEST, of_people=True)


def test_a_key_that_a_function_remembers_is_not_used_for_the_live_epoch(stack: Stack) -> None:
    remembering = Secrets(stack.aws.secrets.ssm, stack.aws.secrets.prefix)
    keys = ApiKeys(ConnectionsStore(), remembering)
    assert keys("main") == TEST_KEY

    stack.connect(LIVE_KEY)

    assert remembering.api_key("main") == TEST_KEY
    assert keys("main") == LIVE_KEY


def test_while_key_and_connection_do_not_fit_each_other_there_is_none(stack: Stack) -> None:
    stack.secrets.store_api_key("main", LIVE_KEY)

    assert ApiKeys(ConnectionsStore(), stack.aws.secrets)("main") is None


def test_a_disconnected_connection_has_no_key_to_be_used(stack: Stack) -> None:
    ConnectionsStore().disconnect(TEST, NOW, for_good=False)

    assert ApiKeys(ConnectionsStore(), stack.secrets)("main") is None
