"""Write keys in DynamoDB: what is kept, and for how long an answer is believed."""

from __future__ import annotations

import pytest

from peoplesync.adapters.dynamodb import write_keys
from peoplesync.adapters.dynamodb.tables import WriteKeyRow
from peoplesync.adapters.dynamodb.write_keys import WriteKeys
from peoplesync.use_cases.ingress.write_keys import WriteKey, new_key
from peoplesync.use_cases.ports import Unavailable
from tests.support.builders.stripe import NOW
from tests.support.stacks.moto_stack import MotoStack, break_operation

pytestmark = pytest.mark.usefixtures("aws")


class Stopwatch:
    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


def created(name: str = "website", connection: str = "main") -> tuple[str, WriteKey]:
    secret, kept = new_key(connection, name, NOW)
    WriteKeys().create(kept)
    return secret, kept


def test_a_key_is_found_by_its_text_and_its_text_is_in_no_table(aws: MotoStack) -> None:
    secret, kept = created()

    assert WriteKeys().find(secret) == kept
    assert WriteKeys().find(secret[:-1] + "_") is None
    assert secret not in str(aws.items(aws.stack.write_keys_table))


def test_keys_are_listed_by_connection_and_age() -> None:
    for name, connection in (("b", "shop"), ("a", "shop"), ("c", "main")):
        created(name, connection)

    assert [(one.connection, one.name) for one in WriteKeys().all()] == [
        ("main", "c"),
        ("shop", "a"),
        ("shop", "b"),
    ]


def test_a_revoked_key_is_still_known_and_stays_revoked_since_then() -> None:
    secret, kept = created()

    for at in (NOW + 5, NOW + 9):
        WriteKeys().revoke(kept, at)

    found = WriteKeys().find(secret)
    assert found is not None
    assert found.revoked_at == NOW + 5


def test_revoking_a_key_that_is_not_there_makes_none(aws: MotoStack) -> None:
    _, kept = new_key("main", "website", NOW)

    WriteKeys().revoke(kept, NOW)

    assert aws.items(aws.stack.write_keys_table) == []


def test_an_answer_is_believed_for_half_a_minute_also_that_there_is_no_such_key() -> None:
    stopwatch = Stopwatch()
    cached = WriteKeys(cache_seconds=30, monotonic=stopwatch)
    late_secret, late = new_key("main", "late", NOW)
    secret, kept = created()
    assert cached.find(secret) == kept
    assert cached.find(late_secret) is None
    WriteKeys().revoke(kept, NOW)
    WriteKeys().create(late)

    stopwatch.seconds += 29.9
    assert cached.find(secret) == kept
    assert cached.find(late_secret) is None
    stopwatch.seconds += 0.1
    found = cached.find(secret)
    assert found is not None
    assert found.revoked_at == NOW
    assert cached.find(late_secret) == late


def test_a_flood_of_wrong_keys_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_keys, "MOST_REMEMBERED", 3)
    cached = WriteKeys(cache_seconds=30)
    secret, kept = created()

    for number in range(10):
        cached.find(f"ps_{number}")
    assert cached.find(secret) == kept

    assert len(cached._answers) == 3


def test_a_throttled_table_is_asked_later(aws: MotoStack) -> None:
    break_operation(WriteKeyRow._get_connection().connection, "GetItem", "ThrottlingException")
    cached = WriteKeys(cache_seconds=30)

    with pytest.raises(Unavailable):
        cached.find("ps_")
    assert not cached._answers
