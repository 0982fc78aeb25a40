"""What goes out when a whole company is imported, and when a rule is changed for everybody."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from peoplesync_local.stack.stack import LocalStack
from tests.integration.events.test_publish import Event, rule, types
from tests.support.stacks.stack_company import Commands, Company, eventually

CUSTOMERS = 2_000
SECONDS = 120

pytestmark = pytest.mark.long


def of_paying(heard: list[Event]) -> list[Event]:
    return [event for event in heard if event["detail"].get("segment") == "paying"]


def of_segments(heard: list[Event], kind: str) -> list[str]:
    """Whom the events of that type are about, each as often as it was told."""
    return sorted(event["detail"]["person"]["id"] for event in heard if event["detail-type"] == kind)


def test_an_import_of_2000_is_not_heard_and_a_rule_for_everybody_is_heard_once_each(
    local_stack: LocalStack, tmp_path: Path
) -> None:
    company = Company(local_stack, "heard-by-many")
    company.simulator().fill(CUSTOMERS, seed=11)
    company.connect()
    peoplesync = Commands(company)
    gold, written = tmp_path / "gold.json", tmp_path / "written.json"
    gold.write_text(json.dumps({"field": "subscription_status", "in": ["trialing", "active"]}))
    written.write_text(json.dumps({"field": "subscription_status", "in": ["active", "canceled"]}))
    with rule(local_stack, company.name, **{"detail-type": [{"anything-but": ["Person Updated"]}]}) as heard:
        assert company.ended(company.start_import(), 300)["status"] == "SUCCEEDED"
        company.drain(SECONDS)
        company.stripe().v1.customers.create({"email": "new@example.com"})
        eventually(lambda: "Person Created" in types(heard()), SECONDS, "the new customer on the bus")
        imported = [event for event in heard() if event["detail"]["cause"] == "import"]

        assert peoplesync("segments", "create", str(gold), "--title", "Paying").exit_code == 0
        first = set(company.target.people.ids(company.epoch, "paying"))
        eventually(lambda: len(of_paying(heard())) >= len(first), SECONDS, "the entries on the bus")
        entered = of_segments(of_paying(heard()), "Segment Entered")

        assert peoplesync("segments", "change", "paying", str(written)).exit_code == 0
        second = set(company.target.people.ids(company.epoch, "paying"))
        moves = len(first) + len(first ^ second)
        eventually(lambda: len(of_paying(heard())) >= moves, SECONDS, "the exits on the bus")
        everything = of_paying(heard())

    assert imported == []
    assert len(first) > 100
    assert first - second
    assert second - first
    assert entered == sorted(first)
    assert of_segments(everything, "Segment Entered") == sorted([*first, *(second - first)])
    assert of_segments(everything, "Segment Left") == sorted(first - second)
    assert len({event["detail"]["id"] for event in everything}) == len(everything)
    assert {event["detail"]["cause"] for event in everything} <= {"definition_changed", "live", "sweep"}
