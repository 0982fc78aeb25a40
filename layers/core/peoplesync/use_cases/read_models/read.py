"""What readers ask of the read models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from peoplesync.domain.connections import Connection
from peoplesync.domain.read_models.days import Counts


@dataclass(frozen=True)
class Counted:
    """What has been counted, up to the write of the instant `as_of`; None where nothing was written yet."""

    totals: Counts
    as_of: int | None

    def of(self, index: str) -> int:
        """How many are in a segment, or in another index."""
        return self.totals[index,]


class Sizes(Protocol):
    def sizes(self, connection: Connection) -> Counted | None:
        """How many are in each index; None where not everybody has been counted, which `peoplesync reindex`
        does. Raises Unavailable."""
