"""Cursors: how far a shard of an index is gone through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Cursor:
    """The members of the shard `id`, in order of their ids, down to `cursor` have been `listed`, on so many
    `pages`; `version` counts how often the cursor was stored."""

    id: str
    cursor: str = ""
    pages: int = 0
    listed: int = 0
    done: bool = False
    version: int = 0

    def after(self, members: Sequence[str], most: int) -> Cursor:
        """The cursor after one more page, of so many members at `most`."""
        return replace(
            self,
            cursor=members[-1] if members else self.cursor,
            pages=self.pages + 1,
            listed=self.listed + len(members),
            done=len(members) < most,
        )
