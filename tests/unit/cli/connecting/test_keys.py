"""`peoplesync keys`."""

from __future__ import annotations

import json

import pytest
from click.testing import Result

from peoplesync.adapters import clock
from peoplesync.adapters.dynamodb.connections import ConnectionsStore
from peoplesync.adapters.dynamodb.write_keys import WriteKeys
from peoplesync.use_cases.ingress.write_keys import is_write_key
from tests.support.builders.stripe import NOW
from tests.support.fakes.ready_connections import connect
from tests.support.stacks.moto_stack import MotoStack
from tests.support.worlds.connect_commands import Commands


@pytest.fixture
def run(aws: MotoStack, monkeypatch: pytest.MonkeyPatch) -> Commands:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    for name in ("main", "shop"):
        connect(name, "rk_test_1", "whsec_1", ConnectionsStore(), aws.secrets, NOW)
    return Commands(aws, monkeypatch, "http://127.0.0.1:1")


def secret_of(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


def lines(result: Result) -> list[dict[str, object]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_new_key_is_all_that_is_on_stdout_and_is_said_to_be_shown_once(run: Commands) -> None:
    result = run("keys", "create", "website")

    secret = secret_of(result)
    assert is_write_key(secret)
    assert "not shown again" in result.stderr
    found = WriteKeys().find(secret)
    assert found is not None
    assert (found.name, found.connection, found.created_at) == ("website", "main", NOW)
    assert secret not in run("keys", "list").output


def test_keys_are_listed_by_their_ends(run: Commands) -> None:
    assert run("keys", "list").stdout == "There are no write keys; `peoplesync keys create NAME` makes one.\n"
    first = secret_of(run("keys", "create", "website"))
    (second,) = lines(run("keys", "create", "website", "--connection", "shop", "--json"))

    assert is_write_key(str(second.pop("write_key")))
    assert lines(run("keys", "list", "--json")) == [
        {
            "name": "website",
            "key": f"ps_…{first[-4:]}",
            "connection": "main",
            "created_at": "2026-03-01T12:00:00Z",
            "revoked_at": None,
        },
        second,
    ]
    shown = run("keys", "list").stdout
    assert f"ps_…{first[-4:]}" in shown
    assert "2026-03-01 12:00" in shown


@pytest.mark.parametrize("by", ["name", "hint", "shown"])
def test_a_key_is_revoked_by_its_name_or_its_end(run: Commands, by: str) -> None:
    secret = secret_of(run("keys", "create", "website"))
    which = {"name": "website", "hint": secret[-4:], "shown": f"ps_…{secret[-4:]}"}[by]

    assert run("keys", "revoke", which, answers="n\n").exit_code == 1
    result = run("keys", "revoke", which, answers="y\n")

    assert result.exit_code == 0, result.output
    assert f"website (ps_…{secret[-4:]}) is revoked" in result.stdout
    found = WriteKeys().find(secret)
    assert found is not None
    assert found.revoked_at == NOW
    assert lines(run("keys", "list", "--json"))[0]["revoked_at"] == "2026-03-01T12:00:00Z"


def test_a_revoked_keys_name_is_free_again(run: Commands) -> None:
    secret_of(run("keys", "create", "website"))
    again = run("keys", "create", "website")
    assert (again.exit_code, again.stdout) == (1, "")
    assert "There is a key website of main already" in again.stderr

    (told,) = lines(run("keys", "revoke", "website", "--yes", "--json"))
    assert told["revoked_at"] == "2026-03-01T12:00:00Z"

    assert is_write_key(secret_of(run("keys", "create", "website")))


def test_a_key_that_is_not_there_is_refused_with_those_that_are(run: Commands) -> None:
    assert "There is no write key website; there are: none." in run("keys", "revoke", "website").stderr
    secret = secret_of(run("keys", "create", "app"))

    result = run("keys", "revoke", "website")

    assert (result.exit_code, result.stdout) == (1, "")
    assert f"There is no write key website; there are: app (ps_…{secret[-4:]})." in result.stderr


def test_of_two_keys_of_one_name_the_end_of_one_has_to_be_named(run: Commands) -> None:
    secret_of(run("keys", "create", "website"))
    secret = secret_of(run("keys", "create", "website", "--connection", "shop"))

    result = run("keys", "revoke", "website", "--yes")

    assert result.exit_code == 1
    assert f"{secret[-4:]} of shop" in result.stderr
    assert run("keys", "revoke", secret[-4:], "--yes").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["", "--connection", "main"], 2, "is not a valid name for a key"),
        (["a" * 65], 2, "1 to 64 letters"),
        (["website", "--connection", "other"], 1, "There is no connection other; there are: main, shop."),
    ],
)
def test_a_key_needs_a_name_and_a_connection(
    run: Commands, arguments: list[str], code: int, words: str
) -> None:
    result = run("keys", "create", *arguments)

    assert (result.exit_code, result.stdout) == (code, "")
    assert words in " ".join(result.stderr.split())
