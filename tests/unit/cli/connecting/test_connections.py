"""`peoplesync connections list`, `disconnect` and `rotate-secret`."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from peoplesync.adapters.dynamodb.connections import ConnectionsStore
from peoplesync_local.stripe_simulator.control import Simulator
from tests.support.builders.stripe import NOW
from tests.support.stacks.indexed import indexed
from tests.support.stacks.moto_stack import MotoStack
from tests.support.worlds.connect_commands import LIVE_KEY, Commands, answer, done
from tests.support.worlds.simulated_stripe import simulated_stripe


@pytest.fixture(scope="module")
def stripe() -> Iterator[str]:
    with simulated_stripe() as url:
        Simulator(url, livemode=True).add_key(LIVE_KEY)
        yield url


@pytest.fixture
def run(aws: MotoStack, monkeypatch: pytest.MonkeyPatch, stripe: str) -> Commands:
    return Commands(aws, monkeypatch, stripe)


def test_connections_are_listed_side_by_side(run: Commands) -> None:
    done(run("connect", "--skip", key=LIVE_KEY))
    done(run("connect", "--skip", "--connection", "trial"))

    lines = [json.loads(line) for line in done(run("connections", "list", "--json")).splitlines()]

    assert [(one["name"], one["mode"], one["state"]) for one in lines] == [
        ("main", "live", "connected"),
        ("trial", "test", "connected"),
    ]
    assert set(lines[0]) == {
        "name",
        "mode",
        "state",
        "epoch",
        "people",
        "endpoint_id",
        "webhook_url",
        "permissions",
        "created_at",
        "last_event_at",
        "disconnected_at",
    }
    assert "trial" in done(run("connections", "list"))


def test_a_refused_key_is_seen_in_the_list(run: Commands) -> None:
    done(run("connect", "--skip"))
    found = ConnectionsStore().get("main")
    assert found is not None
    ConnectionsStore().note_key(found.epoch, NOW)

    (line,) = done(run("connections", "list", "--json")).splitlines()

    assert json.loads(line)["state"] == "key_refused"


def test_disconnecting_asks_first_and_people_stay_to_be_looked_at(run: Commands, aws: MotoStack) -> None:
    done(run("connect", "--skip"))
    with indexed():
        run.become_customer()

    assert run("disconnect", answers="n\n").exit_code == 1
    result = run("disconnect", answers="y\n")

    assert "its people stay" in result.stderr
    assert done(result) == "main is disconnected.\n"
    assert json.loads(done(run("status", "--json")))["headline"] == "Stopped: disconnected"
    assert "cus_1" in done(run("people", "get", "cus_1"))
    (line,) = done(run("connections", "list", "--json")).splitlines()
    assert (json.loads(line)["state"], json.loads(line)["people"]) == ("disconnected", 1)


def test_the_people_are_deleted_on_request(run: Commands, aws: MotoStack) -> None:
    done(run("connect", "--skip"))
    run.become_customer()

    told = answer(run("disconnect", "--with-people", "--yes", "--json"))

    assert told == {
        "connection": "main",
        "state": "disconnected",
        "people_removed": 1,
        "left_endpoint_id": None,
    }
    assert len(aws.messages(aws.stack.bulk_queue_url)) == 1


def test_an_endpoint_that_had_to_be_left_is_named(run: Commands, stripe: str) -> None:
    Simulator(stripe).add_key("rk_test_passing")
    endpoint = answer(run("connect", "--skip", "--json", key="rk_test_passing"))["endpoint_id"]
    Simulator(stripe).add_key("rk_test_passing", revoked=True)

    result = run("disconnect", "--yes")

    assert result.exit_code == 0
    assert endpoint in result.stderr


def test_a_secret_is_rotated(run: Commands, aws: MotoStack) -> None:
    before = answer(run("connect", "--skip", "--json"))["endpoint_id"]

    told = answer(run("rotate-secret", "--json"))

    assert told["endpoint_id"] != before
    found = ConnectionsStore().get("main")
    assert found is not None
    assert found.endpoint_id == told["endpoint_id"]


@pytest.mark.parametrize("command", [["disconnect", "--yes"], ["rotate-secret"]], ids=" ".join)
def test_there_must_be_a_connection(run: Commands, command: list[str]) -> None:
    result = run(*command)

    assert (result.exit_code, result.stdout) == (1, "")
    assert "There is no connection main; there are: none yet." in result.stderr


def test_a_disconnected_connection_has_no_secret_to_rotate(run: Commands) -> None:
    done(run("connect", "--skip"))
    done(run("disconnect", "--yes"))

    result = run("rotate-secret")

    assert result.exit_code == 1
    assert "`peoplesync connect` connects it again" in result.stderr
