"""What the demo refuses, before it starts anything."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from peoplesync_cli.local_stack import demo as demo_module
from peoplesync_cli.main import main


@pytest.mark.parametrize("key", ["sk_test_1", "rk_live_1", "whsec_1"])
def test_the_demo_takes_no_key_but_a_restricted_one_of_test_mode(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[object] = []
    monkeypatch.setattr(demo_module, "bring_up", lambda *_, **__: started.append(1))

    result = CliRunner().invoke(main, ["demo"], env={"STRIPE_API_KEY": key})

    assert result.exit_code == 2
    assert "STRIPE_API_KEY holds no restricted test key (rk_test_…)" in result.stderr
    assert key not in result.output
    assert started == []
