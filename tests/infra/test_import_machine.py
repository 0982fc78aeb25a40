"""Facts about infra/import.asl.json that a deployment would notice late: nothing validates it locally."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from peoplesync_local.places import Places

CHECKOUT = Places().checkout
MACHINE = json.loads((CHECKOUT / "infra" / "import.asl.json").read_text())


def machines(machine: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The machine, and those inside of its maps."""
    yield machine
    for state in machine["States"].values():
        if "ItemProcessor" in state:
            yield from machines(state["ItemProcessor"])


def states() -> Iterator[tuple[str, dict[str, Any]]]:
    for machine in machines(MACHINE):
        yield from machine["States"].items()


def nexts(state: dict[str, Any]) -> Iterator[str]:
    """Where a state may lead."""
    for holder in (state, *state.get("Choices", []), *state.get("Catch", [])):
        yield from (holder[key] for key in ("Next", "Default") if key in holder)


def test_every_state_is_reached_and_leads_to_one_of_its_own_machine() -> None:
    for machine in machines(MACHINE):
        reached, at = set(), [machine["StartAt"]]
        while at:
            name = at.pop()
            if name not in reached:
                reached.add(name)
                at += nexts(machine["States"][name])
        assert reached == set(machine["States"])


def test_no_two_states_have_the_same_name() -> None:
    names = [name for name, _ in states()]

    assert len(names) == len(set(names))


@pytest.mark.parametrize(("name", "state"), list(states()), ids=[name for name, _ in states()])
def test_a_state_either_ends_or_leads_on(name: str, state: dict[str, Any]) -> None:
    assert state.get("End") or state["Type"] == "Fail" or list(nexts(state))
    assert len(name) <= 80


def test_each_task_is_tried_again_whatever_went_wrong() -> None:
    # An exception's name is not to be relied on: what is expected is a status, and all else is tried again.
    for _, state in states():
        if state["Type"] == "Task":
            assert [retry["ErrorEquals"] for retry in state["Retry"]] == [["States.ALL"]]


def test_each_task_but_the_last_ones_notes_its_failure_in_the_run() -> None:
    uncaught = [name for name, state in states() if state["Type"] == "Task" and "Catch" not in state]

    assert uncaught == ["Start", "Note the failure"]


def test_only_what_the_local_stack_runs_too_is_used() -> None:
    text = json.dumps(MACHINE)

    assert {state["Type"] for _, state in states()} == {"Task", "Choice", "Map", "Wait", "Pass", "Fail"}
    for unknown in (
        "ItemBatcher",
        "ItemReader",
        "ResultWriter",
        "MaxDelaySeconds",
        "JitterStrategy",
        '"DISTRIBUTED"',
    ):
        assert unknown not in text


def test_every_step_is_one_that_the_function_takes() -> None:
    source = ast.parse((CHECKOUT / "functions" / "import_customers" / "app.py").read_text())
    known = {
        case.pattern.value.value
        for node in ast.walk(source)
        if isinstance(node, ast.Match)
        for case in node.cases
        if isinstance(case.pattern, ast.MatchValue) and isinstance(case.pattern.value, ast.Constant)
    }

    used = set(re.findall(r'"step": "([^"]+)"', json.dumps(MACHINE)))

    assert used == known


def test_every_status_that_is_chosen_on_is_one_that_a_step_answers_with() -> None:
    steps = (CHECKOUT / "layers/core/peoplesync/sync/importing/steps.py").read_text()
    answered = set(re.findall(r'"status": "(\w+)"', steps)) | {"done", "more", "succeeded"}

    chosen = set(re.findall(r"status = '(\w+)'", json.dumps(MACHINE)))

    assert chosen <= answered
    assert answered - chosen <= {"refused"}
