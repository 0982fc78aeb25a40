"""The automation that the demo shows: what comes by the rule is said in words."""

from __future__ import annotations

import json
from collections import deque
from typing import Any

import pytest

from peoplesync_cli.failure import Failure
from peoplesync_cli.local_stack import demo_rule as automation_shown
from peoplesync_cli.local_stack.demo_rule import RuleEvents, sentence


def entered(email: str) -> dict[str, Any]:
    return {"detail-type": "Segment Entered", "detail": {"person": {"email": email}}}


class Queue:
    """Answers with one batch of events after the other, and then with none."""

    def __init__(self, *batches: list[dict[str, Any]]) -> None:
        self.batches = deque(batches)
        self.deleted = 0

    def receive_message(self, **_: Any) -> dict[str, Any]:
        if not self.batches:
            return {}
        batch = self.batches.popleft()
        return {"Messages": [{"Body": json.dumps(one), "ReceiptHandle": "receipt"} for one in batch]}

    def delete_message(self, **_: Any) -> None:
        self.deleted += 1


def test_the_event_of_one_is_waited_for_and_said_in_words() -> None:
    others, mine = [entered("trial-01@example.com")], [entered("trial-07@example.com")]
    queue = Queue(others, [], mine)

    heard = RuleEvents(queue, "queue").of("trial-07@example.com")

    assert sentence(heard) == "trial of trial-07@example.com is slipping"
    assert queue.deleted == 2


def test_what_does_not_come_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(automation_shown, "PATIENCE", 0.01)

    with pytest.raises(Failure, match=r"has received nothing about trial-07@example\.com"):
        RuleEvents(Queue(), "queue").of("trial-07@example.com")
