"""`peoplesync publish failed`, `again` and `drop`: what they print, what they leave, how they end."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from peoplesync.adapters.dynamodb.connections import ConnectionsStore
from peoplesync.adapters.dynamodb.tables import IdentityRow
from peoplesync.domain.people.person import ERASED, customer_identity
from peoplesync.use_cases.publishing.publish import Publisher
from peoplesync_cli import options
from peoplesync_cli.main import main
from peoplesync_cli.target import Target
from tests.support.builders.stripe import NOW
from tests.support.fakes.put_aside import id_of, person_record, put_aside
from tests.support.fakes.ready_connections import connect
from tests.support.fakes.streams import FakeBus
from tests.support.fakes.world import TEST
from tests.support.stacks.lambda_mappings import Functions, Session
from tests.support.stacks.moto_stack import MotoStack

BUCKET = "failures"
OUTPUTS = {
    "PublishFailures": BUCKET,
    "BusName": "peoplesync-test",
    "PeopleStreamMapping": "uuid-people",
    "FeedStreamMapping": "uuid-feed",
}
PERSONAL = "trial-07@example.com"
FIRST, SECOND = id_of(1), id_of(2)
Run = Callable[..., Result]


@pytest.fixture
def functions() -> Functions:
    return Functions.of(["uuid-people", "uuid-feed"])


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> FakeBus:
    """Takes the place of EventBridge, and may refuse."""
    fake, real = FakeBus(), Target.publisher

    def publisher(target: Target) -> Publisher:
        return replace(real(target), bus=fake)

    monkeypatch.setattr(Target, "publisher", publisher)
    return fake


@pytest.fixture
def run(aws: MotoStack, functions: Functions, bus: FakeBus, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `peoplesync publish` with these arguments on a stack in memory."""
    aws.client("s3").create_bucket(Bucket=BUCKET)
    connect("main", "rk_test_of_main", "whsec_test", ConnectionsStore(), aws.secrets, NOW)

    def run(*arguments: str, answers: str = "", outputs: dict[str, str] = OUTPUTS) -> Result:
        session: Any = Session(aws.session, functions)
        target = Target("test", aws.stack, "https://api.example.com", session, outputs=outputs)
        monkeypatch.setattr(options, "resolve", lambda stack: target)
        return CliRunner().invoke(main, ["publish", *arguments], input=answers)

    return run


@pytest.fixture
def failed(run: Run, aws: MotoStack) -> list[str]:
    """The keys of two batches with a person each, of which nothing was published."""
    keys = []
    for number, facts in enumerate(({"email": PERSONAL}, {}), start=1):
        record = person_record(number, NOW - 60 + number, **facts)
        key, text = put_aside([record], aws.stack.people_table, NOW, number)
        aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=text.encode())
        keys.append(key)
    return keys


