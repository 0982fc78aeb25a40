"""The function that takes the turns of tasks, as Lambda runs it."""

from __future__ import annotations

from typing import Any

import pytest

from peoplesync.adapters.operator_wiring import OperatorWiring
from peoplesync.domain.connections import Epoch
from tests.support.fakes.played_machine import PlayedMachine
from tests.support.stacks.lambda_functions import Function, cold_start
from tests.support.stacks.moto_stack import MotoStack
from tests.support.worlds.task_world import with_people

MAIN = Epoch("main", 1)
PEOPLE = 9


@pytest.fixture
def machine() -> PlayedMachine:
    return PlayedMachine()


@pytest.fixture
def api(aws: MotoStack, machine: PlayedMachine) -> OperatorWiring:
    """Those who start tasks."""
    wiring = OperatorWiring(aws.environment)
    wiring.__dict__["task_executions"] = machine
    return wiring


@pytest.fixture
def run_tasks(aws: MotoStack, api: OperatorWiring, monkeypatch: pytest.MonkeyPatch) -> Function:
    with_people(aws, PEOPLE)
    return cold_start("run_tasks", aws, monkeypatch, TASK_SLICE_SECONDS="60")


def place(machine: PlayedMachine) -> dict[str, Any]:
    return {**machine.started[-1], "execution": machine.names[-1]}


def test_a_query_takes_its_turn(run_tasks: Function, api: OperatorWiring, machine: PlayedMachine) -> None:
    queries = api.tasks("query")
    rule = {"field": "customer_mrr", "at_least": 90}
    run = queries.start("main", {"rule": rule})["id"]

    assert run_tasks({"step": "turn", "place": place(machine)}) == {"status": "done"}

    shown = queries.overview(MAIN).one(run)
    assert shown is not None
    assert (shown["status"], shown["looked_at"], shown["found"]) == ("succeeded", PEOPLE, 1)
    assert queries.overview(MAIN).page(run, None, 10) == {"ids": ["per_000005"], "next": None}


def test_a_failure_of_any_kind_is_noted(
    run_tasks: Function, api: OperatorWiring, machine: PlayedMachine
) -> None:
    run = api.tasks("verification").start("main", {"sample": 3})["id"]

    answer = run_tasks({"step": "fail", "place": place(machine), "reason": "Lambda.Unknown: killed"})

    assert (answer["status"], answer["reason"]) == ("failed", "Lambda.Unknown: killed")
    shown = api.tasks("verification").overview(MAIN).one(run)
    assert shown is not None
    assert (shown["status"], shown["reason"]) == ("failed", "Lambda.Unknown: killed")
    with pytest.raises(ValueError, match="a task has no step 'dance'"):
        run_tasks({"step": "dance", "place": place(machine)})
