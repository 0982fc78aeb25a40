"""What holds of each job, be it an import or a re-evaluation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from peoplesync.domain.connections import Connection, Epoch
from peoplesync.use_cases.importing.overview import Imports
from peoplesync.use_cases.messages.message import decode
from peoplesync.use_cases.reevaluating.overview import Reevaluations
from tests.support.builders.stripe import DAY, NOW, charge, customer, event
from tests.support.fakes.world import TEST
from tests.support.worlds.import_world import ImportWorld, company
from tests.support.worlds.job_world import PLACE, JobWorld, Killed
from tests.support.worlds.reevaluation_world import VIP, ReevaluationWorld

PEOPLE = 40


def an_import() -> JobWorld:
    return ImportWorld.of(
        [customer(f"cus_{number}", created=NOW - number - 1) for number in range(PEOPLE)], NOW, readers=1
    )


def an_import_of_a_company() -> JobWorld:
    told = event("charge.succeeded", charge("ch_1", customer="cus_1", created=NOW - DAY), created=NOW - DAY)
    return ImportWorld.of([*company(120), told], NOW, readers=2)


def a_reevaluation() -> JobWorld:
    world = ReevaluationWorld.of(PEOPLE)
    world.connections.change(VIP)
    return world


@pytest.fixture(params=[an_import, a_reevaluation])
def job(request: pytest.FixtureRequest) -> JobWorld:
    made: JobWorld = request.param()
    return made


def applied(answer: dict[str, Any]) -> tuple[Any, Any]:
    return answer["status"], answer.get("applied", answer.get("evaluated"))


@pytest.mark.parametrize(("make", "every"), [(an_import_of_a_company, 3), (a_reevaluation, 1)])
def test_killed_at_any_call_and_resumed_the_people_are_those_of_an_undisturbed_run(
    make: Callable[[], JobWorld], every: int
) -> None:
    undisturbed = make()
    assert undisturbed.drive()["status"] == "succeeded"
    assert undisturbed.hazards.calls > 40

    for deadly in range(1, undisturbed.hazards.calls, every):
        job = make()
        job.hazards.deadly = deadly
        with pytest.raises(Killed):
            job.drive()

        has_stopped = job.runs.runs and job.run().status != "succeeded"
        answer = job.drive({"resume": "run_1"} if has_stopped else None, "run_2")

        assert (answer["status"], job.people()) == ("succeeded", undisturbed.people()), deadly


def test_a_lost_chunk_is_enqueued_again(job: JobWorld) -> None:
    losing = iter([True])
    job.queue.lose = lambda body: next(losing, False)

    assert applied(job.drive()) == ("succeeded", PEOPLE)
    assert job.run().enqueued_again


def test_a_chunk_lost_again_fails_the_run_and_is_named_until_it_is_resumed(job: JobWorld) -> None:
    chunks: list[str] = []

    def lose(body: str) -> bool:
        chunk = decode(body).chunk
        assert chunk is not None
        chunks.append(chunk.id)
        return chunk.id == chunks[0]

    job.queue.lose = lose

    answer = job.drive()

    assert answer["status"] == "failed"
    assert answer["reason"] == f"these chunks were never applied: {chunks[0]}"
    job.queue.lose = lambda body: False
    assert applied(job.drive({"resume": "run_1"}, "run_2")) == ("succeeded", PEOPLE)


def test_a_run_that_was_interrupted_while_it_began_is_not_begun_again(job: JobWorld) -> None:
    job.executions.running.add("arn:run_1")

    assert job.begin("run_1") == job.begin("run_1")
    assert len(job.runs.runs) == 1


def test_a_run_of_an_epoch_that_is_over_fails_in_words(job: JobWorld) -> None:
    begun = job.begin("run_1")
    job.connections.connection = Connection("main", True, 2, 1, NOW)

    assert job.enqueue_first(begun) == {
        "status": "failed",
        "reason": "the connection has begun a new epoch, or no longer exists",
    }
    assert not job.world.queue.sent


def test_an_older_task_that_is_still_at_work_gives_way(job: JobWorld) -> None:
    begun, add_page = job.begin("run_1"), job.runs.add_page

    def overtaken(run: Any, page: Any) -> None:
        job.runs.add_page = add_page  # type: ignore[method-assign]
        assert job.enqueue_first(begun)["status"] == "done"
        add_page(run, page)

    job.runs.add_page = overtaken  # type: ignore[method-assign]

    assert job.enqueue_first(begun) == {"status": "failed", "reason": "another task goes on with this run"}


def test_a_resumed_run_takes_over_from_a_task_that_goes_on_at_the_same_time(job: JobWorld) -> None:
    begun, save = job.begin("run_1"), job.runs.save_window

    def moved_meanwhile(run: Any, list_name: str, window: Any) -> Any:
        job.runs.save_window = job.runs.save_cursor = save  # type: ignore[method-assign]
        save(run, list_name, window)  # by the task of before
        return save(run, list_name, window)

    job.runs.save_window = job.runs.save_cursor = moved_meanwhile  # type: ignore[method-assign]

    assert job.enqueue_first(begun)["status"] == "done"


def test_a_stopped_execution_that_goes_on_all_the_same_does_nothing_once_another_has_resumed(
    job: JobWorld,
) -> None:
    begun = job.begin("run_1")
    place = {key: begun[key] for key in PLACE}
    job.begin("run_2", {"resume": "run_1"})

    answers = [
        job.enqueue_first(begun),
        *(step(place) for step in (job.steps.look, job.again, job.steps.finish)),
    ]

    assert answers == [{"status": "failed", "reason": "another execution goes on with this run"}] * 4
    job.steps.job.fail(place, answers[0]["reason"])
    assert job.run().status == "running"
    assert not job.world.queue.sent


def test_a_failure_is_noted_once_and_has_a_reason(job: JobWorld) -> None:
    begun = job.begin("run_1")
    place = {key: begun[key] for key in PLACE}

    first, second = job.steps.job.fail(place, ""), job.steps.job.fail(place, "killed")

    assert (first["status"], first["reason"]) == ("failed", "the state machine was stopped")
    assert (second["status"], second["reason"]) == ("failed", "killed")
    assert job.run().failure == "the state machine was stopped"


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (an_import, "import run_1 is running; a second one would only slow it down"),
        (a_reevaluation, "re-evaluation run_1 of the same segments and fields is running"),
    ],
)
def test_a_second_run_is_refused_while_one_is_running(make: Callable[[], JobWorld], reason: str) -> None:
    job = make()
    job.begin("run_1")
    job.executions.running.add("arn:run_1")

    refused = job.begin("run_2")

    assert (refused["status"], refused["reason"]) == ("refused", reason)
    assert job.begin("run_2", {"resume": "run_1"})["reason"].endswith("run_1 is still running")


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"conection": "main"}, "the input has conection; known are connection, "),
        ({"connection": 7}, "connection and resume are names, as text"),
        ({"connection": "shop"}, "there is no connection shop; peoplesync connect makes one"),
        ({"resume": "run_9"}, "there is no {what} run_9; peoplesync {command} list shows them"),
        ({"resume": "run_1"}, "{what} run_1 has succeeded; start a new one"),
    ],
)
@pytest.mark.parametrize(
    ("make", "names"),
    [
        (an_import, {"what": "import", "command": "import"}),
        (a_reevaluation, {"what": "re-evaluation", "command": "reevaluate"}),
    ],
)
def test_a_request_that_cannot_be_met_is_refused_with_what_to_do(
    given: dict[str, Any], reason: str, make: Callable[[], JobWorld], names: dict[str, str]
) -> None:
    job = make()
    assert job.drive()["status"] == "succeeded"

    answer = job.begin("run_2", given)

    assert answer["status"] == "refused"
    assert answer["reason"].startswith(reason.format(**names))
    # What the state machine remembers of it is there, if empty.
    assert not any(answer[key] for key in PLACE)


def test_that_a_run_was_stopped_is_noticed_where_it_is_looked_at(job: JobWorld) -> None:
    overview: Any = Imports(TEST, job.steps.job, job.runs)
    if isinstance(job, ReevaluationWorld):
        overview = Reevaluations(TEST, job.steps.job)
    job.executions.running.add("arn:run_1")
    job.begin("run_1")
    running = overview.latest()
    job.executions.running.clear()

    stopped = overview.latest()

    assert (running["status"], stopped["status"], job.run().status) == ("running", "failed", "failed")
    assert stopped["reason"].startswith("the execution was stopped; peoplesync ")
    assert overview.one("run_1") == overview.all()[0] == stopped
    assert overview.one("run_9") is None
    assert job.runs.all(Epoch("other", 1)) == []
