"""What an operator does: look at dead letters, put them back, drop them; pause and resume; read the log."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result

from peoplesync.adapters import clock
from peoplesync.domain.people.person import customer_identity
from peoplesync.use_cases.ingress.signatures import sign
from peoplesync_cli import options
from peoplesync_cli.main import main
from peoplesync_cli.target import Target, of_local
from peoplesync_local.stack.stack import LocalStack
from tests.support.builders.stripe import customer, event
from tests.support.fakes.ready_connections import connect
from tests.support.stacks.stack_company import eventually

SECRET = "whsec_test"
POISON = "no message, but of a length that no other has: " + "x" * 4_321
WHAT = f"unreadable, {len(POISON):,} bytes"

Run = Callable[..., Result]


@pytest.fixture
def target(local_stack: LocalStack) -> Target:
    return of_local(local_stack)


@pytest.fixture
def run(target: Target, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `peoplesync` with these arguments on the local stack; it succeeds."""
    monkeypatch.setattr(options, "resolve", lambda stack: target)

    def run(*arguments: str) -> Result:
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0, result.output
        return result

    return run


@pytest.fixture
def poison(run: Run, target: Target) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """A message on the live queue that nobody can read; the dead letters that it became."""

    def dead() -> list[dict[str, Any]]:
        listed = [json.loads(line) for line in run("dead", "list", "--json").stdout.splitlines()]
        return [one for one in listed if one["what"] == WHAT]

    target.depths.queues[0].send(POISON)
    try:
        yield dead
    finally:
        if left := [one["id"] for one in dead()]:
            run("dead", "drop", *left, "--yes")


def test_poison_is_listed_replayed_dies_again_and_is_dropped(
    run: Run, target: Target, poison: Callable[[], list[dict[str, Any]]]
) -> None:
    eventually(lambda: target.depths.dead() == 1, 10, "the message is dead")
    (first,) = poison()
    assert (first["queue"], first["why"], first["connection"]) == (
        "live",
        "not JSON, or nested too deeply",
        None,
    )
    assert f"{first['id'][:8]}  live" in run("dead", "list").stdout

    assert json.loads(run("dead", "replay", "--all", "--json").stdout) == {"replayed": 1}
    eventually(lambda: target.depths.waiting() == 0 and target.depths.dead() == 1, 10, "it died again")
    (second,) = poison()
    assert second["why"] == first["why"]
    assert second["id"] != first["id"], "it went through the queue"

    shown = run("dead", "show", second["id"][:8], "--payload", "--json")
    assert json.loads(shown.stdout)["payload"] == POISON
    run("dead", "drop", second["id"][:8], "--yes")
    assert target.depths.dead() == 0
    assert poison() == []


def test_the_worker_and_its_reason_are_in_the_log(
    run: Run, target: Target, poison: Callable[[], list[dict[str, Any]]]
) -> None:
    since = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
    eventually(lambda: target.depths.dead() == 1, 10, "the message is dead")

    def errors() -> list[dict[str, Any]]:
        printed = run("logs", "apply_changes", "--errors", "--since", since, "--json").stdout
        return [json.loads(line) for line in printed.splitlines()]

    eventually(lambda: bool(errors()), 5, "the error is in the log")
    assert ("message dead-lettered", "not JSON, or nested too deeply") in [
        (one["message"], one.get("reason")) for one in errors()
    ]
    lines = run("logs", "--since", since).stdout.splitlines()
    assert any(
        ' apply_changes ERROR message dead-lettered reason="not JSON, or nested too deeply"' in line
        for line in lines
    )
    assert any(" apply_changes INFO batch applied dead=1" in line for line in lines)
    assert not [line for line in lines if "RequestId" in line or "_aws" in line]


def test_paused_a_webhook_is_accepted_and_waits_and_is_applied_when_resumed(
    run: Run, target: Target, local_stack: LocalStack
) -> None:
    now = clock.now()
    epoch = connect(
        "paused", local_stack.stripe_api_key, SECRET, target.connections, target.secrets, now
    ).epoch
    body = json.dumps(event("customer.created", customer("cus_paused"), created=now)).encode()

    def applied() -> bool:
        return target.people.person_of(epoch, customer_identity("cus_paused")) is not None

    try:
        told = json.loads(run("pause", "--json").stdout)
        assert (told["paused"], set(told["queues"].values())) == (True, {"disabled"})
        headers = {"stripe-signature": sign(SECRET, body, clock.now())}
        request = urllib.request.Request(target.webhook_url("paused"), data=body, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert json.load(answer) == {"outcome": "enqueued"}
        # A worker that takes changes has applied one long before so many seconds are over.
        time.sleep(2)
        assert not applied()
        assert target.depths.queues[0].depth() == 1
        assert json.loads(run("pause", "--json").stdout)["waiting"] >= 1

        told = json.loads(run("resume", "--json").stdout)
        assert (told["paused"], set(told["queues"].values())) == (False, {"enabled"})
        eventually(applied, 10, "the change is applied")
    finally:
        run("resume")
