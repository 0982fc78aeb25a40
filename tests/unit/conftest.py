"""What several unit tests stand on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.stacks.moto_stack import MotoStack, moto_stack


@pytest.fixture
def aws() -> Iterator[MotoStack]:
    """A stack of the test's own: empty tables and queues, made from template.yaml."""
    with moto_stack() as stack:
        yield stack
