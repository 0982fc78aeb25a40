"""What the emulator says where it cannot start."""

from pathlib import Path

import pytest

from peoplesync_local import LocalStackError
from peoplesync_local.stack.emulator import start
from peoplesync_local.stack.places import Places


def test_an_installed_package_says_that_the_local_stack_needs_a_checkout(tmp_path: Path) -> None:
    with pytest.raises(LocalStackError, match="from a checkout of peoplesync"):
        start(Places(tmp_path, tmp_path / ".local"), None, lambda process: None)
