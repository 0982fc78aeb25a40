"""`peoplesync reconcile` and `peoplesync verify`: what they ask for, what they print, how they end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result

from peoplesync.adapters.dynamodb.connections import ConnectionsStore
from peoplesync.domain.connections import Connection
from peoplesync.use_cases.scheduled.found import Found
from peoplesync_cli import options
from peoplesync_cli.failure import Failure
from peoplesync_cli.jobs import reconcile
from peoplesync_cli.main import main
from peoplesync_cli.target import Target
from peoplesync_local.stripe_simulator.control import Simulator
from tests.support.builders.stripe import DAY, HOUR, MINUTE, NOW, customer
from tests.support.stacks.indexed import indexed
from tests.support.stacks.invoked_functions import Lambda, Session
from tests.support.stacks.lambda_functions import Function, batch, cold_start
from tests.support.stacks.moto_stack import MotoStack
from tests.support.worlds.simulated_stripe import KEY, client, simulated_stripe

Run = Callable[..., Result]


@pytest.fixture
def main_stack(aws: MotoStack) -> MotoStack:
    ConnectionsStore().create(Connection("main", False, 1, 1, NOW - HOUR, reconciled_until=NOW - HOUR))
    aws.secrets.store_api_key("main", KEY)
    return aws


@pytest.fixture
def functions() -> Lambda:
    return Lambda(lambda asked: {"connections": []})


@pytest.fixture
def stripe() -> Iterator[str]:
    with simulated_stripe() as url:
        Simulator(url).freeze(NOW)
        yield url


@pytest.fixture
def run(main_stack: MotoStack, functions: Lambda, stripe: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `peoplesync` with these arguments on a stack in memory."""
    session: Any = Session(main_stack.session, functions)
    outputs = {"ReconcileEventsFunction": "reconcile-1", "FeedRetentionDays": "400"}
    target = Target("test", main_stack.stack, "https://api.example.com", session, stripe, outputs)
    monkeypatch.setattr(options, "resolve", lambda stack: target)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    return lambda *arguments: CliRunner().invoke(main, arguments)


def turn(**facts: Any) -> dict[str, Any]:
    given = {"connection": "main", "events": 5, "messages": 1, "from": NOW - DAY, "to": NOW, "done": True}
    return {"connections": [{**given, "problem": None, **facts}]}


def test_one_run_is_enough_where_it_is_done(run: Run, functions: Lambda) -> None:
    functions.function = lambda asked: turn()

    result = run("reconcile")

    assert result.exit_code == 0
    assert functions.asked == [{"connection": "main"}]
    assert result.stdout.startswith("5 events since 2026-02-28T12:00:00Z are on the bulk queue.")


def test_it_goes_on_until_it_is_done(run: Run, functions: Lambda) -> None:
    answers = iter([turn(done=False, to=NOW - HOUR), turn(events=7, **{"from": NOW - HOUR})])
    functions.function = lambda asked: next(answers)

    result = run("reconcile", "--since", "2026-02-28", "--json")

    midnight = 1_772_236_800
    assert [asked["since"] for asked in functions.asked] == [midnight, NOW - HOUR]
    assert json.loads(result.stdout) == {
        "connection": "main",
        "events": 12,
        "messages": 2,
        "from": "2026-02-28T12:00:00Z",
        "to": "2026-03-01T12:00:00Z",
        "runs": 2,
        "unreadable": [],
        "done": True,
    }


def test_from_the_checkpoint_on_each_run_begins_at_the_checkpoint(run: Run, functions: Lambda) -> None:
    answers = iter([turn(done=False), turn()])
    functions.function = lambda asked: next(answers)

    run("reconcile")

    assert functions.asked == [{"connection": "main"}] * 2


