"""The demo, from the start of its stack to what a rule on the bus heard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from peoplesync_cli.local_stack import demo
from peoplesync_cli.main import main
from peoplesync_local.stack import stack
from peoplesync_local.stack.places import Places
from peoplesync_local.stack.stack import LocalStack

Prepare = Callable[[LocalStack], None] | None


@pytest.mark.long
def test_when_time_is_moved_the_demo_prints_what_a_rule_on_the_bus_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = Places(state_directory=tmp_path)

    def bring_up(prepare: Prepare, *, simulated: bool) -> LocalStack:
        return stack.up(print, prepare, places=places, simulated=simulated)

    monkeypatch.setattr(demo, "bring_up", bring_up)
    monkeypatch.delenv("STRIPE_API_KEY", raising=False)
    try:
        result = CliRunner().invoke(main, ["demo", "--customers", "60"])
    finally:
        stack.down(print, places=places)

    assert result.exit_code == 0, result.output
    lines = [line.strip() for line in result.stdout.splitlines()]
    assert lines.count("trial of trial-07@example.com is slipping") == 1
    assert [line for line in lines if line.startswith("In sync: ")]
