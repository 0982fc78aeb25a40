"""What may happen to a local stack: each test starts one of its own and ends it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from peoplesync_local import LocalStackError
from peoplesync_local.stack import processes, stack
from peoplesync_local.stack.places import CHECKOUT, Places
from peoplesync_local.stack.stack import LocalStack

# The emulator knows alarms, but not on an expression.
MATH_ALARM = """
  MathAlarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      ComparisonOperator: GreaterThanThreshold
      EvaluationPeriods: 1
      Threshold: 1
      Metrics:
        - { Id: ratio, Expression: 1/2 }
"""

UP_AND_WAIT = """
import pathlib, sys, time
from peoplesync_local.stack import stack
from peoplesync_local.stack.places import Places

stack.up(print, lambda _: time.sleep(60), places=Places(state_directory=pathlib.Path(sys.argv[1])))
"""

ONE_SENTENCE = re.compile(r"[A-Z][^\n]*\.")


def ignore(_line: str) -> None:
    """For what a test does not look at."""


def eventually(condition: Callable[[], bool], seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while not (holds := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return holds


def members(of: LocalStack) -> list[int]:
    return [pid for process in of.processes for pid in processes.group(process)]


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Places]:
    """Places of a stack that the test may do anything to; whatever it leaves running is stopped."""
    places = Places(state_directory=tmp_path / "own")
    yield places
    stack.down(ignore, places=places)


def test_down_leaves_no_process_and_no_state(own: Places) -> None:
    started = stack.up(ignore, places=own)
    assert members(started)

    said: list[str] = []
    assert stack.down(said.append, places=own)

    assert members(started) == []
    assert not own.state_file.exists()
    assert not own.temporary.exists()
    assert said == ["The local stack is stopped."]
    assert stack.status(places=own).state == "down"


def test_down_of_what_is_not_up_says_so(own: Places) -> None:
    said: list[str] = []

    assert not stack.down(said.append, places=own)

    assert said == ["The local stack was not up."]


@pytest.mark.long
def test_a_killed_emulator_is_noticed_and_up_starts_afresh(own: Places) -> None:
    killed = stack.up(ignore, places=own)
    os.kill(killed.emulator.pid, signal.SIGKILL)
    assert eventually(lambda: not processes.is_running(killed.emulator))

    with pytest.raises(LocalStackError, match="emulator was killed") as noticed:
        stack.running(places=own)
    assert ONE_SENTENCE.fullmatch(str(noticed.value))

    fresh = stack.up(ignore, places=own)
    assert stack.status(places=own).state == "up"
    assert members(killed) == []
    assert fresh.emulator != killed.emulator


def test_a_killed_simulator_of_stripe_is_noticed(own: Places) -> None:
    started = stack.up(ignore, places=own)
    stripe = started.stripe
    assert stripe is not None
    os.kill(stripe.pid, signal.SIGKILL)
    assert eventually(lambda: not processes.is_running(stripe))

    with pytest.raises(LocalStackError, match="simulator of Stripe was killed"):
        stack.running(places=own)


@pytest.mark.long
def test_a_start_that_fails_leaves_nothing_running(own: Places) -> None:
    seen: list[LocalStack] = []

    def interrupted(started: LocalStack) -> None:
        seen.append(started)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stack.up(ignore, interrupted, places=own)

    assert members(seen[0]) == []
    assert stack.status(places=own).state == "down"


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_start_that_is_interrupted_leaves_nothing_that_the_next_command_would_not_stop(
    own: Places, number: signal.Signals
) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", UP_AND_WAIT, str(own.state_directory)],
        stdout=subprocess.DEVNULL,
        # Where the tests run in the background, Ctrl-C is ignored, and every child inherits that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert eventually(own.state_file.exists)
    recorded, _ = stack.recorded(own)

    child.send_signal(number)
    child.wait(timeout=30)
    stack.down(ignore, places=own)

    assert [processes.group(process) for process in recorded] == [[] for _ in recorded]


@pytest.mark.long
def test_two_ups_at_once_are_one_stack(own: Places) -> None:
    both: list[LocalStack] = []
    threads = [threading.Thread(target=lambda: both.append(stack.up(ignore, places=own))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert both[0] == both[1]


@pytest.mark.long
def test_two_stacks_share_nothing(own: Places, local_stack: LocalStack) -> None:
    second = stack.up(ignore, places=own)

    assert second.endpoint != local_stack.endpoint
    assert second.stripe_api_url != local_stack.stripe_api_url
    assert not set(members(second)) & set(members(local_stack))


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_users_aws_account_does_not_leak_into_the_emulator(
    own: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token-of-production")

    started = stack.up(ignore, places=own)

    environment = Path(f"/proc/{started.emulator.pid}/environ").read_text()
    assert "production" not in environment
    assert "AWS_ACCESS_KEY_ID=test" in environment


def test_a_port_in_use_is_one_clear_sentence(own: Places) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(LocalStackError, match=f"Port {port} on 127.0.0.1 is in use") as refused:
            stack.up(ignore, places=own, port=port)

    assert ONE_SENTENCE.fullmatch(str(refused.value))


def test_a_missing_emulator_is_one_clear_sentence(tmp_path: Path) -> None:
    places = Places(checkout=tmp_path, state_directory=tmp_path / "own")
    places.template.touch()

    with pytest.raises(LocalStackError, match="emulator is not installed") as refused:
        stack.up(ignore, places=places)

    assert ONE_SENTENCE.fullmatch(str(refused.value))


@pytest.mark.long
def test_a_resource_that_cannot_be_created_is_named(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for shared in (".local", "functions", "infra", "layers"):
        (checkout / shared).symlink_to(CHECKOUT / shared)
    template = (CHECKOUT / "template.yaml").read_text()
    (checkout / "template.yaml").write_text(template.replace("\nOutputs:\n", f"\n{MATH_ALARM}\nOutputs:\n"))
    places = Places(checkout=checkout, state_directory=tmp_path / "own")

    with pytest.raises(LocalStackError, match=r"MathAlarm \(AWS::CloudWatch::Alarm\)") as refused:
        stack.up(ignore, places=places)

    assert "\n" not in str(refused.value)
    assert stack.status(places=places).state == "down"


@pytest.mark.long
def test_against_the_real_stripe_there_is_no_simulator_and_the_time_is_the_real_one(own: Places) -> None:
    started = stack.up(ignore, places=own, simulated=False)
    functions = started.session().client("lambda").list_functions()["Functions"]
    variables = [name for one in functions for name in one["Environment"]["Variables"]]

    assert members(started) == processes.group(started.emulator)
    assert not {"PEOPLESYNC_STRIPE_API_URL", "PEOPLESYNC_CLOCK_URL"} & set(variables)
    with pytest.raises(LocalStackError, match="up against the real Stripe; `make down` stops it"):
        stack.up(ignore, places=own)