def test_what_passes_is_waited_for_and_what_does_not_is_said(run: Run, functions: Lambda) -> None:
    answers = iter(
        [turn(done=False, problem="rate_limited"), turn(done=False, problem="unavailable"), turn()]
    )
    functions.function = lambda asked: next(answers)
    assert run("reconcile").exit_code == 0

    functions.function = lambda asked: turn(done=False, problem="unavailable")
    result = run("reconcile")
    assert (result.exit_code, len(functions.asked)) == (1, 3 + 5)
    assert "Stripe cannot be asked; nothing is lost" in result.stderr

    functions.function = lambda asked: turn(done=False, problem="key_refused")
    result = run("reconcile")
    assert (result.exit_code, len(functions.asked)) == (1, 3 + 5 + 1)
    assert "run `peoplesync connect` with a new one" in result.stderr


def test_a_function_that_crashes_is_said(run: Run, functions: Lambda) -> None:
    def crash(asked: dict[str, Any]) -> Any:
        raise ZeroDivisionError

    functions.function = crash
    result = run("reconcile")

    assert result.exit_code == 1
    assert "failed (ZeroDivisionError)" in result.stderr


def test_a_connection_that_has_no_turn_is_said(run: Run) -> None:
    assert run("reconcile").exit_code == 1
    assert "There is no connection other" in run("reconcile", "--connection", "other").stderr


def test_a_since_that_is_none_is_not_understood(run: Run) -> None:
    result = run("reconcile", "--since", "yesterday")

    assert result.exit_code == 2
    assert "neither a duration like 2h" in result.stderr


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90m", NOW - 90 * MINUTE),
        ("2h", NOW - 2 * HOUR),
        ("3d", NOW - 3 * DAY),
        ("2026-03-01", NOW - 12 * HOUR),
        ("2026-03-01T11:00", NOW - HOUR),
        ("2026-03-01T11:00:00Z", NOW - HOUR),
        ("2026-03-01T11:00:00+02:00", NOW - 3 * HOUR),
    ],
)
def test_since_is_a_duration_or_an_instant(text: str, expected: int) -> None:
    assert reconcile.instant(text, NOW) == expected


def test_other_words_are_no_instant() -> None:
    for text in ("", "3w", "-2h", "2h ago", "2026-13-01"):
        with pytest.raises(Failure):
            reconcile.instant(text, NOW)


@pytest.fixture
def worker(main_stack: MotoStack, stripe: str, monkeypatch: pytest.MonkeyPatch) -> Function:
    return cold_start("apply_changes", main_stack, monkeypatch, PEOPLESYNC_STRIPE_API_URL=stripe)


@pytest.fixture
def reconciler(main_stack: MotoStack, stripe: str, monkeypatch: pytest.MonkeyPatch) -> Function:
    return cold_start("reconcile_events", main_stack, monkeypatch, PEOPLESYNC_STRIPE_API_URL=stripe)


def settle(main_stack: MotoStack, worker: Function) -> None:
    bodies = [one["Body"] for one in main_stack.messages(main_stack.stack.bulk_queue_url)]
    for start in range(0, len(bodies), 10):
        assert worker(batch(*bodies[start : start + 10], queue="BulkQueue")) == {"batchItemFailures": []}


@pytest.fixture
def customers(
    run: Run, functions: Lambda, reconciler: Function, worker: Function, main_stack: MotoStack, stripe: str
) -> list[str]:
    """Three customers that signed up at Stripe and were reconciled."""
    functions.function = reconciler
    made = [client(stripe).v1.customers.create({"name": f"Trial {one}"}).id for one in range(3)]
    result = run("reconcile", "--json")
    assert json.loads(result.stdout.splitlines()[-1])["events"] == 3  # the function's log comes before
    with indexed():
        settle(main_stack, worker)
    return made


