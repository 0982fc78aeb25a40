"""Names that gave way to the field's words do not come back."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from peoplesync_local.stack.places import CHECKOUT

SHIPPED: Final = ("layers/core/peoplesync", "functions", "cli", "local")
RETIRED: Final = frozenset(
    """
    Homes Household Fates Retelling Retold LostRace OldRows Listing Filling Crowded Observer
    is_told_again forget_feeds turn_away newly_uses gauges verdicts listing_of read_pass read_rhythm
    crowded retell
    Unkindness Heard unkind_order is_outrun waits_for_stripe pass_over tell told
    _tell _told _tell_changes _tell_of_the_rest _scouting _laid_over _small_things _speaking_customer
    HandingOut hand_out hand_out_again handed_again
    automation_shown draining retelling told_again fates homes households old_rows busy filling rhythm
    """.split()
)
"""Classes, functions and modules."""


def names_in(place: str) -> dict[str, set[Path]]:
    """What is defined in a folder: classes, functions and modules, and where."""
    found: dict[str, set[Path]] = {}
    for path in sorted((CHECKOUT / place).rglob("*.py")):
        text = path.read_text()
        for name in {path.stem, *re.findall(r"^\s*(?:class|def) (\w+)", text, re.MULTILINE)}:
            found.setdefault(name, set()).add(path)
    return found


@pytest.mark.parametrize("place", SHIPPED)
def test_no_retired_name_is_defined(place: str) -> None:
    defined = names_in(place)
    assert defined
    assert {name: defined[name] for name in RETIRED & defined.keys()} == {}
