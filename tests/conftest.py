"""How long a test may take."""

from __future__ import annotations

import pytest

from peoplesync_local.stack.places import CHECKOUT

LONG_SECONDS = 2_400
# The first one on the emulator waits for it to start.
EMULATOR_SECONDS = 600


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Gives slow tests more than the `timeout` of pyproject.toml, unless they name their own."""
    for item in items:
        if item.get_closest_marker("timeout"):
            continue
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.timeout(LONG_SECONDS))
        elif item.path.is_relative_to(CHECKOUT / "tests" / "integration"):
            item.add_marker(pytest.mark.timeout(EMULATOR_SECONDS))