def left(aws: MotoStack) -> list[str]:
    return [one["Key"] for one in aws.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def test_a_list_shows_how_much_since_when_and_why_and_nothing_personal(run: Run, failed: list[str]) -> None:
    result = run("failed")

    assert result.exit_code == 0, result.output
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert lines[1:] == [
        f"{FIRST[:8]} people 1 2026-03-01 11:59:01 2026-03-01 12:00:00 RetryAttemptsExhausted",
        f"{SECOND[:8]} people 1 2026-03-01 11:59:02 2026-03-01 12:00:00 RetryAttemptsExhausted",
        "2 batches with 2 records, since 2026-03-01T11:59:01Z; `peoplesync publish again` publishes them",
    ]
    assert PERSONAL not in result.stdout


def test_a_list_in_json_has_a_batch_a_line_with_its_key(run: Run, failed: list[str]) -> None:
    told = [json.loads(line) for line in run("failed", "--json").stdout.splitlines()]

    assert [(one["id"], one["key"]) for one in told] == [(FIRST, failed[0]), (SECOND, failed[1])]


def test_everything_is_told_and_gone(run: Run, failed: list[str], bus: FakeBus, aws: MotoStack) -> None:
    result = run("again", "--all")

    assert result.exit_code == 0, result.output
    assert result.stdout == (
        f"sent {FIRST[:8]}  people  1 record, 2 published\n"
        f"sent {SECOND[:8]}  people  1 record, 2 published\n"
        "4 events published; nothing is left.\n"
    )
    assert bus.types == ["Person Created", "Segment Entered"] * 2
    assert left(aws) == []
    nothing = "There is nothing that could not be published.\n"
    assert [run(*one).stdout for one in (("failed",), ("again", "--all"))] == [nothing, nothing]


@pytest.mark.parametrize("of", ["beginning of its id", "key"])
def test_one_is_told_by_its_id_or_key(
    run: Run, failed: list[str], bus: FakeBus, aws: MotoStack, of: str
) -> None:
    result = run("again", failed[0] if of == "key" else FIRST[:8])

    assert result.exit_code == 0, result.output
    assert {one.detail["person"]["email"] for one in bus.told} == {PERSONAL}
    assert left(aws) == failed[1:]


def test_what_cannot_be_told_stays_with_the_reason_and_the_command_fails(
    run: Run, failed: list[str], bus: FakeBus, aws: MotoStack
) -> None:
    bus.refuses = {0: "EntryTooLarge"}

    result = run("again", "--all")

    assert result.exit_code == 1
    left_behind = f"left {FIRST[:8]}  people  1 record, 1 published; not published: EntryTooLarge (1)\n"
    assert left_behind in result.stdout
    assert "1 of 2 batches could not be published in full, and stay." in result.stderr
    assert left(aws) == failed[:1]


def test_what_became_of_each_is_told_in_json(run: Run, failed: list[str], bus: FakeBus) -> None:
    bus.refuses = {0: "EntryTooLarge"}

    told = [json.loads(line) for line in run("again", "--all", "--json").stdout.splitlines()]

    assert [(one["id"], one["told"], one["events"], one["failed"]) for one in told] == [
        (FIRST, False, 1, {"EntryTooLarge": 1}),
        (SECOND, True, 2, {}),
    ]


def test_of_who_was_erased_since_then_nothing_is_told(
    run: Run, failed: list[str], bus: FakeBus, aws: MotoStack
) -> None:
    IdentityRow(IdentityRow.key(TEST, customer_identity("cus_1")), person=ERASED).save()

    result = run("again", "--all")

    assert result.exit_code == 0, result.output
    assert {one.detail["person"]["email"] for one in bus.told} == {"cus_2@example.com"}
    assert left(aws) == []


def test_nothing_is_told_during_a_pause(
    run: Run, failed: list[str], bus: FakeBus, functions: Functions, aws: MotoStack
) -> None:
    functions.state["uuid-people"] = "Disabled"

    result = run("again", "--all")

    assert result.exit_code == 1
    assert "Publishing has been paused since 2026-03-01T12:00:00Z" in result.stderr
    assert bus.told == []
    assert left(aws) == failed


def test_what_shall_not_be_told_is_dropped_after_a_question(
    run: Run, failed: list[str], bus: FakeBus, aws: MotoStack
) -> None:
    assert run("drop", FIRST[:8], answers="n\n").exit_code == 1
    assert left(aws) == failed

    result = run("drop", FIRST[:8], answers="y\n")

    assert (result.exit_code, result.stdout) == (0, "1 batch deleted.\n")
    assert left(aws) == failed[1:]
    assert run("drop", "--all", "--yes").stdout == "1 batch deleted.\n"
    assert bus.told == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("again", "ffff"),
            "There is no failed batch ffff; `peoplesync publish failed` shows what there is.",
        ),
        (("drop", "0000000", "--yes"), "There are 2 of which the ids begin with 0000000: give more of it;"),
    ],
)
def test_an_id_that_fits_none_or_several_is_refused(
    run: Run, failed: list[str], aws: MotoStack, arguments: tuple[str, ...], said: str
) -> None:
    result = run(*arguments)

    assert result.exit_code == 1
    assert said in result.stderr
    assert left(aws) == failed


@pytest.mark.parametrize("arguments", [("again",), ("drop",), ("again", "--all", "0000")])
def test_neither_ids_nor_all_is_not_understood(run: Run, arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


def test_a_bucket_that_cannot_be_reached_ends_the_command(run: Run) -> None:
    result = run("failed", outputs=OUTPUTS | {"PublishFailures": "no-such-bucket"})

    assert result.exit_code == 1
    assert "The bucket of what could not be published cannot be reached" in result.stderr


def test_an_older_stack_is_told_to_be_deployed_again(run: Run) -> None:
    result = run("failed", outputs={})

    assert result.exit_code == 1
    assert "has no output 'PublishFailures'; deploy this version of the template." in result.stderr


def test_the_name_of_before_still_works_and_is_not_shown(run: Run) -> None:
    assert run("retell", "--all").stdout == run("again", "--all").stdout
    assert "retell" not in run("--help").output
