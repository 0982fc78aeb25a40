"""One local stack for the whole run, apart from the developer's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from peoplesync_cli.local_stack.local import prepare
from peoplesync_local.stack import stack
from peoplesync_local.stack.places import Places
from peoplesync_local.stack.stack import LocalStack


@pytest.fixture(scope="session")
def places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    return Places(state_directory=tmp_path_factory.mktemp("local-stack"))


@pytest.fixture(scope="session")
def local_stack(places: Places) -> Iterator[LocalStack]:
    """The real template, on an emulator of its own, with the connection that `peoplesync local up` makes."""
    try:
        yield stack.up(print, prepare, places=places)
    finally:
        stack.down(print, places=places)
