"""`peoplesync dead`: what it prints, what it asks, how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner, Result

from peoplesync.adapters.aws import dead_letter_queues
from peoplesync.adapters.aws.dead_letter_queues import DeadLetterQueues, NotMoved
from peoplesync.use_cases.messages.dead_letters import DeadLetter
from peoplesync.use_cases.messages.message import Message
from peoplesync_cli import options
from peoplesync_cli.failure import Failure
from peoplesync_cli.main import main
from peoplesync_cli.operating.dead import chosen, short_ids
from peoplesync_cli.target import Target
from tests.support.builders.stripe import NOW, customer, event
from tests.support.fakes.world import TEST
from tests.support.stacks.moto_stack import MotoStack

Run = Callable[..., Result]
REASON = "customer cus_1: email should be text, not a list"


@pytest.fixture
def target(aws: MotoStack, monkeypatch: pytest.MonkeyPatch) -> Target:
    monkeypatch.setattr(dead_letter_queues, "WAIT_SECONDS", 0)
    target = Target("test", aws.stack, "https://api.example.com", aws.session)
    monkeypatch.setattr(options, "resolve", lambda stack: target)
    return target


@pytest.fixture
def run(target: Target) -> Run:
    """Runs `peoplesync` with these arguments on a stack in memory; `answers` are given to the questions."""
    return lambda *arguments, answers="": CliRunner().invoke(main, arguments, input=answers)


@pytest.fixture
def letters(target: Target) -> list[DeadLetter]:
    """An event that died, and one that cannot be read."""
    happened = event("customer.updated", customer("cus_1", email=["a@example.com"]), created=NOW)
    live, bulk, _ = target.depths.queues
    live.dead_letter(Message(TEST, happened).encode(), REASON)
    bulk.dead_letter("a@example.com", "not JSON")
    return sorted(target.dead_letters.all(), key=lambda letter: letter.queue, reverse=True)


def test_a_list_shows_what_died_and_why_and_nothing_personal(run: Run, letters: list[DeadLetter]) -> None:
    result = run("dead", "list")

    assert result.exit_code == 0, result.output
    table = {" ".join(line.split()) for line in result.stdout.splitlines()}
    (live,) = (line for line in table if " live " in line)
    assert live.startswith(letters[0].id[:8])
    assert live.endswith(f"main customer.updated cus_1 {REASON}")
    assert any(line.endswith("– unreadable, 13 bytes not JSON") for line in table)
    assert "2 dead letters; `peoplesync dead replay` has them applied again" in table
    assert "example.com" not in result.output


def test_a_list_as_json_is_a_letter_a_line(run: Run, letters: list[DeadLetter]) -> None:
    result = run("dead", "list", "--json")

    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert sorted(lines, key=lambda one: one["queue"], reverse=True) == [one.described() for one in letters]


def test_without_dead_letters_every_command_says_so(run: Run) -> None:
    for arguments in (["list"], ["replay", "--all"], ["drop", "--all"]):
        result = run("dead", *arguments)
        assert (result.exit_code, result.stdout) == (0, "There are no dead letters.\n")
    assert run("dead", "list", "--json").stdout == ""


def test_what_is_counted_but_not_seen_is_told(run: Run, letters: list[DeadLetter], target: Target) -> None:
    queue = target.depths.queues[0]
    queue.sqs.receive_message(QueueUrl=queue.dead_letter_url)

    result = run("dead", "list")

    assert "1 dead letter;" in result.stdout
    assert "SQS counts 1 more" in result.stderr


def test_one_letter_is_shown_without_what_it_says(run: Run, letters: list[DeadLetter]) -> None:
    result = run("dead", "show", letters[0].id[:6])

    assert result.exit_code == 0, result.output
    assert letters[0].id in result.stdout
    assert REASON in result.stdout
    assert "kept until" in result.stdout
    assert "example.com" not in result.output
    assert "payload" not in json.loads(run("dead", "show", letters[0].id, "--json").stdout)


def test_what_it_says_is_shown_when_asked_for_with_a_warning(run: Run, letters: list[DeadLetter]) -> None:
    result = run("dead", "show", letters[0].id, "--payload")

    assert '"a@example.com"' in result.stdout
    assert "personal data" in result.stderr
    told = json.loads(run("dead", "show", letters[0].id, "--payload", "--json").stdout)
    assert told["payload"]["event"]["data"]["object"]["email"] == ["a@example.com"]
    assert json.loads(run("dead", "show", letters[1].id, "--payload", "--json").stdout)["payload"] == (
        "a@example.com"
    )


def test_one_letter_is_put_back(run: Run, letters: list[DeadLetter], target: Target, aws: MotoStack) -> None:
    result = run("dead", "replay", letters[0].id[:8])

    assert result.stdout == f"put back {letters[0].id[:8]}  live  customer.updated cus_1\n"
    assert [one["Body"] for one in aws.messages(aws.stack.live_queue_url)] == [letters[0].body]
    assert target.dead_letters.all() == [letters[1]]


def test_all_are_redriven_queue_by_queue(
    run: Run, letters: list[DeadLetter], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def redrive(self: DeadLetterQueues, name: str, told: Callable[[int], None]) -> int:
        asked.append(name)
        told(1)
        return 1 if name != "review" else 0

    monkeypatch.setattr(DeadLetterQueues, "redrive", redrive)

    assert run("dead", "replay", "--all").stdout.startswith("2 messages are back on the queues;")
    assert json.loads(run("dead", "replay", "--all", "--json").stdout) == {"replayed": 2}
    assert asked == ["live", "bulk", "review"] * 2


def test_a_redrive_that_failed_ends_the_command_with_its_reason(
    run: Run, letters: list[DeadLetter], monkeypatch: pytest.MonkeyPatch
) -> None:
    def redrive(self: DeadLetterQueues, name: str, told: Callable[[int], None]) -> int:
        raise NotMoved("SQS stopped after 3: AccessDenied")

    monkeypatch.setattr(DeadLetterQueues, "redrive", redrive)

    result = run("dead", "replay", "--all")

    assert (result.exit_code, result.stdout) == (1, "")
    assert "of the live queue were not all put back: SQS stopped after 3: AccessDenied." in result.stderr


def test_a_drop_asks_first(run: Run, letters: list[DeadLetter], target: Target) -> None:
    refused = run("dead", "drop", "--all", answers="n\n")

    assert refused.exit_code == 1
    assert "Delete 2 dead letters for good?" in refused.stderr
    assert "customer.updated cus_1" in refused.stderr
    assert refused.stdout == ""
    assert len(target.dead_letters.all()) == 2

    done = run("dead", "drop", letters[0].id[:8], answers="y\n")
    assert done.stdout == f"dropped {letters[0].id[:8]}  live  customer.updated cus_1\n"
    assert target.dead_letters.all() == [letters[1]]


def test_a_drop_can_be_told_not_to_ask(run: Run, letters: list[DeadLetter], target: Target) -> None:
    result = run("dead", "drop", "--all", "--yes", "--json")

    dropped = [json.loads(line)["id"] for line in result.stdout.splitlines()]
    assert sorted(dropped) == sorted(letter.id for letter in letters)
    assert target.dead_letters.all() == []


@pytest.mark.parametrize("command", ["show", "replay", "drop"])
def test_an_unknown_id_names_the_command_that_lists_them(
    run: Run, letters: list[DeadLetter], target: Target, command: str
) -> None:
    result = run("dead", command, "nobody")

    assert result.exit_code == 1
    assert "There is no dead letter nobody; `peoplesync dead list` shows the dead letters." in result.stderr
    assert len(target.dead_letters.all()) == 2


@pytest.mark.parametrize(
    "arguments", [["replay"], ["drop"], ["replay", "4e", "--all"], ["drop", "4e", "--all"]]
)
def test_either_ids_or_all_are_given(run: Run, arguments: list[str]) -> None:
    result = run("dead", *arguments)

    assert result.exit_code == 2
    assert "Give either ids or --all" in result.stderr


def a_letter(name: str) -> DeadLetter:
    return DeadLetter(name, "live", "{}", NOW, None)


def test_the_beginning_of_an_id_is_enough_if_it_is_one_letters() -> None:
    one, two = a_letter("4e0b0e16-1"), a_letter("4e0b0e16-2")

    assert chosen([one, two], ["4E0B0E16-2", "4e0b0e16-2"]) == [two]
    with pytest.raises(Failure, match=r"2 dead letters' ids begin with 4e0b: .*`peoplesync dead list`"):
        chosen([one, two], ["4e0b"])


def test_ids_are_cut_to_what_tells_them_apart() -> None:
    assert short_ids(["4e0b0e16-1111"]) == ["4e0b0e16"]
    assert short_ids(["4e0b0e16-1111", "4e0b0e16-1211"]) == ["4e0b0e16-11", "4e0b0e16-12"]
    assert short_ids([]) == []


def test_queues_that_do_not_answer_end_the_command(
    run: Run, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: DeadLetterQueues) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "ReceiveMessage")

    monkeypatch.setattr(DeadLetterQueues, "all", refuse)

    result = run("dead", "list")

    assert result.exit_code == 1
    assert "The dead-letter queues cannot be reached" in result.stderr
