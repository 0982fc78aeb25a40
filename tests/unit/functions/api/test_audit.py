"""The audit trail: who changed what, also where the request died; no e-mail of whom it was about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from peoplesync.use_cases.ports import Unavailable
from tests.support.stacks.called_api import CalledApi, called_api
from tests.support.stacks.moto_stack import MotoStack


@pytest.fixture
def called(aws: MotoStack) -> Iterator[CalledApi]:
    with called_api(aws) as called:
        yield called


def trail(aws: MotoStack) -> list[tuple[Any, ...]]:
    rows = aws.items(aws.stack.audit_table)
    return [(r["pk"]["S"], r["who"]["S"], r["what"]["S"], r.get("status", {}).get("N")) for r in rows]


def test_what_an_admin_asks_for_is_noted_with_how_it_ended(aws: MotoStack, called: CalledApi) -> None:
    called.ask("DELETE", "/connections/main/segments/big_trials", headers={"if-match": "*"})
    called.ask("GET", "/connections/main/segments")
    called.ask("DELETE", "/connections/main/segments/big_trials", groups="[viewer]")

    assert trail(aws) == [("main", "ann@example.com", "delete_segment big_trials", "404")]


def test_whom_it_was_about_is_not_named_by_e_mail(aws: MotoStack, called: CalledApi) -> None:
    called.ask("DELETE", "/connections/main/people/trial-07%40example.com", name="bob@example.com")

    assert trail(aws) == [("main", "bob@example.com", "erase_person", "404")]


def test_a_request_that_died_is_in_it(
    aws: MotoStack, called: CalledApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("peoplesync_api.operating.active", dies)
    with pytest.raises(KeyboardInterrupt):
        called.ask("POST", "/connections/main/pause")

    assert trail(aws) == [("main", "ann@example.com", "pause", None)]


def test_what_cannot_be_noted_is_not_done(
    aws: MotoStack, called: CalledApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable(*_: object) -> None:
        raise Unavailable("DynamoDB does not answer")

    done: list[object] = []
    monkeypatch.setattr("peoplesync.adapters.dynamodb.audit.AuditTrail.begin", unavailable)
    monkeypatch.setattr("peoplesync_api.operating.active", done.append)
    refused = called.ask("POST", "/connections/main/pause")

    assert (refused.status, done) == (503, [])
