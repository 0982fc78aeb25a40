"""`peoplesync status`, once and for as long as one looks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from peoplesync_cli import options
from peoplesync_cli.main import main
from peoplesync_cli.operating import status

WELL: dict[str, Any] = {
    "state": "in_sync",
    "headline": "In sync",
    "reason": "every event that arrived is applied",
    "what_to_do": None,
    "runbook": None,
    "also": [],
    "customers_in_sync": 2_001,
    "people": 1_955,
    "last_event_at": "2026-03-01T11:00:00Z",
    "lag_seconds": 1,
    "queues": {"live": 0, "bulk": 0, "review": 0},
    "dead": 0,
    "due_seconds": 0,
    "checkpoint": "2026-03-01T11:50:00Z",
    "webhook_missed": 0,
    "degraded": [],
    "last_import": None,
}
BROKEN = WELL | {
    "state": "stopped",
    "headline": "Stopped: key revoked",
    "reason": "Stripe has refused the API key since 2026-03-01T12:00:00Z",
    "what_to_do": "connect again with a new one: `peoplesync connect`",
    "runbook": "key-refused",
    "also": ["Attention: 2 dead letters"],
    "queues": {"live": 1_200, "bulk": 0, "review": 3},
    "due_seconds": 300,
    "last_import": {"id": "import-1", "status": "succeeded", "applied": 11_626},
}


@dataclass
class Stack:
    """Says one after the other what it is told to, then Ctrl-C is pressed."""

    name: str = "test"
    title: str = "test (in memory)"
    says: list[dict[str, Any]] = field(default_factory=lambda: [WELL])
    pauses: list[float] = field(default_factory=list)
    _next: Iterator[dict[str, Any]] | None = None

    def status(self, connection: str) -> dict[str, Any]:
        self._next = self._next or iter(self.says)
        return next(self._next)

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if len(self.pauses) == len(self.says):
            raise KeyboardInterrupt


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Stack:
    stack = Stack()
    monkeypatch.setattr(options, "resolve", lambda name: stack)
    monkeypatch.setattr(status, "time", SimpleNamespace(sleep=stack.sleep))
    return stack


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(main, ["status", *arguments])
    assert result.exit_code == 0, result.output
    return result


def test_the_verdict_comes_first_then_what_to_do_and_where_to_read_more(stack: Stack) -> None:
    stack.says = [BROKEN]

    lines = run().stdout.splitlines()

    assert lines[0] == "Stopped: key revoked  Stripe has refused the API key since 2026-03-01T12:00:00Z"
    assert lines[1].split() == "do connect again with a new one: `peoplesync connect`".split()
    assert lines[2].strip() == "see docs/runbooks/key-refused.md"
    assert lines[3].strip() == "also: Attention: 2 dead letters"


def test_where_there_is_nothing_to_do_nothing_is_said_of_it(stack: Stack) -> None:
    told = run().stdout

    assert told.startswith("In sync")
    assert not any(word in told for word in ("do ", "see ", "also", "due by the clock", "last import"))


def test_numbers_are_in_words_for_people(stack: Stack) -> None:
    stack.says = [BROKEN]

    told = " ".join(run().stdout.split())

    assert "changes on the queues live 1,200, review 3" in told
    assert "due by the clock for 5 minutes" in told
    assert "from Stripe to the person 1 seconds" not in told
    assert "last import import-1 succeeded, 11,626 objects" in told


def test_watching_tells_each_change_once_where_there_is_no_terminal(stack: Stack) -> None:
    stack.says = [WELL, WELL, BROKEN, BROKEN, WELL]

    assert run("--watch").stdout.splitlines() == [
        "In sync: every event that arrived is applied",
        "Stopped: key revoked: Stripe has refused the API key since 2026-03-01T12:00:00Z",
        "In sync: every event that arrived is applied",
    ]
    assert set(stack.pauses) == {status.INTERVAL}


def test_watching_as_json_is_a_line_for_each_look(stack: Stack) -> None:
    stack.says = [WELL, BROKEN]

    lines = [json.loads(line) for line in run("--watch", "--json").stdout.splitlines()]

    assert lines == [WELL, BROKEN]
