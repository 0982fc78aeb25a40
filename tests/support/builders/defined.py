"""Definitions in memory, and who changes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from peoplesync.domain.connections import Epoch
from peoplesync.domain.fields.built_in import FIELDS, Field
from peoplesync.domain.segments.definitions import PREDEFINED, Definitions, Segment
from peoplesync.domain.segments.rules import Rule
from peoplesync.use_cases.defining.fields import FieldDefiner
from peoplesync.use_cases.defining.segments import SegmentDefiner
from peoplesync.use_cases.ports import VersionConflict
from tests.support.builders.stripe import NOW
from tests.support.fakes.world import TEST

TRIALS: Rule = {"field": "subscription_status", "in": ["trialing"]}
TIER = Field("tier", "Tier", "Custom", "text", "customer.metadata.tier")
ON_TIER: Rule = {"any": [TRIALS, {"none": [{"field": "tier", "in": ["gold"]}]}]}


@dataclass
class FakeStore:
    """The definitions of the epoch TEST; counts writes. `before_write` is what others do meanwhile."""

    stored: Definitions = field(default_factory=lambda: Definitions(7, PREDEFINED))
    written_at: list[int] = field(default_factory=list)
    before_write: Callable[[], None] = lambda: None

    def definitions(self, epoch: Epoch) -> Definitions:
        if epoch != TEST:
            raise VersionConflict("another epoch")
        return self.stored

    def change(self, epoch: Epoch, before: Definitions, after: Definitions, now: int) -> None:
        self.before_write()
        if before != self.stored:
            raise VersionConflict("somebody else")
        self.stored = after
        self.written_at.append(now)

    def having(self, *segments: Segment, fields: tuple[Field, ...] = ()) -> FakeStore:
        """With these segments and fields beside those that there are."""
        self.stored = Definitions(7, (*PREDEFINED, *segments), (*FIELDS, *fields))
        return self

    def segment(self, segment_id: str) -> Segment:
        return next(one for one in self.stored.segments if one.id == segment_id)

    def field(self, key: str) -> Field:
        return next(one for one in self.stored.fields if one.key == key)

    @property
    def segments(self) -> SegmentDefiner:
        return SegmentDefiner(self, TEST, lambda: NOW)

    @property
    def fields(self) -> FieldDefiner:
        return FieldDefiner(self, TEST, lambda: NOW)
