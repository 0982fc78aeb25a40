"""Connecting: what is made, what is refused, and that it completes wherever it was interrupted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.fields.built_in import FIELDS, Field
from peoplesync.domain.segments.definitions import PREDEFINED, Segment
from peoplesync.use_cases.connecting.connect import InvalidConnection
from peoplesync.use_cases.connecting.permissions import PERMISSIONS, MissingPermissions, UnusableKey
from peoplesync.use_cases.ports import KeyRefused, VersionConflict
from tests.support.builders.stripe import DAY, NOW
from tests.support.worlds.connecting import (
    ALL,
    LIVE_KEY,
    TEST_KEY,
    Company,
    assert_complete,
    calls_of,
    connected,
    killed_at,
)

FIRST = Epoch("main", 1)
REQUIRED = [one.slug for one in PERMISSIONS if one.required]


@pytest.mark.parametrize("key", [TEST_KEY, LIVE_KEY])
def test_a_key_becomes_a_complete_connection(key: str) -> None:
    company = Company()

    made = company.connect(key)

    assert_complete(company, key)
    assert (
        made.connection
        == company.row()
        == Connection(
            "main",
            key == LIVE_KEY,
            1,
            1,
            NOW,
            endpoint_id=company.endpoint().id,
            permissions=dict.fromkeys(ALL, True),
            reconciled_until=NOW,
            webhook_since=NOW,
        )
    )


def test_the_connection_itself_comes_last() -> None:
    assert connected().calls.made[-2:] == ["FakeConnections.create", "FakeConnections.get_even_disconnected"]


def test_connecting_twice_doubles_nothing() -> None:
    company = connected()
    endpoint = company.endpoint()

    company.connect(at=NOW + DAY)

    assert_complete(company)
    assert company.endpoint() == endpoint
    assert (company.row().created_at, company.row().reconciled_until) == (NOW, NOW)


def test_connecting_again_leaves_what_the_user_has_defined() -> None:
    company = connected()
    company.connections.defined_segments[FIRST] = [Segment("mine", "Mine", {"has": "stripe_customer"})]

    company.connect()

    assert [one.id for one in company.connections.segments(FIRST)] == ["mine"]


@pytest.mark.parametrize("call", range(calls_of(Company.connect, Company)))
def test_killed_at_any_call_and_run_again_it_completes(call: int) -> None:
    assert_complete(killed_at(call, Company.connect, Company()))


@pytest.mark.parametrize("call", range(calls_of(Company.connect, connected)))
def test_killed_while_it_connects_again_it_completes(call: int) -> None:
    assert_complete(killed_at(call, Company.connect, connected()))


@pytest.mark.parametrize("call", range(calls_of(Company.connect, Company)))
def test_a_killed_connect_leaves_no_connection_that_does_not_work(call: int) -> None:
    """Who is connected has a key, definitions, and an endpoint with a secret that is known."""
    company = Company()
    company.calls.last = call
    with pytest.raises(BaseException):  # noqa: B017, PT011 - killed
        company.connect()

    if company.connections.rows:
        assert_complete(company)


@pytest.mark.parametrize("lacking", REQUIRED)
def test_a_key_that_lacks_a_permission_leaves_nothing_behind(lacking: str) -> None:
    company = Company()
    company.stripe.keys[TEST_KEY] = ALL - {lacking}

    with pytest.raises(MissingPermissions) as refused:
        company.connect()

    assert [one.slug for one in refused.value.missing] == [lacking]
    assert not company.stripe.endpoints
    assert not company.connections.rows
    assert not company.connections.defined_fields
    assert not company.secrets.keys
    assert not company.secrets.signing


@pytest.mark.parametrize("lacking", REQUIRED)
def test_examining_tells_which_permission_is_missing_and_changes_nothing(lacking: str) -> None:
    company = Company()
    company.stripe.keys[TEST_KEY] = ALL - {lacking}

    examined = company.connector.examine("main", TEST_KEY)

    assert [slug for slug, granted in examined.permissions.items() if not granted] == [lacking]
    asked = {"FakeAccount.may", "FakeAccount.events_version"}
    assert set(company.calls.made) == {"FakeConnections.get_even_disconnected", *asked}


def test_a_worse_key_does_not_replace_a_good_one() -> None:
    company = connected()
    company.stripe.keys["rk_test_worse"] = ALL - {"rak_event_read"}

    with pytest.raises(MissingPermissions):
        company.connect("rk_test_worse")

    assert_complete(company)


@pytest.mark.parametrize("lacking", [one.slug for one in PERMISSIONS if not one.required])
def test_without_an_optional_permission_it_is_connected_and_known(lacking: str) -> None:
    company = Company()
    company.stripe.keys[TEST_KEY] = ALL - {lacking}

    made = company.connect()

    assert [slug for slug, granted in made.connection.permissions.items() if not granted] == [lacking]


def test_a_key_that_stripe_does_not_accept_changes_nothing() -> None:
    company = Company()

    with pytest.raises(KeyRefused):
        company.connect("rk_test_revoked")

    assert company.secrets.keys == {}


def test_a_key_that_is_too_powerful_is_not_even_tried() -> None:
    company = Company()

    with pytest.raises(UnusableKey):
        company.connect("sk_test_one")

    assert "FakeAccount.may" not in company.calls.made


@pytest.mark.parametrize("name", ["", "Main", "1st", "a/b", "a" * 33, "main#1"])
def test_a_name_that_cannot_be_in_an_address_is_refused(name: str) -> None:
    company = Company()

    with pytest.raises(InvalidConnection, match="a connection's name matches"):
        company.connect(name=name)

    assert company.calls.made == []


def test_the_key_is_in_no_description_of_what_was_examined() -> None:
    assert TEST_KEY not in repr(connected().connector.examine("main", TEST_KEY))


def test_connections_stand_side_by_side() -> None:
    company = Company()
    company.connect(LIVE_KEY, "main")
    company.connect(TEST_KEY, "trial")

    assert_complete(company, LIVE_KEY, "main")
    assert_complete(company, TEST_KEY, "trial")
    assert company.row("main").epoch != company.row("trial").epoch


def test_another_key_of_the_same_mode_just_replaces_the_key() -> None:
    company = connected()
    company.stripe.keys["rk_test_two"] = ALL
    endpoint = company.endpoint()

    company.connect("rk_test_two")

    assert_complete(company, "rk_test_two")
    assert company.endpoint() == endpoint
    assert company.row().epoch == FIRST


def test_a_new_key_is_no_longer_a_refused_one() -> None:
    company = connected()
    company.connections.rows["main"] = replace(company.row(), key_refused_at=NOW)

    company.connect()

    assert company.row().key_refused_at is None


def test_of_two_who_connect_at_once_one_is_told() -> None:
    """The other one has begun a new epoch in between."""
    company = connected()
    connector = company.connector
    examined = connector.examine("main", TEST_KEY)
    company.connect(LIVE_KEY)

    with pytest.raises(VersionConflict):
        connector.connect(examined, NOW)

    assert_complete(company, LIVE_KEY)


def test_definitions_of_the_users_own_are_there_after_connecting_again() -> None:
    company = connected()
    own = Field("shoe_size", "Shoe size", "Mine", "number", "customer.metadata.shoe_size")
    without_phone = [replace(one, enabled=one.key != "customer_phone") for one in FIELDS]
    company.connections.defined_fields[FIRST] = [*without_phone, own]
    company.connections.defined_segments[FIRST][0] = replace(PREDEFINED[0], title="In sync", enabled=False)
    company.disconnect()

    company.connect()

    assert company.connections.fields(FIRST) == [*without_phone, own]
    assert company.connections.segments(FIRST)[0] == replace(PREDEFINED[0], title="In sync", enabled=False)


@pytest.mark.parametrize("version", ["2018-11-08", "2011-01-01", "2019-03-13"])
def test_events_of_an_old_version_are_warned_of(version: str) -> None:
    company = Company()
    company.stripe.events_version = version

    (warning,) = company.connector.examine("main", TEST_KEY).warnings

    assert f"in API version {version}. " in warning
    assert "Workbench" in warning


@pytest.mark.parametrize(
    "version", [None, "", "2019-03-14", "2020-08-27", "2026-10-28.endive", "unversioned"]
)
def test_events_of_a_current_version_or_of_none_are_not(version: str | None) -> None:
    company = Company()
    company.stripe.events_version = version

    assert company.connector.examine("main", TEST_KEY).warnings == ()
