"""A change of definitions: computed from what was read, and stored in one transaction or not at all."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol, Self

from peoplesync.domain.connections import Epoch
from peoplesync.domain.fields.built_in import Field
from peoplesync.domain.segments.definitions import MOST_ENABLED, Definitions, Segment
from peoplesync.use_cases.ports import VersionConflict

LONGEST_TITLE: Final = 100
"""Characters of a title."""

_TRIES: Final = 3
_CONTROL: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})


class InvalidDefinition(ValueError):
    """A definition that cannot be made or changed like this; the message says what to do instead."""


class Store(Protocol):
    def definitions(self, epoch: Epoch) -> Definitions:
        """As they are now. Raises VersionConflict where the epoch is over, or Unavailable."""

    def change(self, epoch: Epoch, before: Definitions, after: Definitions, now: int) -> None:
        """Stores what differs and the version, in full or not at all. Raises VersionConflict where they are
        no longer `before`, or Unavailable."""


@dataclass(frozen=True)
class DefinitionChange:
    """What was changed."""

    before: Definitions
    after: Definitions

    @property
    def moves_people(self) -> bool:
        """Whether everybody has to be evaluated again."""
        return self.after.version != self.before.version

    @property
    def segments(self) -> Sequence[Segment]:
        """Those that are new or changed."""
        return [one for one in self.after.segments if one not in self.before.segments]

    @property
    def fields(self) -> Sequence[Field]:
        """Those that are new or changed."""
        return [one for one in self.after.fields if one not in self.before.fields]


@dataclass(frozen=True)
class Definer:
    """Changes the definitions of one epoch.

    All changes raise NotFound, InvalidDefinition, InvalidRule or InvalidField before anything is stored, with
    what to do instead; or VersionConflict or Unavailable, where nothing is stored either.
    """

    store: Store
    epoch: Epoch
    clock: Callable[[], int]
    expects: Callable[[Definitions], None] = lambda _: None

    def expecting(self, check: Callable[[Definitions], None]) -> Self:
        """The same, whose changes raise what `check` raises where the definitions are not as expected."""
        return replace(self, expects=check)

    def change(self, edit: Callable[[Definitions], Definitions]) -> DefinitionChange:
        """Stores what `edit` makes of the definitions; `edit` runs again where another change came first."""
        for tries_left in reversed(range(_TRIES)):
            before = self.store.definitions(self.epoch)
            self.expects(before)
            after = edit(before)
            if after == before:
                break
            if len(after.enabled) > max(MOST_ENABLED, len(before.enabled)):
                raise InvalidDefinition(
                    f"{len(after.enabled)} segments would be enabled, {MOST_ENABLED} may be at once; disable "
                    "others first: `peoplesync segments disable ID`"
                )
            if _evaluated(after) != _evaluated(before):
                after = replace(after, version=before.version + 1)
            try:
                self.store.change(self.epoch, before, after, self.clock())
                break
            except VersionConflict:
                if not tries_left:
                    raise
        return DefinitionChange(before, after)


def _evaluated(definitions: Definitions) -> Any:
    """The part of the definitions that people are evaluated with."""
    segments = {one.id: one.rule for one in definitions.enabled}
    fields = {one.key: (one.type, one.source) for one in definitions.fields if one.enabled}
    return segments, fields


def check_title(text: str, name: str = "title") -> str:
    """A title as it is stored; raises InvalidDefinition."""
    title = text.strip()
    if not title:
        raise InvalidDefinition(f"a {name} cannot be empty")
    if len(title) > LONGEST_TITLE:
        raise InvalidDefinition(f"the {name} has {len(title)} characters, {LONGEST_TITLE} are allowed")
    if any(unicodedata.category(character) in _CONTROL for character in title):
        raise InvalidDefinition(f"a {name} is one line of text")
    return title
