"""Facts about the state machines that a deployment would notice late: nothing validates them locally."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from peoplesync_local.stack.places import Places

CHECKOUT = Places().checkout
MACHINES = {
    path.name.removesuffix(".asl.json"): json.loads(path.read_text())
    for path in sorted((CHECKOUT / "infra").glob("*.asl.json"))
}
# Of each machine: the function that takes its steps, and where those are.
FUNCTIONS = {"import": "import_customers", "reevaluate": "reevaluate_people", "run_task": "run_tasks"}
_OF_A_JOB = "jobs/job.py"
STEPS = {
    "import": ("importing/steps.py", _OF_A_JOB),
    "reevaluate": ("reevaluating/steps.py", _OF_A_JOB),
    "run_task": ("tasks/steps.py",),
}
# The run of a task has begun before its execution has.
UNCAUGHT = {"run_task": ["Note the failure"]}


def machines(machine: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The machine, and those inside of its maps."""
    yield machine
    for state in machine["States"].values():
        if "ItemProcessor" in state:
            yield from machines(state["ItemProcessor"])


def states(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for machine in machines(MACHINES[name]):
        yield from machine["States"].items()


EVERY = [(f"{name}: {state}", content) for name in MACHINES for state, content in states(name)]


def nexts(state: dict[str, Any]) -> Iterator[str]:
    """Where a state may lead."""
    for holder in (state, *state.get("Choices", []), *state.get("Catch", [])):
        yield from (holder[key] for key in ("Next", "Default") if key in holder)


@pytest.mark.parametrize("name", MACHINES)
def test_every_state_is_reached_and_leads_to_one_of_its_own_machine(name: str) -> None:
    for machine in machines(MACHINES[name]):
        reached, at = set(), [machine["StartAt"]]
        while at:
            state = at.pop()
            if state not in reached:
                reached.add(state)
                at += nexts(machine["States"][state])
        assert reached == set(machine["States"])


@pytest.mark.parametrize("name", MACHINES)
def test_no_two_states_have_the_same_name(name: str) -> None:
    names = [state for state, _ in states(name)]

    assert len(names) == len(set(names))


@pytest.mark.parametrize(("name", "state"), EVERY, ids=[name for name, _ in EVERY])
def test_a_state_either_ends_or_leads_on(name: str, state: dict[str, Any]) -> None:
    assert state.get("End") or state["Type"] == "Fail" or list(nexts(state))
    assert len(name.partition(": ")[2]) <= 80


def test_each_task_is_tried_again_whatever_went_wrong() -> None:
    # An exception's name is not to be relied on: what is expected is a status, and all else is tried again.
    for _, state in EVERY:
        if state["Type"] == "Task":
            assert [retry["ErrorEquals"] for retry in state["Retry"]] == [["States.ALL"]]


@pytest.mark.parametrize("name", MACHINES)
def test_each_task_but_the_last_ones_notes_its_failure_in_the_run(name: str) -> None:
    uncaught = [one for one, state in states(name) if state["Type"] == "Task" and "Catch" not in state]

    assert uncaught == UNCAUGHT.get(name, ["Start", "Note the failure"])


@pytest.mark.parametrize("name", MACHINES)
def test_only_what_the_local_stack_runs_too_is_used(name: str) -> None:
    text = json.dumps(MACHINES[name])

    assert {state["Type"] for _, state in states(name)} <= {"Task", "Choice", "Map", "Wait", "Pass", "Fail"}
    for unknown in (
        "ItemBatcher",
        "ItemReader",
        "ResultWriter",
        "MaxDelaySeconds",
        "JitterStrategy",
        '"DISTRIBUTED"',
    ):
        assert unknown not in text


@pytest.mark.parametrize("name", MACHINES)
def test_every_step_is_one_that_the_function_takes(name: str) -> None:
    source = ast.parse((CHECKOUT / "functions" / FUNCTIONS[name] / "app.py").read_text())
    known: set[str] = set()
    for node in ast.walk(source):
        match node:
            case ast.Assign(targets=[ast.Name("steps")], value=ast.Dict(keys=keys)):
                known |= {str(key.value) for key in keys if isinstance(key, ast.Constant)}
            case ast.Compare(left=ast.Name("step"), ops=[ast.Eq()], comparators=[ast.Constant(step)]):
                known.add(str(step))

    used = set(re.findall(r'"step": "([^"]+)"', json.dumps(MACHINES[name])))

    assert used == known


@pytest.mark.parametrize("name", MACHINES)
def test_every_status_that_is_chosen_on_is_one_that_a_step_answers_with(name: str) -> None:
    use_cases = CHECKOUT / "layers/core/peoplesync/use_cases"
    steps = "".join((use_cases / path).read_text() for path in STEPS[name])
    answered = set(re.findall(r'"status": "(\w+)"', steps))
    if _OF_A_JOB in STEPS[name]:
        answered |= {"done", "more", "succeeded"}

    chosen = set(re.findall(r"status = '(\w+)'", json.dumps(MACHINES[name])))

    assert chosen <= answered
    assert answered - chosen <= {"refused"}
