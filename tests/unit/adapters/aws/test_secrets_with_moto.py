"""Secrets in Parameter Store: encrypted, cached, and looked up again when a signature does not match."""

from __future__ import annotations

from typing import Any

import pytest

from peoplesync.adapters.aws.secrets import CACHE_SECONDS, REFRESH_SECONDS, Secrets
from peoplesync.use_cases.ports import Unavailable
from tests.support.fakes.ready_connections import keep_secrets
from tests.support.stacks.moto_stack import SECRETS_PREFIX, MotoStack

SIGNING, API_KEY = f"{SECRETS_PREFIX}/main/webhook-signing-secret", f"{SECRETS_PREFIX}/main/stripe-api-key"


class Stopwatch:
    """A monotonic clock that only tests move."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Asked:
    """How often a client really asks the store."""

    def __init__(self, client: Any) -> None:
        self.count = 0
        client.meta.events.register("before-call.ssm.GetParameter", self._note)

    def _note(self, **_: object) -> None:
        self.count += 1


@pytest.fixture
def client(aws: MotoStack) -> Any:
    return aws.client("ssm")


@pytest.fixture
def asked(client: Any) -> Asked:
    return Asked(client)


@pytest.fixture
def stopwatch() -> Stopwatch:
    return Stopwatch()


@pytest.fixture
def secrets(client: Any, stopwatch: Stopwatch) -> Secrets:
    return Secrets(client, SECRETS_PREFIX, stopwatch)


def roll(aws: MotoStack, value: str) -> None:
    """Somebody else writes the signing secret."""
    aws.client("ssm").put_parameter(Name=SIGNING, Value=value, Type="SecureString", Overwrite=True)


def test_secrets_are_stored_encrypted_under_the_stacks_prefix(aws: MotoStack, secrets: Secrets) -> None:
    keep_secrets(secrets, "main", "whsec_1", "rk_test_1")

    found = aws.client("ssm").get_parameters(Names=[SIGNING, API_KEY], WithDecryption=True)["Parameters"]
    assert {(one["Name"], one["Type"], one["Value"]) for one in found} == {
        (SIGNING, "SecureString", "whsec_1"),
        (API_KEY, "SecureString", "rk_test_1"),
    }


def test_what_is_stored_is_read_decrypted(secrets: Secrets) -> None:
    keep_secrets(secrets, "main", "whsec_1", "rk_test_1")

    assert secrets.signing_secrets("main") == ["whsec_1"]
    assert secrets.api_key("main") == "rk_test_1"


@pytest.mark.parametrize("stored", ["whsec_1 whsec_2", " whsec_1\n whsec_2\n"])
def test_while_a_secret_is_rolled_there_are_two(aws: MotoStack, secrets: Secrets, stored: str) -> None:
    roll(aws, stored)

    assert secrets.signing_secrets("main") == ["whsec_1", "whsec_2"]


def test_a_connection_without_secrets_has_none(secrets: Secrets) -> None:
    assert secrets.signing_secrets("main") == []
    assert secrets.signing_secrets("main", fresh=True) == []
    assert secrets.api_key("main") is None


def test_the_secrets_of_two_connections_are_kept_apart(secrets: Secrets) -> None:
    keep_secrets(secrets, "main", "whsec_1", "rk_test_1")
    keep_secrets(secrets, "shop", "whsec_2", "rk_test_2")

    assert (secrets.signing_secrets("main"), secrets.signing_secrets("shop")) == (["whsec_1"], ["whsec_2"])
    assert (secrets.api_key("main"), secrets.api_key("shop")) == ("rk_test_1", "rk_test_2")


def test_the_store_is_asked_once_for_many_webhooks(secrets: Secrets, asked: Asked) -> None:
    keep_secrets(secrets, "main", "whsec_1", "rk_test_1")
    for _ in range(20):
        secrets.signing_secrets("main")

    assert CACHE_SECONDS == 60
    assert asked.count == 1


def test_a_rolled_secret_is_there_as_soon_as_it_is_looked_for_afresh(
    aws: MotoStack, secrets: Secrets
) -> None:
    keep_secrets(secrets, "main", "whsec_1", "rk_test_1")
    secrets.signing_secrets("main")
    roll(aws, "whsec_2")

    assert secrets.signing_secrets("main") == ["whsec_1"]
    assert secrets.signing_secrets("main", fresh=True) == ["whsec_2"]
    assert secrets.signing_secrets("main") == ["whsec_2"]


def test_garbage_cannot_be_used_to_hammer_the_store(
    secrets: Secrets, asked: Asked, stopwatch: Stopwatch
) -> None:
    keep_secrets(secrets, "main", "whsec_1", "rk_test_1")
    secrets.signing_secrets("main")
    times = []
    for stopwatch.seconds in (0.0, 0.1, 29.9, 30.0, 59.9, 60.0):
        secrets.signing_secrets("main", fresh=True)
        times.append(asked.count)

    assert REFRESH_SECONDS == 30
    assert times == [2, 2, 2, 3, 3, 4]


def test_looking_for_one_connections_secret_afresh_does_not_hold_up_anothers(
    aws: MotoStack, secrets: Secrets
) -> None:
    keep_secrets(secrets, "main", "whsec_1", "rk_test_1")
    secrets.signing_secrets("main")
    roll(aws, "whsec_2")

    secrets.signing_secrets("shop", fresh=True)

    assert secrets.signing_secrets("main", fresh=True) == ["whsec_2"]


def test_a_store_that_fails_is_not_taken_for_a_missing_secret(client: Any, secrets: Secrets) -> None:
    def denied(**_: object) -> tuple[object, dict[str, object]]:
        answer = type("Answer", (), {"status_code": 400})()
        return answer, {"Error": {"Code": "AccessDeniedException", "Message": "no"}, "ResponseMetadata": {}}

    client.meta.events.register("before-call.ssm.GetParameter", denied)

    with pytest.raises(Unavailable):
        secrets.signing_secrets("main")


def test_two_signing_secrets_are_kept_with_white_space_between(aws: MotoStack, secrets: Secrets) -> None:
    secrets.store_signing_secrets("main", ["whsec_2", "whsec_1"])

    found = aws.client("ssm").get_parameter(Name=SIGNING, WithDecryption=True)["Parameter"]
    assert (found["Value"], found["Type"]) == ("whsec_2 whsec_1", "SecureString")
    assert secrets.signing_secrets("main") == ["whsec_2", "whsec_1"]


def test_who_stores_a_secret_reads_it_at_once(secrets: Secrets) -> None:
    keep_secrets(secrets, "main", "whsec_1", "rk_test_1")
    assert (secrets.signing_secrets("main"), secrets.api_key("main")) == (["whsec_1"], "rk_test_1")

    secrets.store_signing_secrets("main", ["whsec_2"])
    secrets.store_api_key("main", "rk_test_2")

    assert (secrets.signing_secrets("main"), secrets.api_key("main")) == (["whsec_2"], "rk_test_2")


def test_a_key_that_somebody_else_replaced_is_found_by_looking_again(
    aws: MotoStack, secrets: Secrets
) -> None:
    secrets.store_api_key("main", "rk_test_1")
    secrets.api_key("main")
    aws.client("ssm").put_parameter(Name=API_KEY, Value="rk_live_1", Type="SecureString", Overwrite=True)

    assert secrets.api_key("main") == "rk_test_1"
    assert secrets.api_key("main", fresh=True) == "rk_live_1"


def test_what_is_forgotten_is_gone_and_can_be_forgotten_again(aws: MotoStack, secrets: Secrets) -> None:
    keep_secrets(secrets, "main", "whsec_1", "rk_test_1")
    keep_secrets(secrets, "shop", "whsec_2", "rk_test_2")

    for _ in range(2):
        secrets.forget_signing_secrets("main")
        secrets.forget_api_key("main")

    assert (secrets.signing_secrets("main"), secrets.api_key("main")) == ([], None)
    assert (secrets.signing_secrets("shop"), secrets.api_key("shop")) == (["whsec_2"], "rk_test_2")
    assert len(aws.client("ssm").describe_parameters()["Parameters"]) == 2
