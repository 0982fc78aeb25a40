"""The simulator as a process of its own, as the local stack runs it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from peoplesync_local.stripe_simulator.control import LISTENING, Simulator
from tests.support.worlds.simulated_stripe import KEY, ask

COMMAND = [sys.executable, "-m", "peoplesync_local.stripe_simulator", "--port", "0", "--key", KEY]


@pytest.fixture
def url() -> Iterator[str]:
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().removeprefix(LISTENING).strip()
        process.terminate()


def test_it_says_where_it_listens_and_its_clock_runs_like_any_other(url: str) -> None:
    assert url.startswith("http://127.0.0.1:")
    assert ask(url, "/v1/customers").data["data"] == []
    simulator = Simulator(url)
    assert abs(simulator.now() - time.time()) < 60
    simulator.freeze(1_800_000_000)
    assert simulator.now() == 1_800_000_000
    simulator.freeze(None)
    assert 0 <= simulator.now() - 1_800_000_000 < 60