def test_the_function_answers_with_each_connections_turn(
    reconciler: Function, main_stack: MotoStack, stripe: str
) -> None:
    client(stripe).v1.customers.create({"name": "Trial"})

    answer = reconciler({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}})

    assert answer == {
        "connections": [
            {
                "connection": "main",
                "events": 1,
                "messages": 1,
                "too_large": 0,
                "unreadable": [],
                "from": NOW - HOUR - 10 * MINUTE,
                "to": NOW + 1,
                "done": True,
                "problem": None,
            }
        ]
    }
    stored = ConnectionsStore().get("main")
    assert stored is not None
    assert stored.reconciled_until is not None
    assert NOW - 3 <= stored.reconciled_until < NOW


def test_people_that_are_as_stripe_says_are_in_step(run: Run, customers: list[str]) -> None:
    result = run("verify")

    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "in step with Stripe  compared 3 customers, 0 subscriptions",
        "counts and search agree  compared with 3 people",
    ]


def test_what_cannot_be_read_ends_a_verification_with_its_name_and_a_sentence(
    run: Run, customers: list[str], stripe: str
) -> None:
    Simulator(stripe).hold([{**customer("cus_bad"), "email": 7}])

    result = run("verify")

    assert result.exit_code == 1
    assert "1 object could not be read  compared 3 customers, 0 subscriptions" in result.stdout
    assert "cus_bad" in result.stdout
    assert "All else was compared." in result.stdout
    found = json.loads(run("verify", "--json").stdout)
    assert (found["customers"], found["drifted"], found["differences"]) == (3, 0, [])
    assert found["unreadable"] == [
        {"kind": "customer", "id": "cus_bad", "problem": "email should be text, not a number"}
    ]


def test_a_reconcile_names_what_cannot_be_read() -> None:
    found = Found("main", NOW - HOUR, NOW)
    turn = {"events": 2, "messages": 1, "to": NOW, "done": False}
    problem = {"kind": "customer", "id": "cus_bad", "problem": "created is missing"}

    found.add(turn | {"unreadable": [problem]})
    found.add(turn | {"unreadable": [problem]})
    found.add(turn)

    assert found.public()["unreadable"] == [problem]
    assert "Not all can be read: “customer cus_bad: created is missing”." in str(found)


def test_what_drifted_is_listed_without_anything_personal(
    run: Run, customers: list[str], stripe: str
) -> None:
    client(stripe).v1.customers.update(customers[0], {"name": "Zoë Seven", "phone": "+1 555 0100"})
    client(stripe).v1.customers.delete(customers[1])

    result = run("verify", "--json")

    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert (found["customers"], found["drifted"], found["repair_messages"]) == (2, 2, None)
    assert sorted(
        (one["object"], one["field"], one["ours"], one["stripe"]) for one in found["differences"]
    ) == [
        (customers[0], "name", None, None),
        (customers[0], "phone", None, None),
        (customers[1], "deleted", False, True),
    ]
    table = run("verify")
    assert table.exit_code == 1
    assert "(not shown)" in table.stdout
    assert "Seven" not in table.output
    assert "0100" not in table.output


def test_a_sample_finds_it_too(run: Run, customers: list[str], stripe: str) -> None:
    client(stripe).v1.customers.delete(customers[1])

    assert run("verify", "--sample", "3").exit_code == 1
    assert "2 of" not in run("verify", "--sample", "3").stdout


def test_a_repair_is_applied_by_the_worker(
    run: Run, customers: list[str], stripe: str, main_stack: MotoStack, worker: Function
) -> None:
    client(stripe).v1.customers.delete(customers[1])
    new = client(stripe).v1.customers.create({"name": "Trial 4"}).id

    result = run("verify", "--repair")

    assert result.exit_code == 1
    assert new in result.stdout
    assert "on the bulk queue again" in result.stdout
    with indexed():
        settle(main_stack, worker)
    assert run("verify").exit_code == 0


def test_a_refused_key_ends_a_verification_with_a_sentence(
    run: Run, customers: list[str], stripe: str
) -> None:
    Simulator(stripe).add_key(KEY, revoked=True)

    result = run("verify")

    assert result.exit_code == 1
    assert "Stripe does not accept the API key" in result.stderr
