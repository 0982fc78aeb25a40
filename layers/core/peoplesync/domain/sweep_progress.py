"""Sweeps: how far the people whom the clock may have moved have been handed out for review."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

PASS_SECONDS: Final = 600
"""A person still due so long after a pass began is handed out again: their review was lost, or failed."""

SETTLED: Final = 60
"""Seconds within which somebody can still appear among those who were due: their fold was being written."""


@dataclass(frozen=True)
class SweepProgress:
    """One pass through those who are due, the longest overdue first: of each shard, everybody who was due
    by `until` has been handed out. A person is handed out once a pass, but for those due a moment ago."""

    begun_at: int = 0
    until: Mapping[int, int] = field(default_factory=dict)

    def at(self, now: int) -> SweepProgress:
        """The pass to go on with."""
        return self if self.begun_at <= now < self.begun_at + PASS_SECONDS else SweepProgress(now)

    def after(self, shard: int) -> int:
        """Who was due by then is not handed out again."""
        return self.until.get(shard, 0)

    def handed_out(self, shard: int, until: int, now: int) -> SweepProgress:
        """The same pass, with a shard's people handed out who were due by `until`."""
        until = max(self.after(shard), min(until, now - SETTLED))
        return SweepProgress(self.begun_at, {**self.until, shard: until})

    def as_json(self) -> dict[str, Any]:
        """As plain JSON, for `read_sweep_progress`."""
        return {"begun_at": self.begun_at, "until": {str(shard): at for shard, at in self.until.items()}}


def read_sweep_progress(value: Mapping[str, Any]) -> SweepProgress:
    """A pass from its JSON."""
    return SweepProgress(
        int(value["begun_at"]), {int(shard): int(at) for shard, at in value["until"].items()}
    )
