"""What is told of a dead letter: what it was about and why it died, and nothing personal."""

from __future__ import annotations

import json
from typing import Any

import pytest

from peoplesync.use_cases.messages.dead_letters import CRASHED, DeadLetter
from peoplesync.use_cases.messages.message import BulkBatch, IndexScan, Message, Purge
from tests.support.builders.stripe import NOW, customer, event, subscription
from tests.support.fakes.world import TEST


def letter(message: Message | str, reason: str | None = "too many entries") -> DeadLetter:
    body = message if isinstance(message, str) else message.encode()
    return DeadLetter("4e0b0e16-aaaa", "live", body, NOW, reason)


def chunk(*objects: Any, **more: Any) -> Message:
    return Message(TEST, chunk=BulkBatch("c1", "imp_1", NOW, objects, **more), cause="import")


def test_an_event_is_told_by_its_type_and_its_object() -> None:
    happened = event("customer.updated", customer("cus_1", email="a@example.com", name="Zoë"), created=NOW)

    told = letter(Message(TEST, happened, attempt=3)).described()

    assert told == {
        "id": "4e0b0e16-aaaa",
        "queue": "live",
        "since": "2026-03-01T12:00:00Z",
        "kept_until": "2026-03-15T12:00:00Z",
        "connection": "main",
        "what": "customer.updated cus_1",
        "why": "too many entries",
        "event": happened["id"],
        "cause": "live",
        "attempt": 3,
    }


MESSAGES = [
    (Message(TEST, review=("per_1",)), "1 person to review"),
    (Message(TEST, review=("per_1", "per_2")), "2 people to review"),
    (Message(TEST, walk=IndexScan("uses:product:prod_1")), "everybody of uses:product:prod_1 to review"),
    (Message(TEST, purge=Purge("people", "{}")), "rows of an epoch that is over, to be deleted"),
    (chunk(*[customer(f"cus_{one}") for one in range(25)]), "25 listed objects"),
    (
        chunk(
            customer(),
            subscription(),
            events=(event("customer.created", customer(), created=NOW),),
            unseen=("cus_2", "cus_3"),
        ),
        "2 listed objects, 1 event, 2 customers that no list showed",
    ),
    (chunk(customer("cus_1", email="a@example.com")), "listed customer cus_1"),
    (chunk(events=(event("customer.created", customer(), created=NOW),)), "customer.created cus_1"),
    (chunk(unseen=("cus_2",)), "customer cus_2, which no list showed"),
    (chunk(), "the end of a list"),
    (chunk({"id": ["odd"]}), "listed"),
    (Message(TEST, {}), "event without a type"),
    (Message(TEST, {"type": "customer.updated", "data": "odd"}), "customer.updated"),
    (Message(TEST, {"type": ["odd"], "data": {"object": {"id": 7}}}), "event without a type"),
]


@pytest.mark.parametrize(("message", "what"), MESSAGES, ids=[what for _, what in MESSAGES])
def test_every_kind_of_message_is_told_without_anything_personal(message: Message, what: str) -> None:
    told = letter(message).described()

    assert told["what"] == what
    assert "example.com" not in json.dumps(told)


@pytest.mark.parametrize(
    ("body", "connection"),
    [
        ("no JSON of a@example.com", None),
        ("[]", None),
        ('{"email":"a@example.com"}', None),
        ('{"connection":"main"}', "main"),
        ('{"connection":["a@example.com"]}', None),
    ],
)
def test_what_cannot_be_read_is_told_by_its_size(body: str, connection: str | None) -> None:
    told = letter(body).described()

    assert told["what"] == f"unreadable, {len(body)} bytes"
    assert told["connection"] == connection
    assert (told["event"], told["cause"], told["attempt"]) == (None, None, None)
    assert "example.com" not in json.dumps(told)


def test_what_has_no_reason_crashed_the_worker() -> None:
    assert letter(Message(TEST, review=("per_1",)), reason=None).described()["why"] == CRASHED
    assert "`peoplesync logs --errors`" in CRASHED


def test_the_content_is_parsed_where_it_can_be() -> None:
    assert letter('{"connection":"main"}').content() == {"connection": "main"}
    assert letter("no JSON").content() == "no JSON"
